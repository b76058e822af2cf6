//! Holdings: not a CDR payload, but what decides whether one may be served.

use super::shape::{Object, Shape, must};

/// The body of a holding.
pub(super) static HOLDING: Object = Object {
    fields: &[
        must("role", Shape::Enum(&["HOLDER", "JOINT_HOLDER", "SECONDARY_USER", "NOMINATED_REPRESENTATIVE"])),
        must("shareable", Shape::Boolean),
    ],
};
