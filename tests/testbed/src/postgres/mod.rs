//! A private PostgreSQL server.

mod builder;
mod database;
mod install;

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
pub use builder::Builder;
pub use database::{Database, Row, Statement};
use install::Install;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, Config, NoTls};

use crate::machine::{self, Account};
use crate::process::{Process, Signal, Watcher, lock};
use crate::{Proxy, eventually};

/// The superuser of every server.
const SUPERUSER: &str = "postgres";
/// Starting takes a tenth of a second; recovery after a crash with a gigabyte of log takes tens of seconds on a slow
/// disk.
const START_LIMIT: Duration = Duration::from_secs(90);
/// A fast stop writes a checkpoint and waits for standbys and subscribers that still read.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// How long a server that starts again waits for its old port.
const PORT_LIMIT: Duration = Duration::from_secs(10);
/// A setting is in force as soon as the server's main process has read its files, which takes milliseconds.
const RELOAD_LIMIT: Duration = Duration::from_secs(10);
/// How much of the server's log an error carries.
const LOG_TAIL_LINES: usize = 30;

/// How a server is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// In order: clients are disconnected, a checkpoint is written, and standbys and subscribers get everything first,
    /// so one that is connected but does not read holds the stop up.
    Fast,
    /// Like a crash: nothing is written, and the next start recovers from the log.
    Immediate,
}

/// A private PostgreSQL server, or a standby of one.
///
/// Clones share the server; it ends with the last of them and with the last [`Database`].
#[derive(Debug, Clone)]
pub struct Postgres {
    server: Arc<Server>,
}

#[derive(Debug)]
struct Server {
    install: &'static Install,
    account: Option<Account>,
    port: u16,
    password: String,
    process: Mutex<Option<Process>>,
    /// Numbers databases, slots and standbys.
    names: AtomicU32,
    sharing: Sharing,
    // Fields drop in this order: the watcher removes the folder, and `TempDir` whatever the watcher could not.
    watcher: Mutex<Watcher>,
    folder: TempDir,
}

/// Whether other tests use the server too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// Databases are abandoned: they go with the server's folder.
    OneTest,
    /// Databases are dropped with their slots and sessions, or they would add up.
    ManyTests,
}

/// The end of an attempt to start.
enum Launched {
    Ready(Client),
    PortTaken,
}

impl Postgres {
    /// Starts a server with the default settings; see [`Builder`].
    pub async fn start() -> Result<Postgres> {
        Postgres::builder().start().await
    }

    /// A server with settings of its own.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The one server that all tests of this process share, for tests that need only a database of their own. Roles
    /// belong to the server, so tests on it give theirs unique names ([`Postgres::unique_name`]), and never stop it or
    /// change its settings.
    pub async fn shared() -> Result<&'static Postgres> {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_try_init(|| Postgres::builder().shared().start()).await
    }

    /// Creates a database whose name begins with `label`, which must be a plain lower-case identifier.
    pub async fn database(&self, label: &str) -> Result<Database> {
        let name = self.unique_name(label);
        let client = self.client(SUPERUSER).await?;
        client.batch_execute(&format!("create database {name}")).await.context("creating a database")?;
        Ok(Database::new(self.clone(), name))
    }

    /// A name no other test of this server gets.
    pub fn unique_name(&self, label: &str) -> String {
        format!("{label}_{}", self.server.names.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.server.port))
    }

    /// The superuser's random password.
    pub fn superuser_password(&self) -> &str {
        &self.server.password
    }

    /// The superuser's address of a database.
    pub fn url(&self, database: &str) -> String {
        self.url_as(SUPERUSER, self.superuser_password(), database)
    }

    /// The superuser's address of the maintenance database.
    pub fn superuser_url(&self) -> String {
        self.url(SUPERUSER)
    }

    /// A role's address of a database. None of the parts may need escaping.
    pub fn url_as(&self, role: &str, password: &str, database: &str) -> String {
        format!("postgres://{role}:{password}@{}/{database}", self.address())
    }

    /// A superuser connection to a database, driven by the current runtime.
    pub async fn client(&self, database: &str) -> Result<Client> {
        self.server.connect(database, &self.server.password).await
    }

    /// Runs any SQL text as the superuser and answers the rows of all its statements, each value as text.
    pub async fn psql(&self, database: &str, sql: &str) -> Result<Vec<Row>> {
        database::psql(&self.client(database).await?, sql).await
    }

    /// Changes a setting and waits until it is in force for new sessions, or, for one that needs a restart, until the
    /// server knows it for then.
    pub async fn set(&self, setting: &str, value: &str) -> Result<()> {
        let loaded = "select pg_conf_load_time()::text";
        let client = self.client(SUPERUSER).await?;
        let before: String = client.query_one(loaded, &[]).await?.get(0);
        client
            .batch_execute(&format!("alter system set {setting} = '{}'", value.replace('\'', "''")))
            .await?;
        client.execute("select pg_reload_conf()", &[]).await?;
        eventually(RELOAD_LIMIT, async || {
            // A new session inherits what the main process has read; an old one might lag behind it.
            let after: String = self.client(SUPERUSER).await?.query_one(loaded, &[]).await?.get(0);
            ensure!(after != before, "the server has not read its settings again since {before}");
            Ok(())
        })
        .await
    }

    /// Stops the server. Its folder and port stay reserved for [`Postgres::start_again`].
    pub async fn stop(&self, how: Stop) -> Result<()> {
        let process = lock(&self.server.process).take().context("the server is already stopped")?;
        let ended = async {
            process.signal(if how == Stop::Fast { Signal::INT } else { Signal::QUIT })?;
            process.ended(STOP_LIMIT).await
        };
        match ended.await {
            Ok(_) => lock(&self.server.watcher).watch(None),
            Err(failure) => {
                *lock(&self.server.process) = Some(process);
                Err(failure).context(self.server.log_tail(0))
            }
        }
    }

    /// Starts a stopped server on the same port with the same data.
    pub async fn start_again(&self) -> Result<()> {
        ensure!(lock(&self.server.process).is_none(), "the server is running");
        let deadline = Instant::now() + PORT_LIMIT;
        while let Launched::PortTaken = self.server.launch(&self.server.password).await? {
            ensure!(Instant::now() < deadline, "another process has taken port {}", self.server.port);
        }
        Ok(())
    }

    /// Stops the server and starts it on the same port with the same data.
    pub async fn restart(&self, how: Stop) -> Result<()> {
        self.stop(how).await?;
        self.start_again().await
    }

    /// Starts a standby that streams from this server through a slot of its own. `settings` are added to those of this
    /// server, for instance `recovery_min_apply_delay`. It is ready when it answers queries, not when it has caught up.
    pub async fn standby(&self, settings: &[(&str, &str)]) -> Result<Postgres> {
        builder::standby(self, settings).await
    }

    /// A proxy in front of the server.
    pub async fn proxy(&self) -> Result<Proxy> {
        Proxy::start(self.address()).await
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        self.server.log(0)
    }

    /// The folder that holds everything of the server.
    pub fn folder(&self) -> PathBuf {
        self.server.folder.path().to_owned()
    }
}

