select k.ord      as "$ord",
       l.point_id as "$value"
from {keys} k
join bil_invoice_line l on l.invoice_id = k.invoice_id
where l.point_id is not null
group by k.ord, l.point_id
order by k.ord, min(l.line_no)
