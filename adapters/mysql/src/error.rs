//! MySQL's and MariaDB's errors in the words of the contract.

use mysql_async::{DriverError, Error, ServerError};
use wattle_core::SourceError;
use wattle_sql::certificate_error;

/// The log no longer has what was asked for, or never had: purged, reset, or another server's.
const LOG_LOST: u16 = 1236;

/// Errors with an SQLSTATE of mistakes that pass by themselves: too many connections of a user.
const PASSING: [u16; 2] = [1203, 1226];

/// Mistakes of settings, grants, accounts and statements whose SQLSTATE is the general one: a host that may not
/// connect, collations that do not go together, a server or a transaction that may only read, a view that is broken or
/// may not be looked behind, a password that has run out.
const CONFIG: [u16; 10] = [1130, 1267, 1271, 1290, 1345, 1356, 1820, 1862, 1449, 1193];

/// Data that a function cannot take, with the general SQLSTATE: a value, JSON of MariaDB and of MySQL.
const DATA: [u16; 8] = [1366, 1411, 4036, 4037, 4038, 4174, 3141, 3156];

/// What an error of the driver means. Messages about data repeat values and are left out.
pub(crate) fn source_error(doing: &str, error: Error) -> SourceError {
    match error {
        Error::Server(server) => server_error(doing, server),
        Error::Driver(DriverError::UnknownAuthPlugin { name }) => SourceError::Config {
            what: format!(
                "could not {doing}: the login is checked by the plugin {name}, which Wattle does not speak"
            ),
            fix: "make a login that has a password: identified by '…'".into(),
        },
        Error::Url(error) => SourceError::Config {
            what: format!("the source's address cannot be read: {error}"),
            fix: ADDRESS.into(),
        },
        error @ (Error::Driver(_) | Error::Io(_) | Error::Other(_)) => certificate_error(doing, &error)
            .unwrap_or_else(|| SourceError::Unavailable {
                what: format!("could not {doing}"),
                cause: Some(Box::new(error)),
            }),
    }
}

/// How an address is written.
pub(crate) const ADDRESS: &str = "write it as mysql://user:password@host:3306/database";

fn server_error(doing: &str, server: ServerError) -> SourceError {
    let ServerError { code, message, state } = &server;
    let config = |fix: &str| SourceError::Config {
        what: format!("could not {doing}: {message} (error {code})"),
        fix: fix.to_owned(),
    };
    if *code == LOG_LOST {
        return SourceError::LostPosition { what: format!("the server's binlog: {message}") };
    }
    if PASSING.contains(code) {
        return unavailable(doing, server);
    }
    if CONFIG.contains(code) {
        return config("run `wattle check`, which says what the source must have");
    }
    if DATA.contains(code) {
        return record(doing, *code);
    }
    match (code, state.get(..2).unwrap_or_default()) {
        // No privilege for a table, a column, or for something that needs one of its own.
        (1142 | 1143 | 1227, _) => config("run `wattle check`, which prints the grants that are missing"),
        (1044 | 1049, _) => {
            config("name the retailer's database in the source's address, and let the login read its tables")
        }
        (_, "42") => config("make the pack and the source agree: run `wattle check`"),
        (_, "28" | "3D" | "3F") => config(
            "correct the address: the database, the login or its password; of a tenant's source with `wattle tenant add`",
        ),
        (_, "22" | "23") => record(doing, *code),
        // Connection, resources, shutdown, time-outs, deadlocks, a table altered meanwhile, and whatever else there is.
        _ => unavailable(doing, server),
    }
}

fn record(doing: &str, code: u16) -> SourceError {
    SourceError::Record {
        what: format!("could not {doing}: a value is out of range or malformed (error {code})"),
    }
}

fn unavailable(doing: &str, server: ServerError) -> SourceError {
    SourceError::Unavailable {
        what: format!("could not {doing}: {} (error {})", server.message, server.code),
        cause: Some(Box::new(server)),
    }
}

#[cfg(test)]
mod tests {
    use wattle_core::ErrorClass;

    use super::*;

    #[test]
    fn each_error_has_the_class_of_what_helps() {
        let class = |code, state: &str| {
            let server = ServerError { code, state: state.into(), message: "m".into() };
            source_error("read", Error::Server(server)).class()
        };
        for (code, state) in
            [(1213, "40001"), (1205, "HY000"), (1969, "70100"), (1412, "HY000"), (1053, "08S01")]
        {
            assert_eq!(class(code, state), ErrorClass::Transient, "{code}");
        }
        assert_eq!(class(1226, "42000"), ErrorClass::Transient, "too many connections of one user pass");
        for (code, state) in [
            (1142, "42000"),
            (1054, "42S22"),
            (1146, "42S02"),
            (1045, "28000"),
            (1049, "42000"),
            (1267, "HY000"),
        ] {
            assert_eq!(class(code, state), ErrorClass::Config, "{code}");
        }
        assert_eq!(class(1292, "22007"), ErrorClass::Record);
        assert_eq!(class(4038, "HY000"), ErrorClass::Record);
        let lost = source_error(
            "x",
            Error::Server(ServerError { code: 1236, state: "HY000".into(), message: "m".into() }),
        );
        assert!(matches!(lost, SourceError::LostPosition { .. }));
    }
}
