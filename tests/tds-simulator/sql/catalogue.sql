-- The catalogue: views and functions of schema `sys`, and INFORMATION_SCHEMA.

select sys.ensure_domain('tinyint', 'smallint', 'value between 0 and 255', false);

-- Collations as SQL Server writes them.
create function sys.collation_case(name name) returns text language sql immutable as $$
    select replace(replace(replace(replace(replace(replace(replace(name::text, 'sql_', 'SQL_'), 'latin1_general', 'Latin1_General'),
        '_cp1_', '_CP1_'), '_ci_', '_CI_'), '_cs_', '_CS_'), '_as', '_AS'), '_bin', '_BIN')
$$;

-- Asked for every row of the catalogue, and more than once: PL/pgSQL keeps its plan.
create function sys.original(name name) returns sys."nvarchar(128)" language plpgsql stable as $$
begin
    return coalesce((select n.original from sys.names n where n.folded = $1::text), $1::text);
end
$$;

create function sys.version_text() returns bpchar language sql immutable as
    $$select 'Microsoft SQL Server 2019 (Wattle''s simulator over PostgreSQL) - 15.0.4000.0 (X64) Developer Edition'::bpchar$$;

-- A declared type: a domain of `sys` or one of PostgreSQL's own.
create function sys.declared(kind oid, modifier integer)
    returns table (name text, length integer, "precision" integer, scale integer) language sql stable as $$
    select d.base,
           coalesce(case when d.given = 'max' then -1
                when d.base in ('nvarchar', 'nchar') then d.given::integer * 2
                when d.base in ('varchar', 'char', 'varbinary', 'binary') then d.given::integer end, case d.base
                when 'bit' then 1 when 'tinyint' then 1 when 'smallint' then 2 when 'int' then 4 when 'bigint' then 8
                when 'real' then 4 when 'float' then 8 when 'money' then 8 when 'smallmoney' then 4 when 'date' then 3
                when 'datetime2' then 8 when 'datetime' then 8 when 'smalldatetime' then 4 when 'time' then 5
                when 'uniqueidentifier' then 16
                when 'decimal' then case when ((modifier - 4) >> 16) <= 9 then 5 when ((modifier - 4) >> 16) <= 19 then 9
                                         when ((modifier - 4) >> 16) <= 28 then 13 else 17 end end),
           case d.base when 'decimal' then (modifier - 4) >> 16 when 'bit' then 1 when 'tinyint' then 3 when 'smallint' then 5
                when 'int' then 10 when 'bigint' then 19 when 'real' then 24 when 'float' then 53 when 'money' then 19
                when 'smallmoney' then 10 when 'date' then 10 when 'datetime2' then 27 when 'datetime' then 23
                when 'smalldatetime' then 16 when 'time' then 16 else 0 end,
           case d.base when 'decimal' then (modifier - 4) & 65535 when 'money' then 4 when 'smallmoney' then 4
                when 'datetime' then 3 when 'datetime2' then d.given::integer when 'time' then d.given::integer else 0 end
    from pg_type t
    cross join lateral (select case when t.typnamespace = 'sys'::regnamespace then split_part(t.typname, '(', 1)
        else case t.typname when 'bool' then 'bit' when 'int2' then 'smallint' when 'int4' then 'int' when 'int8' then 'bigint'
             when 'float4' then 'real' when 'float8' then 'float' when 'numeric' then 'decimal' when 'uuid' then 'uniqueidentifier'
             when 'timestamp' then 'datetime2' when 'bpchar' then 'nvarchar' when 'text' then 'nvarchar' when 'bytea' then 'varbinary'
             else t.typname::text end end as base,
        case when t.typnamespace = 'sys'::regnamespace then nullif(rtrim(split_part(t.typname, '(', 2), ')'), '')
             when t.typname in ('bpchar', 'text', 'bytea') then 'max' when t.typname in ('timestamp', 'time') then '7' end as given) as d
    where t.oid = kind
$$;

