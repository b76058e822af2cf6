select k.ord       as "$ord",
       b.block_id  as "$parent",
       w.days      as "days",
       w.from_time as "startTime",
       w.to_time   as "endTime",
       w.note      as "additionalInfo",
       w.link      as "additionalInfoUri"
from {keys} k
join product.tariff t on t.plan_code = k.plan_code and t.fuel = 'E' and t.kind = 'C' and t.block_kind = 'T'
join product.rate_block b on b.tariff_id = t.tariff_id
join product.tou_window w on w.block_id = b.block_id
order by k.ord, t.seq, b.seq, w.seq
