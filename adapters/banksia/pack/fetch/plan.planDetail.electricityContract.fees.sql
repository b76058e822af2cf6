select k.ord    as "$ord",
       x.kind   as "type",
       x.term   as "term",
       if(x.basis = 'amount', x.value, null) as "amount",
       if(x.basis = 'bill', x.value, null) as "rate",
       x.remark as "description"
from {keys} k
join prd_extra x on x.offer_code = k.offer_code and x.fuel = 'E' and x.sort = 'fee'
order by k.ord, x.place
