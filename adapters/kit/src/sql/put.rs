//! Values of the kit's own, put into columns.

use chrono::{NaiveDate, NaiveDateTime};
use wattle_core::{Key, NodeId};

use super::kind::{ColumnKind, kind};
use super::{SqlBench, SqlDialect, SqlSession};
use crate::bench::{BenchError, Held, MARKER, Probe};

/// How a text begins: the first that a column takes is put into it.
const BEGINNINGS: [&str; 3] = ["Zoë 電🔌 ", "Zoë Ÿ ", "Ë "];

impl<S: SqlSession> SqlBench<S> {
    pub(super) async fn put_value(
        &mut self,
        node: NodeId,
        key: &Key,
        column: &str,
        probe: Probe,
    ) -> Result<Held, BenchError> {
        let sql_type = self.sql_type(node, column).await?;
        let dialect = self.session.dialect();
        let kind = kind(dialect, &sql_type)
            .ok_or_else(|| BenchError::NotPossible(format!("{sql_type} has no values that are exact")))?;
        if probe == Probe::Null {
            self.store(node, key, column, None).await?;
            return Ok(Held::Null);
        }
        let kind = match kind {
            ColumnKind::Text { length } => {
                let now = self.held_text(node, key, column).await?;
                now.and_then(|now| written(&now)).unwrap_or(Written::Text(length))
            }
            other => Written::Column(other),
        };
        match (kind, probe) {
            (Written::Column(ColumnKind::Number { largest, .. }), Probe::LargestNumber) => {
                self.put_number(node, key, column, largest).await
            }
            (Written::Column(ColumnKind::Number { smallest, .. }), Probe::SmallestNumber) => {
                self.put_number(node, key, column, smallest).await
            }
            (Written::Column(ColumnKind::Number { largest, .. }), Probe::SomeNumber) => {
                self.put_number(node, key, column, everyday(&largest)).await
            }
            (Written::Decimal, Probe::LargestNumber) => {
                self.put_number(node, key, column, "99999999999.37".into()).await
            }
            (Written::Text(length), Probe::LongestText) => self.put_text(node, key, column, length).await,
            (Written::Column(ColumnKind::Date), Probe::January | Probe::July) => {
                self.put_time(node, key, column, moment(probe), "%Y-%m-%d").await
            }
            (Written::Column(ColumnKind::Local), Probe::January | Probe::July) => {
                self.put_time(node, key, column, moment(probe), "%Y-%m-%dT%H:%M:%S").await
            }
            (Written::Time(format), Probe::January | Probe::July) => {
                self.put_time(node, key, column, moment(probe), format).await
            }
            (Written::Column(ColumnKind::Instant), Probe::January | Probe::July) => {
                let format = if dialect == SqlDialect::MySql {
                    // Its literals have no offset: they are in the session's zone.
                    self.rows("set time_zone = '+00:00'").await?;
                    "%Y-%m-%d %H:%M:%S"
                } else {
                    "%Y-%m-%dT%H:%M:%S+00:00"
                };
                let at = moment(probe);
                self.put_time(node, key, column, at, format).await.map(|_| Held::Instant(at.and_utc()))
            }
            _ => Err(BenchError::NotPossible(format!("a column of {sql_type} holds nothing like it"))),
        }
    }

    /// Puts a value into a column; none is NULL.
    async fn store(
        &mut self,
        node: NodeId,
        key: &Key,
        column: &str,
        value: Option<&str>,
    ) -> Result<(), BenchError> {
        let sql_type = self.sql_type(node, column).await?;
        let (at, dialect) = (self.at(node, key).await?, self.session.dialect());
        let relation = self.graph.node(node).relation.clone();
        let value = value.map_or_else(|| "null".to_owned(), |value| dialect.typed(value, &sql_type));
        let name = dialect.quote(column);
        self.rows(&format!("update {relation} set {name} = {value} where {at}")).await.map(drop)
    }

