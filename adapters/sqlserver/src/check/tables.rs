//! Tables: are their changes told with the keys that Wattle needs, and are they found by index?

use tiberius::Row;
use wattle_core::{NodeId, QueryPlan, Severity, SourceError};
use wattle_sql::{key_names, words};

use super::Check;
use crate::capture::cdc::has_key;
use crate::capture::change_tracking::tracks_by;
use crate::catalogue::{Catalogue, Column, Index, Table, same};
use crate::connect::literal;
use crate::dialect::{TSql, quote};
use crate::settings::Capture;
use crate::value::{integer, text};

impl Check<'_> {
    /// What must hold for the tables' changes to be told with their keys.
    pub(super) fn tables(&mut self, catalogue: &Catalogue) {
        let inner = self.inner;
        for id in inner.graph().node_ids() {
            let Some(table) = catalogue.table(id) else { continue };
            let captured = inner.graph().captured().any(|captured| captured == id);
            if captured && !table.is_table {
                self.findings.refuse(
                    format!("{} is no table: its changes are not tracked", inner.graph().node(id).relation),
                    words("name the tables behind it as nodes; a fetch query may still read it"),
                );
                continue;
            }
            self.key(id, table, captured);
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
            if column.nullable {
                self.findings.add(
                    Severity::Warning,
                    format!("{name}.{} may be null, and a row without its key is left out", key.name),
                    words(format!("declare {}.{} not null", table.quoted(), quote(&key.name))),
                );
            }
        }
        let names: Vec<&str> = node.key.iter().map(|key| key.name.as_str()).collect();
        let by_key = self.inner.options.capture == Capture::ChangeTracking;
        if complete && captured && by_key && !tracks_by(table, &names) {
            let columns = key_names(&TSql, self.inner.graph(), id).join(", ");
            self.findings.refuse(
                format!("the primary key of {name} is not ({columns}), and change tracking names rows by their primary key"),
                words(format!(
                    "give the primary key as the key of node `{}` in graph.toml, or declare it: alter table {} add primary key ({columns});",
                    node.name,
                    table.quoted()
                )),
            );
        }
    }

    /// Are the changes of each captured table told, and to the login?
    pub(super) async fn heard(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        if !self.can_ask {
            return Ok(());
        }
        let inner = self.inner;
        let (capture, graph) = (inner.options.capture, inner.graph());
        let rows = self.session.rows("look at what is told", &capture.terms_query(graph)).await?;
        for terms in capture.terms_of(graph, &rows)? {
            let Some(table) = catalogue.table(terms.node).filter(|table| table.is_table) else { continue };
            match capture {
                _ if terms.told(None).is_some() => {}
                Capture::ChangeTracking => self.untracked(table).await?,
                Capture::Cdc => self.uncaptured(terms.node, table).await?,
            }
        }
        match capture {
            Capture::ChangeTracking => Ok(()),
            Capture::Cdc => self.captured(catalogue).await,
        }
    }

    async fn untracked(&mut self, table: &Table) -> Result<(), SourceError> {
        let name = table.quoted();
        let right = "'OBJECT', 'VIEW CHANGE TRACKING'";
        let asked = format!("select has_perms_by_name({}, {right}), user_name()", literal(&name));
        let rows = self.session.rows("look at the login's rights", &asked).await?;
        let may_ask = rows.first().and_then(|row| integer(row, 0)) == Some(1);
        let user = quote(&rows.first().and_then(|row| text(row, 1)).unwrap_or_default());
        if may_ask {
            self.findings.refuse(
                format!("the changes of {name} are not told: it is not tracked"),
                format!("alter table {name} enable change_tracking;"),
            );
        } else {
            self.findings.refuse(
                format!("the login {user} may not hear the changes of {name}"),
                format!("grant view change tracking on {name} to {user};"),
            );
        }
        Ok(())
    }

    /// No capture instance has the table's key, or none has begun.
    async fn uncaptured(&mut self, node: NodeId, table: &Table) -> Result<(), SourceError> {
        let name = table.quoted();
        let asked = format!(
            "select c.capture_instance, case when {} then 1 else 0 end from cdc.change_tables c \
             where c.source_object_id = object_id({}) order by c.capture_instance",
            has_key(self.inner.graph(), node),
            literal(&name)
        );
        let rows = self.session.rows("look at the capture instances", &asked).await?;
        let instances: Vec<String> = rows.iter().filter_map(|row| text(row, 0)).collect();
        if rows.iter().any(|row| integer(row, 1) == Some(1)) {
            self.findings.refuse(
                format!("the changes of {name} are not told yet: the capture job has not begun with it"),
                "exec sys.sp_cdc_start_job;  -- and see that SQL Server Agent runs",
            );
            return Ok(());
        }
        let call = format!(
            "exec sys.sp_cdc_enable_table @source_schema = {}, @source_name = {}, @role_name = null",
            literal(&table.schema),
            literal(&table.name)
        );
        if instances.is_empty() {
            self.findings.refuse(format!("the changes of {name} are not captured"), format!("{call};"));
            return Ok(());
        }
        // The usual name, of schema and table, may be taken.
        let instance = literal(&format!("{}_{}_wattle", table.schema, table.name));
        self.findings.refuse(
            format!(
                "the capture instances of {name} ({}) lack columns of the key of node `{}`",
                instances.join(", "),
                self.inner.graph().node(node).name
            ),
            format!("{call}, @capture_instance = {instance};"),
        );
        Ok(())
    }

    /// What the changes of captured tables would yet not tell.
    async fn captured(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let graph = self.inner.graph();
        let asked = "select object_schema_name(c.source_object_id), object_name(c.source_object_id) from cdc.change_tables c \
                     where c.partition_switch = 1 and c.source_object_id in \
                     (select p.object_id from sys.partitions p where p.index_id in (0, 1) and p.partition_number > 1)";
        let switched = self.session.rows("look at the capture instances", asked).await?;
        let asked = "select object_schema_name(c.source_object_id), object_name(c.source_object_id), s.name \
                     from cdc.change_tables c join sys.columns s on s.object_id = c.source_object_id \
                     where s.is_computed = 0 and not exists (select 1 from cdc.captured_columns k \
                     where k.object_id = c.object_id and k.column_id = s.column_id) and not exists (select 1 from \
                     cdc.change_tables n where n.source_object_id = c.source_object_id and n.start_lsn > c.start_lsn)";
        let uncaptured = self.session.rows("look at the capture instances", asked).await?;
        let asked = "select d.collation_name from sys.databases d where d.database_id = db_id()";
        let rows = self.session.rows("look at the capture instances", asked).await?;
        let usual = rows.first().and_then(|row| text(row, 0)).unwrap_or_default();
        for node in graph.captured() {
            let Some(table) = catalogue.table(node) else { continue };
            let name = table.quoted();
            let is_its = |row: &&Row| {
                text(row, 0).as_deref() == Some(&table.schema) && text(row, 1).as_deref() == Some(&table.name)
            };
            let untold: Vec<String> =
                uncaptured.iter().filter(is_its).filter_map(|row| text(row, 2)).collect();
            if !untold.is_empty() {
                self.findings.add(
                    Severity::Warning,
                    format!(
                        "the latest capture instance of {name} lacks {}: an update of these columns alone is not told",
                        untold.join(", ")
                    ),
                    words("make a second capture instance of all columns, unless no fetch query reads these"),
                );
            }
            if switched.iter().any(|row| is_its(&row)) {
                self.findings.refuse(
                    format!("partitions of {name} may be switched, and the rows that so come or go are not captured"),
                    words(format!(
                        "capture {name} with @allow_partition_switch = 0: call sys.sp_cdc_disable_table and sys.sp_cdc_enable_table"
                    )),
                );
            }
            let of_bytes = |column: &&Column| {
                ["char", "varchar"].iter().any(|kind| column.column_type.starts_with(kind))
            };
            let columns = graph.node(node).key.iter().filter_map(|key| table.column(&key.name));
            let other: Vec<&str> = columns
                .filter(of_bytes)
                .filter(|column| column.collation.as_ref().is_some_and(|collation| !same(collation, &usual)))
                .map(|column| column.name.as_str())
                .collect();
            if !other.is_empty() {
                self.findings.add(
                    Severity::Warning,
                    format!(
                        "{name} ({}) has another collation than the database, and change data capture may then garble letters beyond ASCII",
                        other.join(", ")
                    ),
                    words("see that these keys are plain ASCII, or use change tracking"),
                );
            }
        }
        Ok(())
    }

    /// A changed row is followed to its records through these columns: without an index that reads the whole table.
    pub(super) async fn edges(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let inner = self.inner;
        let graph = inner.graph();
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
                "select top (0) 1 from {} c join {} p on {}",
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
                edge.columns.iter().all(|by| first.iter().any(|column| same(column, by)))
            };
            if table.row_count > QueryPlan::MANY_ROWS && !table.indexes.iter().any(leads) {
                self.findings.add(
                    Severity::Warning,
                    format!(
                        "{} has no index on ({listed}), by which its rows are found from `{}`",
                        child.relation, predecessor.name
                    ),
                    format!("create index wattle_{} on {} ({listed});", child.name, table.quoted()),
                );
            }
        }
        Ok(())
    }
}
