//! `check`: what is missing or risky at the source, each with the statement that puts it right.
//!
//! Everything that can be told is told at once, and nothing is written. What a query reads, and how, is taken from the
//! program that SQLite makes of it, which looks through views.

mod queries;

use wattle_core::{KeyType, NodeId, QueryPlan, Severity, SourceError};
use wattle_sql::{Findings, key_names, quote, words};

use crate::catalogue::{Catalogue, Table};
use crate::session::Session;
use crate::snapshot::Sqlite;
use crate::{Inner, outbox};

struct Check<'a> {
    inner: &'a Inner,
    session: Session,
    catalogue: Catalogue,
    findings: Findings,
}

pub(crate) async fn check(inner: &Inner) -> Result<Findings, SourceError> {
    let mut session = inner.connector.reader().await?;
    let catalogue = Catalogue::read(&mut session, inner.graph()).await?;
    let mut check = Check { inner, session, catalogue, findings: Findings::default() };
    check.file().await?;
    if check.tables() {
        check.triggers().await?;
        check.edges().await?;
        check.queries().await?;
    }
    Ok(check.findings)
}

impl Check<'_> {
    async fn file(&mut self) -> Result<(), SourceError> {
        let file = self.session.file().display().to_string();
        let mode = self.session.rows("read a setting", "pragma journal_mode", &[]).await?;
        let mode = mode.first().and_then(|row| row[0].plain_text()).unwrap_or_default();
        if mode != "wal" {
            self.findings.add(
                Severity::Warning,
                format!("{file} has no write-ahead log: while Wattle reads, the retailer's commits wait, and fail where its program does not wait"),
                "pragma journal_mode = wal;",
            );
        }
        // Opened and locked for writing, which changes nothing, and let go.
        let writable = match self.inner.connector.writer().await {
            Ok(mut writer) => {
                writer.run("look whether it can be written to", "begin immediate; rollback").await
            }
            Err(error) => Err(error),
        };
        match writable {
            // Somebody else is writing: the file can be written to.
            Ok(()) | Err(SourceError::Unavailable { .. }) => Ok(()),
            Err(error) => self.findings.refuse_error(
                error,
                format!("let Wattle's user write to {file} and its folder: the outbox is in it"),
            ),
        }
    }

    /// Looks at every table of the graph; false when a query could not be looked at for what was found.
    fn tables(&mut self) -> bool {
        let graph = self.inner.graph();
        let mut complete = true;
        for id in graph.node_ids() {
            let node = graph.node(id);
            match self.catalogue.table(id).cloned() {
                Some(table) => complete &= self.key(id, &table),
                None => {
                    complete = false;
                    self.findings.refuse(
                        format!("the source has no table {} (node `{}`)", node.relation, node.name),
                        words(format!(
                            "name the relation of node `{}` in graph.toml as the source has it",
                            node.name
                        )),
                    );
                }
            }
        }
        complete
    }

    fn key(&mut self, id: NodeId, table: &Table) -> bool {
        let graph = self.inner.graph();
        let node = graph.node(id);
        let (name, relation) = (&node.name, &node.relation);
        let mut complete = true;
        if table.is_view && graph.captured().any(|captured| captured == id) {
            complete = false;
            self.findings.refuse(
                format!("{relation} is a view: no trigger tells of its changes"),
                words("name the tables behind it as nodes; a fetch query may still read it"),
            );
        }
        for column in &node.key {
            let Some(found) = table.column(&column.name) else {
                complete = false;
                self.findings.refuse(
                    format!("{relation} has no column {}", column.name),
                    words(format!("give the key of node `{name}` in graph.toml as the table has it")),
                );
                continue;
            };
            if !found.fits(column.key_type) {
                let declared = if found.declared.is_empty() { "no type" } else { &found.declared };
                let fix = if column.key_type == KeyType::Decimal {
                    "SQLite keeps decimals as floats: name a key of whole numbers or text".to_owned()
                } else {
                    format!(
                        "write the key of node `{name}` with the type that fits {declared}, or name another key"
                    )
                };
                self.findings.refuse(
                    format!(
                        "{relation}.{} is declared {declared}, and graph.toml says {}",
                        column.name,
                        column.key_type.name()
                    ),
                    words(fix),
                );
            } else if found.nullable {
                self.findings.add(
                    Severity::Advice,
                    format!("{relation}.{} may be null: a row without a key is left out", column.name),
                    words(format!("declare it not null when {relation} is built anew")),
                );
            }
        }
        let names: Vec<String> = node.key.iter().map(|column| column.name.clone()).collect();
        if complete && !table.is_view && !table.unique.iter().any(|unique| unique.is_over(&names)) {
            let columns = key_names(&Sqlite, graph, id).join(", ");
            self.findings.refuse(
                format!("the key ({columns}) of {relation} is not unique: one row could stand for another"),
                format!(
                    "create unique index {} on {} ({columns});",
                    quote(&format!("{}_key", table.name)),
                    quote(&table.name)
                ),
            );
        }
        complete
    }

    /// Before the first start none is there; later a missing one is a gap, which sync closes.
    async fn triggers(&mut self) -> Result<(), SourceError> {
        let graph = self.inner.graph();
        let heard = outbox::head(&mut self.session).await?.is_some();
        for (node, missing) in outbox::missing(&mut self.session, graph).await? {
            let names: Vec<&str> = missing.iter().map(|trigger| trigger.name.as_str()).collect();
            let relation = &graph.node(node).relation;
            let (severity, what) = if heard {
                (
                    Severity::Warning,
                    "is missing triggers, or has others of their names: its changes are not heard",
                )
            } else {
                (Severity::Advice, "does not have Wattle's triggers yet")
            };
            let what = format!("{relation} {what} ({})", names.join(", "));
            self.findings.add(
                severity,
                what,
                words("sync makes them when it starts, and reads the table again"),
            );
        }
        Ok(())
    }

    /// A changed row is followed to its records through these columns: without an index that reads the whole table.
    async fn edges(&mut self) -> Result<(), SourceError> {
        let graph = self.inner.graph();
        for path in graph.path_ids() {
            let way = graph.path(path);
            let way = format!("{} to {}", graph.node(way.from).name, way.entity);
            // What is wrong with a key is told with its table.
            let Ok(sql) = self.path_query(path) else { continue };
            match self.reads(&format!("follow {way}"), &sql).await {
                Ok(program) => {
                    let whole = self.sizes(program.whole).await?;
                    self.findings.plan(format!("following {way}"), whole);
                }
                Err(error) => self.findings.refuse_error(
                    error,
                    "give `by` in graph.toml: the columns that hold the predecessor's key",
                )?,
            }
        }
        Ok(())
    }

    /// How many rows these tables have, counted until they are many.
    async fn sizes(&mut self, tables: Vec<String>) -> Result<Vec<(String, u64)>, SourceError> {
        let mut sizes = Vec::new();
        for table in tables {
            let sql = format!(
                "select count(*) from (select 1 from {} limit {})",
                quote(&table),
                QueryPlan::MANY_ROWS + 1
            );
            let rows = u64::try_from(self.session.integer("count rows", &sql).await?).unwrap_or(0);
            sizes.push((table, rows));
        }
        Ok(sizes)
    }
}
