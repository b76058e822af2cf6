select k.ord as "$ord", c.email_preferred as "isPreferred", c.email_kind as "purpose", c.email as "address"
from {keys} k
join cust_customer c on c.customer_no = k.customer_no
where c.kind = 'PERSON' and c.email is not null
union all
select k.ord, false, 'WORK', c.work_email
from {keys} k
join cust_customer c on c.customer_no = k.customer_no
where c.kind = 'PERSON' and c.work_email is not null
order by 1, 3
