//! Get Invoices For Account v1.

use super::shape::{Object, Shape, may, must};

const AMOUNT: Shape = Shape::Amount;
/// Charge types shared with billing transactions and tariff periods.
pub(super) const CHARGE_TYPE: Shape =
    Shape::Enum(&["ENVIRONMENTAL", "REGULATED", "NETWORK", "METERING", "RETAIL_SERVICE", "RCTI", "OTHER"]);

/// The body of an invoice.
pub(super) static INVOICE: Object = Object {
    fields: &[
        must("invoiceNumber", Shape::Text),
        must("issueDate", Shape::Date),
        may("dueDate", Shape::Date),
        // Due when a usage or demand charge is on the invoice, which the body does not always show.
        may("period", Shape::Object(&PERIOD)),
        may("invoiceAmount", AMOUNT),
        may("gstAmount", AMOUNT),
        may("payOnTimeDiscount", Shape::Object(&PAY_ON_TIME_DISCOUNT)),
        must("balanceAtIssue", AMOUNT),
        must("servicePoints", Shape::List(&Shape::ServicePoint)),
        may("gas", Shape::Object(&USAGE_CHARGES)),
        may("electricity", Shape::Object(&USAGE_CHARGES)),
        may("accountCharges", Shape::Object(&ACCOUNT_CHARGES)),
        must("paymentStatus", Shape::Enum(&["PAID", "PARTIALLY_PAID", "NOT_PAID"])),
    ],
};

static PERIOD: Object = Object { fields: &[must("startDate", Shape::Date), must("endDate", Shape::Date)] };

static PAY_ON_TIME_DISCOUNT: Object =
    Object { fields: &[must("discountAmount", AMOUNT), may("gstAmount", AMOUNT), must("date", Shape::Date)] };

static USAGE_CHARGES: Object = Object {
    fields: &[
        must("totalUsageCharges", AMOUNT),
        must("totalGenerationCredits", AMOUNT),
        must("totalOnceOffCharges", AMOUNT),
        must("totalOnceOffDiscounts", AMOUNT),
        may("otherCharges", Shape::List(&Shape::Object(&OTHER_CHARGE))),
        may("totalGst", AMOUNT),
    ],
};

static OTHER_CHARGE: Object =
    Object { fields: &[may("type", CHARGE_TYPE), must("amount", AMOUNT), must("description", Shape::Text)] };

static ACCOUNT_CHARGES: Object = Object {
    fields: &[must("totalCharges", AMOUNT), must("totalDiscounts", AMOUNT), may("totalGst", AMOUNT)],
};
