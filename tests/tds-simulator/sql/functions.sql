-- Functions of T-SQL.

create function sys.text_of(bpchar) returns text language sql immutable strict parallel safe as 'select sys.raw($1)';
create function sys.text_of(text) returns text language sql immutable strict parallel safe as 'select $1';
create function sys.text_of(boolean) returns text language sql immutable strict parallel safe as 'select case when $1 then ''1'' else ''0'' end';
create function sys.text_of(uuid) returns text language sql immutable strict parallel safe as 'select upper($1::text)';
create function sys.text_of(timestamp) returns text language sql immutable strict parallel safe
    as 'select to_char($1, ''YYYY-MM-DD HH24:MI:SS.US'') || ''0''';
create function sys.text_of(bytea) returns text language sql immutable strict parallel safe
    as 'select convert_from($1, ''WIN1252'')';
do $$
declare
    kind text;
begin
    foreach kind in array array['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision', 'date', 'time'] loop
        execute format('create function sys.text_of(%s) returns text language sql immutable strict parallel safe as %L', kind,
                       'select $1::text');
    end loop;
end
$$;

-- CAST and CONVERT to text: cut to the length, with the styles that say how a date or binary is written.
create function sys.styled(value text, style integer) returns text language sql immutable parallel safe as $$
    select case style
        when 126 then replace(value, ' ', 'T')
        when 127 then replace(value, ' ', 'T')
        when 23 then left(value, 10)
        when 112 then replace(left(value, 10), '-', '')
        when 121 then value
        when 120 then left(value, 19)
        else value end
$$;
create function sys.to_text(value anyelement, length integer, style integer) returns bpchar
    language sql immutable parallel safe as $$
    select (case when length is null then sys.styled(sys.text_of(value), style)
                 else left(sys.styled(sys.text_of(value), style), length) end)::bpchar
$$;
create function sys.to_text(value bpchar, length integer, style integer) returns bpchar
    language sql immutable parallel safe as $$
    select (case when length is null then sys.raw(value) else left(sys.raw(value), length) end)::bpchar
$$;
create function sys.to_text(value bytea, length integer, style integer) returns bpchar
    language sql immutable parallel safe as $$
    select (case style when 1 then '0x' || upper(encode(value, 'hex')) when 2 then upper(encode(value, 'hex'))
            else convert_from(value, 'WIN1252') end)::bpchar
$$;
create function sys.concat_text(variadic parts bpchar[]) returns bpchar language sql immutable parallel safe as $$
    select coalesce(string_agg(sys.raw(part), '' order by number), '')::bpchar
    from unnest(parts) with ordinality as p (part, number)
$$;

-- A cast to an integer cuts the fraction off, where PostgreSQL rounds.
create function sys.whole(numeric) returns numeric language sql immutable strict parallel safe as 'select trunc($1)';
create function sys.whole(double precision) returns double precision language sql immutable strict parallel safe as 'select trunc($1)';
create function sys.whole(bpchar) returns bpchar language sql immutable strict parallel safe as 'select $1';
create function sys.whole(boolean) returns integer language sql immutable strict parallel safe as 'select $1::integer';
create function sys.whole(bigint) returns bigint language sql immutable strict parallel safe as 'select $1';
create function sys.whole(integer) returns integer language sql immutable strict parallel safe as 'select $1';
create function sys.whole(smallint) returns smallint language sql immutable strict parallel safe as 'select $1';

create function sys.isnull(boolean, integer) returns boolean language sql immutable parallel safe
    as 'select coalesce($1, $2 <> 0)';
create function sys.isnull(integer, integer) returns integer language sql immutable parallel safe
    as 'select coalesce($1, $2)';
create function sys.isnull(anycompatible, anycompatible) returns anycompatible language sql immutable parallel safe
    as 'select coalesce($1, $2)';

-- Sums and averages of integers are integers.
create aggregate sys.sum(integer) (sfunc = int4pl, stype = integer);
create aggregate sys.sum(bigint) (sfunc = int8pl, stype = bigint);
create function sys.whole_average(bigint[]) returns integer language sql immutable strict parallel safe
    as 'select case when $1[1] > 0 then ($1[2] / $1[1])::integer end';
create aggregate sys.avg(integer) (sfunc = int4_avg_accum, stype = bigint[], finalfunc = sys.whole_average, initcond = '{0,0}');

create function sys.padded(bpchar, integer) returns bpchar language sql immutable strict parallel safe
    as 'select rpad(sys.raw($1), $2)::bpchar';
create function sys.len(bpchar) returns integer language sql immutable strict parallel safe
    as 'select char_length(rtrim(sys.raw($1), '' ''))';
create function sys.datalength(bpchar) returns integer language sql immutable strict parallel safe
    as 'select char_length(sys.raw($1)) * 2';
