-- Gas has no service points to the CDR.
select k.ord         as "$ord",
       s.contract_id as "$parent",
       p.point_id    as "$from.point",
       p.point_id    as "$value"
from {keys} k
join sup_contract s on s.acct_no = k.acct_no
join sup_contract_point sp on sp.contract_id = s.contract_id
join sup_point p on p.point_id = sp.point_id
where p.fuel = 'E'
order by k.ord, s.contract_id, sp.position
