select k.ord             as "$ord",
       l.supply_point_id as "$value"
from {keys} k
join billing.bill_line l on l.bill_id = k.bill_id
where l.supply_point_id is not null
group by k.ord, l.supply_point_id
order by k.ord, min(l.line_no)
