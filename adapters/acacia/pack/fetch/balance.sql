select k.ord as "$ord",
       b.[AccountId] as "$key",
       b.[AccountId] as "$owner.account",
       cast(b.[Balance] as decimal(19, 4)) as "balance"
from {keys} k
join [bill].[Balance] b on b.[AccountId] = k.[AccountId]
