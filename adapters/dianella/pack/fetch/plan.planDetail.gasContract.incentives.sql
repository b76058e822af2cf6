select k.ord as "$ord",
       x.title as "displayName",
       x.remark as "description",
       x.kind as "category",
       x.info as "eligibility"
from {keys} k
cross join extras x on x.product_code = k.code and x.fuel = 'G' and x.sort = 'gift'
order by k.ord, x.place
