-- Corymbia Energy, a retailer small enough to read: its pack is written step by step in the chapter
-- "Writing an adapter", and a test takes the same steps.

create table customers (
    customer_id integer primary key,
    kind text not null,
    last_name text not null,
    business_name text
);
create table accounts (
    account_no text primary key collate nocase,
    nickname text,
    opened_on text not null,
    closed integer not null default 0
);
create table account_holders (
    customer_id integer not null references customers,
    account_no text not null references accounts on update cascade on delete cascade,
    role text not null,
    primary key (customer_id, account_no)
) without rowid;
create table bills (
    bill_id integer primary key,
    account_no text not null references accounts on update cascade,
    issue_date text not null,
    due_date text,
    total_cents integer not null
);
create table bill_lines (
    bill_id integer not null references bills on delete cascade,
    line_no integer not null,
    cents integer not null,
    primary key (bill_id, line_no)
) without rowid;
create table meter_readings (
    reading_id integer primary key,
    read_at text not null
);

insert into customers values
    (1, 'P', 'Nguyễn', null), (2, 'P', 'Okafor', null), (3, 'O', 'O''Brien', 'Zoë''s café');
insert into accounts values
    ('CB-100017', 'Home', '2023-04-01', 0),
    ('CB-100025', null, '2024-11-12', 0),
    ('CB-100033', 'Zoë''s café', '2021-02-03', 1);
insert into account_holders values (1, 'CB-100017', 'H'), (2, 'CB-100025', 'H'), (3, 'CB-100033', 'H'), (2, 'CB-100033', 'J');
insert into bills values
    (501, 'CB-100017', '2026-08-01', '2026-08-15', 18230),
    (502, 'CB-100017', '2026-11-01', '2026-11-15', 20417),
    (503, 'CB-100025', '2026-11-01', null, 9900);
insert into bill_lines values (501, 1, 15000), (501, 2, 3230), (502, 1, 20417), (503, 1, 9900);
