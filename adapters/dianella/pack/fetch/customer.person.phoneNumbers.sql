-- A mobile's number begins with the zero that is dialled in Australia alone.
select k.ord                         as "$ord",
       p.value ->> 'first'           as "isPreferred",
       p.value ->> 'use'             as "purpose",
       '+' || (p.value ->> 'country') as "countryCode",
       p.value ->> 'area'            as "areaCode",
       p.value ->> 'number'          as "number",
       p.value ->> 'ext'             as "extension",
       '+' || (p.value ->> 'country') || coalesce(p.value ->> 'area', '') || ltrim(p.value ->> 'number', '0')
           || coalesce(';ext=' || (p.value ->> 'ext'), '') as "fullNumber"
from {keys} k
cross join clients c on c.client_id = k.client_id
join json_each(c.phones) p
where c.kind = 'person'
order by k.ord, p.key
