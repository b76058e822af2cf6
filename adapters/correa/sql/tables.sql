-- The billing system of Correa Energy, as it grew. Keys, indices and foreign keys follow in keys.sql, once it is loaded.

create schema crm;
create schema supply;
create schema product;
create schema billing;
create schema meter;
create schema ops;

-- crm: customers and their accounts

create table crm.party (
    party_id           integer not null,
    party_type         char(1) not null check (party_type in ('P', 'O')),
    title              varchar(10),
    first_name         text,
    middle_names       text[] not null default '{}',
    last_name          text not null,
    name_suffix        varchar(10),
    occupation_code    char(6),
    occupation_release varchar(3),
    business_name      text,
    legal_name         text,
    short_name         text,
    abn                char(11),
    acn                char(9),
    org_type           char(1) check (org_type in ('C', 'G', 'O', 'P', 'S', 'T')),
    is_charity         boolean,
    industry_code      char(4),
    industry_release   smallint,
    country            char(3),
    established_on     date,
    agent_role         text,
    updated_at         timestamptz not null
);
comment on table crm.party is 'People and organisations; for an organisation the name is its agent''s';
comment on column crm.party.updated_at is 'Set with every change of the party, its telephone numbers and its e-mail addresses';

create table crm.party_phone (
    party_id  integer not null,
    seq       smallint not null,
    purpose   char(1) not null check (purpose in ('H', 'I', 'M', 'O', 'U', 'W')),
    country   varchar(3) not null,
    area      varchar(2),
    number    varchar(15) not null,
    extension varchar(6),
    preferred boolean not null
);

create table crm.party_email (
    party_id  integer not null,
    seq       smallint not null,
    purpose   char(1) not null check (purpose in ('H', 'O', 'U', 'W')),
    address   text not null,
    preferred boolean not null
);

create table crm.party_address (
    party_id     integer not null,
    purpose      char(1) not null check (purpose in ('R', 'M', 'P', 'W', 'O')),
    kind         char(1) not null check (kind in ('L', 'P')),
    mail_to      text,
    line_1       text,
    line_2       text,
    line_3       text,
    dpid         char(8),
    building     text,
    building_2   text,
    lot_no       varchar(8),
    flat_type    varchar(8),
    flat_no      varchar(8),
    level_no     varchar(8),
    house_no     integer,
    house_letter char(1),
    house_no_to  integer,
    letter_to    char(1),
    street       text,
    street_type  varchar(8),
    street_part  varchar(8),
    po_box       integer,
    po_prefix    varchar(3),
    po_suffix    varchar(3),
    locality     text not null,
    state        text not null,
    postcode     varchar(10),
    country      char(3)
);
comment on column crm.party_address.kind is 'L as lines on an envelope, P in the parts of the postal address file';

create table crm.address (
    address_id uuid not null,
    line       text not null,
    suburb     text not null,
    state      char(3) not null,
    postcode   char(4) not null
);

create table crm.account (
    account_no      text not null,
    status          char(1) not null check (status in ('O', 'C')),
    opened_on       date not null,
    closed_on       date,
    mail_address_id uuid,
    bill_months     smallint not null,
    deleted_at      timestamp
);
comment on column crm.account.deleted_at is 'Soft delete; Melbourne time';

create table crm.account_holding (
    party_id   integer not null,
    account_no text not null,
    role_code  varchar(3) not null check (role_code in ('HLD', 'JNT', 'SEC', 'NOM')),
    may_share  boolean not null,
    since_on   date not null,
    ended_on   date
);

create table crm.contact (
    contact_id   integer not null,
    account_no   text not null,
    title        varchar(10),
    first_name   text,
    middle_names text[] not null default '{}',
    last_name    text not null,
    name_suffix  varchar(10)
);

create table crm.concession (
    account_no    text not null,
    concession_no smallint not null,
    name          text not null,
    kind          char(1) not null check (kind in ('A', 'P', 'V')),
    started_on    date,
    ended_on      date,
    every         varchar(8),
    amount        numeric(10, 2),
    percentage    numeric(6, 4),
    applies_to    text[] not null default '{}',
    remark        text,
    info_url      text
);
comment on column crm.concession.applies_to is 'INV invoice, USE usage, SVC service charge, CTL controlled load';

create table crm.payment_schedule (
    account_no      text not null,
    schedule_no     smallint not null,
    means           char(1) not null check (means in ('C', 'D', 'W', 'M')),
    every           varchar(8) not null,
    amount          numeric(10, 2),
    calculation     char(1) check (calculation in ('S', 'B', 'C')),
    card_scheme     varchar(3),
    bsb             char(6),
    bank_account    varchar(9),
    wallet_name     text,
    wallet_id       text,
    wallet_id_kind  char(1) check (wallet_id_kind in ('E', 'N', 'T')),
    wallet_provider varchar(3)
);
comment on column crm.payment_schedule.means is 'C card, D direct debit, W wallet, M by hand; a debit without numbers is by a token';

