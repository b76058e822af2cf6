//! Tables: does their log say what Wattle needs to hear, and are they found by index?

use wattle_core::{KeyType, NodeId, QueryPlan, Severity, SourceError};
use wattle_sql::{key_names, words};

use super::Check;
use crate::binlog::is_known_charset;
use crate::catalogue::{Catalogue, Column, Index, Table, quote};
use crate::dialect::MySql;

impl Check<'_> {
    /// What must hold for the tables' changes to be heard with their keys.
    pub(super) fn tables(&mut self, catalogue: &Catalogue) {
        let graph = self.inner.graph();
        for id in graph.node_ids() {
            let Some(table) = catalogue.table(id) else { continue };
            let captured = graph.captured().any(|captured| captured == id);
            self.engine(id, table, captured);
            if captured {
                self.old_times(id, table);
            }
            self.key(id, table, captured);
        }
    }

    fn engine(&mut self, id: NodeId, table: &Table, captured: bool) {
        let name = &self.inner.graph().node(id).relation;
        match table.engine.as_deref() {
            Some("InnoDB") => {}
            None if captured => self.findings.refuse(
                format!("{name} is a view: its changes are in no log"),
                words("name the tables behind it as nodes; a fetch query may still read it"),
            ),
            None => {}
            Some(engine) => self.findings.refuse(
                format!("{name} is kept by {engine}: a snapshot does not hold for it"),
                format!("alter table {name} engine = InnoDB;"),
            ),
        }
    }

    /// Times with fractions as MariaDB 5.3 kept them have a width that the log does not tell: what follows them in a row
    /// could not be found.
    fn old_times(&mut self, id: NodeId, table: &Table) {
        let is_old = |column: &&Column| column.column_type.contains(") /* mariadb-5.3 */");
        if let Some(column) = table.columns.iter().find(is_old) {
            let name = &self.inner.graph().node(id).relation;
            self.findings.refuse(
                format!(
                    "{name}.{} is kept as MariaDB 5.3 did, and rows of the log could not be read",
                    column.name
                ),
                format!("alter table {name} force;"),
            );
        }
    }

    fn key(&mut self, id: NodeId, table: &Table, captured: bool) {
        let node = self.inner.graph().node(id);
        let name = &node.relation;
        let mut complete = true;
        for key in &node.key {
            let Some(column) = table.column(&key.name) else {
                complete = false;
                self.findings.refuse(
                    format!("{name} has no column {}", key.name),
                    words(format!("give the key of node `{}` in graph.toml as the table has it", node.name)),
                );
                continue;
            };
            if !column.fits(key.key_type) {
                self.findings.refuse(
                    format!(
                        "{name}.{} is {}, and graph.toml says {}",
                        key.name,
                        column.column_type,
                        key.key_type.name()
                    ),
                    words(format!(
                        "write the key of node `{}` with the type that fits {}, or name another key",
                        node.name, column.column_type
                    )),
                );
                continue;
            }
            self.charset(name, column, key.key_type);
            if column.nullable {
                self.findings.add(
                    Severity::Warning,
                    format!("{name}.{} may be null, and a row without its key is left out", key.name),
                    words(format!("declare {}.{} not null", table.quoted(), quote(&key.name))),
                );
            }
        }
        let names: Vec<&str> = node.key.iter().map(|key| key.name.as_str()).collect();
        let unique = |index: &Index| index.unique && !index.prefixes && is_over(index, &names);
        if complete && captured && table.engine.is_some() && !table.indexes.iter().any(unique) {
            let columns = key_names(&MySql::default(), self.inner.graph(), id).join(", ");
            self.findings.refuse(
                format!("the key ({columns}) of {name} is not unique: one row could stand for another; unless graph.toml should name more columns"),
                format!("alter table {name} add unique ({columns});"),
            );
        }
    }

    fn charset(&mut self, name: &str, column: &Column, key_type: KeyType) {
        let Some(charset) = column.charset.as_deref().filter(|_| key_type == KeyType::Text) else { return };
        if !is_known_charset(charset) {
            self.findings.refuse(
                format!(
                    "{name}.{} is in the character set {charset}, which Wattle cannot read in the log",
                    column.name
                ),
                format!(
                    "alter table {name} modify {} {} character set utf8mb4;",
                    quote(&column.name),
                    column.column_type
                ),
            );
        }
    }

    /// With a minimal image, deletes and updates come with the primary key alone.
    pub(super) async fn row_images(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let image = self.session.text("read binlog_row_image", "select @@global.binlog_row_image").await?;
        if image.is_none_or(|image| image.starts_with("FULL")) {
            return Ok(());
        }
        for id in self.inner.graph().captured() {
            let (node, Some(table)) = (self.inner.graph().node(id), catalogue.table(id)) else { continue };
            let primary = table.primary_key();
            let within = |name: &str| primary.iter().any(|column| column.eq_ignore_ascii_case(name));
            if !primary.is_empty() && !node.key.iter().all(|key| within(&key.name)) {
                self.findings.refuse(
                    format!("binlog_row_image leaves the key of {} out of deletes: it is not within its primary key", node.relation),
                    "set global binlog_row_image = 'FULL';  -- and in the configuration; sessions that are open keep their own",
                );
            }
        }
        Ok(())
    }

    /// A changed row is followed to its records through these columns: without an index that reads the whole table.
    pub(super) async fn edges(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let graph = self.inner.graph();
        for edge in graph.edges() {
            let (child, predecessor) = (graph.node(edge.child), graph.node(edge.predecessor));
            let Some(table) = catalogue.table(edge.child) else { continue };
            let listed = edge.columns.iter().map(|column| quote(column)).collect::<Vec<_>>().join(", ");
            let on: Vec<String> = edge
                .columns
                .iter()
                .zip(&predecessor.key)
                .map(|(by, key)| format!("c.{} = p.{}", quote(by), quote(&key.name)))
                .collect();
            let asked = format!(
                "select 1 from {} c join {} p on {} limit 0",
                child.relation,
                predecessor.relation,
                on.join(" and ")
            );
            let doing = format!("follow node `{}` to `{}` by {listed}", child.name, predecessor.name);
            if let Err(error) = self.session.rows(&doing, &asked).await {
                self.findings.refuse_error(
                    error,
                    format!(
                        "give `by` of node `{}` in graph.toml: the columns of {} that hold the key of `{}`",
                        child.name, child.relation, predecessor.name
                    ),
                )?;
                continue;
            }
            let leads = |index: &Index| {
                let first = index.columns.get(..edge.columns.len()).unwrap_or_default();
                edge.columns.iter().all(|by| first.iter().any(|column| column.eq_ignore_ascii_case(by)))
            };
            if table.row_count > QueryPlan::MANY_ROWS && !table.indexes.iter().any(leads) {
                self.findings.add(
                    Severity::Warning,
                    format!(
                        "{} has no index on ({listed}), by which its rows are found from `{}`",
                        child.relation, predecessor.name
                    ),
                    format!("alter table {} add index ({listed});", child.relation),
                );
            }
        }
        Ok(())
    }
}

/// Is it over just these columns, in whatever order?
fn is_over(index: &Index, names: &[&str]) -> bool {
    index.columns.len() == names.len()
        && names.iter().all(|name| index.columns.iter().any(|column| column.eq_ignore_ascii_case(name)))
}
