//! The machine's PostgreSQL binaries, and the data folder every server starts from.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result};

use super::SUPERUSER;
use crate::machine::{self, Account, random_password};

/// Where Debian and Ubuntu put the server binaries, one folder per major version, not in `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Raised when `initdb` is called differently, so that a kept folder of an older checkout is not used.
const TEMPLATE_FORMAT: u32 = 1;

/// One installed version.
#[derive(Debug)]
pub(super) struct Install {
    binaries: PathBuf,
    version: String,
    /// Whether the package has the statement counters.
    pub(super) counts_statements: bool,
}

/// A data folder that no server runs on, to be copied.
pub(super) struct Template {
    pub(super) data: PathBuf,
    pub(super) password: String,
}

impl Install {
    /// The newest installed version.
    pub(super) fn find() -> Result<&'static Install> {
        static INSTALL: OnceLock<Install> = OnceLock::new();
        if let Some(install) = INSTALL.get() {
            return Ok(install);
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut candidates = debian_folders();
        candidates.extend(std::env::split_paths(&path));
        let binaries = candidates
            .into_iter()
            .find(|folder| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file()));
        let binaries = binaries.context(
            "no PostgreSQL server found in /usr/lib/postgresql/*/bin or PATH. Run `make setup`, or install the \
             package that brings initdb and postgres (Debian, Ubuntu: postgresql; Fedora: postgresql-server; \
             Homebrew: postgresql)",
        )?;
        let answer = |program: &str, option: &str| {
            let mut command = Command::new(binaries.join(program));
            command.arg(option);
            machine::run(command)
        };
        let version = answer("postgres", "--version")?;
        let libraries = answer("pg_config", "--pkglibdir").unwrap_or_default();
        let counts_statements = ["so", "dylib"]
            .iter()
            .any(|ending| Path::new(&libraries).join(format!("pg_stat_statements.{ending}")).is_file());
        Ok(INSTALL.get_or_init(|| Install { binaries, version, counts_statements }))
    }

    /// The path of one of the binaries.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    /// Makes a new data folder `data` inside `folder`, which belongs to `account`.
    pub(super) fn create_data(&self, account: Option<Account>, folder: &Path, password: &str) -> Result<()> {
        let password_file = folder.join("password");
        fs::write(&password_file, password)?;
        let owner = fs::metadata(folder)?;
        chown(&password_file, Some(owner.uid()), Some(owner.gid()))?;
        let mut command = machine::server_command(&self.program("initdb"), account, folder);
        command.arg("--pgdata").arg(folder.join("data")).arg("--pwfile").arg(&password_file);
        // The C locale sorts and folds alike on every machine; without sync, because nothing here survives the machine.
        command.args([
            "--username",
            SUPERUSER,
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
        ]);
        command.arg("--no-sync");
        machine::run(command)?;
        fs::remove_file(password_file).context("removing the password file of initdb")
    }

    /// The kept data folder, made on first use.
    pub(super) fn template(&self, account: Option<Account>) -> Result<Template> {
        let version = self.version.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
        let template = machine::kept_folder(&format!("{version}-format{TEMPLATE_FORMAT}"), |unfinished| {
            self.create_template(account, unfinished)
        })?;
        let password = fs::read_to_string(template.join("password"))
            .with_context(|| format!("{} is damaged: remove it", template.display()))?;
        Ok(Template { data: template.join("data"), password })
    }

    fn create_template(&self, account: Option<Account>, unfinished: &Path) -> Result<()> {
        let password = random_password();
        let folder = machine::folder("wattle-initdb-", account)?;
        self.create_data(account, folder.path(), &password)?;
        // The server's user may not be able to reach cargo's folder, so the data is made elsewhere and copied there.
        machine::copy_folder(&folder.path().join("data"), &unfinished.join("data"))?;
        let mut options = File::options();
        let file = options.write(true).create_new(true).mode(0o600).open(unfinished.join("password"))?;
        std::io::Write::write_all(&mut &file, password.as_bytes()).context("keeping the password")
    }
}

/// The binary folders of Debian's packages, newest version first.
fn debian_folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut versions: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect();
    versions.sort_unstable_by(|one, other| other.cmp(one));
    versions.iter().map(|version| Path::new(DEBIAN).join(version.to_string()).join("bin")).collect()
}
