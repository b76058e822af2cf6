select k.ord as "$ord",
       c.[AccountId] as "$key.AccountId",
       c.[ConcessionNo] as "$key.ConcessionNo",
       c.[AccountId] as "$owner.account",
       c.[Kind] as "type",
       c.[Name] as "displayName",
       c.[Remark] as "additionalInfo",
       c.[Url] as "additionalInfoUri",
       c.[StartedOn] as "startDate",
       c.[EndedOn] as "endDate",
       c.[Every] as "discountFrequency",
       cast(c.[Amount] as decimal(19, 4)) as "amount",
       c.[Percentage] as "percentage",
       c.[AppliesTo] as "appliedTo"
from {keys} k
join [cust].[Concession] c on c.[AccountId] = k.[AccountId] and c.[ConcessionNo] = k.[ConcessionNo]
