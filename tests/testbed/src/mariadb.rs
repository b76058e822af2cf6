//! A private MariaDB server, or MySQL where one is given.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Value};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use crate::machine::{self, Account, random_password};
use crate::process::{Process, Signal, Watcher, lock};
use crate::{Proxy, Row, Stop, eventually};

/// The one who may do everything, made when the server starts; there is nobody else.
const ADMIN: &str = "admin";
/// Starting takes half a second; recovery after a crash takes a little longer.
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// How long a server that starts again waits for its old port.
const PORT_LIMIT: Duration = Duration::from_secs(10);
/// How much of the server's log an error carries.
const LOG_TAIL_LINES: usize = 30;
/// Raised when the data folder is made differently, so that a kept one of an older checkout is not used.
const TEMPLATE_FORMAT: u32 = 1;

/// The variable that names the `mysqld` of a MySQL to start in place of the machine's MariaDB.
const MYSQLD_VARIABLE: &str = "WATTLE_TEST_MYSQLD";

/// What every server starts with; later settings win.
const DEFAULTS: [&str; 14] = [
    "--log-bin=binlog",
    "--binlog-format=ROW",
    "--server-id=1",
    "--skip-name-resolve",
    "--bind-address=127.0.0.1",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    "--max-connections=200",
    "--innodb-buffer-pool-size=64M",
    // A crash of the server is survived by what the machine's memory holds; nothing here survives the machine's.
    "--innodb-flush-log-at-trx-commit=2",
    "--sync-binlog=0",
    "--innodb-fast-shutdown=1",
    "--local-infile=0",
    // The zone of the machine must not decide whether a test passes.
    "--default-time-zone=+00:00",
];

/// What MariaDB starts with besides.
const MARIADB_DEFAULTS: [&str; 1] = ["--innodb-log-file-size=16M"];
/// What MySQL starts with besides. Without GTIDs no snapshot of it can be told from another.
const MYSQL_DEFAULTS: [&str; 5] = [
    "--gtid-mode=ON",
    "--enforce-gtid-consistency=ON",
    "--innodb-redo-log-capacity=32M",
    "--mysqlx=OFF",
    "--secure-file-priv=NULL",
];

/// A private MariaDB server with a row binlog; with `WATTLE_TEST_MYSQLD=/path/to/mysqld`, that MySQL instead.
///
/// Clones share the server; it ends with the last of them and with the last [`MariaDatabase`].
#[derive(Debug, Clone)]
pub struct MariaDb {
    server: Arc<Server>,
}

#[derive(Debug)]
struct Server {
    account: Option<Account>,
    settings: Vec<String>,
    port: u16,
    password: String,
    process: Mutex<Option<Process>>,
    /// Numbers databases and logins.
    names: AtomicU32,
    // Fields drop in this order: the watcher removes the folder, and `TempDir` whatever the watcher could not.
    watcher: Mutex<Watcher>,
    folder: TempDir,
}

/// A database of a test's own. It goes with its server.
#[derive(Debug, Clone)]
pub struct MariaDatabase {
    server: MariaDb,
    name: String,
}

/// The end of an attempt to start.
enum Launched {
    Ready,
    PortTaken,
}

impl MariaDb {
    /// Starts a server.
    pub async fn start() -> Result<MariaDb> {
        MariaDb::start_with(&[]).await
    }

    /// Starts a server with options of its own, such as `--binlog-row-image=MINIMAL`.
    pub async fn start_with(settings: &[&str]) -> Result<MariaDb> {
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut server = spawn_blocking(move || Server::prepare(settings)).await??;
        server.launch_anywhere().await?;
        Ok(MariaDb { server: Arc::new(server) })
    }

