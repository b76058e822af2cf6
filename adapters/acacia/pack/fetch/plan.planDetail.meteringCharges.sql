select k.ord as "$ord",
       p.[MeterTitle] as "displayName",
       p.[MeterRemark] as "description",
       p.[MeterLeast] as "minimumValue",
       p.[MeterMost] as "maximumValue",
       p.[MeterEvery] as "period"
from {keys} k
join [product].[Offer] p on p.[OfferCode] = k.[OfferCode]
where p.[MeterTitle] is not null
