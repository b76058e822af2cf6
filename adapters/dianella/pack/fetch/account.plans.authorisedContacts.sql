select k.ord         as "$ord",
       s.supply_id   as "$parent",
       d.delegate_id as "$from.delegate",
       d.given_name  as "firstName",
       d.family_name as "lastName",
       d.other_names as "middleNames",
       d.salutation  as "prefix",
       d.honours     as "suffix"
from {keys} k
cross join supplies s on s.account = k.number
cross join delegates d on d.account = k.number
where not d.removed
order by k.ord, s.supply_id, d.delegate_id
