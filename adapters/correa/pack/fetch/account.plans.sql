select k.ord          as "$ord",
       g.agreement_id as "$id",
       g.agreement_id as "$from.agreement",
       g.plan_code    as "$plan",
       g.nickname     as "nickname",
       g.started_on   as "planOverview.startDate",
       g.ended_on     as "planOverview.endDate"
from {keys} k
join supply.agreement g on g.account_no = k.account_no
order by k.ord, g.agreement_id
