//! Get Agreed Payment Schedule v1.

use super::shape::{Condition, Field, Object, Shape, may, member, must, when};

const TEXT: Shape = Shape::Text;
const SELECTOR: &str = "paymentScheduleUType";

/// The body of a payment schedule.
pub(super) static PAYMENT_SCHEDULE: Object = Object {
    fields: &[
        may("amount", Shape::Amount),
        must(SELECTOR, Shape::Enum(&["cardDebit", "directDebit", "digitalWallet", "manualPayment"])),
        member(SELECTOR, "cardDebit", Shape::Object(&CARD_DEBIT)),
        member(SELECTOR, "directDebit", Shape::Object(&DIRECT_DEBIT)),
        member(SELECTOR, "digitalWallet", Shape::Object(&DIGITAL_WALLET)),
        member(SELECTOR, "manualPayment", Shape::Object(&MANUAL_PAYMENT)),
    ],
};

const PAYMENT_FREQUENCY: Field = must("paymentFrequency", Shape::Duration);
const CALCULATION_TYPE: Field = must("calculationType", Shape::Enum(&["STATIC", "BALANCE", "CALCULATED"]));

static CARD_DEBIT: Object = Object {
    fields: &[
        must("cardScheme", Shape::Enum(&["VISA", "MASTERCARD", "AMEX", "DINERS", "OTHER", "UNKNOWN"])),
        PAYMENT_FREQUENCY,
        CALCULATION_TYPE,
    ],
};

/// An absent isTokenised means false.
const IN_THE_OPEN: Condition =
    Condition::Either(&Condition::Absent(&["isTokenised"]), &Condition::IsFalse("isTokenised"));

static DIRECT_DEBIT: Object = Object {
    fields: &[
        may("isTokenised", Shape::Boolean),
        when(IN_THE_OPEN, "bsb", Shape::Digits),
        when(IN_THE_OPEN, "accountNumber", Shape::Digits),
        PAYMENT_FREQUENCY,
        CALCULATION_TYPE,
    ],
};

static DIGITAL_WALLET: Object = Object {
    fields: &[
        must("name", TEXT),
        must("identifier", TEXT),
        must("type", Shape::Enum(&["EMAIL", "CONTACT_NAME", "TELEPHONE"])),
        must("provider", Shape::Enum(&["PAYPAL_AU", "OTHER"])),
        PAYMENT_FREQUENCY,
        CALCULATION_TYPE,
    ],
};

static MANUAL_PAYMENT: Object = Object { fields: &[must("billFrequency", Shape::Duration)] };
