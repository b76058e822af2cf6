//! SQL Server's errors in the words of the contract.

use tiberius::error::{Error, TokenError};
use wattle_core::{ErrorClass, SourceError};

/// How an address is written.
pub(crate) const ADDRESS: &str = "write it as sqlserver://user:password@host:1433/database";

/// A secondary replica was asked for its changes.
const SECONDARY: u32 = 22_117;
/// The snapshot isolation level is not allowed in the database.
const NO_SNAPSHOT: u32 = 3_952;
/// SELECT, a column, a command or VIEW CHANGE TRACKING is not granted.
const DENIED: [u32; 6] = [229, 230, 262, 297, 300, 916];

/// What an error of the driver means. Messages about data repeat values and are left out.
pub(crate) fn source_error(doing: &str, error: Error) -> SourceError {
    match error {
        Error::Server(server) => server_error(doing, server),
        Error::Tls(what) => SourceError::Config {
            what: format!("could not {doing}: {what}"),
            fix: "give the certification authority of the source's certificate as the option `tls_ca`".into(),
        },
        error @ (Error::Io { .. }
        | Error::Protocol(_)
        | Error::Encoding(_)
        | Error::Conversion(_)
        | Error::Utf8
        | Error::Utf16
        | Error::ParseInt(_)
        | Error::Routing { .. }
        | Error::BulkInput(_)) => {
            SourceError::Unavailable { what: format!("could not {doing}"), cause: Some(Box::new(error)) }
        }
    }
}

fn server_error(doing: &str, server: TokenError) -> SourceError {
    let (code, message) = (server.code(), server.message().to_owned());
    let config = |fix: &str| SourceError::Config {
        what: format!("could not {doing}: {message} (error {code})"),
        fix: fix.to_owned(),
    };
    match class_of(code) {
        ErrorClass::Config if code == SECONDARY => {
            config("give the address of the primary replica: a secondary does not tell its changes")
        }
        ErrorClass::Config if code == NO_SNAPSHOT => {
            config("alter database current set allow_snapshot_isolation on")
        }
        ErrorClass::Config if DENIED.contains(&code) => {
            config("run `wattle check`, which prints the grants that are missing")
        }
        ErrorClass::Config if code == 4_060 || (18_000..19_000).contains(&code) => config(
            "correct the address: the database, the login or its password; of a tenant's source with `wattle tenant add`",
        ),
        ErrorClass::Config => config("make the pack and the source agree: run `wattle check`"),
        ErrorClass::Record => SourceError::Record {
            what: format!("could not {doing}: a value is out of range or malformed (error {code})"),
        },
        ErrorClass::Transient | ErrorClass::Bug => SourceError::Unavailable {
            what: format!("could not {doing}: {message} (error {code})"),
            cause: Some(Box::new(Error::Server(server))),
        },
    }
}

/// What helps against an error, by its number.
fn class_of(code: u32) -> ErrorClass {
    match code {
        // Syntax, names that are not there or mean two things, arguments, types and collations that do not go together.
        102 | 105 | 107 | 128 | 137 | 145 | 156 | 164 | 170 | 174 | 189 | 195 | 201 | 205 | 206 | 207
        | 208 | 209 | 214 | 257 | 305 | 306 | 319 | 321 | 343 | 402 | 447 | 451 | 457 | 468 | 512 | 529
        | 1011 | 1013 | 1033 | 1035 | 1038 | 4104 | 4121 | 4413 | 4502 | 8116 | 8117 | 8120 | 8121 | 8155
        | 8156 | 8157 | 8158 | 8180 | 2812 => ErrorClass::Config,
        // Grants, logins and databases; a password that ran out, a login that is disabled or locked.
        229 | 230 | 262 | 297 | 300 | 916 | 4060 | 4064 | 18_452 | 18_456 | 18_461 | 18_470 | 18_486
        | 18_487 | 18_488 => ErrorClass::Config,
        // Snapshots are not allowed, or not with what a query does; changes are not tracked; a replica that is not read, or
        // not so.
        976 | 978 | 3952 | 3964 | 22_104 | 22_105 | 22_106 | 22_113 | 22_115 | SECONDARY => {
            ErrorClass::Config
        }
        // Numbers, dates, identifiers, texts, XML and JSON that a value is not.
        220
        | 232
        | 235
        | 236
        | 241
        | 242
        | 244
        | 245
        | 248
        | 293
        | 295
        | 296
        | 517
        | 535
        | 537
        | 2628
        | 3623
        | 6355
        | 8114
        | 8115
        | 8134
        | 8152
        | 8169
        | 9400..=9459
        | 9807
        | 9810
        | 13_608
        | 13_609
        | 13_610 => ErrorClass::Record,
        // Deadlocks, time-outs of locks, a snapshot whose versions are gone or whose table was altered meanwhile,
        // recovery, shutdown, resources, and whatever else there is.
        _ => ErrorClass::Transient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_the_class_of_what_helps() {
        let snapshots = [3953, 3957, 3958, 3960, 3961, 3966];
        for passing in [1205, 1222, 922, 927, 701, 6005, 40_613, 50_000].into_iter().chain(snapshots) {
            assert_eq!(class_of(passing), ErrorClass::Transient, "{passing}");
        }
        for config in [207, 208, 229, 4060, 18_456, 3952, 3964, 22_117, 22_105, 468] {
            assert_eq!(class_of(config), ErrorClass::Config, "{config}");
        }
        for record in [241, 245, 8114, 8115, 8134, 8169, 13_609] {
            assert_eq!(class_of(record), ErrorClass::Record, "{record}");
        }
    }

    #[test]
    fn a_connection_that_breaks_passes_and_a_certificate_does_not() {
        let io = Error::Io { kind: std::io::ErrorKind::TimedOut, message: "m".into() };
        assert_eq!(source_error("read", io).class(), ErrorClass::Transient);
        assert_eq!(source_error("connect", Error::Tls("m".into())).class(), ErrorClass::Config);
    }
}
