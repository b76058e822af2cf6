select k.ord as "$ord",
       t.customer_id as "$key",
       t.kind as "customerUType"
from {keys} k
join customers t on t.customer_id = k.customer_id
