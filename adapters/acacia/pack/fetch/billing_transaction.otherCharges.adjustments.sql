select k.ord as "$ord",
       cast(d.[Amount] as decimal(19, 4)) as "amount",
       d.[Description] as "description"
from {keys} k
join [bill].[Adjustment] d on d.[EntryId] = k.[EntryId] and d.[PostedOn] = k.[PostedOn]
where d.[Kind] = 'C'
order by k.ord, d.[Seq]
