select k.ord       as "$ord",
       t.tariff_no as "$id",
       t.title     as "displayName",
       t.remark as "description",
       t.starts_on as "startDate",
       t.ends_on as "endDate",
       t.scheme    as "scheme",
       t.paid_by   as "payerType",
       t.priced_by as "tariffUType",
       r.every as "singleTariff.period"
from {keys} k
join prd_tariff t on t.offer_code = k.offer_code and t.fuel = 'E' and t.section = 'feed-in'
left join prd_price r on r.offer_code = t.offer_code and r.fuel = t.fuel and r.tariff_no = t.tariff_no
    and r.block_no = 1 and r.step_no = 1 and t.priced_by = 'flat'
order by k.ord, t.tariff_no
