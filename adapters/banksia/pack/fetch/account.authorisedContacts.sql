select k.ord          as "$ord",
       c.contact_id   as "$from.contact",
       c.first_name   as "firstName",
       c.last_name    as "lastName",
       c.middle_names as "middleNames",
       c.title        as "prefix",
       c.suffix       as "suffix"
from {keys} k
join cust_contact c on c.acct_no = k.acct_no
order by k.ord, c.contact_id
