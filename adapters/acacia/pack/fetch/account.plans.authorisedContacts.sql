select k.ord as "$ord",
       s.[ContractId] as "$parent",
       c.[ContactId] as "$from.contact",
       c.[FirstName] as "firstName",
       c.[LastName] as "lastName",
       c.[MiddleNames] as "middleNames",
       c.[Title] as "prefix",
       c.[Suffix] as "suffix"
from {keys} k
join [supply].[Contract] s on s.[AccountId] = k.[AccountId]
join [cust].[Contact] c on c.[AccountId] = k.[AccountId]
order by k.ord, s.[ContractId], c.[ContactId]
