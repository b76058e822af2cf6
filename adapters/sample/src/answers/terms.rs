//! Payment schedules and concessions as the standard has them.

use serde_json::Value;

use super::Fields;
use crate::concession::Concession;
use crate::schedule::{PaymentMeans, PaymentSchedule};

/// An element of Get Agreed Payment Schedule v1.
pub(super) fn payment_schedule(schedule: &PaymentSchedule) -> Value {
    let paid = || {
        Fields::default()
            .set("paymentFrequency", schedule.every)
            .opt("calculationType", schedule.calculation().map(|calculation| calculation.cds()))
    };
    let (kind, means) = match &schedule.means {
        PaymentMeans::Card(scheme, _) => ("cardDebit", paid().set("cardScheme", scheme.cds())),
        PaymentMeans::DirectDebit(account, _) => (
            "directDebit",
            paid()
                .set("isTokenised", account.is_none())
                .opt("bsb", account.as_ref().map(|account| &*account.bsb))
                .opt("accountNumber", account.as_ref().map(|account| &*account.number)),
        ),
        PaymentMeans::Wallet(wallet, _) => (
            "digitalWallet",
            paid()
                .set("name", wallet.name)
                .set("identifier", &*wallet.identifier)
                .set("type", wallet.kind.cds())
                .set("provider", wallet.provider.cds()),
        ),
        PaymentMeans::Manual => ("manualPayment", Fields::default().set("billFrequency", schedule.every)),
    };
    Fields::default()
        .opt("amount", schedule.amount.map(|amount| amount.to_string()))
        .set("paymentScheduleUType", kind)
        .set(kind, means)
        .into()
}

/// An element of Get Concessions v1.
pub(super) fn concession(concession: &Concession) -> Value {
    Fields::default()
        .set("type", concession.kind.cds())
        .set("displayName", concession.name)
        .opt("additionalInfo", concession.information)
        .opt("additionalInfoUri", concession.link)
        .opt("startDate", concession.started.map(|day| day.to_string()))
        .opt("endDate", concession.ended.map(|day| day.to_string()))
        .opt("discountFrequency", concession.frequency())
        .opt("amount", concession.amount.map(|amount| amount.to_string()))
        .opt("percentage", concession.percentage.map(|share| share.to_string()))
        .list("appliedTo", concession.applied_to.iter().map(|target| target.cds().into()).collect())
        .into()
}
