select k.ord       as "$ord",
       t.tariff_no as "$id",
       t.title     as "displayName",
       t.remark as "description",
       t.first_day as "startDate",
       t.last_day as "endDate",
       t.scheme    as "scheme",
       t.paid_by   as "payerType",
       t.priced_by as "tariffUType",
       r.every as "singleTariff.period"
from {keys} k
cross join tariffs t on t.product_code = k.code and t.fuel = 'E' and t.section = 'feed-in'
left join prices r on r.product_code = t.product_code and r.fuel = t.fuel and r.tariff_no = t.tariff_no
    and r.block_no = 1 and r.step_no = 1 and t.priced_by = 'flat'
order by k.ord, t.tariff_no
