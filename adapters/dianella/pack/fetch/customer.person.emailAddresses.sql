select k.ord                 as "$ord",
       e.value ->> 'first'   as "isPreferred",
       e.value ->> 'use'     as "purpose",
       e.value ->> 'address' as "address"
from {keys} k
cross join clients c on c.client_id = k.client_id
join json_each(c.emails) e
where c.kind = 'person'
order by k.ord, e.key
