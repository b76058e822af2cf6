//! Get Concessions v1.

use super::shape::{Condition, Object, Shape, may, must, when};

const FIXED: Condition = Condition::Is("type", &["FIXED_AMOUNT", "FIXED_PERCENTAGE"]);

/// The body of a concession. An absent appliedTo means USAGE.
pub(super) static CONCESSION: Object = Object {
    fields: &[
        must("type", Shape::Enum(&["FIXED_AMOUNT", "FIXED_PERCENTAGE", "VARIABLE"])),
        must("displayName", Shape::Text),
        when(Condition::Is("type", &["VARIABLE"]), "additionalInfo", Shape::Text),
        may("additionalInfoUri", Shape::Uri),
        may("startDate", Shape::Date),
        may("endDate", Shape::Date),
        when(FIXED, "discountFrequency", Shape::Duration),
        when(Condition::Is("type", &["FIXED_AMOUNT"]), "amount", Shape::Amount),
        when(Condition::Is("type", &["FIXED_PERCENTAGE"]), "percentage", Shape::Rate),
        may(
            "appliedTo",
            Shape::List(&Shape::Enum(&["INVOICE", "USAGE", "SERVICE_CHARGE", "CONTROLLED_LOAD"])),
        ),
    ],
};
