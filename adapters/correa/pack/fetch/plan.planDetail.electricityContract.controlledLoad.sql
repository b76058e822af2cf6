select k.ord          as "$ord",
       t.tariff_id    as "$id",
       t.display_name as "displayName",
       t.block_kind   as "rateBlockUType",
       b.display_name as "singleRate.displayName",
       t.daily_supply as "singleRate.dailySupplyCharge"
from {keys} k
join product.tariff t on t.plan_code = k.plan_code and t.fuel = 'E' and t.kind = 'C'
join product.rate_block b on b.tariff_id = t.tariff_id
order by k.ord, t.seq
