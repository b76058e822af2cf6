-- The billing system of Banksia Electric. Names, keys and codes are as old as the table: latin1 where the first version
-- was, utf8mb4 where people write.

-- cust: customers and their accounts

create table cust_customer (
    customer_no        int unsigned not null primary key,
    kind               enum('PERSON', 'BUSINESS') not null,
    title              varchar(10),
    first_name         varchar(60),
    middle_names       longtext not null default ('[]') check (json_valid(middle_names)),
    last_name          varchar(60) not null,
    suffix             varchar(10),
    occupation         char(6),
    occupation_release enum('V1.0', 'V1.1', 'V1.2', 'V1.3'),
    business_name      varchar(120),
    legal_name         varchar(160),
    short_name         varchar(60),
    abn                char(11),
    acn                char(9),
    legal_form         tinyint unsigned comment '1 company, 2 government, 3 other, 4 partnership, 5 sole trader, 6 trust',
    charity            boolean,
    industry           char(4),
    industry_release   enum('V1.0', 'V2.0'),
    country            char(3),
    established_on     date,
    position           varchar(60),
    mobile             varchar(20),
    fixed_kind         enum('HOME', 'WORK', 'OTHER', 'UNSPECIFIED'),
    fixed_area         char(1),
    fixed_no           varchar(12),
    fixed_ext          varchar(6),
    abroad_country     varchar(3),
    abroad_no          varchar(15),
    prefers            enum('MOBILE', 'FIXED', 'ABROAD'),
    email              varchar(120),
    email_kind         enum('HOME', 'OTHER', 'UNSPECIFIED'),
    email_preferred    boolean,
    work_email         varchar(120),
    updated_at         datetime not null comment 'Brisbane time'
) engine = InnoDB default character set utf8mb4;

-- Where customers are found; `paf` is what the postal address file has, as its service answers.
create table cust_place (
    customer_no int unsigned not null,
    use_code    char(1) character set ascii not null comment 'R registered, M mail, P physical, W work, O other',
    mail_to     varchar(60),
    line_1      varchar(120),
    line_2      varchar(120),
    line_3      varchar(120),
    town        varchar(60),
    state       varchar(30),
    postcode    varchar(10) character set ascii,
    country     char(3) character set ascii,
    paf         longtext check (json_valid(paf)),
    primary key (customer_no, use_code),
    foreign key (customer_no) references cust_customer (customer_no) on delete cascade
) engine = InnoDB default character set utf8mb4;

create table cust_site (
    site_id  binary(16) not null primary key,
    street   varchar(120) not null,
    suburb   varchar(60) not null,
    state    char(3) character set ascii not null,
    postcode char(4) character set ascii not null
) engine = InnoDB default character set utf8mb4;

-- The number is printed on bills, written as anybody likes. To change its case alone the application goes by way of a
-- third number, since foreign keys do not carry a number to the rows below that equals the one they have.
create table cust_account (
    acct_no      varchar(20) not null primary key,
    status       tinyint unsigned not null comment '1 open, 2 closed',
    opened_on    date not null,
    closed_on    date,
    mail_site_id binary(16),
    bill_months  tinyint unsigned not null,
    deleted_at   datetime comment 'Soft delete; Brisbane time',
    foreign key (mail_site_id) references cust_site (site_id) on delete set null
) engine = InnoDB default character set latin1 collate latin1_general_ci;

create table cust_holder (
    customer_no int unsigned not null,
    acct_no     varchar(20) not null,
    role        char(1) not null comment 'H holder, J joint holder, S secondary user, N nominated representative',
    may_share   boolean not null,
    since_on    date not null,
    until_on    date,
    primary key (customer_no, acct_no),
    foreign key (customer_no) references cust_customer (customer_no) on delete cascade,
    foreign key (acct_no) references cust_account (acct_no) on update cascade on delete cascade
) engine = InnoDB default character set latin1 collate latin1_general_ci;

create table cust_contact (
    contact_id   int unsigned not null primary key,
    acct_no      varchar(20) character set latin1 collate latin1_general_ci not null,
    title        varchar(10),
    first_name   varchar(60),
    middle_names longtext not null default ('[]') check (json_valid(middle_names)),
    last_name    varchar(60) not null,
    suffix       varchar(10),
    foreign key (acct_no) references cust_account (acct_no) on update cascade on delete cascade
) engine = InnoDB default character set utf8mb4;

create table cust_concession (
    acct_no    varchar(20) not null,
    seq        tinyint unsigned not null,
    name       varchar(80) not null,
    kind       char(1) not null,
    started_on date,
    until_on   date,
    months     tinyint unsigned comment 'Granted every so many months',
    amount     decimal(10, 2),
    percentage decimal(6, 4),
    lowers     set('BILL', 'ENERGY', 'DAILY', 'CONTROLLED'),
    remark     varchar(200),
    url        varchar(200),
    primary key (acct_no, seq),
    foreign key (acct_no) references cust_account (acct_no) on update cascade on delete cascade
) engine = InnoDB default character set latin1 collate latin1_general_ci;

