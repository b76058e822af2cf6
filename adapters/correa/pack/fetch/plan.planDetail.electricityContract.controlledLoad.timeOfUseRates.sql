select k.ord          as "$ord",
       t.tariff_id    as "$parent",
       b.block_id     as "$id",
       b.display_name as "displayName",
       b.note         as "description",
       t.daily_supply as "dailySupplyCharge",
       b.every        as "period",
       b.tou_period   as "type"
from {keys} k
join product.tariff t on t.plan_code = k.plan_code and t.fuel = 'E' and t.kind = 'C' and t.block_kind = 'T'
join product.rate_block b on b.tariff_id = t.tariff_id
order by k.ord, t.seq, b.seq
