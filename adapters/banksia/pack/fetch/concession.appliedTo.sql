-- The words of the set, in its order.
select k.ord as "$ord", w.word as "$value"
from {keys} k
join cust_concession c on c.acct_no = k.acct_no and c.seq = k.seq
join (
    select 1 as place, 'BILL' as word union all select 2, 'ENERGY' union all select 3, 'DAILY' union all select 4, 'CONTROLLED'
) w on find_in_set(w.word, c.lowers)
order by k.ord, w.place
