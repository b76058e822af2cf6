-- Gives a tenant its schema, a partition of every tenant table with a forced policy, and the grants of its login
-- role. Safe to run again: a later migration calls it for every tenant, to give each the tables it added.
create or replace function wattle.attach_tenant(tenant text) returns void
language plpgsql set search_path = pg_catalog as $$
declare
    login text := (select t.login_role from wattle.tenant t where t.tenant_id = tenant);
    home text := 't_' || tenant;
    parent record;
begin
    execute format('create schema if not exists %I', home);
    execute format('grant usage on schema %I to %I', home, login);
    for parent in
        select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'wattle' and c.relkind = 'p' order by c.relname
    loop
        if to_regclass(format('%I.%I', home, parent.name)) is null then
            execute format('create table %I.%I partition of wattle.%I for values in (%L) %s',
                home, parent.name, parent.name, tenant,
                case parent.name when 'stream_event' then 'partition by range (appended_on)' else '' end);
            execute format('alter table %I.%I enable row level security', home, parent.name);
            execute format('alter table %I.%I force row level security', home, parent.name);
            execute format(
                'create policy tenant on %I.%I using (tenant_id = %L and session_user = %L)
                 with check (tenant_id = %L and session_user = %L)',
                home, parent.name, tenant, login, tenant, login);
            execute format('grant select, insert, update, delete on %I.%I to %I', home, parent.name, login);
        end if;
    end loop;
end $$;
revoke all on function wattle.attach_tenant from public;

-- Makes sure that the calling tenant's stream has a partition for a day. Runs as the schema's owner, for the
-- tenant of the login role and no other; the partition itself is granted to nobody.
create or replace function wattle.ensure_stream_day(day date) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare
    home text;
    name text := 'stream_event_' || to_char(day, 'YYYYMMDD');
begin
    if day not between current_date - 2 and current_date + 2 then
        raise exception 'a stream has no need of a partition for %', day;
    end if;
    select 't_' || t.tenant_id into strict home from wattle.tenant t where t.login_role = session_user;
    perform pg_advisory_xact_lock(hashtext(home || '.' || name));
    if to_regclass(format('%I.%I', home, name)) is null then
        execute format('create table %I.%I partition of %I.stream_event for values from (%L) to (%L)',
            home, name, home, day, day + 1);
        execute format('alter table %I.%I enable row level security', home, name);
        execute format('alter table %I.%I force row level security', home, name);
    end if;
end $$;
revoke all on function wattle.ensure_stream_day from public;
