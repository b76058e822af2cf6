-- Change tracking, made of triggers.
--
-- A trigger notes the keys of changed rows with the id of the transaction. The version is given when the transaction
-- commits, by a deferred trigger, under a lock that is held until the commit can be seen: versions become visible in
-- their order, and whoever sees a version sees all changes up to it.

create sequence sys.change_versions;
create table sys.commits (xid xid8 primary key, version bigint, commit_time timestamp);
create unique index on sys.commits (version);
create table sys.tracked (
    table_id oid primary key,
    begin_version bigint not null,
    min_valid_version bigint not null,
    cleanup_version bigint not null default 0,
    track_columns boolean not null,
    truncated_by xid8
);
grant select on sys.tracked to public;

-- The capture instances of change data capture, and from which version on each has its changes.
create table sys.captured (
    instance text primary key,
    table_id oid not null,
    change_table oid,
    start_version bigint not null,
    columns text[] not null,
    role_name text,
    create_date timestamp not null default clock_timestamp()
);
grant select on sys.captured to public;

create function sys.give_version() returns trigger language plpgsql security definer as $$
declare
    given bigint;
begin
    perform pg_advisory_xact_lock(22105);
    -- Read past any snapshot, and without `nextval`, which would be the last identity of the session.
    select case when is_called then last_value + 1 else last_value end into given from sys.change_versions;
    perform setval('sys.change_versions', given);
    update sys.commits set version = given, commit_time = clock_timestamp() where xid = new.xid;
    update sys.tracked set min_valid_version = given, truncated_by = null where truncated_by = new.xid;
    return null;
end
$$;
create constraint trigger give_version after insert on sys.commits deferrable initially deferred
    for each row execute function sys.give_version();

-- The transaction gets a version when it commits.
create function sys.mark_commit() returns xid8 language sql security definer as $$
    insert into sys.commits (xid) values (pg_current_xact_id()) on conflict do nothing;
    select pg_current_xact_id();
$$;

create function sys.last_version() returns bigint language sql stable security definer as
    'select coalesce(max(version), 0) from sys.commits';

create function sys.change_tracking_current_version() returns bigint language sql stable security definer as
    'select case when (select tracking and not secondary from sys.settings) then sys.last_version() end';

create function sys.change_tracking_min_valid_version(table_id integer) returns bigint language sql stable as $$
    select t.min_valid_version from sys.tracked t
    where t.table_id = $1::oid and sys.is_permitted('view change tracking', t.table_id)
$$;
create function sys.change_tracking_min_valid_version(table_id bigint) returns bigint language sql stable as
    'select sys.change_tracking_min_valid_version($1::integer)';

create function sys.check_changes(table_id oid, name text) returns void language plpgsql stable as $$
begin
    -- What notes the changes is looked up as it is now, and its rows as the snapshot has them: of one made anew since, none.
    if to_regclass('sys.changes_' || table_id) is not null
        and not exists (select 1 from pg_class c where c.oid = to_regclass('sys.changes_' || check_changes.table_id)) then
        raise exception 'mssql:3961:Snapshot isolation transaction failed in database ''%'' because the object accessed by the statement has been modified by a DDL statement in another concurrent transaction since the start of this transaction. It is disallowed because the metadata is not versioned.', current_database();
    end if;
    if (select secondary from sys.settings) then
        raise exception 'mssql:22117:For databases that are members of a secondary availability or secondary database (readable secondaries), change tracking is not supported. Run change tracking queries on the databases in the primary availability replica.';
    end if;
    if not sys.is_permitted('view change tracking', table_id) then
        raise exception 'mssql:229:The VIEW CHANGE TRACKING permission was denied on the object ''%'', database ''%'', schema ''%''.',
            split_part(name, '.', 2), current_database(), split_part(name, '.', 1);
    end if;
end
$$;

create function sys.track_database(switch boolean, period integer, units text, cleanup boolean) returns void
    language plpgsql as $$
declare
    on_now boolean := (select tracking from sys.settings);
begin
    if switch and on_now then
        raise exception 'mssql:5088:Change tracking is already enabled for database ''%''.', current_database();
    elsif not switch and exists (select 1 from sys.tracked) then
        raise exception 'mssql:22115:Change tracking is enabled for one or more tables in database ''%''. Disable change tracking on each table before disabling it for the database.', current_database();
    elsif not coalesce(switch, on_now) and not on_now then
        raise exception 'mssql:5089:Change tracking is disabled for database ''%''. Change tracking must be enabled on a database to modify change tracking settings.', current_database();
    end if;
    update sys.settings set tracking = coalesce(switch, tracking), retention_period = coalesce(period, retention_period),
        retention_units = coalesce(units, retention_units), auto_cleanup = coalesce(cleanup, auto_cleanup);
