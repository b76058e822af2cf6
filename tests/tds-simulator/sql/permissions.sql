-- Users, roles and permissions. Those that PostgreSQL has are its own; the others are rows of `sys.permissions`.

create function sys.create_user(name text) returns void language plpgsql as $$
begin
    insert into sys.users values (name) on conflict do nothing;
    execute format('grant connect on database %I to %I', current_database(), name);
end
$$;

-- A copy of a database admits who was admitted to the original.
create function sys.admit_users() returns void language plpgsql as $$
declare
    name text;
begin
    execute format('revoke connect on database %I from public', current_database());
    for name in select u.name from sys.users u loop
        execute format('grant connect on database %I to %I', current_database(), name);
    end loop;
end
$$;

create function sys.user_schemas() returns setof text language sql stable as $$
    select nspname::text from pg_namespace
    where nspname not in ('sys', 'information_schema', 'ms_information_schema', 'public') and nspname not like 'pg\_%'
$$;

create function sys.change_schema_permission(verb text, permission text, schema text, grantee text) returns void
    language plpgsql as $$
declare
    direction text := case verb when 'grant' then 'to' else 'from' end;
begin
    if verb = 'grant' then
        execute format('grant usage on schema %I to %I', schema, grantee);
    end if;
    execute format('%s %s on all tables in schema %I %s %I', verb, permission, schema, direction, grantee);
    execute format('alter default privileges in schema %I %s %s on tables %s %I', schema, verb, permission, direction, grantee);
end
$$;

create function sys.change_permissions(
    given_verb text, permissions text[], given_class text, object text, columns text, given_grantee text
) returns void language plpgsql as $$
declare
    -- What is denied here is no longer granted; nothing else could have granted it.
    verb text := case given_verb when 'deny' then 'revoke' else given_verb end;
    asked text;
    object_id oid := 0;
    one_schema text;
begin
    if given_class = 'schema' then
        object_id := to_regnamespace(object);
    elsif given_class = 'object' then
        object_id := to_regclass(object);
    end if;
    if object_id is null then
        raise exception 'mssql:15151:Cannot find the object ''%'', because it does not exist or you do not have permission.', object;
    end if;
    foreach asked in array permissions loop
        if asked in ('select', 'insert', 'update', 'delete', 'references') then
            if given_class = 'object' then
                select relnamespace::regnamespace::text into one_schema from pg_class where oid = object_id;
                if verb = 'grant' then
                    execute format('grant usage on schema %s to %I', one_schema, given_grantee);
                end if;
                execute format('%s %s%s on %s %s %I', verb, asked, columns, object,
                               case verb when 'grant' then 'to' else 'from' end, given_grantee);
            else
                for one_schema in select s from sys.user_schemas() s
                    where given_class = 'database' or s = (select nspname from pg_namespace where oid = object_id) loop
                    perform sys.change_schema_permission(verb, asked, one_schema, given_grantee);
                end loop;
            end if;
        elsif verb = 'grant' then
            insert into sys.permissions values (given_grantee, asked, given_class, object_id) on conflict do nothing;
        else
            delete from sys.permissions p where p.grantee = given_grantee and p.permission = asked
                and p.class = given_class and p.object = object_id;
        end if;
    end loop;
end
$$;

create function sys.add_member(given_role text, given_member text) returns void language plpgsql as $$
declare
    one_schema text;
    granted text := case given_role when 'db_datareader' then 'select' when 'db_datawriter' then 'insert, update, delete'
                    when 'db_owner' then 'all' end;
begin
    insert into sys.role_members values (given_role, given_member) on conflict do nothing;
    if granted is not null then
        for one_schema in select s from sys.user_schemas() s loop
            perform sys.change_schema_permission('grant', granted, one_schema, given_member);
        end loop;
    end if;
end
$$;

create function sys.drop_member(given_role text, given_member text) returns void language plpgsql as $$
declare
    one_schema text;
    granted text := case given_role when 'db_datareader' then 'select' when 'db_datawriter' then 'insert, update, delete'
                    when 'db_owner' then 'all' end;
begin
    delete from sys.role_members m where m.role = given_role and m.member = given_member;
    if granted is not null then
        for one_schema in select s from sys.user_schemas() s loop
            perform sys.change_schema_permission('revoke', granted, one_schema, given_member);
        end loop;
    end if;
end
$$;

create function sys.is_administrator() returns boolean language plpgsql stable as $$
begin
    return (select rolsuper from pg_roles where rolname = session_user);
end
$$;

