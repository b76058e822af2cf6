//! How the World's payment schedules and concessions become rows of Acacia's tables.

use wattle_sample::{Concession, ConcessionType, PaymentMeans, PaymentSchedule, Row, tables};

use crate::table::json_list;

tables! {
    CONCESSION = "[cust].[Concession]", 2 of [
        "[AccountId]", "[ConcessionNo]", "[Name]", "[Kind]", "[StartedOn]", "[EndedOn]", "[Every]", "[Amount]",
        "[Percentage]", "[AppliesTo]", "[Remark]", "[Url]"
    ], Update;
    PAYMENT_SCHEDULE = "[cust].[Payment Schedule]", 2 of [
        "[AccountId]", "[ScheduleNo]", "[Means]", "[Every]", "[Amount]", "[Calculation]", "[CardScheme]", "[Tokenised]",
        "[BSB]", "[BankAccount]", "[WalletName]", "[WalletId]", "[WalletIdKind]", "[WalletProvider]"
    ], Update;
}

pub(crate) fn concession(row: &mut Row, concession: &Concession) {
    let kind = match concession.kind {
        ConcessionType::FixedAmount => 'A',
        ConcessionType::FixedPercentage => 'P',
        ConcessionType::Variable => 'V',
    };
    let targets = concession.applied_to.iter().map(|target| target.cds()).collect::<Vec<_>>();
    row.put(concession.account)
        .put(concession.number)
        .put(concession.name)
        .put(kind)
        .opt(concession.started)
        .opt(concession.ended)
        .opt(concession.frequency())
        .opt(concession.amount)
        .opt(concession.percentage)
        .opt((!targets.is_empty()).then(|| json_list(&targets)))
        .opt(concession.information)
        .opt(concession.link);
}

pub(crate) fn payment_schedule(row: &mut Row, schedule: &PaymentSchedule) {
    let (means, tokenised) = match &schedule.means {
        PaymentMeans::Card(..) => ("cardDebit", None),
        PaymentMeans::DirectDebit(account, _) => ("directDebit", Some(u8::from(account.is_none()))),
        PaymentMeans::Wallet(..) => ("digitalWallet", None),
        PaymentMeans::Manual => ("manualPayment", None),
    };
    let (bank, wallet) = (schedule.bank_account(), schedule.wallet());
    row.put(schedule.account)
        .put(schedule.number)
        .put(means)
        .put(schedule.every)
        .opt(schedule.amount)
        .opt(schedule.calculation().map(|calculation| calculation.cds()))
        .opt(schedule.card().map(|scheme| scheme.cds()))
        .opt(tokenised)
        .opt(bank.map(|account| &account.bsb))
        .opt(bank.map(|account| &account.number))
        .opt(wallet.map(|wallet| wallet.name))
        .opt(wallet.map(|wallet| &wallet.identifier))
        .opt(wallet.map(|wallet| wallet.kind.cds()))
        .opt(wallet.map(|wallet| wallet.provider.cds()));
}
