select k.ord                            as "$ord",
       f.feed_in_id                     as "$parent",
       f.feed_in_id || '.' || r.seq     as "$id",
       r.tou_period                     as "type",
       r.display_name                   as "displayName",
       r.every                          as "period"
from {keys} k
join product.feed_in f on f.plan_code = k.plan_code and f.fuel = 'E' and f.varies
join product.feed_in_rate r on r.feed_in_id = f.feed_in_id
order by k.ord, f.seq, r.seq
