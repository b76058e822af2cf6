select k.ord     as "$ord",
       b.acct_no as "$key",
       b.acct_no as "$owner.account",
       b.balance as "balance"
from {keys} k
join bil_balance b on b.acct_no = k.acct_no
