select k.ord as "$ord",
       x.title as "displayName",
       x.remark as "description",
       x.reason as "scheme",
       x.kind as "type",
       x.info as "tiers"
from {keys} k
join prd_extra x on x.offer_code = k.offer_code and x.fuel = 'E' and x.sort = 'green'
order by k.ord, x.place