create table sys.type_ids (type_name text primary key, id integer not null, length integer not null, "precision" integer not null, scale integer not null);
insert into sys.type_ids values ('uniqueidentifier', 36, 16, 0, 0), ('date', 40, 3, 10, 0), ('time', 41, 5, 16, 7),
    ('datetime2', 42, 8, 27, 7), ('tinyint', 48, 1, 3, 0), ('smallint', 52, 2, 5, 0), ('int', 56, 4, 10, 0),
    ('smalldatetime', 58, 4, 16, 0), ('real', 59, 4, 24, 0), ('money', 60, 8, 19, 4), ('datetime', 61, 8, 23, 3),
    ('float', 62, 8, 53, 0), ('bit', 104, 1, 1, 0), ('decimal', 106, 17, 38, 38), ('numeric', 108, 17, 38, 38),
    ('smallmoney', 122, 4, 10, 4), ('bigint', 127, 8, 19, 0), ('varbinary', 165, 8000, 0, 0), ('varchar', 167, 8000, 0, 0),
    ('binary', 173, 8000, 0, 0), ('char', 175, 8000, 0, 0), ('nvarchar', 231, 8000, 0, 0), ('nchar', 239, 8000, 0, 0);

create view sys.types as
select type_name::sys."nvarchar(128)" as name, id::sys.tinyint as system_type_id, id as user_type_id, 4 as schema_id,
    length::smallint as max_length, "precision"::sys.tinyint as "precision", scale::sys.tinyint as scale, true as is_nullable,
    false as is_user_defined, false as is_assembly_type, false as is_table_type
from sys.type_ids
union all
select 'sysname', 231, 256, 4, 256, 0, 0, false, false, false, false;

create view sys.schemas as
select coalesce(n.original, s.nspname::text)::sys."nvarchar(128)" collate sys.sql_latin1_general_cp1_ci_as as name,
    s.oid::integer as schema_id, 1 as principal_id
from pg_namespace s left join sys.names n on n.folded = s.nspname::text
where s.nspname in (select sys.user_schemas());

-- When objects were created and last altered.
create table sys.modifications (object oid primary key, created timestamp not null, modified timestamp not null);
create function sys.note_definition() returns event_trigger language plpgsql security definer as $$
declare
    moment timestamp := clock_timestamp();
begin
    insert into sys.modifications as m
    select distinct coalesce(i.indrelid, d.objid), moment, moment
    from pg_event_trigger_ddl_commands() d left join pg_index i on i.indexrelid = d.objid
    where d.classid = 'pg_class'::regclass and d.object_type in ('table', 'view', 'index')
    on conflict (object) do update set modified = excluded.modified;
end
$$;

create view sys.objects as
select coalesce(n.original, c.relname::text)::sys."nvarchar(128)" collate sys.sql_latin1_general_cp1_ci_as as name,
    c.oid::integer as object_id, c.relnamespace::integer as schema_id,
    null::integer as principal_id, 0 as parent_object_id,
    (case c.relkind when 'v' then 'V' else 'U' end)::sys."nchar(2)" as type,
    (case c.relkind when 'v' then 'VIEW' else 'USER_TABLE' end)::sys."nvarchar(60)" as type_desc,
    coalesce(m.created, '2024-01-01')::sys.datetime as create_date, coalesce(m.modified, '2024-01-01')::sys.datetime as modify_date,
    false as is_ms_shipped
from pg_class c left join sys.modifications m on m.object = c.oid left join sys.names n on n.folded = c.relname::text
where c.relkind in ('r', 'v') and c.relnamespace::regnamespace::text in (select quote_ident(s) from sys.user_schemas() s)
    and sys.is_visible(c.oid);

create view sys.tables as
select o.*, false as is_memory_optimized, 0::sys.tinyint as temporal_type, false as is_filetable, false as is_external,
    exists (select 1 from sys.captured c where c.table_id = o.object_id::oid) as is_tracked_by_cdc, false as is_replicated
from sys.objects o where o.type = 'U';
create view sys.views as select o.* from sys.objects o where o.type = 'V';

create view sys.all_objects as select * from sys.objects;

