select k.ord as "$ord",
       t.[TariffNo] as "$id",
       t.[Title] as "displayName",
       t.[PricedBy] as "rateBlockUType",
       t.[StartsOn] as "startDate",
       t.[EndsOn] as "endDate",
       r.[Title] as "singleRate.displayName",
       r.[Remark] as "singleRate.description",
       iif(t.[PricedBy] = 'flat', t.[Supply], null) as "singleRate.dailySupplyCharge",
       r.[Every] as "singleRate.period"
from {keys} k
join [product].[Tariff] t on t.[OfferCode] = k.[OfferCode] and t.[Fuel] = 'E' and t.[Section] = 'controlled'
left join [product].[Price] r on r.[OfferCode] = t.[OfferCode] and r.[Fuel] = t.[Fuel] and r.[TariffNo] = t.[TariffNo]
    and r.[BlockNo] = 1 and r.[StepNo] = 1 and t.[PricedBy] = 'flat'
order by k.ord, t.[TariffNo]