end
$$;

-- Notes the keys of changed rows, and tells them, by the names that the key's columns have now.
create function sys.describe_tracking(id oid) returns void language plpgsql as $$
declare
    plain text;
    keys text[];
    list text;       -- "a", "b"
    of_new text;     -- n."a", n."b"
    same text;       -- n."a" = o."a" and …
    returned text;   -- "a" type, "b" type
    log text;
begin
    select array_agg(quote_ident(a.attname) order by k.number),
           string_agg(format('n.%I = o.%1$I', a.attname), ' and ' order by k.number),
           string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by k.number)
    into keys, same, returned
    from pg_index i cross join lateral unnest(i.indkey) with ordinality as k (attnum, number)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
    where i.indrelid = id and i.indisprimary;
    select n.nspname || '.' || c.relname into plain
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = id;
    list := array_to_string(keys, ', ');
    of_new := 'n.' || array_to_string(keys, ', n.');
    log := 'sys.changes_' || id;
    execute format($f$
        create or replace function sys.note_%1$s() returns trigger language plpgsql security definer as $t$
        declare
            marked xid8;
        begin
            if tg_op = 'TRUNCATE' then
                if exists (select 1 from sys.captured c where c.table_id = %1$s) then
                    raise exception 'mssql:4711:Cannot truncate table ''%%'' because it is published for replication or enabled for Change Data Capture.', %1$s::regclass;
                end if;
                delete from %2$s;
                update sys.tracked set truncated_by = sys.mark_commit() where table_id = %1$s;
            elsif tg_op = 'INSERT' then
                if exists (select 1 from new_rows) then
                    marked := sys.mark_commit();
                    insert into %2$s (%3$s, sys_change_xid, sys_change_action)
                    select %3$s, marked, 'I' from new_rows;
                end if;
            elsif tg_op = 'DELETE' then
                if exists (select 1 from old_rows) then
                    marked := sys.mark_commit();
                    insert into %2$s (%3$s, sys_change_xid, sys_change_action)
                    select %3$s, marked, 'D' from old_rows;
                end if;
            elsif exists (select 1 from new_rows) then
                marked := sys.mark_commit();
                insert into %2$s (%3$s, sys_change_xid, sys_change_action)
                select %4$s, marked, 'D' from old_rows n
                where not exists (select 1 from new_rows o where %5$s);
                insert into %2$s (%3$s, sys_change_xid, sys_change_action)
                select %4$s, marked, case when exists (select 1 from old_rows o where %5$s) then 'U' else 'I' end
                from new_rows n;
            end if;
            return null;
        end $t$ $f$, id, log, list, of_new, same);
    -- One row per key: its last action (within a transaction, that of its last command), unless the first one since then tells that the key is new.
    execute format('drop function if exists sys.%I(bigint)', 'changes of ' || plain);
    execute format($f$
        create function sys.%1$I(since bigint) returns table (
            sys_change_version bigint, sys_change_creation_version bigint, sys_change_operation sys."nchar(1)",
            sys_change_columns bytea, sys_change_context bytea, %2$s
        ) language plpgsql stable security definer as $t$
        #variable_conflict use_column
        begin
            perform sys.check_changes(%3$s, %4$L);
            return query
            select version, case when first_action = 'I' and sys_change_action <> 'D' then first_version end,
                   (case when sys_change_action = 'D' then 'D' when first_action = 'I' then 'I' else 'U' end)::sys."nchar(1)",
                   null::bytea, null::bytea, %5$s
            from (select c.*, m.version,
                         first_value(c.sys_change_action) over earliest as first_action,
                         first_value(m.version) over earliest as first_version,
                         row_number() over (partition by %5$s order by m.version desc, c.cmin::text::bigint desc) as place
                  from %6$s c join sys.commits m on m.xid = c.sys_change_xid
                  where m.version > coalesce(since, 0)
                  window earliest as (partition by %5$s order by m.version, c.cmin::text::bigint)) as noted
            where place = 1;
        end $t$ $f$, 'changes of ' || plain, returned, id, plain, list, log);
end
$$;

-- Notes the changes of a table from here on, with its columns as the log has them: those of its primary key.
create function sys.note_table(id oid) returns void language plpgsql as $$
declare
    name text := id::regclass;
    log text := 'sys.changes_' || id;
    list text;
