-- The billing system of Dianella Power: one file. Money is in cents, prices in millionths of a dollar, addresses stand
-- where they are used, and whatever was charged, credited or paid is one row of `postings`.

-- Whatever is known of a client is in one row; what there may be several of is JSON.
create table clients (
    client_id    integer primary key,
    kind         text not null check (kind in ('person', 'business')),
    salutation   text,
    given_name   text,
    other_names  text not null default '[]', -- JSON
    family_name  text not null,
    honours      text,
    occupation   text, -- the code, a blank, and the release of the codes
    trading_name text,
    legal_name   text,
    nickname     text,
    abn          text,
    acn          text,
    legal_form   text check (legal_form in ('company', 'government', 'other', 'partnership', 'sole trader', 'trust')),
    charity      integer check (charity in (0, 1)),
    industry     text, -- the code, a blank, and the release of the codes
    registered   text,
    established  text,
    position     text,
    phones       text not null default '[]', -- JSON: use, country, area, number, ext, first
    emails       text not null default '[]', -- JSON: use, address, first
    places       text not null default '[]', -- JSON: use, and either the lines of an envelope or paf
    updated_at   integer not null -- seconds since 1970
) strict;

-- The number is printed on bills, written as anybody likes. To change its case alone the application goes by way of a
-- third number, since foreign keys do not carry a number to the rows below that equals the one they have.
create table accounts (
    number        varchar(12) collate nocase not null primary key,
    state         text not null check (state in ('open', 'closed')),
    opened_day    date not null,
    closed_day    date,
    bill_every    integer not null, -- months
    mail_dpid     integer, -- the delivery point, by which corrections from the post office are found
    mail_street   text,
    mail_suburb   text,
    mail_region   text,
    mail_postcode text,
    deleted       boolean not null default 0
);

-- Who may act on an account: bits of rights are 1 owns it, 2 together with others, 4 may act on it, 8 was nominated
-- to, 16 may share its data.
create table grants (
    grant_id  integer primary key,
    client_id integer not null references clients on delete cascade,
    account   varchar(12) collate nocase not null references accounts (number) on update cascade on delete cascade,
    rights    integer not null,
    since_day date not null,
    ends_at   integer, -- seconds since 1970
    unique (client_id, account)
);

create table delegates (
    delegate_id integer primary key,
    account     varchar(12) collate nocase not null references accounts (number) on update cascade on delete cascade,
    salutation  text,
    given_name  text,
    other_names text not null default '[]', -- JSON
    family_name text not null,
    honours     text,
    removed     boolean not null default 0
);

create table rebates (
    rebate_id  integer primary key,
    account    varchar(12) collate nocase not null references accounts (number) on update cascade on delete cascade,
    place      integer not null,
    title      text not null,
    since_day  date,
    until_day  date,
    cents      integer,
    millionths integer,
    every      text,
    covers     text, -- JSON
    remark     text,
    link       text,
    withdrawn  boolean not null default 0,
    unique (account, place)
);

-- How an account is paid, as the application wrote it down.
create table pay_plans (
    plan_id integer primary key,
    account varchar(12) collate nocase not null references accounts (number) on update cascade on delete cascade,
    place   integer not null,
    cents   integer,
    terms   text not null, -- JSON: by, every, how, and scheme, bsb and number, or name, id, kind and provider
    unique (account, place)
);

-- Where energy goes, by its national number: an NMI or a MIRN.
create table connections (
    national_no   text not null primary key,
    site_dpid     integer,
    site_street   text,
    site_suburb   text,
    site_region   text,
    site_postcode text
) strict, without rowid;

create table supplies (
    supply_id    integer primary key,
    account      varchar(12) collate nocase not null references accounts (number) on update cascade on delete cascade,
    product_code text not null references products (code),
    from_day     date not null,
    to_day       date,
    label        text,
    nmi          text references connections (national_no),
    second_nmi   text references connections (national_no),
    mirn         text references connections (national_no)
);

-- Products. A price may change where it stands; anything else comes with a new revision.
create table products (
    code             text not null primary key,
    title            text not null,
    fuels            text not null check (fuels in ('E', 'G', 'EG')),
    revision         integer not null default 1,
    meter_title      text,
    meter_least      integer, -- millionths of a dollar
    meter_most       integer,
    meter_every      text,
    elec_model       text,
    elec_local_time  boolean, -- else eastern standard time
    elec_fixed       boolean,
    elec_variation   text,
    elec_on_expiry   text,
    elec_pay_by      text, -- JSON
    elec_green_share integer, -- millionths
    gas_model        text,
    gas_fixed        boolean,
    gas_variation    text,
    gas_on_expiry    text,
    gas_pay_by       text, -- JSON
    contingent       boolean,
    meter_remark     text,
    elec_fee_remark  text,
    gas_fee_remark   text
);

