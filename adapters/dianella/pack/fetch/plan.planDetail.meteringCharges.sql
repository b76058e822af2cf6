select k.ord         as "$ord",
       p.meter_title as "displayName",
       p.meter_least / 1000000 || printf('.%02d', p.meter_least / 10000 % 100) || rtrim(printf('%04d', p.meter_least % 10000), '0') as "minimumValue",
       p.meter_most / 1000000 || printf('.%02d', p.meter_most / 10000 % 100) || rtrim(printf('%04d', p.meter_most % 10000), '0') as "maximumValue",
       p.meter_every as "period"
from {keys} k
join products p on p.code = k.code
where p.meter_title is not null
