-- A holding counts until the day it ends, which begins at midnight in Brisbane.
select k.ord         as "$ord",
       h.customer_no as "$key.customer_no",
       h.acct_no     as "$key.acct_no",
       h.customer_no as "$owner.customer",
       h.acct_no     as "$owner.account",
       h.role        as "role",
       h.may_share   as "shareable",
       h.until_on    as "$changesAt"
from {keys} k
join cust_holder h on h.customer_no = k.customer_no and h.acct_no = k.acct_no
where h.until_on is null or h.until_on > date({now})
