-- A direct debit without the numbers of a bank account is by a token.
select k.ord     as "$ord",
       p.plan_id as "$key",
       p.account as "$owner.account",
       iif(p.cents < 0, '-', '') || (abs(p.cents) / 100) || printf('.%02d', abs(p.cents) % 100) as "amount",
       p.terms ->> 'by' as "paymentScheduleUType",
       p.terms ->> 'scheme' as "cardDebit.cardScheme",
       iif(p.terms ->> 'by' = 'card', p.terms ->> 'every', null)   as "cardDebit.paymentFrequency",
       iif(p.terms ->> 'by' = 'card', p.terms ->> 'how', null)     as "cardDebit.calculationType",
       iif(p.terms ->> 'by' = 'debit', p.terms ->> 'bsb' is null, null) as "directDebit.isTokenised",
       p.terms ->> 'bsb'    as "directDebit.bsb",
       p.terms ->> 'number' as "directDebit.accountNumber",
       iif(p.terms ->> 'by' = 'debit', p.terms ->> 'every', null)  as "directDebit.paymentFrequency",
       iif(p.terms ->> 'by' = 'debit', p.terms ->> 'how', null)    as "directDebit.calculationType",
       p.terms ->> 'name'     as "digitalWallet.name",
       p.terms ->> 'id'       as "digitalWallet.identifier",
       p.terms ->> 'kind'     as "digitalWallet.type",
       p.terms ->> 'provider' as "digitalWallet.provider",
       iif(p.terms ->> 'by' = 'wallet', p.terms ->> 'every', null) as "digitalWallet.paymentFrequency",
       iif(p.terms ->> 'by' = 'wallet', p.terms ->> 'how', null)   as "digitalWallet.calculationType",
       iif(p.terms ->> 'by' = 'hand', p.terms ->> 'every', null)   as "manualPayment.billFrequency"
from {keys} k
cross join pay_plans p on p.plan_id = k.plan_id