    /// A text or number as it comes, since a conversion might show what the column does not hold.
    async fn held_text(
        &mut self,
        node: NodeId,
        key: &Key,
        column: &str,
    ) -> Result<Option<String>, BenchError> {
        let at = self.at(node, key).await?;
        let (relation, name) = (self.graph.node(node).relation.clone(), self.quote(column));
        let rows = self.rows(&format!("select {name} from {relation} where {at}")).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()?))
    }

    async fn put_number(
        &mut self,
        node: NodeId,
        key: &Key,
        column: &str,
        number: String,
    ) -> Result<Held, BenchError> {
        self.store(node, key, column, Some(&number)).await?;
        // MySQL may be told to cut what does not fit, where the others refuse it.
        if self.session.dialect() == SqlDialect::MySql
            && self.held_text(node, key, column).await?.as_deref() != Some(&number)
        {
            return Err(BenchError::NotPossible(format!("{column} does not keep {number}")));
        }
        Ok(Held::Number(number))
    }

    async fn put_text(
        &mut self,
        node: NodeId,
        key: &Key,
        column: &str,
        length: usize,
    ) -> Result<Held, BenchError> {
        for beginning in BEGINNINGS {
            let text = format!("{beginning}{MARKER}");
            // SQL Server counts a character beyond the first plane as two.
            let Some(missing) = length.checked_sub(text.encode_utf16().count()) else { continue };
            let text = format!("{text}{}", "x".repeat(missing));
            let stored = self.store(node, key, column, Some(&text)).await.is_ok();
            // What is not in the column's character set may have become something else.
            if stored && self.held_text(node, key, column).await?.as_deref() == Some(&text) {
                return Ok(Held::Text(text));
            }
        }
        Err(BenchError::NotPossible(format!("{column} takes no text of the kit's")))
    }

    async fn put_time(
        &mut self,
        node: NodeId,
        key: &Key,
        column: &str,
        at: NaiveDateTime,
        format: &str,
    ) -> Result<Held, BenchError> {
        self.store(node, key, column, Some(&at.format(format).to_string())).await?;
        Ok(match format {
            "%Y-%m-%d" => Held::Date(at.date()),
            format if format.ends_with('Z') => Held::Instant(at.and_utc()),
            _ => Held::Local(at),
        })
    }
}

/// How the present value of a column is written, where it is text.
enum Written {
    /// As its column's type says.
    Column(ColumnKind),
    Decimal,
    Time(&'static str),
    Text(usize),
}

/// Numbers, dates and times that are kept as text.
fn written(value: &str) -> Option<Written> {
    const TIMES: [&str; 4] =
        ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%SZ"];
    let value = value.trim_end();
    if NaiveDate::parse_from_str(value, "%Y-%m-%d").is_ok() {
        return Some(Written::Time("%Y-%m-%d"));
    }
    let is_time = |format: &&str| NaiveDateTime::parse_from_str(value, format).is_ok();
    if let Some(format) = TIMES.into_iter().find(is_time) {
        return Some(Written::Time(format));
    }
    let digits = value.trim_start_matches('-').split_once('.');
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.filter(|(whole, fraction)| is_digits(whole) && is_digits(fraction)).map(|_| Written::Decimal)
}

/// A number of at most seven digits before its point, and as many decimals as the largest.
fn everyday(largest: &str) -> String {
    let (whole, fraction) = largest.split_once('.').unwrap_or((largest, ""));
    let whole = match whole.len() {
        0 | 1 => whole,
        digits => &"4719463"[..(digits - 1).min(7)],
    };
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// 13:45 on the 15th.
fn moment(probe: Probe) -> NaiveDateTime {
    let month = if probe == Probe::July { 7 } else { 1 };
    NaiveDate::from_ymd_opt(2026, month, 15).and_then(|date| date.and_hms_opt(13, 45, 0)).unwrap_or_default()
}
