select k.ord         as "$ord",
       f.type        as "type",
       f.term        as "term",
       f.amount      as "amount",
       f.rate        as "rate",
       f.description as "description"
from {keys} k
join product.fee f on f.plan_code = k.plan_code and f.fuel = 'G'
order by k.ord, f.seq
