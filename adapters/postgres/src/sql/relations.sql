-- The relations behind the graph's nodes, a row for each column.
select n.ord, c.oid, c.relkind, c.relpersistence, c.relreplident, a.attname::text,
       format('%I.%I', tn.nspname, t.typname),
       coalesce(b.typname, t.typname)::text,
       coalesce(a.attnum = any (i.indkey), c.relreplident = 'f')
from unnest($1::text[]) with ordinality as n(name, ord)
join pg_class c on c.oid = to_regclass(n.name)
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
join pg_namespace tn on tn.oid = t.typnamespace
left join pg_type b on b.oid = t.typbasetype and t.typtype = 'd'
left join pg_index i on i.indrelid = c.oid
    and ((c.relreplident = 'd' and i.indisprimary) or (c.relreplident = 'i' and i.indisreplident))
order by n.ord, a.attnum
