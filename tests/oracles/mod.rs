//! What the target must hold and the API must answer, each worked out in a way of its own.

pub(crate) mod answers;
pub(crate) mod archive;
pub(crate) mod rows;
