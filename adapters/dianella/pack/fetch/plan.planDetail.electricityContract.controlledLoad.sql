select k.ord       as "$ord",
       t.tariff_no as "$id",
       t.title     as "displayName",
       t.priced_by as "rateBlockUType",
       t.first_day as "startDate",
       t.last_day as "endDate",
       r.title as "singleRate.displayName",
       r.remark as "singleRate.description",
       iif(t.priced_by = 'flat', (t.supply / 1000000) || printf('.%06d', t.supply % 1000000), null) as "singleRate.dailySupplyCharge",
       r.every as "singleRate.period"
from {keys} k
cross join tariffs t on t.product_code = k.code and t.fuel = 'E' and t.section = 'controlled'
left join prices r on r.product_code = t.product_code and r.fuel = t.fuel and r.tariff_no = t.tariff_no
    and r.block_no = 1 and r.step_no = 1 and t.priced_by = 'flat'
order by k.ord, t.tariff_no
