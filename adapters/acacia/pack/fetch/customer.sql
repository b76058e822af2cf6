select k.ord as "$ord",
       c.[CustomerId] as "$key",
       c.[Kind] as "customerUType"
from {keys} k
join [cust].[Customer] c on c.[CustomerId] = k.[CustomerId]
