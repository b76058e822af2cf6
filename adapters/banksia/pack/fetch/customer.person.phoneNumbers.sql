-- A customer has a mobile (1), a fixed line (2) and a number abroad (3), each in columns of its own. A mobile's number
-- begins with the zero that is dialled in Australia alone.
select k.ord as "$ord",
       coalesce(n.name = c.prefers, false) as "isPreferred",
       case n.place when 1 then 'MOBILE' when 2 then c.fixed_kind else 'INTERNATIONAL' end as "purpose",
       if(n.place = 3, concat('+', c.abroad_country), '+61') as "countryCode",
       if(n.place = 2, c.fixed_area, null) as "areaCode",
       case n.place when 1 then c.mobile when 2 then c.fixed_no else c.abroad_no end as "number",
       if(n.place = 2, c.fixed_ext, null) as "extension",
       case n.place
           when 1 then concat('+61', substr(c.mobile, 2))
           when 2 then concat('+61', c.fixed_area, c.fixed_no, if(c.fixed_ext is null, '', concat(';ext=', c.fixed_ext)))
           else concat('+', c.abroad_country, c.abroad_no)
       end as "fullNumber"
from {keys} k
join cust_customer c on c.customer_no = k.customer_no
join (select 1 as place, 'MOBILE' as name union all select 2, 'FIXED' union all select 3, 'ABROAD') n
    on case n.place when 1 then c.mobile when 2 then c.fixed_no else c.abroad_no end is not null
where c.kind = 'PERSON'
order by k.ord, n.place
