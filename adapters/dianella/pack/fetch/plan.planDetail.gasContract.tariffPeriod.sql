select k.ord        as "$ord",
       t.tariff_no  as "$id",
       t.class      as "type",
       t.title      as "displayName",
       t.first_mmdd as "startDate",
       t.last_mmdd  as "endDate",
       case when t.supply is not null then 'SINGLE' when t.bands is not null then 'BAND' end as "dailySupplyChargeType",
       (t.supply / 1000000) || printf('.%06d', t.supply % 1000000) as "dailySupplyCharge",
       t.bands as "bandedDailySupplyCharges",
       t.priced_by  as "rateBlockUType",
       r.title      as "singleRate.displayName",
       r.remark as "singleRate.description",
       r.every as "singleRate.period"
from {keys} k
cross join tariffs t on t.product_code = k.code and t.fuel = 'G' and t.section = 'season'
left join prices r on r.product_code = t.product_code and r.fuel = t.fuel and r.tariff_no = t.tariff_no
    and r.block_no = 1 and r.step_no = 1 and t.priced_by = 'flat'
order by k.ord, t.tariff_no
