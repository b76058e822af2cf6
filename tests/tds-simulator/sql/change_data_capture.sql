-- Change data capture, read from what the triggers of change tracking note.
--
-- A version of change tracking stands for the place of its commit in the log. What is captured is there as soon as it is
-- committed, unless the capture job is stopped. A change table has the columns of the primary key alone, which is what the
-- triggers note.

select sys.ensure_domain('binary(10)', 'bytea', 'octet_length(value) <= 10', false);
select sys.ensure_domain('varbinary(128)', 'bytea', 'octet_length(value) <= 128', false);
select sys.ensure_domain('nvarchar(24)', 'bpchar', '', true);

-- The place in the log of the commit of a version.
create function sys.lsn(version bigint) returns sys."binary(10)" language sql immutable strict parallel safe as
    $$select ('\x00000025'::bytea || int4send(version::integer) || '\x0001'::bytea)::sys."binary(10)"$$;
create index on sys.commits (sys.lsn(version));

-- Up to which version the capture job has come.
create function sys.captured_version() returns bigint language sql stable security definer as
    'select least(sys.last_version(), (select capture_stopped_at from sys.settings))';

create view sys.captured_transactions as
select sys.lsn(c.version) as start_lsn, c.commit_time::sys.datetime as tran_begin_time,
    c.commit_time::sys.datetime as tran_end_time, int8send(c.xid::text::bigint) as tran_id
from sys.commits c where sys.lsn(c.version) <= sys.lsn(sys.captured_version()) and (select cdc from sys.settings);

-- The end of the log, whatever has been captured of it.
create function sys.dm_db_log_stats(asked smallint) returns table (
    database_id integer, recovery_model sys."nvarchar(60)", log_end_lsn sys."nvarchar(24)"
) language plpgsql stable security definer as $$
#variable_conflict use_column
begin
    if not sys.is_permitted('view database state', 0) then
        raise exception 'mssql:262:VIEW DATABASE STATE permission denied in database ''%''.', current_database();
    end if;
    return query select 5, 'FULL'::sys."nvarchar(60)",
        regexp_replace(encode(sys.lsn(sys.last_version()), 'hex'), '^(.{8})(.{8})(.{4})$', '\1:\2:\3')::sys."nvarchar(24)";
end
$$;

create function sys.require_captured_database() returns void language plpgsql stable as $$
begin
    if not (select cdc from sys.settings) then
        raise exception 'mssql:22901:The database ''%'' is not enabled for Change Data Capture. Ensure that the correct database context is set and retry the operation. To report on the databases enabled for Change Data Capture, query the is_cdc_enabled column in the sys.databases catalog view.', current_database();
    end if;
end
$$;

create function sys.sp_cdc_enable_db() returns void language plpgsql as $$
begin
    if (select cdc from sys.settings) then
        raise exception 'mssql:22902:Database ''%'' is already enabled for Change Data Capture. Ensure that the correct database context is set and retry the operation. To report on the databases enabled for Change Data Capture, query the is_cdc_enabled column in the sys.databases catalog view.', current_database();
    end if;
    update sys.settings set cdc = true, capture_stopped_at = null;
    create schema cdc;
    create view cdc.lsn_time_mapping as select * from sys.captured_transactions;
    create view cdc.change_tables as
    select c.change_table::integer as object_id, 0 as version, c.table_id::integer as source_object_id,
        c.instance::sys."nvarchar(128)" collate sys.sql_latin1_general_cp1_ci_as as capture_instance,
        sys.lsn(c.start_version) as start_lsn, null::sys."binary(10)" as end_lsn, false as supports_net_changes,
        false as has_drop_pending, c.role_name::sys."nvarchar(128)" as role_name, c.create_date::sys.datetime as create_date,
        true as partition_switch
    from sys.captured c;
    create view cdc.captured_columns as
    select c.change_table::integer as object_id,
        sys.original(k.name::name) collate sys.sql_latin1_general_cp1_ci_as as column_name, a.attnum::integer as column_id, k.place::integer as column_ordinal,
        false as is_computed
    from sys.captured c cross join lateral unnest(c.columns) with ordinality as k (name, place)
    left join pg_attribute a on a.attrelid = c.table_id and a.attname = k.name;
end
$$;

create function sys.sp_cdc_enable_table(
    source_schema text, source_name text, role_name text, capture_instance text, captured_column_list text
) returns void language plpgsql as $$
declare
    id oid := to_regclass(format('%I.%I', lower(source_schema), lower(source_name)));
    name text := coalesce(capture_instance, source_schema || '_' || source_name);
    listed text[];
    keys text[];
