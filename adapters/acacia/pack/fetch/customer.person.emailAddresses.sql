select k.ord as "$ord",
       p.[CustomerId] as "$from.contact_point.CustomerId",
       p.[PointNo] as "$from.contact_point.PointNo",
       p.[Preferred] as "isPreferred",
       p.[Purpose] as "purpose",
       p.[Address] as "address"
from {keys} k
join [cust].[Customer] c on c.[CustomerId] = k.[CustomerId] and c.[Kind] = 'PERSON'
join [cust].[Contact Point] p on p.[CustomerId] = c.[CustomerId] and p.[Channel] = 'E'
order by k.ord, p.[PointNo]
