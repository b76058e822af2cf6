select k.ord        as "$ord",
       f.feed_in_id as "$parent",
       r.unit_price as "unitPrice",
       r.unit       as "measureUnit",
       r.up_to      as "volume"
from {keys} k
join product.feed_in f on f.plan_code = k.plan_code and f.fuel = 'E' and not f.varies
join product.feed_in_rate r on r.feed_in_id = f.feed_in_id
order by k.ord, f.seq, r.seq
