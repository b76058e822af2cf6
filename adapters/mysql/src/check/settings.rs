//! The server's settings: does its log have everything, and for long enough?

use std::collections::HashMap;

use chrono::{Offset, Utc};
use wattle_core::{Severity, SourceError};
use wattle_sql::words;

use super::Check;
use crate::catalogue::Catalogue;

/// A log that is kept for less is gone after a long weekend.
const LEAST_KEPT_SECS: f64 = 3.0 * 24.0 * 3_600.0;

impl Check<'_> {
    /// The server's global settings whose names begin so.
    async fn variables(&mut self) -> Result<HashMap<String, String>, SourceError> {
        let sql = "show global variables where variable_name like '%bin%' or variable_name like 'expire_logs%'
                   or variable_name in ('server_id', 'version', 'gtid_mode', 'log_slave_updates', 'gtid_slave_pos')";
        let rows = self.session.rows("read the source's settings", sql).await?;
        let pair = |row: Vec<Option<String>>| {
            let mut row = row.into_iter().flatten();
            Some((row.next()?.to_lowercase(), row.next().unwrap_or_default()))
        };
        Ok(rows.into_iter().filter_map(pair).collect())
    }

    pub(super) async fn settings(&mut self) -> Result<(), SourceError> {
        let variables = self.variables().await?;
        let of = |name: &str| variables.get(name).map(String::as_str).unwrap_or_default();
        let mariadb = self.session.identity().is_mariadb();
        let version = of("version");
        let (least, name) = if mariadb { ((10, 6), "MariaDB 10.6") } else { ((8, 0), "MySQL 8.0") };
        if version_of(version) < least {
            self.findings.refuse(
                format!("the server is version {version}, and keys are asked for by json_table, which came with {name}"),
                words(format!("upgrade the server to {name} or later")),
            );
        }
        if of("log_bin") != "ON" {
            self.findings.refuse(
                "the server keeps no binlog (log_bin is off)",
                words("set log_bin, server_id and binlog_format = ROW under [mysqld] in the server's configuration, and restart it"),
            );
        } else if of("binlog_format") != "ROW" {
            self.findings.refuse(
                format!("binlog_format is {}: writes are logged without the keys of their rows", of("binlog_format")),
                "set global binlog_format = 'ROW';  -- and in the configuration; sessions that are open keep their own",
            );
        }
        if of("server_id") == "0" {
            self.findings.refuse(
                "server_id is 0: the server gives its log to nobody",
                "set global server_id = 1;  -- and in the configuration",
            );
        }
        if !mariadb && of("gtid_mode") != "ON" {
            self.findings.refuse(
                format!("gtid_mode is {}: it could not be told whether a snapshot includes what was heard", of("gtid_mode")),
                words("set gtid_mode = ON and enforce_gtid_consistency = ON in the server's configuration, and restart it"),
            );
        }
        if of("log_slave_updates") == "OFF" && !of("gtid_slave_pos").is_empty() {
            self.findings.refuse(
                "the server is a replica that does not log what it replicates (log_slave_updates is off)",
                words("give the primary's address, or set log_slave_updates = ON in the replica's configuration and restart it"),
            );
        }
        if matches!(of("binlog_row_metadata"), "NO_LOG" | "MINIMAL") {
            self.findings.add(
                Severity::Advice,
                format!(
                    "binlog_row_metadata is {}: the log does not name its columns, and a table that was altered while Wattle was down is read whole",
                    of("binlog_row_metadata")
                ),
                "set global binlog_row_metadata = 'FULL';",
            );
        }
        if !of("binlog_row_value_options").is_empty() {
            self.findings.add(
                Severity::Warning,
                "binlog_row_value_options has the log say parts of JSON values: a table that is written so is read whole each time",
                "set global binlog_row_value_options = '';",
            );
        }
        self.retention(&variables);
        Ok(())
    }

    /// While Wattle is down, or its own database is, the server must keep what it has not read.
    fn retention(&mut self, variables: &HashMap<String, String>) {
        let number = |name: &str| variables.get(name).and_then(|value| value.parse::<f64>().ok());
        let days = number("expire_logs_days").unwrap_or(0.0) * 86_400.0;
        let kept = number("binlog_expire_logs_seconds").filter(|seconds| *seconds > 0.0).unwrap_or(days);
        if kept > 0.0 && kept < LEAST_KEPT_SECS {
            self.findings.add(
                Severity::Warning,
                format!("the binlog is kept for {:.0} hours: after a longer outage every record must be compared again", kept / 3_600.0),
                "set global binlog_expire_logs_seconds = 604800;",
            );
        }
    }

    /// Databases that are left out of the log.
    pub(super) async fn log_filters(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let doing = "look at what the binlog leaves out";
        let rows = match self.session.rows(doing, "show master status").await {
            Ok(rows) => rows,
            Err(SourceError::Config { .. }) if !self.session.identity().is_mariadb() => {
                self.session.rows(doing, "show binary log status").await.unwrap_or_default()
            }
            // A grant that is missing is said with the others; whoever starts without it is told by the next statement.
            Err(SourceError::Config { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        let Some(row) = rows.into_iter().next() else { return Ok(()) };
        let list = |at: usize| -> Vec<String> {
            let text = row.get(at).cloned().flatten().unwrap_or_default();
            text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        let (logged, ignored) = (list(2), list(3));
        for node in self.inner.graph().captured() {
            let Some(table) = catalogue.table(node) else { continue };
            if ignored.contains(&table.schema) || !logged.is_empty() && !logged.contains(&table.schema) {
                self.findings.refuse(
                    format!("the binlog leaves the database {} out (binlog_do_db, binlog_ignore_db)", table.schema),
                    words("take binlog_do_db and binlog_ignore_db out of the server's configuration, and restart it"),
                );
                break;
            }
        }
        Ok(())
    }

    /// Date-times without a zone are the retailer's; what the server itself writes with now() is its own.
    pub(super) async fn clock(&mut self) -> Result<(), SourceError> {
        let doing = "look at the server's clock";
        let sql = "select timestampdiff(minute, utc_timestamp(), convert_tz(utc_timestamp(), '+00:00', @@global.time_zone)), @@global.time_zone, @@system_time_zone";
        let row = self.session.rows(doing, sql).await?.into_iter().next().unwrap_or_default();
        let text = |at: usize| row.get(at).cloned().flatten();
        let Some(minutes) = text(0).and_then(|minutes| minutes.parse::<i32>().ok()) else { return Ok(()) };
        let zone = self.inner.pack.zone();
        let ours = Utc::now().with_timezone(&zone).offset().fix().local_minus_utc() / 60;
        if minutes != ours {
            let named = text(1).filter(|name| name != "SYSTEM").or(text(2)).unwrap_or_default();
            self.findings.add(
                Severity::Advice,
                format!(
                    "the server's clock is in the zone {named}, and graph.toml says {}: a date-time without a zone that the server writes by itself, with now() or as a default, would be misread",
                    zone.name()
                ),
                words("none is needed if the retailer's software writes its date-times itself; else give the server's zone in graph.toml"),
            );
        }
        Ok(())
    }
}

/// The first two numbers of a version such as `10.11.6-MariaDB-log`.
fn version_of(version: &str) -> (u32, u32) {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::version_of;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(
            version_of("10.11.6-MariaDB-0+deb12u1-log") >= (10, 6) && version_of("10.5.9-MariaDB") < (10, 6)
        );
        assert!(
            version_of("8.0.36") >= (8, 0) && version_of("9.7.0") >= (8, 0) && version_of("5.7.44") < (8, 0)
        );
    }
}