create view sys.columns as
select a.attrelid::integer as object_id, sys.original(a.attname) collate sys.sql_latin1_general_cp1_ci_as as name, a.attnum::integer as column_id,
    i.id::sys.tinyint as system_type_id, i.id as user_type_id, d.length::smallint as max_length,
    d."precision"::sys.tinyint as "precision", d.scale::sys.tinyint as scale,
    (case when a.attcollation <> 0 then sys.collation_case(co.collname) end)::sys."nvarchar(128)" as collation_name,
    not a.attnotnull as is_nullable, a.attidentity <> '' as is_identity, a.attgenerated <> '' as is_computed,
    false as is_rowguidcol, false as is_filestream, false as is_sparse, false as is_hidden, 0::sys.tinyint as generated_always_type,
    coalesce((select ad.oid::integer from pg_attrdef ad where ad.adrelid = a.attrelid and ad.adnum = a.attnum), 0) as default_object_id
from pg_attribute a
cross join lateral sys.declared(a.atttypid, a.atttypmod) d
left join sys.type_ids i on i.type_name = d.name
left join pg_collation co on co.oid = a.attcollation
where a.attnum > 0 and not a.attisdropped and a.attrelid in (select o.object_id::oid from sys.objects o);

create view sys.identity_columns as select c.*, null::bigint as last_value from sys.columns c where c.is_identity;

-- Index 1 is the primary key's, which is clustered; the others follow in the order of their creation.
create view sys.index_numbers as
select i.indrelid, i.indexrelid, i.indisunique, i.indisprimary, i.indpred, i.indkey, i.indoption, i.indnkeyatts, i.indnatts,
    (case when i.indisprimary then 1 else 1 + row_number() over (partition by i.indrelid, i.indisprimary order by i.indexrelid) end)::integer as number
from pg_index i;
create view sys.indexes as
select i.indrelid::integer as object_id, sys.original(c.relname) collate sys.sql_latin1_general_cp1_ci_as as name, i.number as index_id,
    (case when i.indisprimary then 1 else 2 end)::sys.tinyint as type,
    (case when i.indisprimary then 'CLUSTERED' else 'NONCLUSTERED' end)::sys."nvarchar(60)" as type_desc,
    i.indisunique as is_unique, i.indisprimary as is_primary_key,
    exists (select 1 from pg_constraint k where k.conindid = i.indexrelid and k.contype = 'u') as is_unique_constraint,
    false as is_disabled, false as is_hypothetical, i.indpred is not null as has_filter,
    pg_get_expr(i.indpred, i.indrelid)::sys."nvarchar(max)" as filter_definition
from sys.index_numbers i join pg_class c on c.oid = i.indexrelid
where i.indrelid in (select o.object_id::oid from sys.objects o);

create view sys.index_columns as
select i.indrelid::integer as object_id, i.number as index_id, k.place::integer as index_column_id, k.attnum::integer as column_id,
    (case when k.place <= i.indnkeyatts then k.place else 0 end)::sys.tinyint as key_ordinal, 0::sys.tinyint as partition_ordinal,
    case when k.place <= i.indnkeyatts then (i.indoption[k.place - 1] & 1) = 1 else false end as is_descending_key,
    k.place > i.indnkeyatts as is_included_column
from sys.index_numbers i cross join lateral unnest(i.indkey) with ordinality as k (attnum, place)
where i.indrelid in (select o.object_id::oid from sys.objects o);

create view sys.key_constraints as
select sys.original(k.conname) collate sys.sql_latin1_general_cp1_ci_as as name, k.oid::integer as object_id, k.connamespace::integer as schema_id,
    k.conrelid::integer as parent_object_id, (case k.contype when 'p' then 'PK' else 'UQ' end)::sys."nchar(2)" as type,
    (case k.contype when 'p' then 'PRIMARY_KEY_CONSTRAINT' else 'UNIQUE_CONSTRAINT' end)::sys."nvarchar(60)" as type_desc,
    i.number as unique_index_id, false as is_system_named
from pg_constraint k join sys.index_numbers i on i.indexrelid = k.conindid
where k.contype in ('p', 'u') and k.conrelid in (select o.object_id::oid from sys.objects o);

