//! Get Status v1 and Get Outages v1: no records of a source, but payloads of the standard all the same.

use super::shape::{Condition, Object, Shape, may, must, when};

/// How a data holder's service is.
pub(super) static STATUS: Object = Object {
    fields: &[
        must("status", Shape::Enum(&["OK", "PARTIAL_FAILURE", "UNAVAILABLE", "SCHEDULED_OUTAGE"])),
        when(Condition::IsNot("status", &["OK"]), "explanation", Shape::Text),
        may("detectionTime", Shape::DateTime),
        may("expectedResolutionTime", Shape::DateTime),
        must("updateTime", Shape::DateTime),
    ],
};

/// A scheduled outage.
pub(super) static OUTAGE: Object = Object {
    fields: &[
        must("outageTime", Shape::DateTime),
        must("duration", Shape::Duration),
        may("isPartial", Shape::Boolean),
        must("explanation", Shape::Text),
    ],
};
