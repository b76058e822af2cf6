//! Private servers and faults for Wattle's end-to-end tests and benchmarks.
//!
//! A test that needs a database gets a real one: [`Postgres`] starts a server from the machine's own binaries, in a
//! folder and on a port of its own, as an unprivileged user when the tests run as root. [`Proxy`] stands in front of
//! any server and fails on request, [`Wattle`] runs the built program as an operator would, and can kill it at any
//! moment, [`Dice`] draws repeatable fault schedules, [`eventually`] waits for what becomes true in its own time,
//! and [`Fetched`] compares a sample retailer's records with its World.
//!
//! **What it guarantees.** Nothing is shared with other servers on the machine: no fixed port, no socket outside the
//! folder, a random superuser password, and password authentication for every role, so that a test of isolation
//! between roles means something. [`Target`] is a place for Wattle's own data on either engine. A server is ready when `start` returns. Dropping a handle ends the server and
//! removes its folder, on panic too. A test process that is killed outright leaves nothing behind either: a small
//! shell holds the other end of a pipe and cleans up when the pipe closes.
//!
//! **What it assumes.** `sh` and `cp`, and the PostgreSQL server binaries in `/usr/lib/postgresql/*/bin` or in `PATH`;
//! `make setup` installs them. The temporary folder must be open to the unprivileged user when run as root. Most of a
//! start is the copying of a thousand files: with `TMPDIR=/dev/shm`, where memory allows, servers start several times
//! faster.
//!
//! **How it fails.** With an [`anyhow::Error`] that carries the end of the server's log. A server handle does not
//! depend on the runtime it was started in; a [`Proxy`] does and ends with it.

mod agreement;
mod certificates;
mod dice;
mod eventually;
mod machine;
mod mariadb;
mod postgres;
mod process;
mod proxy;
mod target;
mod wattle;

pub use agreement::{Fetched, Records};
pub use certificates::Certificates;
pub use dice::Dice;
pub use eventually::eventually;
pub use mariadb::{MariaDatabase, MariaDb, is_mysql};
pub use postgres::{Builder, Database, Postgres, Row, Statement, Stop};
pub use proxy::{Fault, Proxy};
pub use target::{Engine, Target};
pub use wattle::{Finished, Launch, Wattle};
