select k.ord        as "$ord",
       b.account_no as "$key",
       b.account_no as "$owner.account",
       b.balance    as "balance"
from {keys} k
join billing.account_balance b on b.account_no = k.account_no
