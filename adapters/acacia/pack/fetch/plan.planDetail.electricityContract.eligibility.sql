select k.ord as "$ord",
       x.[Kind] as "type",
       x.[Title] as "information",
       x.[Remark] as "description"
from {keys} k
join [product].[Extra] x on x.[OfferCode] = k.[OfferCode] and x.[Fuel] = 'E' and x.[Sort] = 'who'
order by k.ord, x.[Place]
