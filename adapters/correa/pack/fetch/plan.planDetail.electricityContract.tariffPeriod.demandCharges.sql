select k.ord           as "$ord",
       t.tariff_id     as "$parent",
       b.display_name  as "displayName",
       b.note          as "description",
       b.demand_amount as "amount",
       b.demand_unit   as "measureUnit",
       w.from_time     as "startTime",
       w.to_time       as "endTime",
       w.days          as "days",
       b.demand_min    as "minDemand",
       b.demand_max    as "maxDemand",
       b.measured_over as "measurementPeriod",
       b.charged_over  as "chargePeriod"
from {keys} k
join product.tariff t on t.plan_code = k.plan_code and t.fuel = 'E' and t.kind = 'P' and t.block_kind = 'D'
join product.rate_block b on b.tariff_id = t.tariff_id
join product.tou_window w on w.block_id = b.block_id
order by k.ord, t.seq, b.seq