create view sys.foreign_keys as
select sys.original(k.conname) collate sys.sql_latin1_general_cp1_ci_as as name, k.oid::integer as object_id, k.connamespace::integer as schema_id,
    k.conrelid::integer as parent_object_id, k.confrelid::integer as referenced_object_id,
    (case k.confdeltype when 'c' then 1 when 'n' then 2 when 'd' then 3 else 0 end)::sys.tinyint as delete_referential_action,
    (case k.confupdtype when 'c' then 1 when 'n' then 2 when 'd' then 3 else 0 end)::sys.tinyint as update_referential_action,
    false as is_disabled
from pg_constraint k where k.contype = 'f' and k.conrelid in (select o.object_id::oid from sys.objects o);
create view sys.foreign_key_columns as
select k.oid::integer as constraint_object_id, c.place::integer as constraint_column_id, k.conrelid::integer as parent_object_id,
    c.attnum::integer as parent_column_id, k.confrelid::integer as referenced_object_id,
    k.confkey[c.place]::integer as referenced_column_id
from pg_constraint k cross join lateral unnest(k.conkey) with ordinality as c (attnum, place) where k.contype = 'f';

-- SQL Server counts as it goes.
create function sys.count_rows(relation oid) returns bigint language plpgsql stable security definer as $$
declare
    found bigint;
begin
    execute format('select count(*) from %s', relation::regclass) into found;
    return found;
end
$$;

create function sys.make_statistics() returns void language plpgsql security definer as $$
declare
    relation oid;
begin
    for relation in select c.oid from pg_class c join sys.user_schemas() s on s = c.relnamespace::regnamespace::text
        where c.relkind = 'r' and c.reltuples < 0 loop
        execute format('analyze %s', relation::regclass);
    end loop;
end
$$;

create view sys.partitions as
select c.oid::bigint as partition_id, c.oid::integer as object_id, 1 as index_id, 1 as partition_number,
    sys.count_rows(c.oid) as rows
from pg_class c where c.oid in (select o.object_id::oid from sys.objects o where o.type = 'U');

create view sys.triggers as
select sys.original(t.tgname) collate sys.sql_latin1_general_cp1_ci_as as name, t.oid::integer as object_id, t.tgrelid::integer as parent_id, false as is_disabled
from pg_trigger t where not t.tgisinternal and t.tgname not like 'sys\_%'
    and t.tgrelid in (select o.object_id::oid from sys.objects o);

create view sys.databases as
select current_database()::sys."nvarchar(128)" as name, 5 as database_id, '2024-01-01'::sys.datetime as create_date,
    150::sys.tinyint as compatibility_level, 'SQL_Latin1_General_CP1_CI_AS'::sys."nvarchar(128)" as collation_name,
    0::sys.tinyint as user_access, 'MULTI_USER'::sys."nvarchar(60)" as user_access_desc,
    s.read_only or s.secondary as is_read_only, 0::sys.tinyint as state, 'ONLINE'::sys."nvarchar(60)" as state_desc,
    (s.allow_snapshot_isolation::integer)::sys.tinyint as snapshot_isolation_state,
    (case when s.allow_snapshot_isolation then 'ON' else 'OFF' end)::sys."nvarchar(60)" as snapshot_isolation_state_desc,
    s.read_committed_snapshot as is_read_committed_snapshot_on, s.database_guid as service_broker_guid,
    false as is_broker_enabled, false as is_in_standby, s.cdc as is_cdc_enabled, false as is_encrypted,
    1::sys.tinyint as recovery_model, 'FULL'::sys."nvarchar(60)" as recovery_model_desc,
    case when s.secondary then s.database_guid end as replica_id, case when s.secondary then s.database_guid end as group_database_id
from sys.settings s
union all
select 'master', 1, '2024-01-01', 150, 'SQL_Latin1_General_CP1_CI_AS', 0, 'MULTI_USER', false, 0, 'ONLINE', 1, 'ON', false,
    '00000000-0000-0000-0000-000000000000', false, false, false, false, 3, 'SIMPLE', null, null;

create view sys.change_tracking_databases as
select 5 as database_id, s.auto_cleanup as is_auto_cleanup_on, s.retention_period,
    (case when s.retention_units like 'minute%' then 1 when s.retention_units like 'hour%' then 2 else 3 end)::sys.tinyint as retention_period_units,
    upper(s.retention_units)::sys."nvarchar(60)" as retention_period_units_desc,
    (select max(t.cleanup_version) from sys.tracked t) as max_cleanup_version
