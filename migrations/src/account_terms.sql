-- What is agreed about an account: how it is paid, and what it is relieved of.

create table wattle.payment_schedule (
    tenant_id     text not null,
    source_system text not null,
    source_id     text not null,
    account_id    text not null,
    body          text not null,
    primary key (tenant_id, source_system, source_id)
) partition by list (tenant_id);
create index payment_schedule_account on wattle.payment_schedule (source_system, account_id);

create table wattle.concession (
    tenant_id     text not null,
    source_system text not null,
    source_id     text not null,
    account_id    text not null,
    body          text not null,
    primary key (tenant_id, source_system, source_id)
) partition by list (tenant_id);
create index concession_account on wattle.concession (source_system, account_id);
