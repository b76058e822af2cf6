select k.ord        as "$ord",
       t.tariff_id  as "$parent",
       r.block_id   as "$from.rate.block_id",
       r.step_no    as "$from.rate.step_no",
       r.unit_price as "unitPrice",
       r.unit       as "measureUnit",
       r.up_to      as "volume"
from {keys} k
join product.tariff t on t.plan_code = k.plan_code and t.fuel = 'E' and t.kind = 'C' and t.block_kind = 'S'
join product.rate_block b on b.tariff_id = t.tariff_id
join product.rate r on r.block_id = b.block_id
order by k.ord, t.seq, r.step_no
