select k.ord    as "$ord",
       f.kind   as "type",
       f.factor as "value"
from {keys} k
join billing.ledger_usage u on u.entry_id = k.entry_id and u.posted_on = k.posted_on
cross join lateral (values (1, 'DLF', u.dlf), (2, 'MLF', u.mlf)) f (place, kind, factor)
where u.kind = 'D' and f.factor is not null
order by k.ord, f.place
