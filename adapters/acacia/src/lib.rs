//! The sample retailer Acacia: a billing system on SQL Server, its pack, and the World's projection into it.
//!
//! Acacia is an Adelaide retailer with software by a vendor who thinks in SQL Server, and unlike the other sample retailers
//! wherever the same thing can be stored in another way: a schema for each department, names with blanks in brackets,
//! numbers that the database gives and identifiers side by side, `money` and `datetime2`, an account's number as a column
//! like any other. Change tracking is on for every table of the pack.
//!
//! - [`PACK`] is the retailer's pack, the same files as in the folder `pack`.
//! - [`create`] builds the database from a seed; [`Workload`] lets mutations happen to it, resumably.
//! - [`Acacia`] is the projection by which answers of the World name Acacia's keys.
//!
//! It creates no login: that is the retailer's database administrator's, and `wattle check` says what it needs.
//! Connections are made without TLS, since a sample database is a local one.

mod create;
mod customer_table;
mod error;
mod pack;
mod plan_table;
mod session;
mod statement;
mod table;
mod terms_table;

pub use create::create;
pub use error::Error;
pub use pack::PACK;
pub use session::Session;
pub use wattle_sample::{Progress, Step};

use chrono_tz::Tz;
use wattle_sample::{AccountId, Clock, CustomerId, Projection, ServicePointId, World};

/// The World in a database of Acacia's, and the mutations that happen to it. Its errors are [`Error`].
pub type Workload = wattle_sample::Workload<Session>;

/// Where Acacia keeps its clocks.
const ZONE: Tz = Tz::Australia__Adelaide;

/// Acacia's keys for the World's things.
#[derive(Clone, Copy, Debug, Default)]
pub struct Acacia;

impl Projection for Acacia {
    /// The number that the database gave the account.
    fn account_key(&self, _: &World, account: AccountId) -> String {
        account.to_string()
    }

    /// The supply point's identifier.
    fn service_point_key(&self, _: &World, point: ServicePointId) -> String {
        table::point_key(point)
    }

    /// The customer's identifier.
    fn customer_key(&self, _: &World, customer: CustomerId) -> String {
        table::customer_key(customer)
    }

    fn clock(&self) -> Clock {
        Clock::Local(ZONE)
    }
}
