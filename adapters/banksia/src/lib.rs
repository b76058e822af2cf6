//! The sample retailer Banksia: a billing system on MariaDB, its pack, and the World's projection into it.
//!
//! Banksia is a Brisbane retailer with software of its own that grew over twenty years, and unlike the other sample
//! retailers wherever the same thing can be stored in another way: tables of several character sets, account numbers
//! in `latin1` under a collation without case, sites by BINARY(16) and supply points by UUID, unsigned numbers, prices by
//! a key of five columns, local date-times without a zone, lists and hours as JSON. Foreign keys renumber and delete
//! what is below a row, of which MariaDB's log says nothing.
//!
//! - [`PACK`] is the retailer's pack, the same files as in the folder `pack`.
//! - [`create`] builds the database from a seed; [`Workload`] lets mutations happen to it, resumably.
//! - [`Banksia`] is the projection by which answers of the World name Banksia's keys.
//!
//! It creates no login: that is the retailer's database administrator's, and `wattle check` says what it needs.
//! Connections are made without TLS, since a sample database is a local one. The UUID type needs MariaDB 10.7; MySQL has
//! BINARY(16) in its place.

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

/// The World in a database of Banksia's, and the mutations that happen to it. Its errors are [`Error`].
pub type Workload = wattle_sample::Workload<Session>;

/// Where Banksia keeps its clocks.
const ZONE: Tz = Tz::Australia__Brisbane;

/// Banksia's keys for the World's things.
#[derive(Clone, Copy, Debug, Default)]
pub struct Banksia;

impl Projection for Banksia {
    /// The account's number.
    fn account_key(&self, world: &World, account: AccountId) -> String {
        world.account(account).map(|account| account.number.clone()).unwrap_or_default()
    }

    /// The supply point's UUID.
    fn service_point_key(&self, _: &World, point: ServicePointId) -> String {
        table::point_key(point)
    }

    /// The customer's number.
    fn customer_key(&self, _: &World, customer: CustomerId) -> String {
        customer.to_string()
    }

    fn clock(&self) -> Clock {
        Clock::Local(ZONE)
    }
}
