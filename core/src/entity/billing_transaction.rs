//! Get Billing For Account v3.

use super::invoice::CHARGE_TYPE;
use super::plan::UNIT;
use super::shape::{Field, Object, Shape, may, member, must};

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

const SERVICE_POINT_ID: Field = may("servicePointId", Shape::ServicePoint);
const INVOICE_NUMBER: Field = may("invoiceNumber", Shape::Text);
const DESCRIPTION: Field = may("description", Shape::Text);
const IS_ESTIMATE: Field = may("isEstimate", Shape::Boolean);
/// Date-times, whatever their names say.
const START_DATE: Field = must("startDate", Shape::DateTime);
const END_DATE: Field = must("endDate", Shape::DateTime);
const MEASURE_UNIT: Field = may("measureUnit", UNIT);
const CALCULATION_FACTORS: Field = may("calculationFactors", FACTORS);
const ADJUSTED_BY: Field = may("adjustments", ADJUSTMENTS);

static USAGE: Object = Object {
    fields: &[
        SERVICE_POINT_ID,
        INVOICE_NUMBER,
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
        DESCRIPTION,
        IS_ESTIMATE,
        START_DATE,
        END_DATE,
        MEASURE_UNIT,
        must("usage", Shape::Number),
        must("amount", AMOUNT),
        CALCULATION_FACTORS,
        ADJUSTED_BY,
    ],
};

static DEMAND: Object = Object {
    fields: &[
        SERVICE_POINT_ID,
        INVOICE_NUMBER,
        // As for usage, and EXCESS.
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
        DESCRIPTION,
        IS_ESTIMATE,
        START_DATE,
        END_DATE,
        MEASURE_UNIT,
        must("rate", Shape::Number),
        must("amount", AMOUNT),
        CALCULATION_FACTORS,
        ADJUSTED_BY,
    ],
};

static ONCE_OFF: Object = Object {
    fields: &[SERVICE_POINT_ID, INVOICE_NUMBER, must("amount", AMOUNT), must("description", Shape::Text)],
};

static OTHER_CHARGES: Object = Object {
    fields: &[
        SERVICE_POINT_ID,
        INVOICE_NUMBER,
        may("startDate", Shape::Date),
        may("endDate", Shape::Date),
        may("type", CHARGE_TYPE),
        must("amount", AMOUNT),
        must("description", Shape::Text),
        CALCULATION_FACTORS,
        ADJUSTED_BY,
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
