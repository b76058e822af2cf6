//! The sample retailer Correa: a billing system on PostgreSQL, its pack, and the World's projection into it.
//!
//! Correa is what an integration engineer meets: several schemas, composite, text, integer and UUID keys, a ledger
//! partitioned by month, bills whose lines are immutable, addresses shared by accounts and supply points, an account
//! number that is a key and can change, codes instead of words, times with and without a zone, and a great deal of
//! data that the CDR never needs.
//!
//! - [`PACK`] is the retailer's pack, the same files as in the folder `pack`.
//! - [`create`] builds the database from a seed; [`Workload`] lets mutations happen to it, resumably.
//! - [`Correa`] is the projection by which answers of the World name Correa's keys.
//!
//! Neither creates roles, publications or replication slots: those are the retailer's database administrator's, and
//! `wattle check` says which are missing. Connections are made without TLS, since a sample database is a local one.

mod create;
mod error;
mod pack;
mod party_table;
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

use tokio_postgres::{Client, Config, NoTls};
use wattle_sample::{AccountId, CustomerId, Projection, ServicePointId, World};

/// The World in a database of Correa's, and the mutations that happen to it. Its errors are [`Error`].
pub type Workload = wattle_sample::Workload<Session>;

/// Correa's keys for the World's things.
#[derive(Clone, Copy, Debug, Default)]
pub struct Correa;

impl Projection for Correa {
    /// The account's number.
    fn account_key(&self, world: &World, account: AccountId) -> String {
        world.account(account).map(|account| account.number.clone()).unwrap_or_default()
    }

    /// The supply point's UUID.
    fn service_point_key(&self, _: &World, point: ServicePointId) -> String {
        table::supply_point_key(point)
    }

    /// The party's number.
    fn customer_key(&self, _: &World, customer: CustomerId) -> String {
        customer.to_string()
    }
}

/// Connects and drives the connection until the client is dropped.
async fn connect(url: &str) -> Result<Client, Error> {
    let config: Config = url.parse().map_err(Error::Address)?;
    let (client, connection) = config.connect(NoTls).await?;
    // How a connection ended shows in the client's next call.
    tokio::spawn(async move { connection.await.ok() });
    Ok(client)
}
