select k.ord as "$ord",
       x.[Kind] as "type",
       x.[Term] as "term",
       iif(x.[Basis] = 'amount', x.[Value], null) as "amount",
       iif(x.[Basis] = 'bill', x.[Value], null) as "rate",
       x.[Remark] as "description"
from {keys} k
join [product].[Extra] x on x.[OfferCode] = k.[OfferCode] and x.[Fuel] = 'G' and x.[Sort] = 'fee'
order by k.ord, x.[Place]