-- Seasons of the year, controlled loads and feed-in tariffs: whatever has prices.
create table tariffs (
    product_code text not null references products (code) on delete cascade,
    fuel         text not null check (fuel in ('E', 'G')),
    tariff_no    integer not null,
    section      text not null check (section in ('season', 'controlled', 'feed-in')),
    title        text not null,
    priced_by    text not null check (priced_by in ('flat', 'time', 'demand')),
    class        text,
    first_mmdd   text,
    last_mmdd    text,
    supply       integer, -- millionths of a dollar a day
    scheme       text,
    paid_by      text check (paid_by in ('state', 'us')),
    remark       text,
    first_day    text,
    last_day     text,
    bands        text, -- JSON, as published: of the daily supply charge
    local_time   integer,
    general      integer, -- millionths of a dollar: the price beyond a quota
    primary key (product_code, fuel, tariff_no)
) strict, without rowid;

create table prices (
    price_id     integer primary key,
    product_code text not null,
    fuel         text not null,
    tariff_no    integer not null,
    block_no     integer not null,
    step_no      integer not null,
    title        text,
    time_of_use  text,
    price        integer not null, -- millionths of a dollar
    unit         text not null,
    up_to        integer,
    hours        text, -- JSON: when the block applies
    least_watts  integer,
    most_watts   integer,
    measured     text,
    charged      text,
    remark       text,
    every        text,
    unique (product_code, fuel, tariff_no, block_no, step_no),
    foreign key (product_code, fuel, tariff_no) references tariffs on delete cascade
) strict;

create table extras (
    product_code text not null references products (code) on delete cascade,
    fuel         text not null,
    sort         text not null check (sort in ('fee', 'discount', 'gift', 'green', 'who')),
    place        integer not null,
    kind         text not null,
    term         text, -- of a fee
    title        text,
    remark       text,
    reason       text,
    basis        text check (basis in ('amount', 'bill', 'use', 'over')),
    value        integer, -- millionths, of a dollar or of what it is a share of
    threshold    integer, -- cents
    last_day     text,
    info         text, -- of green power its tiers, JSON as published; of a gift who gets it
    primary key (product_code, fuel, sort, place)
) strict, without rowid;

create table invoices (
    invoice_no       varchar(20) not null primary key,
    account          varchar(12) collate nocase not null references accounts (number) on update cascade on delete cascade,
    issued_day       date not null,
    due_day          date,
    from_day         date,
    to_day           date,
    total_cents      integer not null,
    gst_cents        integer not null,
    balance_cents    integer not null,
    prompt_cents     integer,
    prompt_gst_cents integer,
    prompt_day       date,
    status           text not null check (status in ('unpaid', 'part', 'paid', 'void')),
    remark           text
);

-- Immutable; a correction issues the invoice again with a further line.
create table invoice_lines (
    invoice_no  text not null references invoices on delete cascade,
    line_no     integer not null,
    fuel        text check (fuel in ('E', 'G')), -- neither: the account as such
    item        text not null,
    national_no text,
    cents       integer not null,
    gst_cents   integer not null,
    wording     text not null,
    primary key (invoice_no, line_no)
) strict, without rowid;

create table postings (
    journal     integer not null,
    line        integer not null,
    account     varchar(12) collate nocase not null references accounts (number) on update cascade on delete cascade,
    posted_at   integer not null, -- seconds since 1970
    kind        text not null check (kind in ('usage', 'demand', 'once', 'charge', 'payment')),
    class       text, -- of a charge; for a payment how it was made
    invoice_no  varchar(20) references invoices on delete cascade,
    national_no text,
    cents       integer not null,
    gst_cents   integer not null,
    wording     text,
    from_day    date,
    to_day      date,
    read_from   datetime, -- Adelaide's time
    read_to     datetime,
    time_of_use text,
    thousandths integer, -- of the unit
    unit        text,
    estimated   boolean,
    dlf         text,
    mlf         text,
    adjustments text, -- JSON: cents and wording of each
    voided      boolean not null default 0,
    primary key (journal, line)
) without rowid;

create table debtors (
    account      varchar(12) collate nocase primary key not null references accounts (number) on update cascade on delete cascade,
    owed_cents   integer not null,
    credit_cents integer not null
);

-- Busy, and of no use to the CDR.

create table readings (
    reading_id  integer primary key,
    national_no text not null,
    read_at     integer not null,
    watt_hours  integer not null,
    quality     text not null
);

create table activity (
    activity_id integer primary key,
    at          integer not null default (unixepoch()),
    who         text not null,
    what        text not null,
    account     text,
    seconds     integer
);

create table jobs (
    job_id    integer primary key,
    account   varchar(12) collate nocase references accounts (number) on update cascade on delete set null,
    what      text not null,
    state     text not null,
    raised_at integer not null
);

create table exports (
    batch   integer not null,
    line    integer not null,
    gl_code text not null,
    cents   integer not null,
    primary key (batch, line)
);

-- The sample's own state: what the World in this database was made from, and how far it has come.

create table wattle_sample_state (
    one       integer primary key check (one = 1),
    version   integer not null,
    seed      text not null,
    customers integer not null,
    today     text not null,
    months    integer not null,
    mutations integer not null
);

-- Mutations whose kind was asked for rather than drawn.
create table wattle_sample_asked (
    mutation integer primary key,
    kind     text not null
);
