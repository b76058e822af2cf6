select k.ord       as "$ord",
       t.tariff_no as "$id",
       t.title     as "displayName",
       t.priced_by as "rateBlockUType",
       t.title     as "singleRate.displayName",
       (t.supply / 1000000) || printf('.%06d', t.supply % 1000000) as "singleRate.dailySupplyCharge"
from {keys} k
cross join tariffs t on t.product_code = k.code and t.fuel = 'E' and t.section = 'controlled'
order by k.ord, t.tariff_no
