select k.ord         as "$ord",
       s.contract_id as "$id",
       s.contract_id as "$from.contract",
       s.offer_code  as "$plan",
       s.nickname    as "nickname",
       s.from_on     as "planOverview.startDate",
       s.until_on    as "planOverview.endDate"
from {keys} k
join sup_contract s on s.acct_no = k.acct_no
order by k.ord, s.contract_id
