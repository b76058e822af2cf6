select k.ord            as "$ord",
       p.metering_name  as "displayName",
       p.metering_note  as "description",
       p.metering_from  as "minimumValue",
       p.metering_to    as "maximumValue",
       p.metering_every as "period"
from {keys} k
join product.plan p on p.plan_code = k.plan_code
where p.metering_name is not null
