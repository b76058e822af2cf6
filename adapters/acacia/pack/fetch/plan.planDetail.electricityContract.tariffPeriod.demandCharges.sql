select k.ord as "$ord",
       t.[TariffNo] as "$parent",
       r.[OfferCode] as "$from.price.OfferCode",
       r.[Fuel] as "$from.price.Fuel",
       r.[TariffNo] as "$from.price.TariffNo",
       r.[BlockNo] as "$from.price.BlockNo",
       r.[StepNo] as "$from.price.StepNo",
       r.[Title] as "displayName",
       r.[Remark] as "description",
       r.[Price] as "amount",
       r.[Unit] as "measureUnit",
       r.[DemandFrom] as "startTime",
       r.[DemandUntil] as "endTime",
       r.[DemandDays] as "days",
       r.[LeastKW] as "minDemand",
       r.[MostKW] as "maxDemand",
       r.[Measured] as "measurementPeriod",
       r.[Charged] as "chargePeriod"
from {keys} k
join [product].[Tariff] t on t.[OfferCode] = k.[OfferCode] and t.[Fuel] = 'E' and t.[Section] = 'season' and t.[PricedBy] = 'demand'
join [product].[Price] r on r.[OfferCode] = t.[OfferCode] and r.[Fuel] = t.[Fuel] and r.[TariffNo] = t.[TariffNo]
order by k.ord, t.[TariffNo], r.[BlockNo]
