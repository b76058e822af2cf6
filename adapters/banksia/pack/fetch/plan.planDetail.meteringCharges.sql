select k.ord         as "$ord",
       p.meter_title as "displayName",
       p.meter_remark as "description",
       p.meter_least as "minimumValue",
       p.meter_most as "maximumValue",
       p.meter_every as "period"
from {keys} k
join prd_offer p on p.offer_code = k.offer_code
where p.meter_title is not null