create function sys.datalength(bytea) returns integer language sql immutable strict parallel safe
    as 'select octet_length($1)';
create function sys.upper(bpchar) returns bpchar language sql immutable strict parallel safe
    as 'select upper(sys.raw($1) collate "und-x-icu")::bpchar';
create function sys.lower(bpchar) returns bpchar language sql immutable strict parallel safe
    as 'select lower(sys.raw($1) collate "und-x-icu")::bpchar';
create function sys.ltrim(bpchar) returns bpchar language sql immutable strict parallel safe
    as 'select ltrim(sys.raw($1))::bpchar';
create function sys.rtrim(bpchar) returns bpchar language sql immutable strict parallel safe
    as 'select rtrim(sys.raw($1))::bpchar';
create function sys.left(bpchar, integer) returns bpchar language sql immutable strict parallel safe
    as 'select left(sys.raw($1), $2)::bpchar';
create function sys.right(bpchar, integer) returns bpchar language sql immutable strict parallel safe
    as 'select right(sys.raw($1), $2)::bpchar';
create function sys.replicate(bpchar, integer) returns bpchar language sql immutable strict parallel safe
    as 'select repeat(sys.raw($1), $2)::bpchar';
create function sys.charindex(part bpchar, whole bpchar) returns integer language sql immutable strict parallel safe
    as 'select strpos(lower(sys.raw($2) collate "und-x-icu") collate "C", lower(sys.raw($1) collate "und-x-icu") collate "C")';
create function sys.replace(whole bpchar, part bpchar, by bpchar) returns bpchar
    language sql immutable strict parallel safe
    as 'select replace(sys.raw($1) collate "C", sys.raw($2) collate "C", sys.raw($3) collate "C")::bpchar';
create function sys.is_like(value bpchar, pattern bpchar, escape text) returns boolean
    language plpgsql immutable strict parallel safe as $$
begin
    if strpos(sys.raw(pattern) collate "C", '[') > 0 then
        raise exception 'mssql:50000:The simulator of SQL Server does not know: LIKE with a class of characters';
    end if;
    return (sys.raw(value) collate "und-x-icu") ilike (sys.raw(pattern) collate "und-x-icu") escape escape;
end
$$;

create function sys.getdate() returns timestamp language sql stable parallel safe as 'select clock_timestamp()::timestamp(3)';
create function sys.getutcdate() returns timestamp language sql stable parallel safe as 'select clock_timestamp()::timestamp(3)';
create function sys.sysdatetime() returns timestamp language sql stable parallel safe as 'select clock_timestamp()::timestamp';
create function sys.sysutcdatetime() returns timestamp language sql stable parallel safe as 'select clock_timestamp()::timestamp';
create function sys.newid() returns uuid language sql volatile as 'select gen_random_uuid()';

create function sys.part_name(part text) returns text language sql immutable parallel safe as $$
    select case part when 'yyyy' then 'year' when 'yy' then 'year' when 'mm' then 'month' when 'm' then 'month'
        when 'dd' then 'day' when 'd' then 'day' when 'hh' then 'hour' when 'mi' then 'minute' when 'n' then 'minute'
        when 'ss' then 'second' when 's' then 'second' when 'ms' then 'millisecond' when 'mcs' then 'microsecond'
        when 'wk' then 'week' when 'ww' then 'week' when 'q' then 'quarter' when 'qq' then 'quarter' else part end
$$;
create function sys.dateadd(part text, number bigint, moment timestamp) returns timestamp
    language sql immutable strict parallel safe as $$
    select case sys.part_name(part)
        when 'quarter' then moment + make_interval(months => (number * 3)::integer)
        else moment + number * ('1 ' || sys.part_name(part))::interval end
$$;
create function sys.dateadd(part text, number bigint, moment date) returns date
    language sql immutable strict parallel safe as 'select sys.dateadd($1, $2, $3::timestamp)::date';
create function sys.datediff(part text, from_moment timestamp, to_moment timestamp) returns integer
    language sql immutable strict parallel safe as $$
    select (case sys.part_name(part)
        when 'year' then extract(year from to_moment) - extract(year from from_moment)
        when 'month' then (extract(year from to_moment) - extract(year from from_moment)) * 12
                          + extract(month from to_moment) - extract(month from from_moment)
        when 'day' then to_moment::date - from_moment::date
        when 'hour' then extract(epoch from date_trunc('hour', to_moment) - date_trunc('hour', from_moment)) / 3600
        when 'minute' then extract(epoch from date_trunc('minute', to_moment) - date_trunc('minute', from_moment)) / 60
        when 'second' then extract(epoch from date_trunc('second', to_moment) - date_trunc('second', from_moment))
        when 'millisecond' then extract(epoch from date_trunc('milliseconds', to_moment) - date_trunc('milliseconds', from_moment)) * 1000
        end)::integer
