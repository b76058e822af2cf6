//! Making servers: from the kept data folder, or as the standby of another.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::task::spawn_blocking;

use super::install::Install;
use super::{Postgres, SUPERUSER, Server, Sharing};
use crate::machine::{self, Account};

/// What every server starts with. Later settings win.
const DEFAULTS: &[(&str, &str)] = &[
    ("wal_level", "logical"),
    ("max_connections", "200"),
    ("max_replication_slots", "20"),
    ("max_wal_senders", "20"),
    // A forgotten slot must not fill the disk of whoever runs the tests.
    ("max_slot_wal_keep_size", "2GB"),
    // Nothing here has to survive a crash of the machine, and a crash of the server needs no fsync to be survived.
    ("fsync", "off"),
    ("synchronous_standby_names", ""),
    // The zone of the machine must not decide whether a test passes.
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
];

/// What a server shared by all tests of a process needs more: every core may run a test with slots and pools.
const SHARED: &[(&str, &str)] =
    &[("max_connections", "500"), ("max_replication_slots", "200"), ("max_wal_senders", "200")];

/// Settings of a server to be started.
///
/// The defaults: logical WAL, 20 slots and 20 senders, slots bounded to 2 GB, 200 connections, time zone UTC, C locale,
/// statement counters where the package has them, and `fsync` off, which `setting("fsync", "on")` turns on.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    settings: Vec<(String, String)>,
    own_identity: bool,
    shared: bool,
}

impl Builder {
    /// Adds a line to `postgresql.conf`.
    #[must_use]
    pub fn setting(mut self, setting: &str, value: &str) -> Builder {
        self.settings.push((setting.to_owned(), value.to_owned()));
        self
    }

    /// Gives the server a system identifier of its own. Others are copies of one data folder and share theirs, which
    /// only matters to a test that swaps one server for another; this costs half a second.
    #[must_use]
    pub fn own_identity(mut self) -> Builder {
        self.own_identity = true;
        self
    }

    /// For the server all tests of a process use.
    pub(super) fn shared(mut self) -> Builder {
        self.shared = true;
        self
    }

    /// Starts the server and waits until it answers.
    pub async fn start(self) -> Result<Postgres> {
        let (mut server, first_password) = spawn_blocking(move || self.prepare()).await??;
        let client = server.launch_anywhere(&first_password).await?;
        let mut sql = format!("alter role {SUPERUSER} password '{}';", server.password);
        if server.install.counts_statements {
            sql.push_str("create extension pg_stat_statements;");
        }
        client.batch_execute(&sql).await.context("setting the superuser's password")?;
        Ok(Postgres { server: Arc::new(server) })
    }

    /// Makes the data folder; answers the password it was made with.
    fn prepare(self) -> Result<(Server, String)> {
        let (install, account) = (Install::find()?, Account::for_servers()?);
        let folder = machine::folder("wattle-postgres-", account)?;
        let mut server = Server::new(install, account, folder)?;
        let first_password = if self.own_identity {
            install.create_data(account, server.folder.path(), &server.password)?;
            server.password.clone()
        } else {
            let template = install.template(account)?;
            machine::copy_folder(&template.data, &server.data())?;
            template.password
        };
        let mut settings = DEFAULTS.to_vec();
        if install.counts_statements {
            settings.push(("shared_preload_libraries", "pg_stat_statements"));
        }
        if self.shared {
            server.sharing = Sharing::ManyTests;
            settings.extend(SHARED);
        }
        settings.extend(self.settings.iter().map(|(setting, value)| (setting.as_str(), value.as_str())));
        write_settings(&server.data(), &settings)?;
        Ok((server, first_password))
    }
}

/// Copies a running server into a standby and starts it.
pub(super) async fn standby(primary: &Postgres, settings: &[(&str, &str)]) -> Result<Postgres> {
    let settings: Vec<_> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut server = spawn_blocking({
        let primary = primary.clone();
        move || prepare_standby(&primary, &settings)
    })
    .await??;
    let password = server.password.clone();
    server.launch_anywhere(&password).await.context("starting the standby")?;
    Ok(Postgres { server: Arc::new(server) })
}

fn prepare_standby(primary: &Postgres, settings: &[(String, String)]) -> Result<Server> {
    let Server { install, account, port, password, .. } = &*primary.server;
    let mut server = Server::new(install, *account, machine::folder("wattle-postgres-", *account)?)?;
    server.password.clone_from(password);
    let name = primary.unique_name("standby");
    let mut command =
        machine::server_command(&install.program("pg_basebackup"), *account, server.folder.path());
    command.env("PGPASSWORD", password).arg("--pgdata").arg(server.data());
    command
        .args(["--dbname", &format!("host=127.0.0.1 port={port} user={SUPERUSER} application_name={name}")]);
    // The slot keeps what the standby has not received while it is down, however small the primary's own limits are.
    command.args(["--create-slot", "--slot", &name, "--write-recovery-conf", "--wal-method", "stream"]);
    command.args(["--checkpoint", "fast", "--no-sync", "--no-manifest"]);
    machine::run(command).context("copying the primary")?;
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    write_settings(&server.data(), &settings)?;
    Ok(server)
}

/// Adds settings at the end of the server's file, where they win over the lines before.
fn write_settings(data: &Path, settings: &[(&str, &str)]) -> Result<()> {
    let mut file = File::options().append(true).open(data.join("postgresql.conf"))?;
    let lines =
        settings.iter().map(|(setting, value)| format!("{setting} = '{}'\n", value.replace('\'', "''")));
    file.write_all(format!("\n{}", lines.collect::<String>()).as_bytes()).context("writing postgresql.conf")
}
