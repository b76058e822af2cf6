-- A direct debit without the numbers of a bank account is by a token.
select k.ord           as "$ord",
       s.account_no    as "$key.account_no",
       s.schedule_no   as "$key.schedule_no",
       s.account_no    as "$owner.account",
       s.amount        as "amount",
       s.means         as "paymentScheduleUType",
       s.card_scheme   as "cardDebit.cardScheme",
       case when s.means = 'C' then s.every end       as "cardDebit.paymentFrequency",
       case when s.means = 'C' then s.calculation end as "cardDebit.calculationType",
       case when s.means = 'D' then s.bsb is null end as "directDebit.isTokenised",
       s.bsb           as "directDebit.bsb",
       s.bank_account  as "directDebit.accountNumber",
       case when s.means = 'D' then s.every end       as "directDebit.paymentFrequency",
       case when s.means = 'D' then s.calculation end as "directDebit.calculationType",
       s.wallet_name     as "digitalWallet.name",
       s.wallet_id       as "digitalWallet.identifier",
       s.wallet_id_kind  as "digitalWallet.type",
       s.wallet_provider as "digitalWallet.provider",
       case when s.means = 'W' then s.every end       as "digitalWallet.paymentFrequency",
       case when s.means = 'W' then s.calculation end as "digitalWallet.calculationType",
       case when s.means = 'M' then s.every end       as "manualPayment.billFrequency"
from {keys} k
join crm.payment_schedule s on s.account_no = k.account_no and s.schedule_no = k.schedule_no