$$;
create function sys.datepart(part text, moment timestamp) returns integer language sql immutable strict parallel safe
    as 'select date_part(sys.part_name($1), $2)::integer' ;
create function sys.year(timestamp) returns integer language sql immutable strict parallel safe as 'select extract(year from $1)::integer';
create function sys.month(timestamp) returns integer language sql immutable strict parallel safe as 'select extract(month from $1)::integer';
create function sys.day(timestamp) returns integer language sql immutable strict parallel safe as 'select extract(day from $1)::integer';

create function sys.scope_identity() returns numeric(38, 0) language plpgsql as $$
begin
    return lastval();
exception when object_not_in_prerequisite_state then return null;
end
$$;

-- JSON. The order and the digits of what was sent are kept: `json`, not `jsonb`.
create function sys.checked_json(value bpchar) returns json language plpgsql immutable parallel safe as $$
begin
    return sys.raw(value)::json;
exception when invalid_text_representation then
    raise exception 'mssql:13609:JSON text is not properly formatted.';
end
$$;
create function sys.json_rows(value bpchar, path text[]) returns setof json language plpgsql immutable parallel safe
    rows 1000 as $$
declare
    found json := sys.checked_json(value);
begin
    if cardinality(path) > 0 then
        found := found #> path;
    end if;
    if json_typeof(found) = 'array' then
        return query select e from json_array_elements(found) as e;
    elsif found is not null then
        return next found;
    end if;
end
$$;
-- For plans: SQL Server takes a document for fifty rows.
create function sys.some_json_rows(value bpchar, path text[]) returns setof json language plpgsql immutable parallel safe
    rows 50 as $$
begin
    return query select sys.json_rows(value, path);
end
$$;
create function sys.json_entries(document bpchar, path text[])
    returns table ("key" bpchar, "value" bpchar, "type" smallint) language plpgsql immutable parallel safe as $$
declare
    found json := sys.checked_json(document);
begin
    if cardinality(path) > 0 then
        found := found #> path;
    end if;
    if json_typeof(found) = 'array' then
        return query select (n - 1)::text::bpchar, (e #>> '{}')::bpchar, sys.json_type(e)
            from json_array_elements(found) with ordinality as a (e, n);
    elsif json_typeof(found) = 'object' then
        return query select k::bpchar, (e #>> '{}')::bpchar, sys.json_type(e) from json_each(found) as a (k, e);
    end if;
end
$$;
create function sys.json_type(value json) returns smallint language sql immutable parallel safe as $$
    select (case json_typeof(value) when 'null' then 0 when 'string' then 1 when 'number' then 2 when 'boolean' then 3
            when 'array' then 4 else 5 end)::smallint
$$;
-- The member that a bare column name means; the translation folds names, so the case is looked up.
create function sys.json_key(value json, name text) returns text language sql immutable parallel safe as $$
    select k from json_object_keys(case when json_typeof(value) = 'object' then value else '{}'::json end) as k
    where lower(k) = name limit 1
$$;
-- A name with dots is a path: `a.b` is member `b` of member `a`.
create function sys.nested(value json) returns json language plpgsql immutable parallel safe as $$
begin
    if not exists (select 1 from json_object_keys(value) k where strpos(k, '.') > 0) then
        return value;
    end if;
    return (
        select ('{' || string_agg(to_json(head)::text || ':' || part::text, ',' order by place) || '}')::json
        from (select split_part(k, '.', 1) as head, min(n) as place,
                     case when bool_or(strpos(k, '.') > 0)
                          then sys.nested(('{' || string_agg(to_json(substr(k, strpos(k, '.') + 1))::text || ':' || v::text, ',' order by n)
                                            || '}')::json)
                          else (array_agg(v))[1] end as part
              from json_each(value) with ordinality as e (k, v, n) group by 1) as g);
end
$$;
-- The result is `json`, so that one inside of another is no text in it.
create function sys.for_json(rows json, include_nulls boolean, bare boolean) returns json
    language sql immutable parallel safe as $$
    select case when bare then array_to_json(kept) -> 0 else array_to_json(kept) end
    from (select array_agg(sys.nested(case when include_nulls then e else json_strip_nulls(e) end) order by n) as kept
          from json_array_elements(rows) with ordinality as r (e, n)) as k
$$;
create function sys.json_query(value bpchar) returns json language sql immutable parallel safe as
    'select sys.checked_json($1)';
create function sys.isjson(value bpchar) returns integer language plpgsql immutable parallel safe as $$
begin
    perform sys.raw(value)::json;
    return case when value is not null then 1 end;
exception when invalid_text_representation then return 0;
end
$$;
