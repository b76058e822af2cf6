//! Where the target is: a PostgreSQL database with a schema for each tenant, or a folder with a SQLite file for each.

use std::path::{Path, PathBuf};

use sea_orm::DbErr;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use wattle_core::{ErrorClass, TenantId};

use crate::error::{database_error_class, server_message};
use crate::{TargetSettings, TenantError};

/// What a tenant's file ends with.
const EXTENSION: &str = "db";

/// The two kinds of target.
#[derive(Clone)]
pub(crate) enum Target {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Folder),
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, TenantError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(TenantError::config(
                    "the target's address names no folder",
                    "write it as sqlite:FOLDER",
                ));
            }
            return Ok(Self::Sqlite(Folder(path.into())));
        }
        // The driver takes any scheme, and the host of `localhost:5432/wattle` for one.
        let known = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        let options = url.parse().ok().filter(|_| known).ok_or_else(|| {
            TenantError::config(
                "the target's address cannot be read",
                "write it as postgres://owner:password@host:5432/database, or as sqlite:FOLDER",
            )
        })?;
        Ok(Self::Postgres(Box::new(options)))
    }
}

impl TargetSettings {
    /// What the settings say, once it is sure that it makes sense.
    pub(crate) fn target(&self) -> Result<Target, TenantError> {
        // Sync keeps one connection of a tenant for the lease of each source.
        let limits = [
            ("max_connections", self.max_connections.into(), 1),
            ("max_connections_per_tenant", self.max_connections_per_tenant.into(), 2),
            ("acquire_secs", self.acquire_secs, 1),
        ];
        if let Some((name, limit, least)) = limits.into_iter().find(|(_, limit, least)| limit < least) {
            return Err(TenantError::config(
                format!("{name} of [target] is {limit}, and nothing could ever be done"),
                format!("set it to {least} at least, or leave it out"),
            ));
        }
        Target::parse(&self.url)
    }
}

/// A folder with a SQLite file for each tenant, which holds everything of that tenant.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The file of a tenant.
    pub(crate) fn file(&self, tenant: &TenantId) -> PathBuf {
        self.0.join(format!("{tenant}.{EXTENSION}"))
    }

    /// Makes the folder, for this user alone: it holds customers' data.
    pub(crate) fn create(&self) -> Result<(), TenantError> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.0).map_err(|error| self.unusable(&error))
    }

    /// Makes sure that the folder is there.
    pub(crate) fn require(&self) -> Result<(), TenantError> {
        std::fs::metadata(&self.0).map(|_| ()).map_err(|error| self.unusable(&error))
    }

    /// The tenants that have a file here.
    pub(crate) fn tenants(&self) -> Result<Vec<TenantId>, TenantError> {
        let mut tenants = Vec::new();
        for entry in std::fs::read_dir(&self.0).map_err(|error| self.unusable(&error))? {
            let path = entry.map_err(|error| self.unusable(&error))?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if path.extension().is_some_and(|extension| extension == EXTENSION)
                && let Some(Ok(tenant)) = stem.map(TenantId::parse)
            {
                tenants.push(tenant);
            }
        }
        Ok(tenants)
    }

    pub(crate) fn unusable(&self, error: &std::io::Error) -> TenantError {
        let fix = match error.kind() {
            std::io::ErrorKind::NotFound => "run `wattle migrate`, which makes it",
            _ => "name a folder that this user may read and write",
        };
        TenantError::config(format!("the target's folder {} cannot be used: {error}", self.0.display()), fix)
    }

    /// How a file is opened. What is committed survives a loss of power: sources forget what we acknowledge.
    pub(crate) fn options(path: &Path) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // Writers take turns: one waits for another as for a row lock.
            .busy_timeout(std::time::Duration::from_secs(30))
    }
}

/// What is wrong with a tenant's file, in words that name it.
pub(crate) fn file_error(path: &Path, error: DbErr) -> TenantError {
    match database_error_class(&error) {
        ErrorClass::Config => TenantError::config(
            format!(
                "{} is not a file of this target, or is damaged: {}",
                path.display(),
                server_message(&error)
            ),
            "put it back from a backup, or remove it and add its tenant again",
        ),
        _ => TenantError::Database(error),
    }
}
