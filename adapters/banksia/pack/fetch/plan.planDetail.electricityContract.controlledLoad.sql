select k.ord       as "$ord",
       t.tariff_no as "$id",
       t.title     as "displayName",
       t.priced_by as "rateBlockUType",
       t.starts_on as "startDate",
       t.ends_on as "endDate",
       r.title as "singleRate.displayName",
       r.remark as "singleRate.description",
       if(t.priced_by = 'flat', t.supply, null) as "singleRate.dailySupplyCharge",
       r.every as "singleRate.period"
from {keys} k
join prd_tariff t on t.offer_code = k.offer_code and t.fuel = 'E' and t.section = 'controlled'
left join prd_price r on r.offer_code = t.offer_code and r.fuel = t.fuel and r.tariff_no = t.tariff_no
    and r.block_no = 1 and r.step_no = 1 and t.priced_by = 'flat'
order by k.ord, t.tariff_no
