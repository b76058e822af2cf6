select k.ord as "$ord",
       x.title as "displayName",
       x.remark as "description",
       x.kind as "category",
       x.info as "eligibility"
from {keys} k
join prd_extra x on x.offer_code = k.offer_code and x.fuel = 'G' and x.sort = 'gift'
order by k.ord, x.place
