//! The sample retailer Dianella: a billing system in one SQLite file, its pack, and the World's projection into it.
//!
//! Dianella is a small retailer in Adelaide with a small vendor's software, and unlike the sample retailer Correa wherever the same thing
//! can be stored in another way: money in cents and prices in millionths, instants in seconds and readings in local
//! time, one ledger for everything, one price list for every kind of price, addresses where they are used, up to three
//! connections in columns of a supply, rights as bits, lists as JSON, and rows that are marked rather than deleted. Its
//! keys are whole numbers, a pair of them, texts, and the account's number in a collation without case.
//!
//! - [`PACK`] is the retailer's pack, the same files as in the folder `pack`.
//! - [`create`] builds the database from a seed; [`Workload`] lets mutations happen to it, resumably.
//! - [`Dianella`] is the projection by which answers of the World name Dianella's keys.
//!
//! The file is in WAL mode, so that readers and this writer do not wait for each other. Like the application that it
//! stands for, a workload enforces foreign keys, writes in short immediate transactions, and waits for other writers.

mod client_table;
mod create;
mod error;
mod known;
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

/// The World in a database of Dianella's, and the mutations that happen to it. Its errors are [`Error`].
pub type Workload = wattle_sample::Workload<Session>;

/// Where Dianella keeps its clocks.
const ZONE: Tz = Tz::Australia__Adelaide;

/// Dianella's keys for the World's things.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dianella;

impl Projection for Dianella {
    /// The account's number.
    fn account_key(&self, world: &World, account: AccountId) -> String {
        world.account(account).map(|account| account.number.clone()).unwrap_or_default()
    }

    /// The connection's national number.
    fn service_point_key(&self, world: &World, point: ServicePointId) -> String {
        world.service_point(point).map(|point| point.national_number.clone()).unwrap_or_default()
    }

    /// The client's number.
    fn customer_key(&self, _: &World, customer: CustomerId) -> String {
        customer.to_string()
    }

    fn clock(&self) -> Clock {
        // Meters are read at midnight, which no clock shows twice; all else is in seconds since 1970.
        Clock::Instants(ZONE)
    }
}
