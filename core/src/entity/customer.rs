//! Customers: who they are is served by a later endpoint; which kind they are counts already.

use super::shape::{Object, Shape, must};

/// The body of a customer.
pub(super) static CUSTOMER: Object =
    Object { fields: &[must("customerUType", Shape::Enum(&["person", "organisation"]))] };
