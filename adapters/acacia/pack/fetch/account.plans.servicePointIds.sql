-- Gas has no service points to the CDR.
select k.ord as "$ord",
       s.[ContractId] as "$parent",
       p.[PointId] as "$from.point",
       p.[PointId] as "$value"
from {keys} k
join [supply].[Contract] s on s.[AccountId] = k.[AccountId]
join [supply].[Contract Point] sp on sp.[ContractId] = s.[ContractId]
join [supply].[Point] p on p.[PointId] = sp.[PointId]
where p.[Fuel] = 'E'
order by k.ord, s.[ContractId], sp.[Position]
