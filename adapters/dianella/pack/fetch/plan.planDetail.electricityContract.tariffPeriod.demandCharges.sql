select k.ord       as "$ord",
       t.tariff_no as "$parent",
       r.price_id  as "$from.price",
       r.title     as "displayName",
       r.remark as "description",
       (r.price / 1000000) || printf('.%06d', r.price % 1000000) as "amount",
       r.unit      as "measureUnit",
       r.hours ->> '$[0].startTime' as "startTime",
       r.hours ->> '$[0].endTime' as "endTime",
       r.hours -> '$[0].days' as "days",
       (r.least_watts / 1000) || printf('.%03d', r.least_watts % 1000) as "minDemand",
       (r.most_watts / 1000) || printf('.%03d', r.most_watts % 1000) as "maxDemand",
       r.measured  as "measurementPeriod",
       r.charged   as "chargePeriod"
from {keys} k
cross join tariffs t on t.product_code = k.code and t.fuel = 'E' and t.section = 'season' and t.priced_by = 'demand'
join prices r on r.product_code = t.product_code and r.fuel = t.fuel and r.tariff_no = t.tariff_no
order by k.ord, t.tariff_no, r.block_no
