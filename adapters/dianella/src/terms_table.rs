//! How the World's payment schedules and concessions become rows of Dianella's tables.

use serde_json::{Value, json};
use wattle_sample::{
    Calculation, Concession, ConcessionTarget, PaymentMeans, PaymentSchedule, Row, Wallet, tables,
};

use crate::known::Known;
use crate::table::json_list;

tables! {
    REBATE = "rebates", 2 of [
        "account", "place", "title", "since_day", "until_day", "cents", "millionths", "every", "covers", "remark",
        "link", "withdrawn"
    ], Update;
    PAY_PLAN = "pay_plans", 2 of ["account", "place", "cents", "terms"], Update;
}

pub(crate) fn rebate(row: &mut Row, known: &Known<'_>, concession: &Concession) {
    let covers = concession.applied_to.iter().map(|target| match target {
        ConcessionTarget::Invoice => "bill",
        ConcessionTarget::Usage => "energy",
        ConcessionTarget::ServiceCharge => "supply",
        ConcessionTarget::ControlledLoad => "hot water",
    });
    let covers = covers.collect::<Vec<_>>();
    row.put(known.number(concession.account))
        .put(concession.number)
        .put(concession.name)
        .opt(concession.started)
        .opt(concession.ended)
        .opt(concession.amount.map(|amount| amount.0))
        .opt(concession.percentage.map(|share| share.units_at(6)))
        .opt(concession.frequency())
        .opt((!covers.is_empty()).then(|| json_list(&covers)))
        .opt(concession.information)
        .opt(concession.link)
        .put(0);
}

pub(crate) fn pay_plan(row: &mut Row, known: &Known<'_>, schedule: &PaymentSchedule) {
    row.put(known.number(schedule.account)).put(schedule.number);
    row.opt(schedule.amount.map(|amount| amount.0)).put(terms(schedule));
}

fn terms(schedule: &PaymentSchedule) -> Value {
    let every = schedule.every;
    let how = schedule.calculation().map(|calculation| match calculation {
        Calculation::Static => "same",
        Calculation::Balance => "all",
        Calculation::Calculated => "worked out",
    });
    match &schedule.means {
        PaymentMeans::Card(scheme, _) => {
            json!({"by": "card", "every": every, "how": how, "scheme": scheme.cds().to_lowercase()})
        }
        PaymentMeans::DirectDebit(account, _) => json!({
            "by": "debit", "every": every, "how": how, "bsb": account.as_ref().map(|account| &account.bsb),
            "number": account.as_ref().map(|account| &account.number),
        }),
        PaymentMeans::Wallet(Wallet { name, identifier, kind, provider }, _) => json!({
            "by": "wallet", "every": every, "how": how, "name": name, "id": identifier, "kind": kind.cds(),
            "provider": provider.cds(),
        }),
        PaymentMeans::Manual => json!({"by": "hand", "every": every}),
    }
}

/// The statement that puts a rebate.
pub(crate) fn put_rebate(known: &Known<'_>, put: &Concession) -> String {
    REBATE.put([put], |row, put| rebate(row, known, put))
}

/// The statement that puts a plan by which an account is paid.
pub(crate) fn put_pay_plan(known: &Known<'_>, put: &PaymentSchedule) -> String {
    PAY_PLAN.put([put], |row, put| pay_plan(row, known, put))
}
