select k.ord as "$ord",
       concat(t.[TariffNo], '.', r.[BlockNo]) as "$parent",
       r.[OfferCode] as "$from.price.OfferCode",
       r.[Fuel] as "$from.price.Fuel",
       r.[TariffNo] as "$from.price.TariffNo",
       r.[BlockNo] as "$from.price.BlockNo",
       r.[StepNo] as "$from.price.StepNo",
       r.[Price] as "unitPrice",
       r.[Unit] as "measureUnit",
       r.[UpTo] as "volume"
from {keys} k
join [product].[Tariff] t on t.[OfferCode] = k.[OfferCode] and t.[Fuel] = 'E' and t.[Section] = 'controlled' and t.[PricedBy] = 'time'
join [product].[Price] r on r.[OfferCode] = t.[OfferCode] and r.[Fuel] = t.[Fuel] and r.[TariffNo] = t.[TariffNo]
order by k.ord, t.[TariffNo], r.[BlockNo], r.[StepNo]
