select k.ord          as "$ord",
       g.agreement_id as "$parent",
       c.contact_id   as "$from.contact",
       c.first_name   as "firstName",
       c.last_name    as "lastName",
       c.middle_names as "middleNames",
       c.title        as "prefix",
       c.name_suffix  as "suffix"
from {keys} k
join supply.agreement g on g.account_no = k.account_no
join crm.contact c on c.account_no = k.account_no
order by k.ord, g.agreement_id, c.contact_id
