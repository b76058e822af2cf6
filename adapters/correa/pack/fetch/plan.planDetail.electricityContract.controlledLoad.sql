select k.ord          as "$ord",
       t.tariff_id    as "$id",
       t.display_name as "displayName",
       t.block_kind   as "rateBlockUType",
       t.from_on      as "startDate",
       t.to_on        as "endDate",
       b.display_name as "singleRate.displayName",
       b.note         as "singleRate.description",
       case when t.block_kind = 'S' then t.daily_supply end as "singleRate.dailySupplyCharge",
       b.every        as "singleRate.period"
from {keys} k
join product.tariff t on t.plan_code = k.plan_code and t.fuel = 'E' and t.kind = 'C'
left join product.rate_block b on b.tariff_id = t.tariff_id and t.block_kind = 'S'
order by k.ord, t.seq
