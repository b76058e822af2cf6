//! A simulator of SQL Server, for tests where no SQL Server can be installed.
//!
//! It speaks TDS 7.4 to clients and runs what they send on a private PostgreSQL: T-SQL is translated, change tracking is
//! made of triggers and change data capture of change tracking, the catalogue is a schema `sys` of views and functions. It is no SQL Server: it knows the statements
//! that Wattle's adapter and its tests send, and refuses every other with error 50000 that names it.
//!
//! **What it guarantees.** Values of `bit`, the integers, `real`, `float`, `decimal`, `money`, text, binary,
//! `uniqueidentifier`, `date`, `time`, `datetime2`, `datetime` and NULL arrive as they were sent, both ways. Text compares
//! as under `SQL_Latin1_General_CP1_CI_AS`: without regard to case and trailing blanks. Versions of change tracking become
//! visible in the order of commit, and inside a snapshot transaction the current version is the snapshot's. A failed
//! statement leaves the transaction open, unless SQL Server would end it (deadlock, update conflict, `xact_abort`).
//!
//! **What differs.** Microseconds, not tenths of them. Readers take no locks, as with `read_committed_snapshot`, and hints
//! that would are refused. `uniqueidentifier` sorts from its first byte. Any error ends the batch. An expression forgets
//! what its columns were declared as: a `char` in it loses its blanks, a `money` comes as `decimal(19,4)`, a time is written
//! with seven decimals, and a division has PostgreSQL's. Two texts of which neither is a column compare with case, and
//! `like` without it. Names keep one case for all objects of a database. Changes are forgotten when a test says so, not
//! by the clock, and PostgreSQL chooses the victim of a deadlock. A change table has
//! the columns of the primary key alone, and what is committed is captured at once. No TLS, no MARS, no cursors, no
//! procedures but those of change data capture, no MERGE, no savepoints, no bulk load.
//!
//! **What it assumes.** What the testbed does, and that PostgreSQL was built with ICU.
//!
//! **How it fails.** [`SqlServer`] and [`Database`] with an [`anyhow::Error`]; clients with SQL Server's error numbers.

#[cfg(test)]
mod commit_order;
mod database;
mod error;
mod server;
mod session;
mod translate;
mod wire;

pub use database::{Backup, Database, Replica};
pub use server::SqlServer;
pub use wattle_testbed::{Fault, Proxy, Row, Stop};
