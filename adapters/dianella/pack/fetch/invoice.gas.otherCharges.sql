select k.ord     as "$ord",
       l.item    as "type",
       iif(l.cents < 0, '-', '') || (abs(l.cents) / 100) || printf('.%02d', abs(l.cents) % 100) as "amount",
       l.wording as "description"
from {keys} k
cross join invoice_lines l on l.invoice_no = k.invoice_no
where l.fuel = 'G' and l.item not in ('usage', 'export', 'fee', 'credit')
order by k.ord, l.line_no
