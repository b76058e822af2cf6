select k.ord as "$ord", 'DLF' as "type", l.dlf as "value"
from {keys} k
join bil_ledger l on l.entry_id = k.entry_id and l.posted_on = k.posted_on
where l.kind = 'C' and l.dlf is not null
union all
select k.ord, 'MLF', l.mlf
from {keys} k
join bil_ledger l on l.entry_id = k.entry_id and l.posted_on = k.posted_on
where l.kind = 'C' and l.mlf is not null
order by 1, 2
