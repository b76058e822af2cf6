-- A holding counts until the day it ends, which begins at midnight in Adelaide.
select k.ord as "$ord",
       h.[CustomerId] as "$key.CustomerId",
       h.[AccountId] as "$key.AccountId",
       h.[CustomerId] as "$owner.customer",
       h.[AccountId] as "$owner.account",
       h.[Role] as "role",
       h.[MayShare] as "shareable",
       h.[UntilOn] as "$changesAt"
from {keys} k
join [cust].[Account Holder] h on h.[CustomerId] = k.[CustomerId] and h.[AccountId] = k.[AccountId]
where h.[UntilOn] is null or h.[UntilOn] > cast({now} as date)
