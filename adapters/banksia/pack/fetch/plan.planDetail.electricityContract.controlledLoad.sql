select k.ord       as "$ord",
       t.tariff_no as "$id",
       t.title     as "displayName",
       t.priced_by as "rateBlockUType",
       t.title     as "singleRate.displayName",
       t.supply as "singleRate.dailySupplyCharge"
from {keys} k
join prd_tariff t on t.offer_code = k.offer_code and t.fuel = 'E' and t.section = 'controlled'
order by k.ord, t.tariff_no
