select k.ord         as "$ord",
       p.meter_title as "displayName",
       p.meter_remark as "description",
       (p.meter_least / 1000000) || printf('.%06d', p.meter_least % 1000000) as "minimumValue",
       (p.meter_most / 1000000) || printf('.%06d', p.meter_most % 1000000) as "maximumValue",
       p.meter_every as "period"
from {keys} k
cross join products p on p.code = k.code
where p.meter_title is not null