-- supply: where energy goes, and on what terms

create table supply.supply_point (
    supply_point_id uuid not null,
    fuel            char(1) not null check (fuel in ('E', 'G')),
    national_no     varchar(11) not null,
    site_address_id uuid
);

create table supply.agreement (
    agreement_id integer not null,
    account_no   text not null,
    plan_code    varchar(8) not null,
    started_on   date not null,
    ended_on     date,
    nickname     text
);

create table supply.agreement_point (
    agreement_id    integer not null,
    supply_point_id uuid not null,
    position        smallint not null
);
comment on table supply.agreement_point is 'Written with its agreement and never after';

-- product: plans; everything but a price is published together with a new revision of the plan

create table product.plan (
    plan_code      varchar(8) not null,
    display_name   text not null,
    fuel           char(1) not null check (fuel in ('E', 'G', 'D')),
    revision       integer not null default 1,
    contingent     boolean,
    metering_name  text,
    metering_note  text,
    metering_from  numeric(12, 6),
    metering_to    numeric(12, 6),
    metering_every varchar(8)
);

create table product.contract (
    plan_code       varchar(8) not null,
    fuel            char(1) not null check (fuel in ('E', 'G')),
    pricing_model   varchar(24) not null,
    local_time      boolean,
    is_fixed        boolean not null,
    variation       text,
    on_expiry       text,
    payment_options text[] not null,
    green_share     numeric(6, 4),
    fee_note        text,
    incentives      jsonb,
    green_charges   jsonb,
    eligibility     jsonb
);
comment on column product.contract.local_time is 'Whether hours are in local time; else they are in eastern standard time';
comment on column product.contract.incentives is 'As published on the web site, like green_charges and eligibility';

create table product.tariff (
    tariff_id    integer not null,
    plan_code    varchar(8) not null,
    fuel         char(1) not null,
    kind         char(1) not null check (kind in ('P', 'C')),
    seq          smallint not null,
    display_name text not null,
    charge_type  varchar(16),
    from_mmdd    char(5),
    to_mmdd      char(5),
    daily_supply numeric(12, 6),
    supply_bands jsonb,
    local_time   boolean,
    from_on      date,
    to_on        date,
    block_kind   char(1) not null check (block_kind in ('S', 'T', 'D'))
);
comment on column product.tariff.kind is 'P a period of the year, C a controlled load';
comment on column product.tariff.supply_bands is 'As published, where the supply charge is in bands';

create table product.rate_block (
    block_id      integer not null,
    tariff_id     integer not null,
    seq           smallint not null,
    display_name  text not null,
    note          text,
    every         varchar(8),
    general_price numeric(12, 6),
    tou_period    varchar(12),
    demand_amount numeric(12, 6),
    demand_unit   varchar(5),
    demand_min    numeric(10, 2),
    demand_max    numeric(10, 2),
    measured_over char(1),
    charged_over  char(1)
);

create table product.rate (
    block_id   integer not null,
    step_no    smallint not null,
    unit_price numeric(12, 6) not null,
    unit       varchar(5) not null,
    up_to      integer
);

create table product.tou_window (
    block_id  integer not null,
    seq       smallint not null,
    days      text[],
    from_time time,
    to_time   time,
    note      text,
    link      text
);

create table product.discount (
    plan_code    varchar(8) not null,
    fuel         char(1) not null,
    seq          smallint not null,
    display_name text not null,
    description  text,
    type         varchar(12) not null,
    category     varchar(24),
    method       varchar(3) not null check (method in ('BIL', 'USE', 'FIX', 'THR')),
    rate         numeric(8, 6),
    amount       numeric(12, 2),
    until_on     date
);

create table product.fee (
    plan_code   varchar(8) not null,
    fuel        char(1) not null,
    seq         smallint not null,
    type        varchar(24) not null,
    term        varchar(16) not null,
    amount      numeric(12, 2),
    rate        numeric(8, 6),
    description text
);

create table product.feed_in (
    feed_in_id   integer not null,
    plan_code    varchar(8) not null,
    fuel         char(1) not null,
    seq          smallint not null,
    display_name text not null,
    note         text,
    from_on      date,
    to_on        date,
    scheme       varchar(8) not null,
    payer        char(1) not null check (payer in ('G', 'R')),
    varies       boolean not null
);

create table product.feed_in_rate (
    feed_in_id   integer not null,
    seq          smallint not null,
    display_name text,
    tou_period   varchar(12),
    unit_price   numeric(12, 6) not null,
    unit         varchar(5) not null,
    up_to        integer,
    every        varchar(8),
    days         text[],
    from_time    time,
    to_time      time
);

