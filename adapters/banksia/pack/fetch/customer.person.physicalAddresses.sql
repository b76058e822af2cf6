-- What the postal address file has is kept in its own names, which are the CDR's.
select k.ord         as "$ord",
       p.customer_no as "$from.place.customer_no",
       p.use_code    as "$from.place.use_code",
       p.use_code    as "purpose",
       if(p.paf is null, 'simple', 'paf') as "addressUType",
       p.mail_to     as "simple.mailingName",
       p.line_1      as "simple.addressLine1",
       p.line_2      as "simple.addressLine2",
       p.line_3      as "simple.addressLine3",
       p.town        as "simple.city",
       p.state       as "simple.state",
       p.postcode    as "simple.postcode",
       p.country     as "simple.country",
       p.paf         as "paf"
from {keys} k
join cust_customer c on c.customer_no = k.customer_no and c.kind = 'PERSON'
join cust_place p on p.customer_no = c.customer_no
order by k.ord, field(p.use_code, 'R', 'M', 'P', 'W', 'O')
