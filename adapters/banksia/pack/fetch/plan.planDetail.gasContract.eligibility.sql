select k.ord as "$ord",
       x.kind as "type",
       x.title as "information",
       x.remark as "description"
from {keys} k
join prd_extra x on x.offer_code = k.offer_code and x.fuel = 'G' and x.sort = 'who'
order by k.ord, x.place
