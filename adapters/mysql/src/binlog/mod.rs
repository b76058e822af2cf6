//! The binlog's events, read as far as keys need it. Nothing here talks to a server, and nothing panics on what a server
//! might send: what is cut short or unknown is an error that says so.

mod bytes;
mod charset;
mod event;
mod key;
mod rows;
mod statement;
mod table;

pub(crate) use charset::is_known as is_known_charset;
pub(crate) use event::{Event, Gtid, XaEnd, read};
pub(crate) use key::{KeyColumn, RowKey};
pub(crate) use rows::{RowChange, RowsEvent};
pub(crate) use statement::{Effect, Statement, understand};
pub(crate) use table::{Layout, TableMap};

/// What is wrong with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);
