select k.ord          as "$ord",
       f.feed_in_id   as "$id",
       f.display_name as "displayName",
       f.scheme       as "scheme",
       f.payer        as "payerType",
       case when f.varies then 'timeVaryingTariffs' else 'singleTariff' end as "tariffUType"
from {keys} k
join product.feed_in f on f.plan_code = k.plan_code and f.fuel = 'E'
order by k.ord, f.seq
