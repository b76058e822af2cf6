select k.ord                 as "$ord",
       iif((a.value ->> 'cents') < 0, '-', '') || (abs((a.value ->> 'cents')) / 100) || printf('.%02d', abs((a.value ->> 'cents')) % 100) as "amount",
       a.value ->> 'wording' as "description"
from {keys} k
cross join postings p on p.journal = k.journal and p.line = k.line
join json_each(p.adjustments) a
where p.kind = 'demand'
order by k.ord, a.key
