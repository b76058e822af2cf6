select k.ord as "$ord",
       x.[Title] as "displayName",
       x.[Remark] as "description",
       x.[Reason] as "scheme",
       x.[Kind] as "type",
       x.[Info] as "tiers"
from {keys} k
join [product].[Extra] x on x.[OfferCode] = k.[OfferCode] and x.[Fuel] = 'E' and x.[Sort] = 'green'
order by k.ord, x.[Place]
