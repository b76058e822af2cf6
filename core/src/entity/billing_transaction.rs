//! Get Billing For Account v3.

use super::invoice::CHARGE_TYPE;
use super::plan::UNIT;
use super::shape::{Object, Shape, may, member, must};

const KIND: &str = "transactionUType";
const AMOUNT: Shape = Shape::Amount;

/// The body of a billing transaction.
pub(super) static BILLING_TRANSACTION: Object = Object {
    fields: &[
        must("executionDateTime", Shape::DateTime),
        may("gst", AMOUNT),
        must(KIND, Shape::Enum(&["usage", "demand", "onceOff", "otherCharges", "payment"])),
        member(KIND, "usage", Shape::Object(&USAGE)),
        member(KIND, "demand", Shape::Object(&DEMAND)),
        member(KIND, "onceOff", Shape::Object(&ONCE_OFF)),
        member(KIND, "otherCharges", Shape::Object(&OTHER_CHARGES)),
        member(KIND, "payment", Shape::Object(&PAYMENT)),
    ],
};

static USAGE: Object = Object {
    fields: &[
        may("servicePointId", Shape::ServicePoint),
        may("invoiceNumber", Shape::Text),
        must(
            "timeOfUseType",
            Shape::Enum(&[
                "PEAK",
                "OFF_PEAK",
                "OFF_PEAK_DEMAND_CHARGE",
                "SHOULDER",
                "SHOULDER1",
                "SHOULDER2",
                "CONTROLLED_LOAD",
                "SOLAR",
                "AGGREGATE",
                "ALL_DAY",
            ]),
        ),
        may("description", Shape::Text),
        may("isEstimate", Shape::Boolean),
        must("startDate", Shape::DateTime),
        must("endDate", Shape::DateTime),
        may("measureUnit", UNIT),
        must("usage", Shape::Number),
        must("amount", AMOUNT),
        may("calculationFactors", FACTORS),
        may("adjustments", ADJUSTMENTS),
    ],
};

static DEMAND: Object = Object {
    fields: &[
        may("servicePointId", Shape::ServicePoint),
        may("invoiceNumber", Shape::Text),
        must(
            "timeOfUseType",
            Shape::Enum(&[
                "PEAK",
                "OFF_PEAK",
                "OFF_PEAK_DEMAND_CHARGE",
                "SHOULDER",
                "SHOULDER1",
                "SHOULDER2",
                "CONTROLLED_LOAD",
                "SOLAR",
                "AGGREGATE",
                "ALL_DAY",
                "EXCESS",
            ]),
        ),
        may("description", Shape::Text),
        may("isEstimate", Shape::Boolean),
        must("startDate", Shape::DateTime),
        must("endDate", Shape::DateTime),
        may("measureUnit", UNIT),
        must("rate", Shape::Number),
        must("amount", AMOUNT),
        may("calculationFactors", FACTORS),
        may("adjustments", ADJUSTMENTS),
    ],
};

static ONCE_OFF: Object = Object {
    fields: &[
        may("servicePointId", Shape::ServicePoint),
        may("invoiceNumber", Shape::Text),
        must("amount", AMOUNT),
        must("description", Shape::Text),
    ],
};

static OTHER_CHARGES: Object = Object {
    fields: &[
        may("servicePointId", Shape::ServicePoint),
        may("invoiceNumber", Shape::Text),
        may("startDate", Shape::Date),
        may("endDate", Shape::Date),
        may("type", CHARGE_TYPE),
        must("amount", AMOUNT),
        must("description", Shape::Text),
        may("calculationFactors", FACTORS),
        may("adjustments", ADJUSTMENTS),
    ],
};

static PAYMENT: Object = Object {
    fields: &[
        must("amount", AMOUNT),
        must("method", Shape::Enum(&["DIRECT_DEBIT", "CARD", "TRANSFER", "BPAY", "CASH", "CHEQUE", "OTHER"])),
    ],
};

const FACTORS: Shape = Shape::List(&Shape::Object(&Object {
    fields: &[must("value", Shape::Number), must("type", Shape::Enum(&["DLF", "MLF"]))],
}));

const ADJUSTMENTS: Shape = Shape::List(&Shape::Object(&Object {
    fields: &[must("amount", AMOUNT), must("description", Shape::Text)],
}));
