-- What a busy system is full of and the CDR never needs.

insert into readings (national_no, read_at, watt_hours, quality)
with quarters (n) as (values (1), (2), (3), (4))
select national_no, 1735650000 + n * 7862400, 1000500 + n * 431250, 'A' from connections cross join quarters;

insert into activity (who, what, account) select 'migration', 'account imported', number from accounts;

insert into jobs (account, what, state, raised_at)
select number, 'connect', 'done', unixepoch(opened_day) from accounts;

insert into exports (batch, line, gl_code, cents)
with recursive lines (n) as (values (0) union all select n + 1 from lines where n < 479)
select 1 + n / 20, n % 20, '4-' || (1000 + n % 20), n * 1005 from lines;
