select k.ord        as "$ord",
       p.party_id   as "$key",
       p.party_type as "customerUType"
from {keys} k
join crm.party p on p.party_id = k.party_id
