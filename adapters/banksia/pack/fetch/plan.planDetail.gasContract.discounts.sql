select k.ord    as "$ord",
       x.title  as "displayName",
       x.remark as "description",
       x.kind   as "type",
       x.reason as "category",
       x.ends_on as "endDate",
       x.basis  as "methodUType",
       if(x.basis = 'bill', x.value, null) as "percentOfBill.rate",
       if(x.basis = 'use', x.value, null) as "percentOfUse.rate",
       if(x.basis = 'amount', x.value, null) as "fixedAmount.amount",
       if(x.basis = 'over', x.value, null) as "percentOverThreshold.rate",
       x.threshold as "percentOverThreshold.usageAmount"
from {keys} k
join prd_extra x on x.offer_code = k.offer_code and x.fuel = 'G' and x.sort = 'discount'
order by k.ord, x.place
