-- Gas has no service points to the CDR.
select k.ord             as "$ord",
       g.agreement_id    as "$parent",
       s.supply_point_id as "$from.supply_point",
       s.supply_point_id as "$value"
from {keys} k
join supply.agreement g on g.account_no = k.account_no
join supply.agreement_point gp on gp.agreement_id = g.agreement_id
join supply.supply_point s on s.supply_point_id = gp.supply_point_id
where s.fuel = 'E'
order by k.ord, g.agreement_id, gp.position
