select k.ord as "$ord",
       t.customer_id as "$key.customer_id",
       t.account_no as "$key.account_no",
       t.customer_id as "$owner.customer",
       t.account_no as "$owner.account",
       t.role as "role",
       1 as "shareable"
from {keys} k
join account_holders t on t.customer_id = k.customer_id and t.account_no = k.account_no
