select k.ord          as "$ord",
       s.supply_id    as "$id",
       s.supply_id    as "$from.supply",
       s.product_code as "$plan",
       s.label        as "nickname",
       s.from_day     as "planOverview.startDate",
       s.to_day       as "planOverview.endDate"
from {keys} k
cross join supplies s on s.account = k.number
order by k.ord, s.supply_id
