//! Proves that a [`SourceAdapter`] keeps its contract (`wattle_core::SourceAdapter`), on a database.
//!
//! [`prove`] reads through the adapter and changes the database through a [`Bench`], which speaks to it behind the
//! adapter's back, as the retailer's own software does. What is heard and read must agree with what was done. For SQL
//! databases [`SqlBench`] derives the writes from the graph and the catalogue, so a pack's author writes nothing.
//!
//! Every check ends as passed, failed or not applicable, and says why: see [`Report`]. Nothing is written unless
//! [`Settings::writes`] allows it, and then only rows that the kit itself inserted are changed, and removed again.

mod bench;
mod capture;
mod drift;
mod fetching;
mod keys;
mod paths;
mod plans;
mod propose;
mod prove;
mod reconnect;
mod report;
mod sql;
mod values;

pub use bench::{Bench, BenchError, Disagreement, End, Held, MARKER, Probe, Review, Work};
pub use propose::{ForeignKey, Proposal, Table, TableColumn, propose};
pub use prove::{Settings, prove};
pub use report::{Check, Entry, Outcome, Report};
pub use sql::{SqlBench, SqlDialect, SqlSession, tables};

#[cfg(doc)]
use wattle_core::SourceAdapter;