from sys.settings s where s.tracking;

create view sys.change_tracking_tables as
select t.table_id::integer as object_id, t.track_columns as is_track_columns_updated_on, t.min_valid_version, t.begin_version,
    t.cleanup_version
from sys.tracked t where sys.is_visible(t.table_id);

create view sys.dm_tran_commit_table as
select c.version as commit_ts, c.xid::text::bigint as xdes_id, c.version as commit_lbn, c.version as commit_csn,
    c.commit_time::sys.datetime as commit_time
from sys.commits c where c.version is not null;

create view sys.database_recovery_status as
select 5 as database_id, s.database_guid, s.database_guid as family_guid, null::numeric(25, 0) as last_log_backup_lsn,
    s.recovery_fork_guid, s.first_recovery_fork_guid, null::numeric(25, 0) as fork_point_lsn
from sys.settings s;

create view sys.database_principals as
select u.name::sys."nvarchar(128)" as name, (100 + row_number() over (order by u.name))::integer as principal_id,
    'S'::sys."nchar(1)" as type, 'SQL_USER'::sys."nvarchar(60)" as type_desc, 'dbo'::sys."nvarchar(128)" as default_schema_name
from sys.users u;

create view sys.dm_exec_sessions as
select a.pid as session_id, 5 as database_id, a.usename::sys."nvarchar(128)" as login_name, a.application_name::sys."nvarchar(128)" as program_name,
    (case a.state when 'active' then 'running' else 'sleeping' end)::sys."nvarchar(30)" as status,
    (case when a.xact_start is null then 0 else 1 end) as open_transaction_count
from pg_stat_activity a where a.datname = current_database();

-- The simulator counts requests itself, and hands its count over when it is asked for.
create view sys.dm_os_performance_counters as
select 'SQLServer:SQL Statistics'::sys."nvarchar(128)" as object_name, 'Batch Requests/sec'::sys."nvarchar(128)" as counter_name,
    current_setting('wattle.batch_requests')::bigint as cntr_value;

grant select on all tables in schema sys to public;
revoke select on sys.commits from public;

create function sys.object_name(id integer) returns sys."nvarchar(128)" language sql stable as
    'select o.name from sys.objects o where o.object_id = $1';
create function sys.object_schema_name(id integer) returns sys."nvarchar(128)" language sql stable as
    'select s.name from sys.objects o join sys.schemas s on s.schema_id = o.schema_id where o.object_id = $1';
create function sys.schema_name(id integer) returns sys."nvarchar(128)" language sql stable as
    'select s.name from sys.schemas s where s.schema_id = $1';
create function sys.schema_name() returns sys."nvarchar(128)" language sql stable as $$select 'dbo'::sys."nvarchar(128)"$$;
create function sys.schema_id(name bpchar) returns integer language sql stable as
    'select s.schema_id from sys.schemas s where s.name = $1';
create function sys.type_name(id integer) returns sys."nvarchar(128)" language sql stable as
    'select t.name from sys.types t where t.user_type_id = $1';
create function sys.col_name(id integer, number integer) returns sys."nvarchar(128)" language sql stable as
    'select c.name from sys.columns c where c.object_id = $1 and c.column_id = $2';
create function sys.db_name() returns sys."nvarchar(128)" language sql stable as 'select current_database()::sys."nvarchar(128)"';
create function sys.db_name(id integer) returns sys."nvarchar(128)" language sql stable as
    'select d.name from sys.databases d where d.database_id = $1';
create function sys.db_id() returns smallint language sql stable as 'select 5::smallint';
create function sys.db_id(name bpchar) returns smallint language sql stable as
    'select d.database_id::smallint from sys.databases d where d.name = $1';
create function sys.suser_sname() returns sys."nvarchar(128)" language sql stable as
    $$select (case session_user when 'postgres' then 'sa' else session_user end)::sys."nvarchar(128)"$$;
