select k.ord          as "$ord",
       d.display_name as "displayName",
       d.description  as "description",
       d.type         as "type",
       d.category     as "category",
       d.until_on     as "endDate",
       d.method       as "methodUType",
       case when d.method = 'BIL' then d.rate end   as "percentOfBill.rate",
       case when d.method = 'USE' then d.rate end   as "percentOfUse.rate",
       case when d.method = 'FIX' then d.amount end as "fixedAmount.amount",
       case when d.method = 'THR' then d.rate end   as "percentOverThreshold.rate",
       case when d.method = 'THR' then d.amount end as "percentOverThreshold.usageAmount"
from {keys} k
join product.discount d on d.plan_code = k.plan_code and d.fuel = 'G'
order by k.ord, d.seq
