select k.ord as "$ord",
       t.[TariffNo] as "$id",
       t.[Title] as "displayName",
       t.[PricedBy] as "rateBlockUType",
       t.[Title] as "singleRate.displayName",
       t.[Supply] as "singleRate.dailySupplyCharge"
from {keys} k
join [product].[Tariff] t on t.[OfferCode] = k.[OfferCode] and t.[Fuel] = 'E' and t.[Section] = 'controlled'
order by k.ord, t.[TariffNo]
