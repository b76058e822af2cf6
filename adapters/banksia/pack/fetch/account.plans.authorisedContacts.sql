select k.ord          as "$ord",
       s.contract_id  as "$parent",
       c.contact_id   as "$from.contact",
       c.first_name   as "firstName",
       c.last_name    as "lastName",
       c.middle_names as "middleNames",
       c.title        as "prefix",
       c.suffix       as "suffix"
from {keys} k
join sup_contract s on s.acct_no = k.acct_no
join cust_contact c on c.acct_no = k.acct_no
order by k.ord, s.contract_id, c.contact_id
