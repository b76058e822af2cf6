-- What is true of a price at all its steps stands on each of them.
select k.ord         as "$ord",
       t.tariff_no   as "$parent",
       t.tariff_no || '.' || r.block_no as "$id",
       r.title       as "displayName",
       r.remark as "description",
       r.every as "period",
       r.time_of_use as "type",
       r.hours       as "timeOfUse"
from {keys} k
cross join tariffs t on t.product_code = k.code and t.fuel = 'E' and t.section = 'season' and t.priced_by = 'time'
join prices r on r.product_code = t.product_code and r.fuel = t.fuel and r.tariff_no = t.tariff_no and r.step_no = 1
order by k.ord, t.tariff_no, r.block_no
