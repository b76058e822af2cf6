//! What can go wrong between Wattle and its own database.

use sea_orm::sqlx::sqlite::SqliteError;
use sea_orm::{DbErr, RuntimeErr};
use wattle_core::ErrorClass;

/// A failure at the target, or in what the registry says.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// The target database refused or failed a statement, or cannot be reached.
    #[error("the target database failed")]
    Database(#[from] DbErr),
    /// Something must be set right by an operator.
    #[error("{what}; to fix it: {fix}")]
    Config {
        /// What is wrong.
        what: String,
        /// What to do.
        fix: String,
    },
}

impl TenantError {
    pub(crate) fn config(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Config { what: what.into(), fix: fix.into() }
    }

    /// What to do about it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Database(error) => database_error_class(error),
            Self::Config { .. } => ErrorClass::Config,
        }
    }
}

/// What the server said, without the driver's words around it.
pub(crate) fn server_message(error: &DbErr) -> String {
    let sqlx = match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => error,
        other => return other.to_string(),
    };
    sqlx.as_database_error().map_or_else(|| sqlx.to_string(), |server| server.message().to_owned())
}

/// What the target says of a record that it refuses, without the values that its message may repeat.
pub fn refusal(error: &DbErr) -> String {
    let (DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime)) = error else {
        return "the target refuses it".to_owned();
    };
    let server = match runtime {
        RuntimeErr::SqlxError(error) => error.as_database_error(),
        RuntimeErr::Internal(_) => None,
    };
    let code = server.and_then(|server| server.code()).unwrap_or_default();
    let constraint = server.and_then(|server| server.constraint());
    let constraint = constraint.map(|name| format!(", constraint {name}")).unwrap_or_default();
    format!("the target refuses it (error {code}{constraint})")
}

/// The class of a SQLite result code, extended or not.
fn sqlite_error_class(code: u32) -> ErrorClass {
    match code & 0xff {
        // Busy, locked, out of memory, interrupted, input or output, full, file locking, changed schema.
        5 | 6 | 7 | 9 | 10 | 13 | 15 | 17 => ErrorClass::Transient,
        // A missing table or column, no permission, read-only, damaged, cannot be opened, not a database.
        1 | 3 | 8 | 11 | 14 | 23 | 26 => ErrorClass::Config,
        // Too big, a constraint, a wrong type.
        18..=20 => ErrorClass::Record,
        _ => ErrorClass::Bug,
    }
}

/// The class of an error of the target database. What the server itself objected to is decided by its SQLSTATE; all
/// else is a connection that failed.
pub fn database_error_class(error: &DbErr) -> ErrorClass {
    let runtime = match error {
        DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error) => error,
        DbErr::ConnectionAcquire(_) => return ErrorClass::Transient,
        _ => return ErrorClass::Bug,
    };
    let RuntimeErr::SqlxError(error) = runtime else { return ErrorClass::Bug };
    let Some(server) = error.as_database_error() else { return ErrorClass::Transient };
    let code = server.code().unwrap_or_default();
    if server.try_downcast_ref::<SqliteError>().is_some() {
        return sqlite_error_class(code.parse().unwrap_or_default());
    }
    match &*code {
        // Connection trouble, too many of them, shutting down or starting up, resources, limits, input and output,
        // deadlock, serialisation, and a database that is full.
        code if code.starts_with("08")
            || code.starts_with("53")
            || code.starts_with("54")
            || code.starts_with("57")
            || code.starts_with("58")
            || code.starts_with("40") =>
        {
            ErrorClass::Transient
        }
        "55P03" => ErrorClass::Transient,
        // Read-only after a failover; roles, passwords, grants, missing schema.
        // Or a transaction that was ended for idling, while the source was waited for.
        code if code.starts_with("25") => ErrorClass::Transient,
        code if code.starts_with("28")
            || code.starts_with("3D")
            || code.starts_with("3F")
            || code.starts_with("42") =>
        {
            ErrorClass::Config
        }
        code if code.starts_with("22") || code.starts_with("23") => ErrorClass::Record,
        _ => ErrorClass::Bug,
    }
}
