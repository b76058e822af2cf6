select k.ord         as "$ord",
       l.national_no as "$value"
from {keys} k
cross join invoice_lines l on l.invoice_no = k.invoice_no
where l.national_no is not null
group by k.ord, l.national_no
order by k.ord, min(l.line_no)
