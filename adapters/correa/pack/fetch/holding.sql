-- A holding counts until the day it ends, which begins at midnight in Melbourne.
select k.ord        as "$ord",
       h.party_id   as "$key.party_id",
       h.account_no as "$key.account_no",
       h.party_id   as "$owner.customer",
       h.account_no as "$owner.account",
       h.role_code  as "role",
       h.may_share  as "shareable",
       h.ended_on   as "$changesAt"
from {keys} k
join crm.account_holding h on h.party_id = k.party_id and h.account_no = k.account_no
where h.ended_on is null or h.ended_on > ({now} at time zone 'Australia/Melbourne')::date
