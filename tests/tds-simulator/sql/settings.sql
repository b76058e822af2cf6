-- What the simulator keeps about a database.

create table sys.names (folded text primary key, original text not null);
grant select on sys.names to public;

-- All names are in lower case here; how they were first written is kept for the catalogue, once for all objects.
create function sys.remember_name(name text) returns void language sql security definer as
    'insert into sys.names values (lower(name), name) on conflict do nothing';

create table sys.settings (
    allow_snapshot_isolation boolean not null default false,
    read_committed_snapshot boolean not null default false,
    read_only boolean not null default false,
    secondary boolean not null default false,
    tracking boolean not null default false,
    retention_period integer not null default 2,
    retention_units text not null default 'days',
    auto_cleanup boolean not null default true,
    cdc boolean not null default false,
    capture_stopped_at bigint,
    database_guid uuid not null default gen_random_uuid(),
    recovery_fork_guid uuid not null default gen_random_uuid(),
    first_recovery_fork_guid uuid
);
insert into sys.settings default values;
grant select on sys.settings to public;

create table sys.users (name text primary key);
create table sys.role_members (role text, member text, primary key (role, member));
create table sys.permissions (grantee text, permission text, class text, object oid, primary key (grantee, permission, class, object));
grant select on sys.users, sys.role_members, sys.permissions to public;

-- A number the inserted rows of an identity column have not reached yet.
create function sys.raise_identity(name text) returns void language plpgsql as $$
declare
    identity_column text;
    sequence text;
    highest bigint;
begin
    select attname into identity_column from pg_attribute where attrelid = name::regclass and attidentity <> '';
    if identity_column is null then
        return;
    end if;
    sequence := pg_get_serial_sequence(name, identity_column);
    execute format('select max(%I) from %s', identity_column, name) into highest;
    if highest > coalesce((select s.last_value from pg_sequences s where format('%I.%I', s.schemaname, s.sequencename) = sequence), 0) then
        perform setval(sequence, highest);
    end if;
end
$$;

-- The columns that an INSERT without a list means, if that is not all of them: the identity column is not among them.
create function sys.columns_to_insert(name text) returns text language sql stable as $$
    select string_agg(quote_ident(attname), ', ' order by attnum) filter (where attidentity = '')
    from pg_attribute where attrelid = to_regclass(name) and attnum > 0 and not attisdropped
    having bool_or(attidentity <> '')
$$;
