select k.ord    as "$ord",
       x.kind   as "type",
       x.term   as "term",
       iif(x.basis = 'amount', x.value / 1000000 || printf('.%02d', x.value / 10000 % 100) || rtrim(printf('%04d', x.value % 10000), '0'), null) as "amount",
       iif(x.basis = 'bill', rtrim(x.value / 1000000 || printf('.%06d', x.value % 1000000), '.0'), null) as "rate",
       x.remark as "description"
from {keys} k
join extras x on x.product_code = k.code and x.fuel = 'G' and x.sort = 'fee'
order by k.ord, x.place
