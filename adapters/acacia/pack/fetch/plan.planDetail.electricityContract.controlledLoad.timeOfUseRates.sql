select k.ord as "$ord",
       t.[TariffNo] as "$parent",
       concat(t.[TariffNo], '.', r.[BlockNo]) as "$id",
       r.[Title] as "displayName",
       r.[Remark] as "description",
       t.[Supply] as "dailySupplyCharge",
       r.[Every] as "period",
       r.[TimeOfUse] as "type",
       r.[Hours] as "timeOfUse"
from {keys} k
join [product].[Tariff] t on t.[OfferCode] = k.[OfferCode] and t.[Fuel] = 'E' and t.[Section] = 'controlled' and t.[PricedBy] = 'time'
join [product].[Price] r on r.[OfferCode] = t.[OfferCode] and r.[Fuel] = t.[Fuel] and r.[TariffNo] = t.[TariffNo] and r.[StepNo] = 1
order by k.ord, t.[TariffNo], r.[BlockNo]
