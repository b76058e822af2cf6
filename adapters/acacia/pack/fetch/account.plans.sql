select k.ord as "$ord",
       s.[ContractId] as "$id",
       s.[ContractId] as "$from.contract",
       s.[OfferCode] as "$plan",
       s.[Nickname] as "nickname",
       s.[FromOn] as "planOverview.startDate",
       s.[UntilOn] as "planOverview.endDate"
from {keys} k
join [supply].[Contract] s on s.[AccountId] = k.[AccountId]
order by k.ord, s.[ContractId]
