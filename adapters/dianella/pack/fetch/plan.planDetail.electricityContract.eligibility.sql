select k.ord as "$ord",
       x.kind as "type",
       x.title as "information",
       x.remark as "description"
from {keys} k
cross join extras x on x.product_code = k.code and x.fuel = 'E' and x.sort = 'who'
order by k.ord, x.place