    /// The one server that all tests of this process share, for tests that need only a database of their own and change
    /// no setting. Logins belong to the server, so tests give theirs unique names.
    pub async fn shared() -> Result<&'static MariaDb> {
        static SHARED: OnceCell<MariaDb> = OnceCell::const_new();
        SHARED.get_or_try_init(MariaDb::start).await
    }

    /// Creates a database whose name begins with `label`, which must be a plain lower-case identifier.
    pub async fn database(&self, label: &str) -> Result<MariaDatabase> {
        let name = self.unique_name(label);
        self.sql("", &format!("create database {name}")).await?;
        Ok(MariaDatabase { server: self.clone(), name })
    }

    /// A name no other test of this server gets.
    pub fn unique_name(&self, label: &str) -> String {
        format!("{label}_{}", self.server.names.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.server.port))
    }

    /// A login's address of a database. None of the parts may need escaping.
    pub fn url_as(&self, user: &str, password: &str, database: &str) -> String {
        format!("mysql://{user}:{password}@{}/{database}", self.address())
    }

    /// The administrator's address of a database.
    pub fn url(&self, database: &str) -> String {
        self.url_as(ADMIN, &self.server.password, database)
    }

    /// An administrator's connection to a database, or to none.
    pub async fn client(&self, database: &str) -> Result<Conn> {
        self.server.connect(database).await
    }

    /// Runs any SQL text as the administrator and answers the rows of all its statements, each value as text.
    pub async fn sql(&self, database: &str, sql: &str) -> Result<Vec<Row>> {
        let mut client = self.client(database).await?;
        let mut rows = Vec::new();
        let mut answer = client.query_iter(sql).await.with_context(|| format!("running {sql}"))?;
        loop {
            let set: Vec<mysql_async::Row> =
                answer.collect().await.with_context(|| format!("running {sql}"))?;
            rows.extend(set.into_iter().map(|row| row.unwrap().into_iter().map(text).collect::<Row>()));
            if answer.is_empty() {
                break;
            }
        }
        drop(answer);
        client.disconnect().await?;
        Ok(rows)
    }

    /// Stops the server: in order, or by killing it. Its folder and port stay reserved for [`MariaDb::start_again`].
    pub async fn stop(&self, how: Stop) -> Result<()> {
        let process = lock(&self.server.process).take().context("the server is already stopped")?;
        let ended = async {
            process.signal(if how == Stop::Fast { Signal::TERM } else { Signal::KILL })?;
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
        while let Launched::PortTaken = self.server.launch().await? {
            ensure!(Instant::now() < deadline, "another process has taken port {}", self.server.port);
        }
        Ok(())
    }

    /// Stops the server and starts it on the same port with the same data.
    pub async fn restart(&self, how: Stop) -> Result<()> {
        self.stop(how).await?;
        self.start_again().await
    }

    /// A proxy in front of the server.
    pub async fn proxy(&self) -> Result<Proxy> {
        Proxy::start(self.address()).await
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        self.server.log(0)
    }

    /// The folder that holds the server's data, binlog and all.
    pub fn data(&self) -> PathBuf {
        self.server.data()
    }
}

impl MariaDatabase {
    /// The name, unique on its server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server it is on.
    pub fn server(&self) -> &MariaDb {
        &self.server
    }

    /// The administrator's address.
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// A login's address.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        self.server.url_as(user, password, &self.name)
    }

    /// Runs any SQL text as the administrator and answers the rows of all its statements.
    pub async fn sql(&self, sql: &str) -> Result<Vec<Row>> {
        self.server.sql(&self.name, sql).await
    }

    /// The one value of the one row of a query, as text.
    pub async fn value(&self, sql: &str) -> Result<Option<String>> {
        let mut rows = self.sql(sql).await?;
        ensure!(rows.len() == 1 && rows[0].len() == 1, "not one value but {rows:?} from {sql}");
        Ok(rows.remove(0).remove(0))
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    }
}

/// Are servers of MariaDB those of a MySQL that was given?
pub fn is_mysql() -> bool {
    mysqld().is_some()
}

fn mysqld() -> Option<PathBuf> {
    std::env::var_os(MYSQLD_VARIABLE).map(PathBuf::from)
}

fn server_program() -> Result<PathBuf> {
    mysqld().map_or_else(|| program("mariadbd"), Ok)
}

/// The path of one of the machine's MariaDB programs.
fn program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/bin".into()]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file()).with_context(|| {
        format!(
            "{name} is not in PATH or /usr/sbin. Run `make setup`, or install the package that brings it (Debian, \
             Ubuntu: mariadb-server; Homebrew: mariadb)"
        )
    })
}

