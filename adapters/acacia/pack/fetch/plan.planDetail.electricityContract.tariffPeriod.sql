select k.ord as "$ord",
       t.[TariffNo] as "$id",
       t.[Class] as "type",
       t.[Title] as "displayName",
       t.[FirstMmdd] as "startDate",
       t.[LastMmdd] as "endDate",
       case when t.[Supply] is not null then 'SINGLE' when t.[Bands] is not null then 'BAND' end as "dailySupplyChargeType",
       t.[Supply] as "dailySupplyCharge",
       t.[Bands] as "bandedDailySupplyCharges",
       case t.[LocalTime] when 1 then 'LOCAL' when 0 then 'AEST' end as "timeZone",
       t.[PricedBy] as "rateBlockUType",
       r.[Title] as "singleRate.displayName",
       r.[Remark] as "singleRate.description",
       t.[General] as "singleRate.generalUnitPrice",
       r.[Every] as "singleRate.period"
from {keys} k
join [product].[Tariff] t on t.[OfferCode] = k.[OfferCode] and t.[Fuel] = 'E' and t.[Section] = 'season'
left join [product].[Price] r on r.[OfferCode] = t.[OfferCode] and r.[Fuel] = t.[Fuel] and r.[TariffNo] = t.[TariffNo]
    and r.[BlockNo] = 1 and r.[StepNo] = 1 and t.[PricedBy] = 'flat'
order by k.ord, t.[TariffNo]
