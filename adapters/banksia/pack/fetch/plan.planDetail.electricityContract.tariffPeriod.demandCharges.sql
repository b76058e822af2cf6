select k.ord       as "$ord",
       t.tariff_no as "$parent",
       r.offer_code as "$from.price.offer_code",
       r.fuel      as "$from.price.fuel",
       r.tariff_no as "$from.price.tariff_no",
       r.block_no  as "$from.price.block_no",
       r.step_no   as "$from.price.step_no",
       r.title     as "displayName",
       r.remark as "description",
       r.price as "amount",
       r.unit      as "measureUnit",
       json_value(r.hours, '$[0].startTime') as "startTime",
       json_value(r.hours, '$[0].endTime') as "endTime",
       json_extract(r.hours, '$[0].days') as "days",
       r.least_kw as "minDemand",
       r.most_kw as "maxDemand",
       r.measured  as "measurementPeriod",
       r.charged   as "chargePeriod"
from {keys} k
join prd_tariff t on t.offer_code = k.offer_code and t.fuel = 'E' and t.section = 'season' and t.priced_by = 'demand'
join prd_price r on r.offer_code = t.offer_code and r.fuel = t.fuel and r.tariff_no = t.tariff_no
order by k.ord, t.tariff_no, r.block_no