/// The kept data folder that every server starts from, made on first use.
fn template(account: Option<Account>) -> Result<PathBuf> {
    static VERSION: OnceLock<String> = OnceLock::new();
    let version = match VERSION.get() {
        Some(version) => version,
        None => {
            let mut command = Command::new(server_program()?);
            command.args(["--no-defaults", "--version"]);
            let version = machine::run(command)?;
            let version = version.split_whitespace().nth(2).unwrap_or_default();
            VERSION.get_or_init(|| version.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-"))
        }
    };
    let kind = if is_mysql() { "mysql" } else { "mariadb" };
    let kept = machine::kept_folder(&format!("{kind}-{version}-format{TEMPLATE_FORMAT}"), |unfinished| {
        let folder = machine::folder("wattle-mariadb-install-", account)?;
        let data = folder.path().join("data");
        let mut command = match mysqld() {
            Some(mysqld) => {
                let mut command = machine::server_command(&mysqld, account, folder.path());
                command.args(["--no-defaults", "--initialize-insecure", "--innodb-redo-log-capacity=32M"]);
                command
            }
            None => {
                let install = program("mariadb-install-db")?;
                let mut command = machine::server_command(&install, account, folder.path());
                command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
                command.arg("--skip-name-resolve").args(MARIADB_DEFAULTS);
                command
            }
        };
        command.arg(format!("--datadir={}", data.display()));
        machine::run(command)?;
        machine::copy_folder(&data, &unfinished.join("data"))
    })?;
    Ok(kept.join("data"))
}

impl Server {
    /// A server that is not running yet, in a folder that holds its data.
    fn prepare(settings: Vec<String>) -> Result<Server> {
        let account = Account::for_servers()?;
        let template = template(account)?;
        let folder = machine::folder("wattle-mariadb-", account)?;
        let data = folder.path().join("data");
        machine::copy_folder(&template, &data)?;
        // The identity of a MySQL; without it the server takes a new one.
        let identity = data.join("auto.cnf");
        if identity.exists() {
            std::fs::remove_file(identity)?;
        }
        let watcher = Mutex::new(Watcher::start("TERM", Some(folder.path()))?);
        let password = random_password();
        let server = Server {
            account,
            settings,
            port: 0,
            password,
            process: Mutex::new(None),
            names: AtomicU32::new(0),
            watcher,
            folder,
        };
        std::fs::write(server.init_file(), server.first_statements())
            .context("writing the first statements")?;
        Ok(server)
    }

    fn init_file(&self) -> PathBuf {
        self.folder.path().join("init.sql")
    }

    /// Run at each start, a line each, and not logged.
    fn first_statements(&self) -> String {
        format!(
            "set sql_log_bin = 0;\n\
             drop user if exists root@localhost, root@'127.0.0.1', root@'::1', ''@localhost;\n\
             create user if not exists {ADMIN}@'%' identified by '{}';\n\
             grant all on *.* to {ADMIN}@'%' with grant option;\n",
            self.password
        )
    }

    /// Starts the server on a port of its choice.
    async fn launch_anywhere(&mut self) -> Result<()> {
        const TRIES: usize = 10; // two test processes rarely draw the same port of twenty thousand, let alone twice
        for _ in 0..TRIES {
            self.port = machine::free_port()?;
            if let Launched::Ready = self.launch().await? {
                return Ok(());
            }
        }
        bail!("every one of {TRIES} free ports was taken by another process")
    }

    /// Starts the server process and waits until it answers.
    async fn launch(&self) -> Result<Launched> {
        let log_start = self.log(0).len();
        let (process, ()) = Process::start(&mut self.command()?, |_| ())?;
        lock(&self.watcher).watch(Some(&process))?;
        *lock(&self.process) = Some(process);
        let ready = eventually(START_LIMIT, async || {
            if lock(&self.process).as_ref().is_none_or(|process| process.status().is_some()) {
                return Ok(false);
            }
            // Another test process may have won the race for the port: its server does not know the password.
            let client = self.connect("").await?;
            client.disconnect().await?;
            Ok(true)
        });
        match ready.await {
            Ok(true) => Ok(Launched::Ready),
            Ok(false) => {
                *lock(&self.process) = None;
                lock(&self.watcher).watch(None)?;
                let log = self.log(log_start);
                ensure!(log.contains("Address already in use"), "the server ended:\n{log}");
                Ok(Launched::PortTaken)
            }
            Err(failure) => Err(failure).context(self.log_tail(log_start)),
        }
    }

    fn command(&self) -> Result<Command> {
        let folder = self.folder.path();
        let mut command = machine::server_command(&server_program()?, self.account, folder);
        command.arg("--no-defaults").arg(format!("--datadir={}", self.data().display()));
        command.arg(format!("--socket={}", folder.join("socket").display()));
        command.arg(format!("--pid-file={}", folder.join("pid").display()));
        command.arg(format!("--init-file={}", self.init_file().display()));
        // A server that starts removes the temporary files of others from a folder that they share.
        command.arg(format!("--tmpdir={}", folder.display()));
        command.arg(format!("--port={}", self.port)).args(DEFAULTS);
        match mysqld() {
            Some(_) => command.args(MYSQL_DEFAULTS),
            None => command.args(MARIADB_DEFAULTS),
        };
        command.args(&self.settings);
        let log = File::options().create(true).append(true).open(folder.join("server.log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }

    async fn connect(&self, database: &str) -> Result<Conn> {
        let opts = OptsBuilder::default()
            .ip_or_hostname(Ipv4Addr::LOCALHOST.to_string())
            .tcp_port(self.port)
            .user(Some(ADMIN))
            .pass(Some(&self.password))
            .db_name(Some(database).filter(|name| !name.is_empty()))
            .prefer_socket(false);
        Conn::new(opts).await.with_context(|| format!("connecting to database {database}"))
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
            process.end(Signal::TERM);
        }
        // From here on the watcher has a folder to remove and nothing to end.
        let _ = lock(&self.watcher).watch(None);
    }
}
