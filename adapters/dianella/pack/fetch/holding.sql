-- Bits of rights: 1 owns the account, 2 together with others, 4 may act on it, 8 was nominated to, 16 may share its data.
select k.ord                        as "$ord",
       g.grant_id                   as "$key",
       g.client_id                  as "$owner.customer",
       g.account                    as "$owner.account",
       case
           when g.rights & 2 then 'JOINT_HOLDER'
           when g.rights & 1 then 'HOLDER'
           when g.rights & 8 then 'NOMINATED_REPRESENTATIVE'
           when g.rights & 4 then 'SECONDARY_USER'
       end                          as "role",
       g.rights & 16 <> 0           as "shareable",
       datetime(g.ends_at, 'unixepoch') || 'Z' as "$changesAt"
from {keys} k
cross join grants g on g.grant_id = k.grant_id
where g.ends_at is null or g.ends_at > unixepoch({now})
