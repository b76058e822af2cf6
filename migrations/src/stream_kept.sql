-- What a stream that is kept, archived and repaired from needs: how long, how far, what is paused, and what was found.

alter table wattle.tenant add column retention_days bigint not null default 14;
-- Hours from one scheduled reconcile to the next; 0: none.
alter table wattle.tenant add column reconcile_every_hours bigint not null default 168;

-- Nobody needs what comes up to here any more: it is free to be dropped.
alter table wattle.marker add column free_seq bigint not null default 0;

-- Everything that was committed at the source before this time is captured.
alter table wattle.source_state add column heard_through timestamptz;
-- Was there anything to capture when the source was last asked?
alter table wattle.source_state add column uncaptured boolean not null default false;
-- Fetched, and perhaps not yet applied.
alter table wattle.source_state add column fetched_seq bigint not null default 0;
-- Set by the operator: nothing is read from the source meanwhile.
alter table wattle.source_state add column pause_asked boolean not null default false;
-- What the operator accepted: a breaker lets it pass until then, or until all that was under way is applied.
alter table wattle.source_state add column deletes_accepted_until timestamptz;
alter table wattle.source_state add column quarantine_accepted_until timestamptz;

-- Keys that an operator has seen and does not want to be reminded of.
alter table wattle.quarantine add column discarded boolean not null default false;

-- What reconcile has compared, where it differed without an event, and what that says, as JSON.
alter table wattle.job add column compared bigint not null default 0;
alter table wattle.job add column differing bigint not null default 0;
alter table wattle.job add column report text;

-- Entities that are not read for now, because something at the source is not as the pack says. What came after these
-- positions is applied again when it is.
create table wattle.entity_pause (
    tenant_id     text not null,
    source_system text not null,
    entity        text not null,
    reason        text not null,
    live_seq      bigint not null,
    backfill_seq  bigint not null,
    paused_at     timestamptz not null default now(),
    primary key (tenant_id, source_system, entity)
) partition by list (tenant_id);

-- Where a marker stood when a day ended: what was applied by then is kept for as long as the tenant wants from then on.
create table wattle.marker_day (
    tenant_id     text not null,
    source_system text not null,
    lane          text not null check (lane in ('live', 'backfill')),
    day           date not null,
    seq           bigint not null,
    primary key (tenant_id, source_system, lane, day)
) partition by list (tenant_id);

-- How far a lane is archived, and where the file ends that is being written: its name follows from both.
create table wattle.archive_mark (
    tenant_id     text not null,
    source_system text not null,
    lane          text not null check (lane in ('live', 'backfill')),
    seq           bigint not null default 0,
    next_seq      bigint,
    archived_at   timestamptz,
    primary key (tenant_id, source_system, lane)
) partition by list (tenant_id);
