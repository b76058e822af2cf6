-- On which terms each of these relations ($1) is heard through the publication ($2): first the relation and how the
-- publication carries it, then the files that hold its rows, one for each partition that has rows of its own. A file
-- is another one after a TRUNCATE, and after whatever rewrites the table.
select hash, parts, filled
from (
    select t.ord, to_hex(hashtext(parts::text)) as hash, parts, filled
    from (
        select n.ord,
               min(concat_ws(' ', n.oid, p.oid, p.xmin, r.oid, s.oid)) || array_agg(f.file order by f.file) as parts,
               min(concat_ws(' ', n.oid, p.oid, p.xmin, r.oid, s.oid))
                   || coalesce(array_agg(f.file order by f.file) filter (where f.filled), '{}') as filled
        from unnest($1::oid[]) with ordinality as n(oid, ord)
        join pg_class c on c.oid = n.oid
        cross join pg_publication p
        left join pg_publication_rel r on r.prpubid = p.oid and r.prrelid = c.oid
        left join pg_publication_namespace s on s.pnpubid = p.oid and s.pnnspid = c.relnamespace
        left join lateral (
            select concat(l.oid, ' ', l.relfilenode) as file, pg_relation_size(l.oid) > 0 as filled
            from pg_class l
            where l.oid = c.oid and c.relkind = 'r'
                or l.oid in (select relid from pg_partition_tree(c.oid) where isleaf)
        ) f on f.file is not null
        where p.pubname = $2
        group by n.ord
    ) t
) terms
order by ord
