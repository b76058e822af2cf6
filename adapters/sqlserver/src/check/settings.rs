//! The database's settings: does it track changes and give snapshots, and for long enough?

use tiberius::Row;
use wattle_core::{Severity, SourceError};
use wattle_sql::words;

use super::Check;
use crate::value::{integer, text};

/// Changes that are kept for less are gone after a long weekend.
const LEAST_KEPT_HOURS: i64 = 72;
/// The first version with `openjson`, SQL Server 2016, and the compatibility level at which it is known.
const LEAST_VERSION: i64 = 13;
const LEAST_LEVEL: i64 = 130;

const SETTINGS: &str = "select cast(serverproperty('ProductVersion') as nvarchar(64)), d.compatibility_level, \
     d.snapshot_isolation_state, d.is_read_only, ct.is_auto_cleanup_on, ct.retention_period, ct.retention_period_units, \
     ct.database_id from sys.databases d left join sys.change_tracking_databases ct on ct.database_id = d.database_id \
     where d.database_id = db_id()";

impl Check<'_> {
    pub(super) async fn settings(&mut self) -> Result<(), SourceError> {
        let rows = self.session.rows("read the source's settings", SETTINGS).await?;
        let Some(row) = rows.first() else {
            return Err(SourceError::Bug { what: "the source does not list its own database".into() });
        };
        let version = text(row, 0).unwrap_or_default();
        let major: i64 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
        if major < LEAST_VERSION {
            self.findings.refuse(
                format!("the server is version {version}, and keys are asked for by openjson, which came with SQL Server 2016"),
                words("upgrade the server to SQL Server 2016 or later"),
            );
        }
        let level = integer(row, 1).unwrap_or(0);
        if level < LEAST_LEVEL {
            self.findings.refuse(
                format!("the database's compatibility level is {level}, at which openjson is not known"),
                format!("alter database current set compatibility_level = {LEAST_LEVEL};"),
            );
        }
        if integer(row, 2) != Some(1) {
            self.findings.refuse(
                "the database gives no snapshots (allow_snapshot_isolation is off)",
                "alter database current set allow_snapshot_isolation on;",
            );
        }
        if text(row, 3).as_deref() == Some("true") {
            self.findings.refuse(
                "the database is read-only, and a secondary replica does not tell its changes",
                words("give the primary's address"),
            );
        }
        self.tracking(row);
        Ok(())
    }

    fn tracking(&mut self, row: &Row) {
        if integer(row, 7).is_none() {
            self.findings.refuse(
                "the database does not track changes",
                "alter database current set change_tracking = on (change_retention = 7 days, auto_cleanup = on);",
            );
            return;
        }
        // Units are minutes, hours and days.
        let minutes = match integer(row, 6) {
            Some(1) => 1,
            Some(2) => 60,
            _ => 24 * 60,
        };
        let hours = integer(row, 5).unwrap_or(0) * minutes / 60;
        let cleans = text(row, 4).as_deref() == Some("true");
        if cleans && hours < LEAST_KEPT_HOURS {
            self.findings.add(
                Severity::Warning,
                format!("changes are kept for {hours} hours: after a longer outage every record must be compared again"),
                "alter database current set change_tracking (change_retention = 7 days);",
            );
        }
        if !cleans {
            self.findings.add(
                Severity::Warning,
                "changes are never cleaned up (auto_cleanup is off), and grow for ever",
                "alter database current set change_tracking (auto_cleanup = on);",
            );
        }
    }
}
