select k.ord          as "$ord",
       f.feed_in_id   as "$id",
       f.display_name as "displayName",
       f.note         as "description",
       f.from_on      as "startDate",
       f.to_on        as "endDate",
       f.scheme       as "scheme",
       f.payer        as "payerType",
       case when f.varies then 'timeVaryingTariffs' else 'singleTariff' end as "tariffUType",
       r.every        as "singleTariff.period"
from {keys} k
join product.feed_in f on f.plan_code = k.plan_code and f.fuel = 'E'
left join product.feed_in_rate r on r.feed_in_id = f.feed_in_id and r.seq = 1 and not f.varies
order by k.ord, f.seq
