select k.ord       as "$ord",
       e.preferred as "isPreferred",
       e.purpose   as "purpose",
       e.address   as "address"
from {keys} k
join crm.party p on p.party_id = k.party_id and p.party_type = 'P'
join crm.party_email e on e.party_id = p.party_id
order by k.ord, e.seq
