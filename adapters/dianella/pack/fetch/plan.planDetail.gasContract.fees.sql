select k.ord    as "$ord",
       x.kind   as "type",
       x.term   as "term",
       iif(x.basis = 'amount', (x.value / 1000000) || printf('.%06d', x.value % 1000000), null) as "amount",
       iif(x.basis = 'bill', (x.value / 1000000) || printf('.%06d', x.value % 1000000), null) as "rate",
       x.remark as "description"
from {keys} k
cross join extras x on x.product_code = k.code and x.fuel = 'G' and x.sort = 'fee'
order by k.ord, x.place
