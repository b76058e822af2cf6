select k.ord       as "$ord",
       c.client_id as "$key",
       c.kind      as "customerUType"
from {keys} k
cross join clients c on c.client_id = k.client_id
