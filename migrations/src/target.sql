-- The target's tables, for both engines: written as PostgreSQL reads them, and translated for SQLite, where a tenant
-- has a file of its own and there are neither schemas nor partitions.

-- Registry -----------------------------------------------------------------------------------------------------

create table wattle.tenant (
    tenant_id       text primary key,
    -- Sees this tenant's data and nothing else; null where a tenant has a file of its own.
    login_role      text unique,
    -- Tells whether the master secret is still the one that this tenant's passwords and ids derive from.
    secret_check    text not null,
    display_name    text not null,
    mode            text not null check (mode in ('development', 'production')),
    -- What access tokens must say, and the keys that sign them (a JSON Web Key Set).
    issuer          text not null,
    audience        text not null,
    jwks            text not null,
    -- The registered resource base address: links are built from it, never from a request's Host header.
    public_base_url text not null,
    -- The host name that serves this tenant; null on shared hosts, which name the tenant in the path.
    host            text unique,
    created_at      timestamptz not null default now()
);

create table wattle.source (
    tenant_id     text not null references wattle.tenant,
    source_system text not null,
    adapter       text not null,
    -- A reference (env:NAME or file:PATH) or, in development, the address itself.
    url           text not null,
    -- Adapter settings as JSON.
    options       text not null default '{}',
    created_at    timestamptz not null default now(),
    primary key (tenant_id, source_system)
);

-- Records ------------------------------------------------------------------------------------------------------
-- Written by sync, served by the API. No foreign keys and no secondary unique constraints between them: whether
-- a record is here is a function of the source, not of the order of arrival.

create table wattle.customer (
    tenant_id     text not null,
    source_system text not null,
    source_id     text not null,
    body          text not null,
    primary key (tenant_id, source_system, source_id)
) partition by list (tenant_id);

create table wattle.plan (
    tenant_id     text not null,
    source_system text not null,
    source_id     text not null,
    body          text not null,
    primary key (tenant_id, source_system, source_id)
) partition by list (tenant_id);

create table wattle.account (
    tenant_id     text not null,
    source_system text not null,
    source_id     text not null,
    open_status   text not null,
    -- The keys of the plans that body and detail name in their slots: a JSON array of text.
    plan_ids      text not null,
    body          text not null,
    detail        text not null,
    primary key (tenant_id, source_system, source_id)
) partition by list (tenant_id);

create table wattle.holding (
    tenant_id     text not null,
    source_system text not null,
    source_id     text not null,
    customer_id   text not null,
    account_id    text not null,
    role          text not null,
    shareable     boolean not null,
    primary key (tenant_id, source_system, source_id)
) partition by list (tenant_id);
create index holding_customer on wattle.holding (source_system, customer_id, account_id);
create index holding_account on wattle.holding (source_system, account_id);

create table wattle.balance (
    tenant_id     text not null,
    source_system text not null,
    source_id     text not null,
    account_id    text not null,
    balance       text not null,
    primary key (tenant_id, source_system, source_id)
) partition by list (tenant_id);
create index balance_account on wattle.balance (source_system, account_id);

create table wattle.invoice (
    tenant_id     text not null,
    source_system text not null,
    source_id     text not null,
    account_id    text not null,
    issue_date    date not null,
    body          text not null,
    primary key (tenant_id, source_system, source_id)
) partition by list (tenant_id);
create index invoice_account on wattle.invoice (source_system, account_id, issue_date desc, source_id);

create table wattle.billing_transaction (
    tenant_id     text not null,
    source_system text not null,
    source_id     text not null,
    account_id    text not null,
    executed_at   timestamptz not null,
    body          text not null,
    primary key (tenant_id, source_system, source_id)
) partition by list (tenant_id);
create index billing_transaction_account
    on wattle.billing_transaction (source_system, account_id, executed_at desc, source_id);

-- Lineage and follow-up ----------------------------------------------------------------------------------------

-- The captured rows a record was built from, other than its root.
create table wattle.lineage (
    tenant_id     text not null,
    source_system text not null,
    node          text not null,
    node_key      text not null,
    entity        text not null,
    source_id     text not null,
    primary key (tenant_id, source_system, node, node_key, entity, source_id)
) partition by list (tenant_id);
create index lineage_record on wattle.lineage (source_system, entity, source_id);

-- Records that change at a known time without an event.
create table wattle.due (
    tenant_id     text not null,
    source_system text not null,
    entity        text not null,
    source_id     text not null,
    due_at        timestamptz not null,
    primary key (tenant_id, source_system, entity, source_id)
) partition by list (tenant_id);
create index due_at on wattle.due (source_system, due_at);

