//! The server: a port, and the private PostgreSQL behind it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use wattle_testbed::{Postgres, Proxy, Stop};

use crate::Database;
use crate::session::serve;

/// The database that all others are copies of.
const MODEL: &str = "model";
/// What makes a database of PostgreSQL look like one of SQL Server.
const SCHEMA: &[&str] = &[
    include_str!("../sql/types.sql"),
    include_str!("../sql/functions.sql"),
    include_str!("../sql/settings.sql"),
    include_str!("../sql/permissions.sql"),
    include_str!("../sql/change_tracking.sql"),
    include_str!("../sql/change_data_capture.sql"),
    include_str!("../sql/catalogue.sql"),
];
/// The threads that serve clients; tests wait for the database, not for them.
const THREADS: usize = 2;
/// The parser of T-SQL takes a step down for every condition that is joined to another.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// A simulated SQL Server on a port of its own. Clones share it; it ends with the last of them and of its databases.
#[derive(Debug, Clone)]
pub struct SqlServer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    postgres: Postgres,
    address: SocketAddr,
    /// Serves the clients: a test's own runtime may end before the server does.
    runtime: Option<Runtime>,
}

impl SqlServer {
    /// Starts a server; it is ready when this returns.
    pub async fn start() -> Result<SqlServer> {
        // The simulated catalogue is made of functions, whose cost is guessed high: compiling its queries would take
        // seconds, running them takes milliseconds.
        let postgres =
            Postgres::builder().setting("deadlock_timeout", "100ms").setting("jit", "off").start().await?;
        postgres.psql("postgres", &format!("create database {MODEL}")).await?;
        let client = postgres.client(MODEL).await?;
        for sql in SCHEMA {
            client.batch_execute(sql).await.context("installing the catalogue of SQL Server")?;
        }
        drop(client);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .context("starting the simulator's threads")?;
        let address = listen(&runtime, postgres.address()).await?;
        Ok(SqlServer { inner: Arc::new(Inner { postgres, address, runtime: Some(runtime) }) })
    }

    /// The one server that all tests of this process share, for tests that need only a database of their own and
    /// logins of unique names ([`SqlServer::unique_name`]).
    pub async fn shared() -> Result<&'static SqlServer> {
        static SHARED: OnceCell<SqlServer> = OnceCell::const_new();
        SHARED.get_or_try_init(SqlServer::start).await
    }

    /// Creates a database whose name begins with `label`, which must be a plain lower-case identifier.
    pub async fn database(&self, label: &str) -> Result<Database> {
        let name = self.unique_name(label);
        self.copy(MODEL, &name).await?;
        let database = Database::new(self.clone(), name);
        database.postgres("update sys.settings set database_guid = gen_random_uuid(), recovery_fork_guid = gen_random_uuid(), first_recovery_fork_guid = null").await?;
        Ok(database)
    }

    /// A name that nothing else of this server has.
    pub fn unique_name(&self, label: &str) -> String {
        self.inner.postgres.unique_name(label)
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// The password of `sa`.
    pub fn administrator_password(&self) -> &str {
        self.inner.postgres.superuser_password()
    }

    /// A login's address of a database: `sqlserver://login:password@host:port/database`.
    pub fn url_as(&self, login: &str, password: &str, database: &str) -> String {
        format!("sqlserver://{login}:{password}@{}/{database}", self.address())
    }

    /// A proxy in front of the server.
    pub async fn proxy(&self) -> Result<Proxy> {
        Proxy::start(self.address()).await
    }

    /// Stops the databases. Clients lose their connections, and new ones are closed before their login is answered.
    pub async fn stop(&self, how: Stop) -> Result<()> {
        self.inner.postgres.stop(how).await
    }

    /// Starts the databases again; clients find them on the same port.
    pub async fn start_again(&self) -> Result<()> {
        self.inner.postgres.start_again().await
    }

    /// Stops and starts again.
    pub async fn restart(&self, how: Stop) -> Result<()> {
        self.inner.postgres.restart(how).await
    }

    /// The PostgreSQL behind the simulator.
    pub(crate) fn postgres(&self) -> &Postgres {
        &self.inner.postgres
    }

    /// Creates a database as a copy of another, which nobody may be using.
    pub(crate) async fn copy(&self, from: &str, to: &str) -> Result<()> {
        let end = format!(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '{from}' and pid <> pg_backend_pid()"
        );
        self.postgres().psql("postgres", &end).await?;
        let create = format!("create database {to} template {from}");
        // A session that logged in meanwhile holds the copy up.
        wattle_testbed::eventually(Duration::from_secs(10), async || {
            self.postgres().psql("postgres", &create).await.map(drop)
        })
        .await?;
        self.postgres().psql(to, "select sys.admit_users()").await.map(drop)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting is not possible in a destructor that runs on another runtime.
            runtime.shutdown_background();
        }
    }
}

/// Accepts clients until the runtime ends.
async fn listen(runtime: &Runtime, postgres: SocketAddr) -> Result<SocketAddr> {
    let (sender, address) = tokio::sync::oneshot::channel();
    runtime.spawn(async move {
        let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await {
            Ok(listener) => listener,
            Err(failure) => return drop(sender.send(Err(failure))),
        };
        drop(sender.send(listener.local_addr()));
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        // A client that breaks its connection off ends its own session only.
                        clients.spawn(async move { drop(serve(stream, postgres).await) });
                    }
                    // The connection is already gone, or the process has no file left to open and needs a moment.
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                },
                Some(_) = clients.join_next() => {}
            }
        }
    });
    Ok(address.await.context("starting to listen")??)
}
