select k.ord as "$ord",
       t.[TariffNo] as "$id",
       t.[Title] as "displayName",
       t.[Scheme] as "scheme",
       t.[PaidBy] as "payerType",
       t.[PricedBy] as "tariffUType"
from {keys} k
join [product].[Tariff] t on t.[OfferCode] = k.[OfferCode] and t.[Fuel] = 'E' and t.[Section] = 'feed-in'
order by k.ord, t.[TariffNo]
