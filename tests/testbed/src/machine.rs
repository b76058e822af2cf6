//! What the machine offers: who may run a server, which port is free, where a server's files go.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::dice::Dice;

/// Ports are drawn below the range from which Linux serves outgoing connections (32768 and up), so that no connection
/// of a test takes the port of a server that is down for a restart.
const PORTS: std::ops::Range<u64> = 10_240..32_768;
/// Draws before giving up. Thousands of ports would have to be taken for this to fail.
const PORT_DRAWS: usize = 100;

/// The user a server runs as when the tests run as root, which PostgreSQL refuses to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// None when the tests are unprivileged themselves.
    pub(crate) fn for_servers() -> Result<Option<Account>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = std::fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
        let account = ["postgres", "nobody"].iter().find_map(|name| Account::of(name, &users));
        account
            .map(Some)
            .context("running as root, and neither user postgres nor user nobody exists to run a server")
    }

    fn of(name: &str, users: &str) -> Option<Account> {
        let fields =
            users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|line| line[0] == name)?;
        Some(Account { uid: fields.get(2)?.parse().ok()?, gid: fields.get(3)?.parse().ok()? })
    }
}

/// A command of a database package: run as `account`, in `folder`, without the settings (`PGHOST`, `PGOPTIONS`,
/// `LANG` …) of whoever runs the tests.
pub(crate) fn server_command(program: &Path, account: Option<Account>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").current_dir(folder);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    if let Some(Account { uid, gid }) = account {
        command.uid(uid).gid(gid);
    }
    command
}

/// A new folder under the machine's temporary folder, owned by `account`, removed when dropped.
pub(crate) fn folder(prefix: &str, account: Option<Account>) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).permissions(Permissions::from_mode(0o700));
    let folder = builder.tempdir().context("creating a temporary folder")?;
    if let Some(Account { uid, gid }) = account {
        chown(folder.path(), Some(uid), Some(gid))
            .context("handing the temporary folder to the server's user")?;
    }
    Ok(folder)
}

/// Runs a command to its end; a failure carries what it printed.
pub(crate) fn run(mut command: Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("running {program}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    ensure!(
        output.status.success(),
        "{program} failed with {}: {}\n{}",
        output.status,
        text(&output.stderr),
        text(&output.stdout)
    );
    Ok(text(&output.stdout))
}

/// Copies a folder with owners and modes, sharing blocks where the file system can.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let mut command = Command::new("cp");
    command.args([OsStr::new("-a"), from.as_os_str(), to.as_os_str()]);
    run(command).map(drop)
}

/// A loopback port nobody listens on. Another process may take it before the caller does, so the caller must be ready
/// to ask again.
pub(crate) fn free_port() -> Result<u16> {
    let mut dice = Dice::seeded(crate::dice::random_u64());
    for _ in 0..PORT_DRAWS {
        let port = u16::try_from(dice.number(PORTS)).expect("the range lies within 16 bits");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    anyhow::bail!("no free port among {PORT_DRAWS} drawn from {PORTS:?}")
}

/// A password nobody can guess and no address needs to escape.
pub(crate) fn random_password() -> String {
    format!("{:016x}{:016x}", crate::dice::random_u64(), crate::dice::random_u64())
}

/// A folder that is kept between runs, made on first use by `make`, which fills an empty one. Test processes that ask at
/// the same time wait for the one that makes it; the rename means that it is complete when it is there.
pub(crate) fn kept_folder(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let cache = cache_folder();
    let user = rustix::process::geteuid().as_raw();
    let kept = cache.join(format!("{name}-user{user}"));
    if kept.is_dir() {
        return Ok(kept);
    }
    fs::create_dir_all(cache).with_context(|| format!("creating {}", cache.display()))?;
    let lock = kept.with_extension("lock");
    let lock = File::create(&lock).with_context(|| format!("creating {}", lock.display()))?;
    lock.lock().context("waiting for another process to make the data folder")?;
    if !kept.is_dir() {
        let unfinished = kept.with_extension("unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).context("removing the leftovers of an interrupted run")?;
        }
        fs::create_dir(&unfinished)?;
        make(&unfinished)?;
        fs::rename(&unfinished, &kept).context("keeping the data folder")?;
    }
    Ok(kept)
}

/// The folder in which data that is slow to make is kept between runs: cargo's target folder, which holds the running
/// test, or the temporary folder for a test that was moved elsewhere.
fn cache_folder() -> &'static Path {
    static FOLDER: OnceLock<std::path::PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let program = std::env::current_exe().unwrap_or_default();
        let target = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
        target.map_or_else(std::env::temp_dir, Path::to_owned).join("wattle-testbed")
    })
}
