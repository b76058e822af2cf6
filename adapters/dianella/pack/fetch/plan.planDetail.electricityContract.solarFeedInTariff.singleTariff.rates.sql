select k.ord       as "$ord",
       t.tariff_no as "$parent",
       r.price_id  as "$from.price",
       (r.price / 1000000) || printf('.%06d', r.price % 1000000) as "unitPrice",
       r.unit      as "measureUnit",
       r.up_to as "volume"
from {keys} k
cross join tariffs t on t.product_code = k.code and t.fuel = 'E' and t.section = 'feed-in' and t.priced_by = 'flat'
join prices r on r.product_code = t.product_code and r.fuel = t.fuel and r.tariff_no = t.tariff_no
order by k.ord, t.tariff_no, r.step_no
