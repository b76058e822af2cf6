-- Keys first, so that the foreign keys find them; then an index for every foreign key.

alter table crm.party add primary key (party_id);
alter table crm.party_phone add primary key (party_id, seq);
alter table crm.party_email add primary key (party_id, seq);
alter table crm.party_address add primary key (party_id, purpose);
alter table crm.address add primary key (address_id);
alter table crm.account add primary key (account_no);
alter table crm.account_holding add primary key (party_id, account_no);
alter table crm.contact add primary key (contact_id);
alter table crm.concession add primary key (account_no, concession_no);
alter table crm.payment_schedule add primary key (account_no, schedule_no);
alter table supply.supply_point add primary key (supply_point_id);
alter table supply.agreement add primary key (agreement_id);
alter table supply.agreement_point add primary key (agreement_id, supply_point_id);
alter table product.plan add primary key (plan_code);
alter table product.contract add primary key (plan_code, fuel);
alter table product.tariff add primary key (tariff_id);
alter table product.rate_block add primary key (block_id);
alter table product.rate add primary key (block_id, step_no);
alter table product.tou_window add primary key (block_id, seq);
alter table product.discount add primary key (plan_code, fuel, seq);
alter table product.fee add primary key (plan_code, fuel, seq);
alter table product.feed_in add primary key (feed_in_id);
alter table product.feed_in_rate add primary key (feed_in_id, seq);
alter table billing.bill add primary key (bill_id);
alter table billing.bill add unique (bill_no);
alter table billing.bill_line add primary key (bill_id, line_no);
alter table billing.ledger add primary key (entry_id, posted_on);
alter table billing.ledger_usage add primary key (entry_id, posted_on);
alter table billing.ledger_adjustment add primary key (entry_id, posted_on, seq);
alter table billing.account_balance add primary key (account_no);
alter table meter.meter add primary key (meter_id);
alter table meter.read add primary key (read_id);
alter table ops.audit_log add primary key (audit_id);
alter table ops.work_order add primary key (work_order_id);
alter table ops.call_log add primary key (call_id);
alter table ops.campaign add primary key (campaign_id);
alter table ops.gl_export add primary key (batch_no, line_no);

create index on crm.account (mail_address_id);
create index on crm.account_holding (account_no);
create index on crm.contact (account_no);
create index on supply.supply_point (site_address_id);
create index on supply.agreement (account_no);
create index on supply.agreement (plan_code);
create index on supply.agreement_point (supply_point_id);
create index on product.tariff (plan_code, fuel);
create index on product.rate_block (tariff_id);
create index on product.feed_in (plan_code, fuel);
create index on billing.bill (account_no);
create index on billing.bill (issued_on);
create index on billing.ledger (account_no);
create index on billing.ledger (bill_no);
create index on meter.meter (supply_point_id);
create index on meter.read (meter_id);
create index on ops.audit_log (at);
create index on ops.work_order (account_no);
create index on ops.campaign_send (campaign_id);

-- An account's number is its key: everything that names it follows when it changes, and goes when it goes.
alter table crm.account add foreign key (mail_address_id) references crm.address on delete set null;
alter table crm.party_phone add foreign key (party_id) references crm.party on delete cascade;
alter table crm.party_email add foreign key (party_id) references crm.party on delete cascade;
alter table crm.party_address add foreign key (party_id) references crm.party on delete cascade;
alter table crm.account_holding
    add foreign key (party_id) references crm.party on delete cascade,
    add foreign key (account_no) references crm.account on update cascade on delete cascade;
alter table crm.contact add foreign key (account_no) references crm.account on update cascade on delete cascade;
alter table crm.concession add foreign key (account_no) references crm.account on update cascade on delete cascade;
alter table crm.payment_schedule
    add foreign key (account_no) references crm.account on update cascade on delete cascade;
alter table supply.supply_point add foreign key (site_address_id) references crm.address on delete set null;
alter table supply.agreement
    add foreign key (account_no) references crm.account on update cascade on delete cascade,
    add foreign key (plan_code) references product.plan;
alter table supply.agreement_point
    add foreign key (agreement_id) references supply.agreement on delete cascade,
    add foreign key (supply_point_id) references supply.supply_point;
alter table product.contract add foreign key (plan_code) references product.plan on delete cascade;
alter table product.tariff add foreign key (plan_code, fuel) references product.contract on delete cascade;
alter table product.rate_block add foreign key (tariff_id) references product.tariff on delete cascade;
alter table product.rate add foreign key (block_id) references product.rate_block on delete cascade;
alter table product.tou_window add foreign key (block_id) references product.rate_block on delete cascade;
alter table product.discount add foreign key (plan_code, fuel) references product.contract on delete cascade;
alter table product.fee add foreign key (plan_code, fuel) references product.contract on delete cascade;
alter table product.feed_in add foreign key (plan_code, fuel) references product.contract on delete cascade;
alter table product.feed_in_rate add foreign key (feed_in_id) references product.feed_in on delete cascade;
alter table billing.bill add foreign key (account_no) references crm.account on update cascade on delete cascade;
alter table billing.bill_line add foreign key (bill_id) references billing.bill on delete cascade;
alter table billing.ledger
    add foreign key (account_no) references crm.account on update cascade on delete cascade,
    add foreign key (bill_no) references billing.bill (bill_no) on delete cascade;
alter table billing.ledger_usage
    add foreign key (entry_id, posted_on) references billing.ledger on update cascade on delete cascade;
alter table billing.ledger_adjustment
    add foreign key (entry_id, posted_on) references billing.ledger on update cascade on delete cascade;
alter table billing.account_balance
    add foreign key (account_no) references crm.account on update cascade on delete cascade;
alter table meter.meter add foreign key (supply_point_id) references supply.supply_point;
alter table meter.read add foreign key (meter_id) references meter.meter on delete cascade;
alter table ops.work_order
    add foreign key (account_no) references crm.account on update cascade on delete set null;
alter table ops.campaign_send add foreign key (campaign_id) references ops.campaign on delete cascade;
