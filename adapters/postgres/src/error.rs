//! PostgreSQL's errors in the words of the contract.

use tokio_postgres::error::SqlState;
use wattle_core::SourceError;
use wattle_sql::certificate_error;

/// What an error of the driver means. Messages of data exceptions repeat values and are left out.
pub(crate) fn source_error(doing: &str, error: tokio_postgres::Error) -> SourceError {
    let Some(server) = error.as_db_error() else {
        return certificate_error(doing, &error).unwrap_or_else(|| SourceError::Unavailable {
            what: format!("could not {doing}"),
            cause: Some(Box::new(error)),
        });
    };
    let code = server.code().clone();
    let message = server.message().to_owned();
    let config = |fix: &str| SourceError::Config {
        what: format!("could not {doing}: {message} (SQLSTATE {})", code.code()),
        fix: fix.to_owned(),
    };
    if code == SqlState::INSUFFICIENT_PRIVILEGE {
        return config("run `wattle check`, which prints the grants that are missing");
    }
    if code == SqlState::FEATURE_NOT_SUPPORTED {
        // A prepared statement whose table was altered: a new session prepares it anew.
        return SourceError::Unavailable {
            what: format!("could not {doing}: {message}"),
            cause: Some(Box::new(error)),
        };
    }
    match code.code().get(..2).unwrap_or_default() {
        "42" => config("make the pack and the source agree: run `wattle check`"),
        "28" | "3D" | "3F" => config(
            "correct the address: the database, the login or its password; of a tenant's source with `wattle tenant add`",
        ),
        "22" | "23" => SourceError::Record {
            what: format!(
                "could not {doing}: a value is out of range or malformed (SQLSTATE {})",
                code.code()
            ),
        },
        // Connection, resources, shutdown, time-outs, deadlocks, locks, and whatever else the server may say.
        _ => SourceError::Unavailable {
            what: format!("could not {doing}: {message}"),
            cause: Some(Box::new(error)),
        },
    }
}
