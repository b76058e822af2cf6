-- An account that is marked as deleted is not there. It is named after the place that its newest contract supplies, or
-- else after the address its bills go to.
select k.ord        as "$ord",
       a.acct_no    as "$key",
       a.acct_no    as "accountNumber",
       coalesce(
           concat(site.street, ', ', site.suburb, ' ', site.state, ' ', site.postcode),
           concat(mail.street, ', ', mail.suburb, ' ', mail.state, ' ', mail.postcode)
       )            as "displayName",
       a.status     as "openStatus",
       a.opened_on  as "creationDate",
       mail.site_id as "$from.site#mail",
       site.site_id as "$from.site#site",
       p.point_id   as "$from.point"
from {keys} k
join cust_account a on a.acct_no = k.acct_no
left join cust_site mail on mail.site_id = a.mail_site_id
left join sup_contract_point sp
    on sp.contract_id = (select max(n.contract_id) from sup_contract n where n.acct_no = a.acct_no) and sp.position = 1
left join sup_point p on p.point_id = sp.point_id
left join cust_site site on site.site_id = p.site_id
where a.deleted_at is null
