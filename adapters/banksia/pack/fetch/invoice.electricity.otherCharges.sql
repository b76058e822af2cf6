select k.ord         as "$ord",
       l.charge_type as "type",
       l.amount      as "amount",
       l.description as "description"
from {keys} k
join bil_invoice_line l on l.invoice_id = k.invoice_id
where l.scope = 'E' and l.kind = 'OTH'
order by k.ord, l.line_no
