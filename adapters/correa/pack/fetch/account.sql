-- An account that is marked as deleted is not there. It is named after the place that its newest agreement supplies,
-- or else after the address its bills go to.
select k.ord           as "$ord",
       a.account_no    as "$key",
       a.account_no    as "accountNumber",
       coalesce(
           site.line || ', ' || site.suburb || ' ' || site.state || ' ' || site.postcode,
           mail.line || ', ' || mail.suburb || ' ' || mail.state || ' ' || mail.postcode
       )               as "displayName",
       a.status        as "openStatus",
       a.opened_on     as "creationDate",
       mail.address_id as "$from.address#mail",
       site.address_id as "$from.address#site",
       newest.supply_point_id as "$from.supply_point"
from {keys} k
join crm.account a on a.account_no = k.account_no
left join crm.address mail on mail.address_id = a.mail_address_id
left join lateral (
    select s.supply_point_id, s.site_address_id
    from supply.agreement g
    join supply.agreement_point gp on gp.agreement_id = g.agreement_id
    join supply.supply_point s on s.supply_point_id = gp.supply_point_id
    where g.account_no = a.account_no
    order by g.agreement_id desc, gp.position
    limit 1
) newest on true
left join crm.address site on site.address_id = newest.site_address_id
where a.deleted_at is null
