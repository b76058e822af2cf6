select k.ord    as "$ord",
       x.title  as "displayName",
       x.remark as "description",
       x.kind   as "type",
       x.reason as "category",
       x.last_day as "endDate",
       x.basis  as "methodUType",
       iif(x.basis = 'bill', (x.value / 1000000) || printf('.%06d', x.value % 1000000), null) as "percentOfBill.rate",
       iif(x.basis = 'use', (x.value / 1000000) || printf('.%06d', x.value % 1000000), null) as "percentOfUse.rate",
       iif(x.basis = 'amount', (x.value / 1000000) || printf('.%06d', x.value % 1000000), null) as "fixedAmount.amount",
       iif(x.basis = 'over', (x.value / 1000000) || printf('.%06d', x.value % 1000000), null) as "percentOverThreshold.rate",
       iif(x.threshold < 0, '-', '') || (abs(x.threshold) / 100) || printf('.%02d', abs(x.threshold) % 100) as "percentOverThreshold.usageAmount"
from {keys} k
cross join extras x on x.product_code = k.code and x.fuel = 'G' and x.sort = 'discount'
order by k.ord, x.place
