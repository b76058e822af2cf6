select k.ord as "$ord",
       t.[TariffNo] as "$id",
       t.[Title] as "displayName",
       t.[Remark] as "description",
       t.[StartsOn] as "startDate",
       t.[EndsOn] as "endDate",
       t.[Scheme] as "scheme",
       t.[PaidBy] as "payerType",
       t.[PricedBy] as "tariffUType",
       r.[Every] as "singleTariff.period"
from {keys} k
join [product].[Tariff] t on t.[OfferCode] = k.[OfferCode] and t.[Fuel] = 'E' and t.[Section] = 'feed-in'
left join [product].[Price] r on r.[OfferCode] = t.[OfferCode] and r.[Fuel] = t.[Fuel] and r.[TariffNo] = t.[TariffNo]
    and r.[BlockNo] = 1 and r.[StepNo] = 1 and t.[PricedBy] = 'flat'
order by k.ord, t.[TariffNo]
