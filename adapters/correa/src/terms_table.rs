//! How the World's payment schedules and concessions become rows of Correa's tables.

use wattle_sample::{
    Calculation, CardScheme, Concession, ConcessionTarget, ConcessionType, Numbers, PaymentMeans,
    PaymentSchedule, Row, Table, WalletIdentifier, WalletProvider, tables,
};

use crate::table::array;

tables! {
    CONCESSION = "crm.concession", 2 of [
        "account_no", "concession_no", "name", "kind", "started_on", "ended_on", "every", "amount", "percentage",
        "applies_to", "remark", "info_url"
    ], Update;
    PAYMENT_SCHEDULE = "crm.payment_schedule", 2 of [
        "account_no", "schedule_no", "means", "every", "amount", "calculation", "card_scheme", "bsb", "bank_account",
        "wallet_name", "wallet_id", "wallet_id_kind", "wallet_provider"
    ], Update;
}

pub(crate) fn concession(row: &mut Row, numbers: &Numbers<'_>, concession: &Concession) {
    let kind = match concession.kind {
        ConcessionType::FixedAmount => 'A',
        ConcessionType::FixedPercentage => 'P',
        ConcessionType::Variable => 'V',
    };
    let targets = concession.applied_to.iter().map(|target| match target {
        ConcessionTarget::Invoice => "INV",
        ConcessionTarget::Usage => "USE",
        ConcessionTarget::ServiceCharge => "SVC",
        ConcessionTarget::ControlledLoad => "CTL",
    });
    row.put(numbers.get(concession.account))
        .put(concession.number)
        .put(concession.name)
        .put(kind)
        .opt(concession.started)
        .opt(concession.ended)
        .opt(concession.frequency())
        .opt(concession.amount)
        .opt(concession.percentage)
        .put(array(&targets.collect::<Vec<_>>()))
        .opt(concession.information)
        .opt(concession.link);
}

pub(crate) fn payment_schedule(row: &mut Row, numbers: &Numbers<'_>, schedule: &PaymentSchedule) {
    let means = match schedule.means {
        PaymentMeans::Card(..) => 'C',
        PaymentMeans::DirectDebit(..) => 'D',
        PaymentMeans::Wallet(..) => 'W',
        PaymentMeans::Manual => 'M',
    };
    let (bank, wallet) = (schedule.bank_account(), schedule.wallet());
    row.put(numbers.get(schedule.account)).put(schedule.number).put(means).put(schedule.every);
    row.opt(schedule.amount)
        .opt(schedule.calculation().map(|calculation| match calculation {
            Calculation::Static => 'S',
            Calculation::Balance => 'B',
            Calculation::Calculated => 'C',
        }))
        .opt(schedule.card().map(|scheme| match scheme {
            CardScheme::Visa => "VIS",
            CardScheme::Mastercard => "MAS",
            CardScheme::Amex => "AMX",
            CardScheme::Diners => "DIN",
            CardScheme::Other => "OTH",
            CardScheme::Unknown => "?",
        }))
        .opt(bank.map(|account| &account.bsb))
        .opt(bank.map(|account| &account.number))
        .opt(wallet.map(|wallet| wallet.name))
        .opt(wallet.map(|wallet| &wallet.identifier))
        .opt(wallet.map(|wallet| match wallet.kind {
            WalletIdentifier::Email => 'E',
            WalletIdentifier::ContactName => 'N',
            WalletIdentifier::Telephone => 'T',
        }))
        .opt(wallet.map(|wallet| match wallet.provider {
            WalletProvider::Paypal => "PP",
            WalletProvider::Other => "OTH",
        }));
}

/// The statement that puts a concession.
pub(crate) fn put_concession(numbers: &Numbers<'_>, put: &Concession) -> String {
    CONCESSION.put([put], |row, put| concession(row, numbers, put))
}

/// The statement that puts a payment schedule.
pub(crate) fn put_schedule(numbers: &Numbers<'_>, put: &PaymentSchedule) -> String {
    PAYMENT_SCHEDULE.put([put], |row, put| payment_schedule(row, numbers, put))
}

/// The statement that deletes from one of both tables, whose keys are an account's number and one of its own.
pub(crate) fn delete(table: &Table, account: &str, number: u8) -> String {
    let own = table.columns[1];
    format!("delete from {} where account_no = '{account}' and {own} = {number};\n", table.name)
}
