-- Gas has no service points to the CDR.
select k.ord         as "$ord",
       s.supply_id   as "$parent",
       c.national_no as "$from.connection",
       c.national_no as "$value"
from {keys} k
cross join supplies s on s.account = k.number
join connections c on c.national_no in (s.nmi, s.second_nmi)
order by k.ord, s.supply_id, c.national_no = s.second_nmi
