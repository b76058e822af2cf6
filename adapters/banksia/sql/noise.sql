-- What a busy system is full of and the CDR never needs.

insert into ops_reading (national_no, read_at, kwh, quality)
with recursive quarters (n) as (select 1 union all select n + 1 from quarters where n < 4)
select p.national_no, from_unixtime(1735650000 + q.n * 7862400), 1000.5 + q.n * 431.25, 'A' from sup_point p join quarters q;

insert into ops_activity (who, what, acct_no) select 'migration', 'account imported', acct_no from cust_account;

insert into ops_job (acct_no, what, state, raised_at)
select acct_no, 'connect', 'done', timestamp(opened_on, '08:30:00') from cust_account;

insert into ops_export (batch, line, gl_code, amount)
with recursive counted (n) as (select 0 union all select n + 1 from counted where n < 479)
select 1 + n div 20, n % 20, concat('4-', 1000 + n % 20), n * 10.05 from counted;
