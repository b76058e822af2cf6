select k.ord as "$ord",
       x.[Title] as "displayName",
       x.[Remark] as "description",
       x.[Kind] as "category",
       x.[Info] as "eligibility"
from {keys} k
join [product].[Extra] x on x.[OfferCode] = k.[OfferCode] and x.[Fuel] = 'G' and x.[Sort] = 'gift'
order by k.ord, x.[Place]
