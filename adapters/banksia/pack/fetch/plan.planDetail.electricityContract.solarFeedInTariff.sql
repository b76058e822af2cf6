select k.ord       as "$ord",
       t.tariff_no as "$id",
       t.title     as "displayName",
       t.scheme    as "scheme",
       t.paid_by   as "payerType",
       t.priced_by as "tariffUType"
from {keys} k
join prd_tariff t on t.offer_code = k.offer_code and t.fuel = 'E' and t.section = 'feed-in'
order by k.ord, t.tariff_no
