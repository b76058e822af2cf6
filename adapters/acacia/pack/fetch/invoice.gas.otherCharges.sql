select k.ord as "$ord",
       l.[ChargeType] as "type",
       cast(l.[Amount] as decimal(19, 4)) as "amount",
       l.[Description] as "description"
from {keys} k
join [bill].[Invoice Line] l on l.[InvoiceId] = k.[InvoiceId]
where l.[Scope] = 'G' and l.[Kind] = 'OTH'
order by k.ord, l.[LineNo]
