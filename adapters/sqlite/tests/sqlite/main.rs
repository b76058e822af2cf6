//! The SQLite engine against real files, as the contract of adapters has it.

mod capture;
mod check;
mod read;
mod retailer;