create table cust_payment (
    acct_no      varchar(20) character set latin1 collate latin1_general_ci not null,
    seq          tinyint unsigned not null,
    means        enum('CARD', 'DEBIT', 'TOKEN', 'WALLET', 'HAND') not null,
    every_days   tinyint unsigned comment 'Or',
    every_months tinyint unsigned,
    amount       decimal(10, 2),
    calculation  enum('STATIC', 'BALANCE', 'CALCULATED'),
    card         varchar(10),
    bank         varchar(20) comment 'BSB, a hyphen, and the number of the account',
    wallet_name  varchar(60),
    wallet_id    varchar(120),
    wallet_kind  varchar(12),
    wallet_of    varchar(9),
    primary key (acct_no, seq),
    foreign key (acct_no) references cust_account (acct_no) on update cascade on delete cascade
) engine = InnoDB default character set utf8mb4;

-- prd: offers; a price may change where it stands, anything else comes with a new revision

create table prd_offer (
    offer_code       varchar(8) character set ascii not null primary key,
    title            varchar(120) not null,
    fuels            enum('E', 'G', 'EG') not null,
    revision         int unsigned not null default 1,
    meter_title      varchar(120),
    meter_least      decimal(12, 6),
    meter_most       decimal(12, 6),
    meter_every      varchar(8),
    elec_model       varchar(24),
    elec_local_time  boolean comment 'else eastern standard time',
    elec_fixed       boolean,
    elec_variation   varchar(400),
    elec_on_expiry   varchar(400),
    elec_pay_by      longtext,
    elec_green_share decimal(6, 4),
    gas_model        varchar(24),
    gas_fixed        boolean,
    gas_variation    varchar(400),
    gas_on_expiry    varchar(400),
    gas_pay_by       longtext,
    contingent       boolean,
    meter_remark     varchar(400),
    elec_fee_remark  varchar(400),
    gas_fee_remark   varchar(400)
) engine = InnoDB default character set utf8mb4;

create table prd_tariff (
    offer_code varchar(8) character set ascii not null,
    fuel       char(1) character set ascii not null,
    tariff_no  tinyint unsigned not null,
    section    varchar(12) not null,
    title      varchar(120) not null,
    priced_by  varchar(8) not null,
    class      varchar(12),
    first_mmdd char(5),
    last_mmdd  char(5),
    supply     decimal(12, 6),
    scheme     varchar(8),
    paid_by    varchar(8),
    remark     varchar(400),
    starts_on  date,
    ends_on    date,
    bands      longtext comment 'of the daily supply charge, as published',
    local_time boolean,
    general    decimal(12, 6) comment 'the price beyond a quota',
    primary key (offer_code, fuel, tariff_no),
    foreign key (offer_code) references prd_offer (offer_code) on delete cascade
) engine = InnoDB default character set utf8mb4;

create table prd_price (
    offer_code  varchar(8) character set ascii not null,
    fuel        char(1) character set ascii not null,
    tariff_no   tinyint unsigned not null,
    block_no    tinyint unsigned not null,
    step_no     tinyint unsigned not null,
    title       varchar(120),
    time_of_use varchar(12),
    price       decimal(12, 6) not null,
    unit        varchar(5) not null,
    up_to       int unsigned,
    hours       longtext,
    least_kw    decimal(10, 3),
    most_kw     decimal(10, 3),
    measured    varchar(8),
    charged     varchar(8),
    remark      varchar(400),
    every       varchar(8),
    primary key (offer_code, fuel, tariff_no, block_no, step_no),
    foreign key (offer_code, fuel, tariff_no) references prd_tariff (offer_code, fuel, tariff_no) on delete cascade
) engine = InnoDB default character set utf8mb4;

create table prd_extra (
    offer_code varchar(8) character set ascii not null,
    fuel       char(1) character set ascii not null,
    sort       varchar(8) not null,
    place      tinyint unsigned not null,
    kind       varchar(24) not null,
    term       varchar(16),
    title      varchar(120),
    remark     varchar(400),
    reason     varchar(24),
    basis      varchar(8),
    value      decimal(12, 6),
    threshold  decimal(12, 2),
    ends_on    date,
    info       longtext comment 'of green power its tiers as published, of a gift who gets it',
    primary key (offer_code, fuel, sort, place),
    foreign key (offer_code) references prd_offer (offer_code) on delete cascade
) engine = InnoDB default character set utf8mb4;

-- sup: where energy goes, and on what terms

create table sup_point (
    point_id    uuid not null primary key,
    fuel        char(1) character set ascii not null,
    national_no varchar(11) character set ascii not null,
    site_id     binary(16),
    foreign key (site_id) references cust_site (site_id) on delete set null
) engine = InnoDB default character set utf8mb4;

create table sup_contract (
    contract_id int unsigned not null primary key,
    acct_no     varchar(20) character set latin1 collate latin1_general_ci not null,
    offer_code  varchar(8) character set ascii not null,
    from_on     date not null,
    until_on    date,
    nickname    varchar(80),
    foreign key (acct_no) references cust_account (acct_no) on update cascade on delete cascade,
    foreign key (offer_code) references prd_offer (offer_code)
) engine = InnoDB default character set utf8mb4;

