//! Tables: are their changes told with the keys that Wattle needs, and are they found by index?

use wattle_core::{NodeId, Severity, SourceError};
use wattle_sql::{key_names, words};

use super::{Check, MANY_ROWS};
use crate::catalogue::{Catalogue, Index, Table, same};
use crate::connect::literal;
use crate::dialect::{TSql, quote};
use crate::tracking::{terms_of, terms_query, tracks_by};
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
        if complete && captured && !tracks_by(table, &names) {
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

    /// Is each captured table tracked, and is the login told?
    pub(super) async fn tracked(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let inner = self.inner;
        let graph = inner.graph();
        let rows = self.session.rows("look at what is tracked", &terms_query(graph)).await?;
        for terms in terms_of(graph, &rows)? {
            let Some(table) = catalogue.table(terms.node) else { continue };
            if terms.since.is_some() || !table.is_table {
                continue;
            }
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
            if table.row_count > MANY_ROWS && !table.indexes.iter().any(leads) {
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
