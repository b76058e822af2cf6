with factors (place, type) as (values (1, 'DLF'), (2, 'MLF'))
select k.ord  as "$ord",
       f.type as "type",
       iif(f.type = 'DLF', p.dlf, p.mlf) as "value"
from {keys} k
cross join postings p on p.journal = k.journal and p.line = k.line
join factors f on iif(f.type = 'DLF', p.dlf, p.mlf) is not null
where p.kind = 'charge'
order by k.ord, f.place