-- billing: bills, the ledger and balances

create table billing.bill (
    bill_id       bigint not null,
    bill_no       varchar(20) not null,
    account_no    text not null,
    issued_on     date not null,
    due_on        date,
    period_from   date,
    period_to     date,
    total         numeric(14, 2) not null,
    gst           numeric(14, 2) not null,
    balance_after numeric(14, 2) not null,
    early_amount  numeric(14, 2),
    early_gst     numeric(14, 2),
    early_until   date,
    paid          char(1) not null check (paid in ('P', 'T', 'N')),
    note          text
);

create table billing.bill_line (
    bill_id         bigint not null,
    line_no         smallint not null,
    scope           char(1) not null check (scope in ('E', 'G', 'A')),
    kind            varchar(3) not null check (kind in ('USE', 'GEN', 'CHG', 'DSC', 'OTH')),
    charge_type     varchar(3),
    supply_point_id uuid,
    amount          numeric(14, 2) not null,
    gst             numeric(14, 2) not null,
    description     text not null
);
comment on table billing.bill_line is 'Immutable; a correction issues the bill again with a further line';

create table billing.ledger (
    entry_id        bigint not null,
    posted_on       date not null,
    account_no      text not null,
    posted_at       timestamptz not null,
    kind            char(1) not null check (kind in ('U', 'D', 'O', 'C', 'P')),
    bill_no         varchar(20),
    supply_point_id uuid,
    amount          numeric(14, 2) not null,
    gst             numeric(14, 2) not null,
    description     text,
    charge_type     varchar(3),
    from_on         date,
    to_on           date,
    dlf             numeric(8, 5),
    mlf             numeric(8, 5),
    pay_method      varchar(2)
) partition by range (posted_on);

create table billing.ledger_usage (
    entry_id  bigint not null,
    posted_on date not null,
    kind      char(1) not null check (kind in ('U', 'D')),
    tou_code  varchar(2) not null,
    quantity  numeric(14, 3) not null,
    unit      varchar(5) not null,
    estimated boolean not null,
    starts_at timestamp not null,
    ends_at   timestamp not null,
    dlf       numeric(8, 5),
    mlf       numeric(8, 5)
);
comment on table billing.ledger_usage is 'Times are Melbourne''s; written with its ledger entry, whose kind it repeats';

create table billing.ledger_adjustment (
    entry_id    bigint not null,
    posted_on   date not null,
    seq         smallint not null,
    kind        char(1) not null check (kind in ('U', 'D', 'C')),
    amount      numeric(14, 2) not null,
    description text not null
);

create table billing.account_balance (
    account_no text not null,
    balance    numeric(14, 2) not null
);

-- meter and ops: busy, and of no use to the CDR

create table meter.meter (
    meter_id        integer generated by default as identity,
    supply_point_id uuid not null,
    serial_no       varchar(20) not null,
    installed_on    date not null
);

create table meter.read (
    read_id  bigint generated by default as identity,
    meter_id integer not null,
    read_at  timestamp not null,
    kwh      numeric(14, 3) not null,
    quality  char(1) not null
);

create table ops.audit_log (
    audit_id   bigint generated by default as identity,
    at         timestamptz not null default now(),
    actor      text not null,
    action     text not null,
    account_no text
);

create table ops.work_order (
    work_order_id integer generated by default as identity,
    account_no    text,
    kind          varchar(12) not null,
    state         varchar(8) not null,
    raised_at     timestamp not null
);

create table ops.call_log (
    call_id    bigint generated by default as identity,
    account_no text,
    taken_at   timestamptz not null default now(),
    seconds    integer not null,
    topic      text not null
);

create table ops.campaign (
    campaign_id integer not null,
    name        text not null
);

create table ops.campaign_send (
    campaign_id integer not null,
    account_no  text not null,
    sent_at     timestamptz not null default now()
);

create table ops.gl_export (
    batch_no bigint not null,
    line_no  smallint not null,
    gl_code  varchar(12) not null,
    amount   numeric(14, 2) not null
);

-- The sample's own state: what the World in this database was made from, and how far it has come.

create schema wattle_sample;

create table wattle_sample.state (
    one       boolean primary key default true check (one),
    version   integer not null,
    seed      text not null,
    customers bigint not null,
    today     date not null,
    months    bigint not null,
    mutations bigint not null
);

create table wattle_sample.asked_kind (
    mutation bigint primary key,
    kind     text not null
);
comment on table wattle_sample.asked_kind is 'Mutations whose kind was asked for rather than drawn';

create procedure wattle_sample.advance(expected bigint) language plpgsql as $$
begin
    update wattle_sample.state set mutations = expected + 1 where mutations = expected;
    if not found then
        raise exception 'the sample is not at mutation %', expected using errcode = 'WS001';
    end if;
end
$$;