create table sup_contract_point (
    contract_id int unsigned not null,
    point_id    uuid not null,
    position    tinyint unsigned not null,
    primary key (contract_id, point_id),
    foreign key (contract_id) references sup_contract (contract_id) on delete cascade,
    foreign key (point_id) references sup_point (point_id)
) engine = InnoDB comment 'Written with its contract and never after';

-- bil: invoices, the ledger and balances

create table bil_invoice (
    invoice_id    bigint unsigned not null primary key,
    invoice_no    varchar(20) not null unique,
    acct_no       varchar(20) not null,
    issued_on     date not null,
    due_on        date,
    period_from   date,
    period_until  date,
    total         decimal(14, 2) not null,
    gst           decimal(14, 2) not null,
    balance_after decimal(14, 2) not null,
    early_amount  decimal(14, 2),
    early_gst     decimal(14, 2),
    early_until   date,
    paid          varchar(8) not null,
    note          varchar(200),
    key (issued_on),
    foreign key (acct_no) references cust_account (acct_no) on update cascade on delete cascade
) engine = InnoDB default character set latin1 collate latin1_general_ci;

create table bil_invoice_line (
    invoice_id  bigint unsigned not null,
    line_no     smallint unsigned not null,
    scope       char(1) not null,
    kind        char(3) not null,
    charge_type char(3),
    point_id    uuid,
    amount      decimal(14, 2) not null,
    gst         decimal(14, 2) not null,
    description varchar(200) not null,
    primary key (invoice_id, line_no),
    foreign key (invoice_id) references bil_invoice (invoice_id) on delete cascade
) engine = InnoDB default character set utf8mb4;

create table bil_ledger (
    entry_id    bigint unsigned not null,
    posted_on   date not null,
    acct_no     varchar(20) character set latin1 collate latin1_general_ci not null,
    posted_at   datetime not null,
    kind        char(1) not null,
    invoice_id  bigint unsigned,
    point_id    uuid,
    amount      decimal(14, 2) not null,
    gst         decimal(14, 2) not null,
    description varchar(200),
    charge_type char(3),
    from_on     date,
    to_on       date,
    pay_method  char(2),
    tou_code    char(2),
    quantity    decimal(14, 3),
    unit        varchar(5),
    estimated   boolean,
    starts_at   datetime,
    ends_at     datetime,
    dlf         decimal(8, 5),
    mlf         decimal(8, 5),
    primary key (entry_id, posted_on),
    foreign key (acct_no) references cust_account (acct_no) on update cascade on delete cascade,
    foreign key (invoice_id) references bil_invoice (invoice_id) on delete cascade
) engine = InnoDB default character set utf8mb4;

create table bil_adjustment (
    entry_id    bigint unsigned not null,
    posted_on   date not null,
    seq         tinyint unsigned not null,
    kind        char(1) not null,
    amount      decimal(14, 2) not null,
    description varchar(200) not null,
    primary key (entry_id, posted_on, seq),
    foreign key (entry_id, posted_on) references bil_ledger (entry_id, posted_on) on update cascade on delete cascade
) engine = InnoDB default character set utf8mb4;

create table bil_balance (
    acct_no varchar(20) not null primary key,
    balance decimal(14, 2) not null,
    foreign key (acct_no) references cust_account (acct_no) on update cascade on delete cascade
) engine = InnoDB default character set latin1 collate latin1_general_ci;

-- ops: busy, and of no use to the CDR

create table ops_reading (
    reading_id  bigint unsigned not null auto_increment primary key,
    national_no varchar(11) character set ascii not null,
    read_at     timestamp not null default current_timestamp,
    kwh         decimal(14, 3) not null,
    quality     char(1) not null
) engine = InnoDB;

create table ops_activity (
    activity_id bigint unsigned not null auto_increment primary key,
    at          timestamp not null default current_timestamp,
    who         varchar(40) not null,
    what        varchar(40) not null,
    acct_no     varchar(20),
    seconds     int
) engine = InnoDB;

create table ops_job (
    job_id    int unsigned not null auto_increment primary key,
    acct_no   varchar(20) character set latin1 collate latin1_general_ci,
    what      varchar(12) not null,
    state     varchar(8) not null,
    raised_at datetime not null default current_timestamp,
    foreign key (acct_no) references cust_account (acct_no) on update cascade on delete set null
) engine = InnoDB;

create table ops_export (
    batch   bigint unsigned not null,
    line    int unsigned not null,
    gl_code varchar(12) not null,
    amount  decimal(14, 2) not null,
    primary key (batch, line)
) engine = InnoDB;

-- The sample's own state: what the World in this database was made from, and how far it has come.

create table wattle_sample_state (
    one       tinyint not null primary key check (one = 1),
    version   int unsigned not null,
    seed      varchar(20) not null,
    customers bigint not null,
    today     date not null,
    months    bigint not null,
    mutations bigint unsigned not null
) engine = InnoDB;

create table wattle_sample_asked (
    mutation bigint unsigned not null primary key,
    kind     varchar(40) not null
) engine = InnoDB comment 'Mutations whose kind was asked for rather than drawn';
