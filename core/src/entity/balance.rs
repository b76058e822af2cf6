//! Get Balance For Energy Account v1.

use super::shape::{Object, Shape, must};

/// The body of a balance. Positive: the customer owes.
pub(super) static BALANCE: Object = Object { fields: &[must("balance", Shape::Amount)] };