begin
    perform sys.require_captured_database();
    if id is null then
        raise exception 'mssql:22931:Source table ''%.%'' does not exist in the current database.', source_schema, source_name;
    elsif exists (select 1 from sys.captured c where lower(c.instance) = lower(name)) then
        raise exception 'mssql:22926:Could not create a capture instance because the capture instance name ''%'' already exists in the current database. Specify an explicit unique name for the parameter @capture_instance.', name;
    elsif (select count(*) from sys.captured c where c.table_id = id) >= 2 then
        raise exception 'mssql:22962:Two capture instances already exist for source table ''%.%''. A table can have at most two capture instances. If the current tracking options are not appropriate, disable change tracking for the obsolete instance by using sys.sp_cdc_disable_table and retry the operation.', source_schema, source_name;
    end if;
    select array_agg(a.attname::text order by k.number) into keys
    from pg_index i cross join lateral unnest(i.indkey) with ordinality as k (attnum, number)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
    where i.indrelid = id and i.indisprimary;
    if keys is null then
        raise exception 'mssql:50000:not simulated: change data capture of a table without a primary key';
    end if;
    listed := case when captured_column_list is not null
        then array(select lower(btrim(c, ' []"')) from regexp_split_to_table(captured_column_list, ',') c)
        else array(select a.attname::text from pg_attribute a
                   where a.attrelid = id and a.attnum > 0 and not a.attisdropped order by a.attnum) end;
    perform sys.note_table(id);
    insert into sys.captured (instance, table_id, start_version, columns, role_name)
    values (name, id, sys.last_version(), listed, role_name);
    perform sys.make_change_table(name, id, array(select k from unnest(keys) k where k = any (listed)));
end
$$;

create function sys.make_change_table(name text, id oid, keys text[]) returns void language plpgsql as $$
begin
    execute format($f$
        create view cdc.%1$I as
        select sys.lsn(m.version) as "__$start_lsn", null::sys."binary(10)" as "__$end_lsn",
            (sys.lsn(row_number() over (partition by m.version order by c.cmin::text::bigint, o.operation)))::sys."binary(10)" as "__$seqval",
            o.operation as "__$operation", null::sys."varbinary(128)" as "__$update_mask" %2$s
        from sys.changes_%3$s c join sys.commits m on m.xid = c.sys_change_xid
        cross join lateral unnest(case c.sys_change_action when 'D' then array[1] when 'I' then array[2] else array[3, 4] end) as o (operation)
        where sys.lsn(m.version) > (select sys.lsn(s.start_version) from sys.captured s where s.instance = %4$L)
            and sys.lsn(m.version) <= sys.lsn(sys.captured_version()) $f$,
        lower(name) || '_ct', (select coalesce(string_agg(format(', c.%I', k), ''), '') from unnest(keys) k), id, name);
    update sys.captured c set change_table = to_regclass(format('cdc.%I', lower(name) || '_ct')) where c.instance = name;
end
$$;

create function sys.sp_cdc_disable_table(source_schema text, source_name text, capture_instance text) returns void
    language plpgsql as $$
declare
    id oid := to_regclass(format('%I.%I', lower(source_schema), lower(source_name)));
    name text;
begin
    perform sys.require_captured_database();
    for name in select c.instance from sys.captured c where c.table_id = id
        and (lower(capture_instance) in (lower(c.instance), 'all')) loop
        execute format('drop view cdc.%I', lower(name) || '_ct');
        delete from sys.captured c where c.instance = name;
    end loop;
    if not found then
        raise exception 'mssql:22960:Change data capture instance ''%'' has not been enabled for the source table ''%.%''.', capture_instance, source_schema, source_name;
    end if;
end
$$;

create function sys.sp_cdc_stop_job(job_type text) returns void language sql as
    'update sys.settings set capture_stopped_at = sys.last_version()';
create function sys.sp_cdc_start_job(job_type text) returns void language sql as
    'update sys.settings set capture_stopped_at = null';

-- What the clean-up does after the retention: the changes before a place in the log are no more.
create function sys.sp_cdc_cleanup_change_table(capture_instance text, low_water_mark text) returns void language plpgsql as $$
begin
    perform sys.require_captured_database();
    update sys.captured c set start_version = greatest(c.start_version, m.version)
    from sys.commits m where lower(c.instance) = lower(capture_instance)
        and sys.lsn(m.version) = decode(substr(low_water_mark, 3), 'hex');
    if not found then
        raise exception 'mssql:22964:LSN %, specified as the new low end point for change table is not represented in the lsn_time_mapping table.', low_water_mark;
    end if;
end
$$;

-- The columns that are captured keep their names.
create function sys.check_rename(name text, changed text) returns void language plpgsql stable as $$
begin
    if exists (select 1 from sys.captured c where c.table_id = to_regclass(name) and changed = any (c.columns)) then
        raise exception 'mssql:4928:Cannot alter column ''%'' because it is ''enabled for Replication or Change Data Capture''.', changed;
    end if;
end
$$;
