-- A mobile's number begins with the zero that is dialled in Australia alone.
select k.ord            as "$ord",
       h.preferred      as "isPreferred",
       h.purpose        as "purpose",
       '+' || h.country as "countryCode",
       h.area           as "areaCode",
       h.number         as "number",
       h.extension      as "extension",
       concat('+', h.country, h.area, ltrim(h.number, '0'), ';ext=' || h.extension) as "fullNumber"
from {keys} k
join crm.party p on p.party_id = k.party_id and p.party_type = 'P'
join crm.party_phone h on h.party_id = p.party_id
order by k.ord, h.seq
