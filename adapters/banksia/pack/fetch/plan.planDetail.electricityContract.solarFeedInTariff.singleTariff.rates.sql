select k.ord       as "$ord",
       t.tariff_no as "$parent",
       r.offer_code as "$from.price.offer_code",
       r.fuel      as "$from.price.fuel",
       r.tariff_no as "$from.price.tariff_no",
       r.block_no  as "$from.price.block_no",
       r.step_no   as "$from.price.step_no",
       r.price as "unitPrice",
       r.unit      as "measureUnit",
       r.up_to as "volume"
from {keys} k
join prd_tariff t on t.offer_code = k.offer_code and t.fuel = 'E' and t.section = 'feed-in' and t.priced_by = 'flat'
join prd_price r on r.offer_code = t.offer_code and r.fuel = t.fuel and r.tariff_no = t.tariff_no
order by k.ord, t.tariff_no, r.step_no