-- A permission that PostgreSQL does not have, on an object, its schema or the database.
create function sys.is_permitted(asked text, object oid) returns boolean language sql stable as $$
    select sys.is_administrator() or exists (
        select 1 from sys.permissions p
        where p.grantee = session_user and p.permission in (asked, 'control')
          and (p.class = 'database' or p.object = is_permitted.object
               or p.object = (select relnamespace from pg_class c where c.oid = is_permitted.object)))
        or exists (select 1 from sys.role_members m where m.member = session_user and m.role = 'db_owner')
$$;

create function sys.kill(session integer) returns void language plpgsql as $$
begin
    if not sys.is_administrator() then
        raise exception 'mssql:6102:User does not have permission to use the KILL statement.';
    elsif not exists (select 1 from sys.dm_exec_sessions s where s.session_id = session) then
        raise exception 'mssql:6106:Process ID % is not an active process ID.', session;
    end if;
    perform pg_terminate_backend(session);
end
$$;

create function sys.is_srvrolemember(role bpchar) returns integer language sql stable as
    'select case when sys.is_administrator() then 1 else 0 end';
create function sys.is_rolemember(asked bpchar) returns integer language sql stable as $$
    select case when sys.is_administrator() and lower(asked) = 'db_owner' then 1
                when lower(asked) = 'public' then 1
                when exists (select 1 from sys.role_members m where m.member = session_user and m.role = lower(asked)) then 1
                else 0 end
$$;
create function sys.is_member(asked bpchar) returns integer language sql stable as 'select sys.is_rolemember($1)';

-- Called immutable, though it is not: a statement is planned each time that it runs, and a name that it gives is then looked
-- up once, and not for every row that it is compared with.
create function sys.object_id(name bpchar) returns integer language plpgsql immutable as $$
declare
    parts text[] := regexp_split_to_array(lower(replace(replace(replace(sys.raw(name), '[', ''), ']', ''), '"', '')), '\.');
    found oid;
begin
    if cardinality(parts) = 3 then
        if parts[1] <> current_database() then
            return null;
        end if;
        parts := parts[2:];
    end if;
    select c.oid into found from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relname = parts[cardinality(parts)]
      and n.nspname = case cardinality(parts) when 1 then 'dbo' else case parts[1] when '' then 'dbo' else parts[1] end end
      and c.relkind in ('r', 'v', 'p') and sys.is_visible(c.oid);
    return found::integer;
end
$$;
create function sys.object_id(name bpchar, kind bpchar) returns integer language sql stable as $$
    select c.oid::integer from pg_class c where c.oid = sys.object_id(name)::oid
    and c.relkind = case upper(btrim(kind)) when 'U' then 'r' when 'V' then 'v' else '' end
$$;

-- The catalogue shows what one may use or see.
create function sys.is_visible(object oid) returns boolean language plpgsql stable as $$
begin
    return sys.is_administrator() or has_any_column_privilege(object, 'select, insert, update')
        or has_table_privilege(object, 'delete')
        or exists (select 1 from sys.permissions p where p.grantee = session_user
                   and (p.object = is_visible.object or p.permission = 'view definition' and (p.class = 'database'
                        or p.object = (select relnamespace from pg_class c where c.oid = is_visible.object))));
end
$$;

create function sys.has_perms_by_name(securable bpchar, class bpchar, asked bpchar) returns integer
    language plpgsql stable as $$
declare
    kind text := coalesce(lower(class), 'database');
    wanted text := lower(btrim(asked));
    object integer;
begin
    if kind = 'database' then
        return case when sys.is_administrator() or wanted in ('connect', 'any')
                    or sys.is_permitted(wanted, 0) then 1 else 0 end;
    elsif kind = 'server' then
        return case when sys.is_administrator() then 1 else 0 end;
    elsif kind = 'schema' then
        object := to_regnamespace(quote_ident(lower(replace(replace(securable, '[', ''), ']', ''))))::oid::integer;
    elsif kind = 'object' then
        object := sys.object_id(securable);
    else
        return null;
    end if;
    if object is null then
        return null;
    end if;
    if kind = 'object' and wanted in ('select', 'insert', 'update', 'delete', 'references') then
        return case when has_table_privilege(object::oid, wanted) then 1 else 0 end;
    end if;
    if kind = 'schema' and wanted = 'select' then
        return case when not exists (select 1 from pg_class c where c.relnamespace = object::oid and c.relkind in ('r', 'v')
                                     and not has_table_privilege(c.oid, 'select')) then 1 else 0 end;
    end if;
    return case when sys.is_permitted(wanted, object::oid) then 1 else 0 end;
end
$$;
create function sys.has_perms_by_name(
    securable bpchar, class bpchar, asked bpchar, sub_securable bpchar, sub_class bpchar
) returns integer language sql stable as $$
    select case when has_column_privilege(sys.object_id(securable)::oid,
                                          lower(replace(replace(sub_securable, '[', ''), ']', '')), lower(btrim(asked)))
                then 1 else 0 end
$$;