-- Keys that could not be applied, and why. The error names field and rule, never the value.
create table wattle.quarantine (
    tenant_id     text not null,
    source_system text not null,
    entity        text not null,
    source_id     text not null,
    error         text not null,
    position      text not null,
    attempts      bigint not null default 1,
    first_at      timestamptz not null default now(),
    last_at       timestamptz not null default now(),
    primary key (tenant_id, source_system, entity, source_id)
) partition by list (tenant_id);

-- Stream -------------------------------------------------------------------------------------------------------

-- One row holds the changes of one append, up to a thousand, so that the log costs little more than its bytes.
-- Partitioned by tenant here and by day below it, so that trimming drops partitions.
create table wattle.stream_event (
    tenant_id     text not null,
    source_system text not null,
    lane          text not null check (lane in ('live', 'backfill')),
    first_seq     bigint not null,
    last_seq      bigint not null,
    appended_on   date not null,
    appended_at   timestamptz not null default clock_timestamp(),
    changes       text not null,
    primary key (tenant_id, source_system, lane, first_seq, appended_on)
) partition by list (tenant_id);

-- The last position given out: its row lock makes positions visible in order.
create table wattle.stream_head (
    tenant_id     text not null,
    source_system text not null,
    lane          text not null check (lane in ('live', 'backfill')),
    last_seq      bigint not null default 0,
    primary key (tenant_id, source_system, lane)
) partition by list (tenant_id);

-- How far the consumer has applied a lane, and the token of the lease that may move it.
create table wattle.marker (
    tenant_id     text not null,
    source_system text not null,
    lane          text not null check (lane in ('live', 'backfill')),
    seq           bigint not null default 0,
    lease_token   bigint not null default 0,
    -- The source position of the last applied live change: no later snapshot may stand before it.
    position      text,
    moved_at      timestamptz not null default now(),
    primary key (tenant_id, source_system, lane)
) partition by list (tenant_id);

-- What the running sync says of a source, and where its capture stands.
create table wattle.source_state (
    tenant_id     text not null,
    source_system text not null,
    -- Captured and durable up to here; null before the first begin.
    position      text,
    -- running | waiting | paused | stopped, and in plain words why.
    state         text not null default 'stopped',
    reason        text,
    captured_at   timestamptz,
    retained_bytes bigint,
    updated_at    timestamptz not null default now(),
    primary key (tenant_id, source_system)
) partition by list (tenant_id);

-- Long work that the holder of the source's lease carries out, page by page.
create table wattle.job (
    tenant_id     text not null,
    job_id        text not null,
    source_system text not null,
    kind          text not null,
    -- The scans of the job, in order, as JSON; scan and cursor say how far it has come.
    scans         text not null,
    scan          bigint not null default 0,
    cursor        text,
    touched       bigint not null default 0,
    estimate      bigint,
    -- The backfill position of the job's last touch: the job is done once the marker has passed it.
    last_seq      bigint not null default 0,
    state         text not null default 'waiting' check (state in ('waiting', 'running', 'done', 'failed')),
    error         text,
    created_at    timestamptz not null default now(),
    started_at    timestamptz,
    finished_at   timestamptz,
    primary key (tenant_id, job_id)
) partition by list (tenant_id);

-- Consent ------------------------------------------------------------------------------------------------------
-- Not owned data: never deleted because a source row is gone.

create table wattle.arrangement (
    tenant_id           text not null,
    arrangement_id      text not null,
    software_product_id text not null,
    source_system       text not null,
    customer_id         text not null,
    scopes              text not null,
    status              text not null check (status in ('active', 'revoked')),
    sharing_ends_at     timestamptz not null,
    -- Access tokens issued before this are no longer good.
    amended_at          timestamptz not null,
    created_at          timestamptz not null default now(),
    primary key (tenant_id, arrangement_id)
) partition by list (tenant_id);

create table wattle.arrangement_account (
    tenant_id      text not null,
    arrangement_id text not null,
    source_system  text not null,
    account_id     text not null,
    -- The customer as this source knows them: the holding that must allow sharing is theirs.
    customer_id    text not null,
    primary key (tenant_id, arrangement_id, source_system, account_id)
) partition by list (tenant_id);

-- The key version that made the first resource id for a customer and software product, kept for good so that
-- key rotation never changes an id.
create table wattle.id_key (
    tenant_id           text not null,
    software_product_id text not null,
    source_system       text not null,
    customer_id         text not null,
    key_version         bigint not null,
    primary key (tenant_id, software_product_id, source_system, customer_id)
) partition by list (tenant_id);

-- Accounts that the operator has blocked from sharing, whatever the source says.
create table wattle.account_block (
    tenant_id     text not null,
    source_system text not null,
    account_id    text not null,
    reason        text not null,
    blocked_at    timestamptz not null default now(),
    primary key (tenant_id, source_system, account_id)
) partition by list (tenant_id);
