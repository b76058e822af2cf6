-- Drops the calling tenant's partition of a day, and with it the changes of that day: the caller has made sure that
-- nobody needs them. What is not applied yet stays in any case.
create or replace function wattle.drop_stream_day(day date) returns void
language plpgsql security definer set search_path = pg_catalog set lock_timeout = '2s' as $$
declare
    home text;
    name text := 'stream_event_' || to_char(day, 'YYYYMMDD');
    unapplied boolean;
begin
    select 't_' || t.tenant_id into strict home from wattle.tenant t where t.login_role = session_user;
    if to_regclass(format('%I.%I', home, name)) is null then
        return;
    end if;
    execute format(
        'select exists (select 1 from %I.%I e join %I.marker m on m.source_system = e.source_system and m.lane = e.lane
         where e.last_seq > m.seq)', home, name, home) into unapplied;
    if unapplied then
        raise exception 'the changes of % are not applied yet', day;
    end if;
    execute format('drop table %I.%I', home, name);
end $$;
revoke all on function wattle.drop_stream_day from public;

-- Tenants that are already there get the new tables, and may call the new function.
do $$
declare
    tenant record;
begin
    for tenant in select tenant_id, login_role from wattle.tenant where login_role is not null loop
        perform wattle.attach_tenant(tenant.tenant_id);
        execute format('grant execute on function wattle.drop_stream_day to %I', tenant.login_role);
    end loop;
end $$;
