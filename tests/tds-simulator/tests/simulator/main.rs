//! The simulator of SQL Server, as the driver `tiberius` sees it.

mod catalogue;
mod change_tracking;
mod clients;
mod sessions;
mod statements;
mod values;
