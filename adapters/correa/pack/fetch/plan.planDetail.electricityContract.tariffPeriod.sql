select k.ord          as "$ord",
       t.tariff_id    as "$id",
       t.charge_type  as "type",
       t.display_name as "displayName",
       t.from_mmdd    as "startDate",
       t.to_mmdd      as "endDate",
       case when t.daily_supply is not null then 'SINGLE' when t.supply_bands is not null then 'BAND' end
                      as "dailySupplyChargeType",
       t.daily_supply as "dailySupplyCharge",
       t.supply_bands as "bandedDailySupplyCharges",
       case t.local_time when true then 'LOCAL' when false then 'AEST' end as "timeZone",
       t.block_kind   as "rateBlockUType",
       b.display_name as "singleRate.displayName",
       b.note         as "singleRate.description",
       b.general_price as "singleRate.generalUnitPrice",
       b.every        as "singleRate.period"
from {keys} k
join product.tariff t on t.plan_code = k.plan_code and t.fuel = 'E' and t.kind = 'P'
left join product.rate_block b on b.tariff_id = t.tariff_id and t.block_kind = 'S'
order by k.ord, t.seq
