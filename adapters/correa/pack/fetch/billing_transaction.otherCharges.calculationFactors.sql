select k.ord    as "$ord",
       f.kind   as "type",
       f.factor as "value"
from {keys} k
join billing.ledger l on l.entry_id = k.entry_id and l.posted_on = k.posted_on
cross join lateral (values (1, 'DLF', l.dlf), (2, 'MLF', l.mlf)) f (place, kind, factor)
where l.kind = 'C' and f.factor is not null
order by k.ord, f.place
