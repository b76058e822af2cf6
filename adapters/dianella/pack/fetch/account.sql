-- An account that is marked as deleted is not there. It is named after the place that its newest supply is at, or else
-- after the address its bills go to.
select k.ord         as "$ord",
       a.number      as "$key",
       a.number      as "accountNumber",
       coalesce(
           c.site_street || ', ' || c.site_suburb || ' ' || c.site_region || ' ' || c.site_postcode,
           a.mail_street || ', ' || a.mail_suburb || ' ' || a.mail_region || ' ' || a.mail_postcode
       )             as "displayName",
       a.state       as "openStatus",
       a.opened_day  as "creationDate",
       c.national_no as "$from.connection"
from {keys} k
cross join accounts a on a.number = k.number
left join supplies s on s.supply_id = (select max(n.supply_id) from supplies n where n.account = a.number)
left join connections c on c.national_no = coalesce(s.nmi, s.mirn)
where not a.deleted
