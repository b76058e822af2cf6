select k.ord as "$ord",
       l.[PointId] as "$value"
from {keys} k
join [bill].[Invoice Line] l on l.[InvoiceId] = k.[InvoiceId]
where l.[PointId] is not null
group by k.ord, l.[PointId]
order by k.ord, min(l.[LineNo])