impl Server {
    /// A server that is not running yet, in a folder that holds its data.
    fn new(install: &'static Install, account: Option<Account>, folder: TempDir) -> Result<Server> {
        let watcher = Mutex::new(Watcher::start("QUIT", Some(folder.path()))?);
        Ok(Server {
            install,
            account,
            port: 0,
            password: machine::random_password(),
            process: Mutex::new(None),
            names: AtomicU32::new(0),
            sharing: Sharing::OneTest,
            watcher,
            folder,
        })
    }

    /// Starts the server on a port of its choice; answers a superuser connection.
    async fn launch_anywhere(&mut self, password: &str) -> Result<Client> {
        const TRIES: usize = 10; // two test processes rarely draw the same port of twenty thousand, let alone twice
        for _ in 0..TRIES {
            self.port = machine::free_port()?;
            if let Launched::Ready(client) = self.launch(password).await? {
                return Ok(client);
            }
        }
        bail!("every one of {TRIES} free ports was taken by another process")
    }

    /// Starts the server process and waits until it answers.
    async fn launch(&self, password: &str) -> Result<Launched> {
        let log_start = self.log(0).len();
        let (process, ()) = Process::start(&mut self.command()?, |_| ())?;
        lock(&self.watcher).watch(Some(&process))?;
        *lock(&self.process) = Some(process);
        let ready = eventually(START_LIMIT, async || {
            if lock(&self.process).as_ref().is_none_or(|process| process.status().is_some()) {
                return Ok(None);
            }
            let client = self.connect(SUPERUSER, password).await?;
            // Another test process may have won the race for the port, and its server may know the same password.
            let folder = client.query_one("select current_setting('data_directory')", &[]).await?;
            ensure!(folder.get::<_, &str>(0) == self.data().to_string_lossy(), "another server has the port");
            Ok(Some(client))
        });
        match ready.await {
            Ok(Some(client)) => Ok(Launched::Ready(client)),
            Ok(None) => {
                *lock(&self.process) = None;
                lock(&self.watcher).watch(None)?;
                let log = self.log(log_start);
                ensure!(log.contains("could not bind"), "the server ended:\n{log}");
                Ok(Launched::PortTaken)
            }
            Err(failure) => Err(failure).context(self.log_tail(log_start)),
        }
    }

    fn command(&self) -> Result<Command> {
        let mut command =
            machine::server_command(&self.install.program("postgres"), self.account, self.folder.path());
        command.arg("-D").arg(self.data());
        for setting in
            [&format!("port={}", self.port), "listen_addresses=127.0.0.1", "unix_socket_directories="]
        {
            command.args(["-c", setting]);
        }
        let log = File::options().create(true).append(true).open(self.folder.path().join("server.log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }

    async fn connect(&self, database: &str, password: &str) -> Result<Client> {
        let mut config = Config::new();
        config.host(Ipv4Addr::LOCALHOST.to_string()).port(self.port).user(SUPERUSER).password(password);
        config.dbname(database).application_name("wattle-testbed");
        let (client, connection) =
            config.connect(NoTls).await.with_context(|| format!("connecting to database {database}"))?;
        // A failed connection shows in every call of its client.
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The log from a byte position on.
    fn log(&self, from: usize) -> String {
        let log = std::fs::read(self.folder.path().join("server.log")).unwrap_or_default();
        String::from_utf8_lossy(log.get(from..).unwrap_or_default()).into_owned()
    }

    fn log_tail(&self, from: usize) -> String {
        let log = self.log(from);
        let lines: Vec<_> = log.lines().collect();
        format!("the server's log ends:\n{}", lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = lock(&self.process).take() {
            process.end(Signal::QUIT);
        }
        // From here on the watcher has a folder to remove and nothing to end.
        let _ = lock(&self.watcher).watch(None);
    }
}
