select k.ord as "$ord",
       x.[Title] as "displayName",
       x.[Remark] as "description",
       x.[Kind] as "type",
       x.[Reason] as "category",
       x.[EndsOn] as "endDate",
       x.[Basis] as "methodUType",
       iif(x.[Basis] = 'bill', x.[Value], null) as "percentOfBill.rate",
       iif(x.[Basis] = 'use', x.[Value], null) as "percentOfUse.rate",
       iif(x.[Basis] = 'amount', x.[Value], null) as "fixedAmount.amount",
       iif(x.[Basis] = 'over', x.[Value], null) as "percentOverThreshold.rate",
       x.[Threshold] as "percentOverThreshold.usageAmount"
from {keys} k
join [product].[Extra] x on x.[OfferCode] = k.[OfferCode] and x.[Fuel] = 'E' and x.[Sort] = 'discount'
order by k.ord, x.[Place]
