select k.ord as "$ord", 'DLF' as "type", l.[DLF] as "value"
from {keys} k
join [bill].[Ledger] l on l.[EntryId] = k.[EntryId] and l.[PostedOn] = k.[PostedOn]
where l.[Kind] = 'C' and l.[DLF] is not null
union all
select k.ord, 'MLF', l.[MLF]
from {keys} k
join [bill].[Ledger] l on l.[EntryId] = k.[EntryId] and l.[PostedOn] = k.[PostedOn]
where l.[Kind] = 'C' and l.[MLF] is not null
order by 1, 2
