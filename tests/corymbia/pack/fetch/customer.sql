-- Of an organisation the name is its agent's.
select k.ord as "$ord",
       t.customer_id as "$key",
       t.kind as "customerUType",
       iif(t.kind = 'P', t.last_name, null) as "person.lastName",
       iif(t.kind = 'O', t.last_name, null) as "organisation.agentLastName",
       iif(t.kind = 'O', 'Unspecified', null) as "organisation.agentRole",
       t.business_name as "organisation.businessName",
       iif(t.kind = 'O', 'OTHER', null) as "organisation.organisationType"
from {keys} k
join customers t on t.customer_id = k.customer_id
