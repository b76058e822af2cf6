//! The database's settings: does it tell changes and give snapshots, and for long enough?

use tiberius::Row;
use wattle_core::{Severity, SourceError};
use wattle_sql::words;

use super::Check;
use crate::capture::cdc::STANDING;
use crate::dialect::quote;
use crate::settings::Capture;
use crate::value::{integer, text};

/// Changes that are kept for less are gone after a long weekend.
const LEAST_KEPT_HOURS: i64 = 72;
/// The capture job makes an entry every few minutes where nothing changes.
const LONGEST_SILENCE_MINUTES: i64 = 15;
/// The first version with `openjson`, SQL Server 2016, and the compatibility level at which it is known.
const LEAST_VERSION: i64 = 13;
const LEAST_LEVEL: i64 = 130;

const SETTINGS: &str = "select cast(serverproperty('ProductVersion') as nvarchar(64)), d.compatibility_level, \
     d.snapshot_isolation_state, d.is_read_only, ct.is_auto_cleanup_on, ct.retention_period, ct.retention_period_units, \
     ct.database_id, d.is_cdc_enabled from sys.databases d left join sys.change_tracking_databases ct on ct.database_id = d.database_id \
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
        match self.inner.options.capture {
            Capture::ChangeTracking => self.tracking(row),
            Capture::Cdc => self.cdc(text(row, 8).as_deref() == Some("true")).await?,
        }
        Ok(())
    }

    /// Is change data capture on, may the login see it, and is its job at work?
    async fn cdc(&mut self, is_enabled: bool) -> Result<(), SourceError> {
        self.can_ask = is_enabled;
        if !is_enabled {
            self.findings.refuse(
                "the database does not capture its changes (change data capture is off)",
                "exec sys.sp_cdc_enable_db;",
            );
            return Ok(());
        }
        let rights = "select has_perms_by_name(N'cdc', 'SCHEMA', 'SELECT'), \
                      has_perms_by_name(db_name(), 'DATABASE', 'VIEW DATABASE STATE'), user_name()";
        let rows = self.session.rows("look at the login's rights", rights).await?;
        let has = |at| rows.first().and_then(|row| integer(row, at)) == Some(1);
        let user = quote(&rows.first().and_then(|row| text(row, 2)).unwrap_or_default());
        self.can_ask = has(0);
        if !has(0) {
            self.findings.refuse(
                format!("the login {user} may not read the change tables"),
                format!("grant select on schema::cdc to {user};"),
            );
        }
        if !has(1) {
            self.findings.refuse(
                format!("the login {user} may not see where the log ends (VIEW DATABASE STATE)"),
                format!("grant view database state to {user};"),
            );
        }
        if !has(0) {
            return Ok(());
        }
        if has(1)
            && let Err(error) = self.session.rows("look where the log ends", STANDING).await
        {
            let fix = "SQL Server 2016 needs its service pack 2 for it, and may ask for `view server state`";
            self.findings.refuse_error(error, words(fix))?;
        }
        self.job().await
    }

    /// Does the capture job say something from time to time, as it does even where nothing changes?
    async fn job(&mut self) -> Result<(), SourceError> {
        let asked = "select datediff(minute, max(m.tran_end_time), getdate()) from cdc.lsn_time_mapping m";
        let rows = self.session.rows("look at the capture job", asked).await?;
        let silent = match rows.first().and_then(|row| integer(row, 0)) {
            None => "since change data capture was switched on".to_owned(),
            Some(minutes) if minutes > LONGEST_SILENCE_MINUTES => format!("for {minutes} minutes"),
            Some(_) => return Ok(()),
        };
        self.findings.add(
            Severity::Warning,
            format!("the capture job has told nothing {silent}: no change is heard while it stands still"),
            "exec sys.sp_cdc_start_job;  -- and see that SQL Server Agent runs",
        );
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