begin
    if to_regclass(log) is not null then
        return;
    end if;
    select string_agg(quote_ident(a.attname), ', ' order by k.number) into list
    from pg_index i cross join lateral unnest(i.indkey) with ordinality as k (attnum, number)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
    where i.indrelid = id and i.indisprimary;
    execute format('create table %s as select %s from %s with no data', log, list, name);
    execute format('alter table %s add sys_change_xid xid8 not null, add sys_change_action text not null', log);
    execute format('create index on %s (sys_change_xid)', log);
    perform sys.describe_tracking(id);
    execute format('create trigger sys_inserted after insert on %s referencing new table as new_rows for each statement execute function sys.note_%s()', name, id);
    execute format('create trigger sys_deleted after delete on %s referencing old table as old_rows for each statement execute function sys.note_%s()', name, id);
    execute format('create trigger sys_updated after update on %s referencing new table as new_rows old table as old_rows for each statement execute function sys.note_%s()', name, id);
    execute format('create trigger sys_truncated after truncate on %s for each statement execute function sys.note_%s()', name, id);
end
$$;

create function sys.track_table(name text, columns boolean) returns void language plpgsql as $$
declare
    id oid := to_regclass(name);
begin
    if id is null then
        raise exception 'mssql:4902:Cannot find the object "%" because it does not exist or you do not have permissions.', name;
    elsif not (select tracking from sys.settings) then
        raise exception 'mssql:5089:Change tracking is disabled for database ''%''. Change tracking must be enabled on a database to modify change tracking settings.', current_database();
    elsif exists (select 1 from sys.tracked where table_id = id) then
        raise exception 'mssql:4996:Change tracking is already enabled for table ''%''.', name;
    elsif not exists (select 1 from pg_index i where i.indrelid = id and i.indisprimary) then
        raise exception 'mssql:4997:Cannot enable change tracking on table ''%''. Change tracking requires a primary key on the table. Create a primary key on the table before enabling change tracking.', name;
    end if;
    perform sys.note_table(id);
    insert into sys.tracked (table_id, begin_version, min_valid_version, track_columns)
    values (id, sys.last_version(), sys.last_version(), columns);
end
$$;

-- What was noted of a tracked table goes on by the new name of its column.
create function sys.rename_noted(name text, old text, new text) returns void language plpgsql as $$
declare
    id oid := to_regclass(name);
begin
    if exists (select 1 from pg_attribute where attrelid = to_regclass('sys.changes_' || id) and attname = old) then
        execute format('alter table sys.changes_%s rename column %I to %I', id, old, new);
        perform sys.describe_tracking(id);
    end if;
end
$$;

create function sys.forget_table(id oid, plain text) returns void language plpgsql security definer as $$
begin
    execute format('drop function if exists sys.%I(bigint)', 'changes of ' || plain);
    execute format('drop function if exists sys.note_%s() cascade', id);
    execute format('drop table if exists sys.changes_%s cascade', id);
    delete from sys.tracked where table_id = id;
    delete from sys.captured where table_id = id;
end
$$;
create function sys.untrack_table(name text) returns void language plpgsql as $$
declare
    id oid := to_regclass(name);
begin
    if not exists (select 1 from sys.tracked where table_id = id) then
        raise exception 'mssql:4998:Change tracking is not enabled on table ''%''.', name;
    end if;
    delete from sys.tracked where table_id = id;
    if exists (select 1 from sys.captured where table_id = id) then
        return;
    end if;
    perform sys.forget_table(id, (select n.nspname || '.' || c.relname from pg_class c
                                  join pg_namespace n on n.oid = c.relnamespace where c.oid = id));
end
$$;

-- A table that is dropped takes its tracking along.
create function sys.forget_dropped() returns event_trigger language plpgsql security definer as $$
declare
    dropped record;
begin
    for dropped in select d.objid, d.schema_name, d.object_name from pg_event_trigger_dropped_objects() d
        where d.object_type = 'table' and d.objid in (select t.table_id from sys.tracked t union select c.table_id from sys.captured c) loop
        perform sys.forget_table(dropped.objid, dropped.schema_name || '.' || dropped.object_name);
    end loop;
end
$$;
create event trigger forget_dropped on sql_drop when tag in ('DROP TABLE', 'DROP SCHEMA') execute function sys.forget_dropped();

-- What the clean-up does after the retention.
create function sys.forget_changes(name text, version bigint) returns void language plpgsql as $$
declare
    id integer := sys.object_id(name::bpchar);
begin
    if not exists (select 1 from sys.tracked where table_id = id::oid) then
        raise exception 'mssql:4998:Change tracking is not enabled on table ''%''.', name;
    end if;
    update sys.tracked t set min_valid_version = greatest(t.min_valid_version, forget_changes.version),
        cleanup_version = greatest(t.cleanup_version, forget_changes.version) where t.table_id = id::oid;
    execute format('delete from sys.changes_%s c using sys.commits m where m.xid = c.sys_change_xid and m.version <= %s', id, version);
end
$$;
