-- Types and text, as SQL Server has them.

create schema dbo;
create schema sys;
grant usage on schema dbo to public;
grant usage on schema sys to public;

-- Text ignores case, and as `bpchar` trailing blanks. Collations are found by the names that T-SQL gives them.
do $$
declare
    family text;
begin
    foreach family in array array['latin1_general', 'latin1_general_100', 'sql_latin1_general_cp1'] loop
        execute format('create collation sys.%I (provider = icu, locale = %L, deterministic = false)',
                       family || '_ci_as', 'und-u-ks-level2');
        execute format('create collation sys.%I (provider = icu, locale = %L, deterministic = false)',
                       family || '_ci_ai', 'und-u-ks-level1');
        execute format('create collation sys.%I (provider = icu, locale = %L)', family || '_cs_as', 'und');
        execute format('create collation sys.%I (locale = %L)', family || '_bin2', 'C');
        execute format('create collation sys.%I (locale = %L)', family || '_bin', 'C');
    end loop;
end
$$;

-- Text with its trailing blanks, which PostgreSQL drops when it turns `bpchar` into `text`.
create function sys.raw(bpchar) returns text language sql immutable strict parallel safe
    as 'select textin(bpcharout($1))';

create function sys.join_text(bpchar, bpchar) returns bpchar language sql immutable strict parallel safe
    as 'select (textin(bpcharout($1)) || textin(bpcharout($2)))::bpchar';
create operator sys.+ (function = sys.join_text, leftarg = bpchar, rightarg = bpchar);

-- The domain that remembers a declared type; what exists stays as it is.
create function sys.ensure_domain(name text, base text, condition text, is_text boolean) returns void
    language plpgsql security definer as $$
begin
    if not exists (select 1 from pg_type where typname = name and typnamespace = 'sys'::regnamespace) then
        execute format('create domain sys.%I as %s %s %s', name, base,
                       case when is_text then 'collate sys.sql_latin1_general_cp1_ci_as' else '' end,
                       case when condition = '' then '' else 'check (' || condition || ')' end);
    end if;
exception when duplicate_object or unique_violation then null; -- another session was faster
end
$$;

-- Numbers stand for bits, text for whatever it is assigned to.
update pg_cast set castcontext = 'i' where castsource = 'int4'::regtype and casttarget = 'bool'::regtype;
create function sys.to_bit(bigint) returns boolean language sql immutable strict parallel safe as 'select $1 <> 0';
create function sys.to_bit(smallint) returns boolean language sql immutable strict parallel safe as 'select $1 <> 0';
create function sys.to_bit(numeric) returns boolean language sql immutable strict parallel safe as 'select $1 <> 0';
create cast (bigint as boolean) with function sys.to_bit(bigint) as assignment;
create cast (smallint as boolean) with function sys.to_bit(smallint) as assignment;
create cast (numeric as boolean) with function sys.to_bit(numeric) as assignment;
create cast (bpchar as integer) with inout as assignment;
create cast (bpchar as bigint) with inout as assignment;
create cast (bpchar as smallint) with inout as assignment;
create cast (bpchar as numeric) with inout as assignment;
create cast (bpchar as double precision) with inout as assignment;
create cast (bpchar as date) with inout as assignment;
create cast (bpchar as timestamp) with inout as assignment;
create cast (bpchar as time) with inout as assignment;
create cast (bpchar as boolean) with inout as assignment;
create cast (bpchar as uuid) with inout as implicit;

-- The domains that the catalogue itself uses.
select sys.ensure_domain('nvarchar(' || length || ')', 'bpchar', '', true) from unnest(array['3', '10', '11', '30', '60', '128', 'max']) as length;
select sys.ensure_domain('nchar(' || length || ')', 'bpchar', '', true) from unnest(array[1, 2]) as length;
select sys.ensure_domain('datetime', 'timestamp(3)', '', false);
