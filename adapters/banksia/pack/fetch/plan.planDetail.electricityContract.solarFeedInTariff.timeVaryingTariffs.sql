select k.ord         as "$ord",
       t.tariff_no   as "$parent",
       concat(t.tariff_no, '.', r.block_no) as "$id",
       r.time_of_use as "type",
       r.title       as "displayName",
       r.every as "period",
       r.hours       as "timeVariations"
from {keys} k
join prd_tariff t on t.offer_code = k.offer_code and t.fuel = 'E' and t.section = 'feed-in' and t.priced_by = 'time'
join prd_price r on r.offer_code = t.offer_code and r.fuel = t.fuel and r.tariff_no = t.tariff_no and r.step_no = 1
order by k.ord, t.tariff_no, r.block_no
