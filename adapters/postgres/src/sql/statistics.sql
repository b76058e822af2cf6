-- Rows and row writes of each node, partitions counted with their root, and the writes on all other relations.
with node as (
    select n.ord, to_regclass(n.relation)::oid as oid from unnest($1::text[]) with ordinality as n(relation, ord)
),
leaf as (
    select c.oid, coalesce(pg_partition_root(c.oid)::oid, c.oid) as root, greatest(c.reltuples, 0)::bigint as tuples,
           s.n_tup_ins + s.n_tup_upd + s.n_tup_del as writes
    from pg_class c join pg_stat_user_tables s on s.relid = c.oid
    where c.relkind = 'r'
)
select n.ord, coalesce(sum(l.tuples), 0)::bigint, coalesce(sum(l.writes), 0)::bigint
from node n left join leaf l on l.root = n.oid group by n.ord
union all
select null, 0, coalesce(sum(l.writes), 0)::bigint from leaf l where l.root not in (select oid from node where oid is not null)
order by 1 nulls last
