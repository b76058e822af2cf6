-- The relations behind the graph's nodes, a row for each column. They are looked up by name and not by to_regclass(),
-- which fails on a schema that may not be looked into: all missing grants are to be told at once.
-- A partitioned table has no rows to log, and its partitions do not take its replica identity over.
select n.ord, c.oid, c.relkind, c.relpersistence, i.identity, a.attname::text,
       format('%I.%I', tn.nspname, t.typname),
       coalesce(b.typname, t.typname)::text,
       coalesce(a.attnum = any ((x.indkey::int2[])[0:x.indnkeyatts - 1]), i.identity = 'f'),
       coalesce(a.attnum = any ((p.indkey::int2[])[0:p.indnkeyatts - 1]), false), not a.attnotnull
from unnest($1::text[], $2::text[]) with ordinality as n(schema, name, ord)
join pg_class c on c.relname = n.name and c.relkind in ('r', 'p', 'v', 'm', 'f')
join pg_namespace s on s.oid = c.relnamespace
    and (s.nspname = n.schema or n.schema is null and pg_table_is_visible(c.oid))
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
join pg_namespace tn on tn.oid = t.typnamespace
left join pg_type b on b.oid = t.typbasetype and t.typtype = 'd'
left join pg_index p on p.indrelid = c.oid and p.indisprimary and p.indimmediate and p.indisvalid
cross join lateral (select case when c.relkind = 'p' then 'd' else c.relreplident end) i(identity)
left join pg_index x on x.indrelid = c.oid and x.indimmediate and x.indisvalid
    and ((i.identity = 'd' and x.indisprimary) or (i.identity = 'i' and x.indisreplident))
order by n.ord, a.attnum
