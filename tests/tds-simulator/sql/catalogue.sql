create table sys.names (folded text primary key, original text not null);
grant select on sys.names to public;
create function sys.remember_name(original text) returns void language sql security definer as
    'insert into sys.names values (lower($1), $1) on conflict (folded) do update set original = excluded.original';
create table sys.settings (allow_snapshot_isolation boolean not null default false, read_committed_snapshot boolean not null default false,
    read_only boolean not null default false, secondary boolean not null default false,
    database_guid uuid not null default gen_random_uuid(), recovery_fork_guid uuid not null default gen_random_uuid(), first_recovery_fork_guid uuid);
insert into sys.settings default values;
grant select on sys.settings to public;
create function sys.version_text() returns bpchar language sql immutable as 
 $$select 'Microsoft SQL Server 2019 (simulator of Wattle over PostgreSQL) - 15.0.4000.0'::bpchar$$;
create function sys.raise_identity(name text) returns void language plpgsql as $$
declare
    sequence text; col text; highest bigint;
begin
    select attname into col from pg_attribute where attrelid = name::regclass and attidentity <> '';
    if col is null then return; end if;
    sequence := pg_get_serial_sequence(name, col);
    execute format('select max(%I) from %s', col, name) into highest;
    if highest is not null then
        perform setval(sequence, greatest(highest, nextval(sequence) - 1));
    end if;
end
$$;
create function sys.create_user(name text) returns void language plpgsql as $$
begin
    execute format('grant usage on schema dbo to %I', name);
end
$$;
