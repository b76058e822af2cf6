select k.ord as "$ord",
       t.account_no as "$key",
       t.account_no as "accountNumber",
       t.nickname as "displayName",
       case t.closed when 1 then 'CLOSED' else 'OPEN' end as "openStatus",
       t.opened_on as "creationDate"
from {keys} k
join accounts t on t.account_no = k.account_no