create function sys.suser_name() returns sys."nvarchar(128)" language sql stable as 'select sys.suser_sname()';
create function sys.original_login() returns sys."nvarchar(128)" language sql stable as 'select sys.suser_sname()';
create function sys.user_name() returns sys."nvarchar(128)" language sql stable as
    $$select (case session_user when 'postgres' then 'dbo' else session_user end)::sys."nvarchar(128)"$$;

create function sys.serverproperty(property bpchar) returns bpchar language sql stable as $$
    select (case lower(property) when 'productversion' then '15.0.4000.0' when 'productmajorversion' then '15'
        when 'productlevel' then 'RTM' when 'edition' then 'Developer Edition (64-bit)' when 'engineedition' then '3'
        when 'collation' then 'SQL_Latin1_General_CP1_CI_AS' when 'servername' then 'simulator'
        when 'machinename' then 'simulator' when 'ishadrenabled' then '0' when 'isclustered' then '0' end)::bpchar
$$;
create function sys.databasepropertyex(name bpchar, property bpchar) returns bpchar language sql stable as $$
    select (case lower(property) when 'collation' then d.collation_name when 'status' then d.state_desc
        when 'updateability' then case when d.is_read_only then 'READ_ONLY' else 'READ_WRITE' end
        when 'recovery' then d.recovery_model_desc when 'useraccess' then d.user_access_desc end)::bpchar
    from sys.databases d where d.name = $1
$$;

create schema ms_information_schema;
grant usage on schema ms_information_schema to public;
create view ms_information_schema.tables as
select current_database()::sys."nvarchar(128)" as table_catalog, s.name as table_schema, o.name as table_name,
    (case o.type when 'V' then 'VIEW' else 'BASE TABLE' end)::sys."nvarchar(10)" as table_type
from sys.objects o join sys.schemas s on s.schema_id = o.schema_id;
create view ms_information_schema.columns as
select current_database()::sys."nvarchar(128)" as table_catalog, s.name as table_schema, o.name as table_name,
    c.name as column_name, c.column_id as ordinal_position,
    (case when c.is_nullable then 'YES' else 'NO' end)::sys."nvarchar(3)" as is_nullable, t.name as data_type,
    case when t.name in ('nvarchar', 'nchar') and c.max_length > 0 then c.max_length / 2
         when t.name in ('nvarchar', 'nchar', 'varchar', 'char', 'varbinary', 'binary') then c.max_length end::integer as character_maximum_length,
    case when t.name in ('tinyint', 'smallint', 'int', 'bigint', 'decimal', 'money', 'smallmoney', 'real', 'float') then c.precision end as numeric_precision,
    case when t.name in ('tinyint', 'smallint', 'int', 'bigint', 'decimal', 'money', 'smallmoney') then c.scale end::integer as numeric_scale,
    case when t.name in ('datetime2', 'time', 'datetime') then c.scale end::smallint as datetime_precision,
    c.collation_name
from sys.columns c join sys.objects o on o.object_id = c.object_id join sys.schemas s on s.schema_id = o.schema_id
left join sys.types t on t.user_type_id = c.user_type_id;
create view ms_information_schema.table_constraints as
select k.name as constraint_name, s.name as constraint_schema, s.name as table_schema, o.name as table_name,
    (case k.type when 'PK' then 'PRIMARY KEY' else 'UNIQUE' end)::sys."nvarchar(11)" as constraint_type
from sys.key_constraints k join sys.objects o on o.object_id = k.parent_object_id join sys.schemas s on s.schema_id = o.schema_id;
create view ms_information_schema.key_column_usage as
select k.name as constraint_name, s.name as table_schema, o.name as table_name, c.name as column_name,
    i.key_ordinal::integer as ordinal_position
from sys.key_constraints k join sys.objects o on o.object_id = k.parent_object_id join sys.schemas s on s.schema_id = o.schema_id
join sys.index_columns i on i.object_id = o.object_id and i.index_id = k.unique_index_id
join sys.columns c on c.object_id = o.object_id and c.column_id = i.column_id;
grant select on all tables in schema ms_information_schema to public;

-- From here on definitions are those of the database's owner.
create event trigger note_definition on ddl_command_end when tag in ('CREATE TABLE', 'ALTER TABLE', 'CREATE VIEW', 'CREATE INDEX')
    execute function sys.note_definition();
