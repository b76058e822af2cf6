-- How often is in days or in months. A bank account's numbers are in one column, its branch first.
select k.ord         as "$ord",
       p.acct_no     as "$key.acct_no",
       p.seq         as "$key.seq",
       p.acct_no     as "$owner.account",
       p.amount      as "amount",
       p.means       as "paymentScheduleUType",
       p.card        as "cardDebit.cardScheme",
       if(p.means = 'CARD', if(p.every_days is null, concat('P', p.every_months, 'M'), concat('P', p.every_days, 'D')), null) as "cardDebit.paymentFrequency",
       if(p.means = 'CARD', p.calculation, null) as "cardDebit.calculationType",
       case p.means when 'TOKEN' then true when 'DEBIT' then false end as "directDebit.isTokenised",
       substring_index(p.bank, '-', 1)  as "directDebit.bsb",
       substring_index(p.bank, '-', -1) as "directDebit.accountNumber",
       if(p.means in ('DEBIT', 'TOKEN'), if(p.every_days is null, concat('P', p.every_months, 'M'), concat('P', p.every_days, 'D')), null) as "directDebit.paymentFrequency",
       if(p.means in ('DEBIT', 'TOKEN'), p.calculation, null) as "directDebit.calculationType",
       p.wallet_name as "digitalWallet.name",
       p.wallet_id   as "digitalWallet.identifier",
       p.wallet_kind as "digitalWallet.type",
       p.wallet_of   as "digitalWallet.provider",
       if(p.means = 'WALLET', if(p.every_days is null, concat('P', p.every_months, 'M'), concat('P', p.every_days, 'D')), null) as "digitalWallet.paymentFrequency",
       if(p.means = 'WALLET', p.calculation, null) as "digitalWallet.calculationType",
       if(p.means = 'HAND', if(p.every_days is null, concat('P', p.every_months, 'M'), concat('P', p.every_days, 'D')), null) as "manualPayment.billFrequency"
from {keys} k
join cust_payment p on p.acct_no = k.acct_no and p.seq = k.seq
