//! `wattle demo sql`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use futures::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{Column, Connection, Either, Executor, Row, TypeInfo, ValueRef};

use super::folder;

/// Runs SQL in the demo retailer's database, as its own billing software would.
///
/// Example: wattle demo sql "select invoice_no, total_cents from invoices limit 3"
#[derive(Debug, Args)]
pub(crate) struct Sql {
    /// One or more statements.
    statements: String,
    /// Where the demo keeps its files.
    #[arg(long, default_value = folder::DEFAULT)]
    data_dir: PathBuf,
}

impl Sql {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let path = folder::retailer(&self.data_dir);
        if !path.exists() {
            bail!("there is no demo in {}: start one with `wattle demo`", self.data_dir.display());
        }
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let mut connection = SqliteConnection::connect_with(&options)
            .await
            .with_context(|| format!("{} cannot be opened", path.display()))?;
        let mut changed_count = None;
        let mut heading: Option<String> = None;
        let mut results = connection.fetch_many(sqlx::raw_sql(sqlx::AssertSqlSafe(self.statements)));
        while let Some(result) = results.try_next().await? {
            match result {
                Either::Left(done) => {
                    changed_count = Some(changed_count.unwrap_or(0) + done.rows_affected());
                    heading = None;
                }
                Either::Right(row) => {
                    let names: Vec<&str> = row.columns().iter().map(Column::name).collect();
                    let names = names.join("\t");
                    if heading.as_ref() != Some(&names) {
                        println!("{names}");
                        heading = Some(names);
                    }
                    println!("{}", texts(&row)?.join("\t"));
                }
            }
        }
        drop(results);
        if let Some(count) = changed_count.filter(|count| *count > 0) {
            println!("{count} row{} changed", if count == 1 { "" } else { "s" });
        }
        connection.close().await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The values of a row, as SQLite would print them.
fn texts(row: &SqliteRow) -> anyhow::Result<Vec<String>> {
    (0..row.len())
        .map(|at| {
            let value = row.try_get_raw(at)?;
            Ok(match value.type_info().name() {
                _ if value.is_null() => String::new(),
                "INTEGER" => row.try_get_unchecked::<i64, _>(at)?.to_string(),
                "REAL" => row.try_get_unchecked::<f64, _>(at)?.to_string(),
                "BLOB" => format!("{} bytes", row.try_get_unchecked::<Vec<u8>, _>(at)?.len()),
                _ => row.try_get_unchecked::<String, _>(at)?,
            })
        })
        .collect()
}
