//! How the World's payment schedules and concessions become rows of Banksia's tables.

use wattle_sample::{
    Concession, ConcessionTarget, ConcessionType, Numbers, PaymentMeans, PaymentSchedule, Row, Table, tables,
};

tables! {
    CONCESSION = "cust_concession", 2 of [
        "acct_no", "seq", "name", "kind", "started_on", "until_on", "months", "amount", "percentage", "lowers", "remark",
        "url"
    ], Update;
    PAYMENT = "cust_payment", 2 of [
        "acct_no", "seq", "means", "every_days", "every_months", "amount", "calculation", "card", "bank", "wallet_name",
        "wallet_id", "wallet_kind", "wallet_of"
    ], Update;
}

pub(crate) fn concession(row: &mut Row, numbers: &Numbers<'_>, concession: &Concession) {
    let kind = match concession.kind {
        ConcessionType::FixedAmount => 'A',
        ConcessionType::FixedPercentage => 'P',
        ConcessionType::Variable => 'V',
    };
    let lowers = concession.applied_to.iter().map(|target| match target {
        ConcessionTarget::Invoice => "BILL",
        ConcessionTarget::Usage => "ENERGY",
        ConcessionTarget::ServiceCharge => "DAILY",
        ConcessionTarget::ControlledLoad => "CONTROLLED",
    });
    let lowers = lowers.collect::<Vec<_>>().join(",");
    row.put(numbers.get(concession.account))
        .put(concession.number)
        .put(concession.name)
        .put(kind)
        .opt(concession.started)
        .opt(concession.ended)
        .opt(concession.months)
        .opt(concession.amount)
        .opt(concession.percentage)
        .opt((!lowers.is_empty()).then_some(lowers))
        .opt(concession.information)
        .opt(concession.link);
}

pub(crate) fn payment(row: &mut Row, numbers: &Numbers<'_>, schedule: &PaymentSchedule) {
    let means = match &schedule.means {
        PaymentMeans::Card(..) => "CARD",
        PaymentMeans::DirectDebit(Some(_), _) => "DEBIT",
        PaymentMeans::DirectDebit(None, _) => "TOKEN",
        PaymentMeans::Wallet(..) => "WALLET",
        PaymentMeans::Manual => "HAND",
    };
    let every = schedule.every.trim_start_matches('P');
    let wallet = schedule.wallet();
    row.put(numbers.get(schedule.account))
        .put(schedule.number)
        .put(means)
        .opt(every.strip_suffix('D'))
        .opt(every.strip_suffix('M'))
        .opt(schedule.amount)
        .opt(schedule.calculation().map(|calculation| calculation.cds()))
        .opt(schedule.card().map(|scheme| scheme.cds()))
        .opt(schedule.bank_account().map(|account| format!("{}-{}", account.bsb, account.number)))
        .opt(wallet.map(|wallet| wallet.name))
        .opt(wallet.map(|wallet| &wallet.identifier))
        .opt(wallet.map(|wallet| wallet.kind.cds()))
        .opt(wallet.map(|wallet| wallet.provider.cds()));
}

/// The statement that puts a concession.
pub(crate) fn put_concession(numbers: &Numbers<'_>, put: &Concession) -> String {
    CONCESSION.put_on_duplicate_key([put], |row, put| concession(row, numbers, put))
}

/// The statement that puts a payment schedule.
pub(crate) fn put_payment(numbers: &Numbers<'_>, put: &PaymentSchedule) -> String {
    PAYMENT.put_on_duplicate_key([put], |row, put| payment(row, numbers, put))
}

/// The statement that deletes from one of both tables.
pub(crate) fn delete(table: &Table, account: &str, number: u8) -> String {
    format!("delete from {} where acct_no = '{account}' and seq = {number};\n", table.name)
}
