select k.ord         as "$ord",
       d.amount      as "amount",
       d.description as "description"
from {keys} k
join bil_adjustment d on d.entry_id = k.entry_id and d.posted_on = k.posted_on
where d.kind = 'U'
order by k.ord, d.seq
