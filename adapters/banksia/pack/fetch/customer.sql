select k.ord         as "$ord",
       c.customer_no as "$key",
       c.kind        as "customerUType"
from {keys} k
join cust_customer c on c.customer_no = k.customer_no
