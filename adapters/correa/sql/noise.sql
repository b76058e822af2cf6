-- What a busy system is full of and the CDR never needs.

insert into meter.meter (supply_point_id, serial_no, installed_on)
select supply_point_id, 'M' || national_no, date '2015-03-01' + (get_byte(uuid_send(supply_point_id), 0) * 11)
from supply.supply_point;

insert into meter.read (meter_id, read_at, kwh, quality)
select m.meter_id, m.installed_on + n * interval '3 months', 1000.5 + n * 431.25, 'A'
from meter.meter m cross join generate_series(1, 4) n;

insert into ops.audit_log (actor, action, account_no)
select 'migration', 'account imported', account_no from crm.account;

insert into ops.work_order (account_no, kind, state, raised_at)
select account_no, 'connect', 'done', opened_on + time '08:30' from crm.account;

insert into ops.call_log (account_no, seconds, topic)
select account_no, 60 + length(account_no) * 17, 'new account' from crm.account where bill_months = 1;

insert into ops.campaign (campaign_id, name)
select n, 'Campaign ' || n from generate_series(1, 12) n;

insert into ops.campaign_send (campaign_id, account_no)
select 1 + get_byte(account_no::bytea, 0) % 12, account_no from crm.account;

insert into ops.gl_export (batch_no, line_no, gl_code, amount)
select n, l, '4-' || 1000 + l, n * 10.05 + l from generate_series(1, 24) n cross join generate_series(1, 20) l;
