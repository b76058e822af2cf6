-- The relations behind the graph's nodes, a row for each column. They are looked up by name and not by to_regclass(),
-- which fails on a schema that may not be looked into: all missing grants are to be told at once.
select n.ord, c.oid, c.relkind, c.relpersistence, c.relreplident, a.attname::text,
       format('%I.%I', tn.nspname, t.typname),
       coalesce(b.typname, t.typname)::text,
       coalesce(a.attnum = any ((i.indkey::int2[])[0:i.indnkeyatts - 1]), c.relreplident = 'f'),
       coalesce(a.attnum = any ((p.indkey::int2[])[0:p.indnkeyatts - 1]), false)
from unnest($1::text[], $2::text[]) with ordinality as n(schema, name, ord)
join pg_class c on c.relname = n.name and c.relkind in ('r', 'p', 'v', 'm', 'f')
join pg_namespace s on s.oid = c.relnamespace
    and (s.nspname = n.schema or n.schema is null and pg_table_is_visible(c.oid))
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
join pg_namespace tn on tn.oid = t.typnamespace
left join pg_type b on b.oid = t.typbasetype and t.typtype = 'd'
left join pg_index p on p.indrelid = c.oid and p.indisprimary and p.indimmediate and p.indisvalid
left join pg_index i on i.indrelid = c.oid and i.indimmediate and i.indisvalid
    and ((c.relreplident = 'd' and i.indisprimary) or (c.relreplident = 'i' and i.indisreplident))
order by n.ord, a.attnum
