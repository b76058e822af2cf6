select k.ord     as "$ord",
       d.account as "$key",
       d.account as "$owner.account",
       iif((d.owed_cents - d.credit_cents) < 0, '-', '') || (abs((d.owed_cents - d.credit_cents)) / 100) || printf('.%02d', abs((d.owed_cents - d.credit_cents)) % 100) as "balance"
from {keys} k
cross join debtors d on d.account = k.account
