//! Foreign keys that cascade: the log says what was done to the parent, and nothing of the rows below it.

use std::collections::{BTreeMap, BTreeSet};

use wattle_core::{EdgeKind, Entity, EntityGraph, NodeId, SourceError, Tracking};
use wattle_sql::words;

use super::Check;
use crate::catalogue::{Catalogue, quote};
use crate::connect::literal;

/// A foreign key that changes or deletes the child's rows when the parent's change.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cascade {
    parent: (String, String),
    child: (String, String),
    /// The parent's columns that it is about.
    parent_columns: Vec<String>,
    on_update: bool,
}

/// Foreign keys of a schema whose rule changes rows, a row for each column.
const CASCADES: &str = "select r.constraint_schema, r.constraint_name, r.table_name, k.referenced_table_schema,
        r.referenced_table_name, r.update_rule, r.delete_rule, k.referenced_column_name
    from information_schema.referential_constraints r
    join information_schema.key_column_usage k
        on k.constraint_schema = r.constraint_schema and k.constraint_name = r.constraint_name and k.table_name = r.table_name
    where r.constraint_schema = {schema} and k.table_schema = {schema}
        and (r.update_rule not in ('RESTRICT', 'NO ACTION') or r.delete_rule not in ('RESTRICT', 'NO ACTION'))
    order by r.table_name, r.constraint_name, k.ordinal_position";

impl Check<'_> {
    /// Refuses a graph that leaves out what a cascade does.
    pub(super) async fn cascades(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let graph = self.inner.graph();
        let cascades = self.read_cascades(catalogue).await?;
        for child in graph.node_ids() {
            let Some(table) = catalogue.table(child) else { continue };
            let name = (table.schema.clone(), table.name.clone());
            for (parent, by) in ancestors(&cascades, &name) {
                let parents = catalogue.nodes_of(graph, &parent.0, &parent.1);
                let key_only = |node: &NodeId| !by.on_update || is_key(graph, *node, &by.parent_columns);
                let uncovered: Vec<Entity> = feeds(graph, child)
                    .into_iter()
                    .filter(|entity| {
                        !parents.iter().any(|node| {
                            // A row below another of its own table is no part of that row's record.
                            *node != child && reads(graph, *entity, *node)
                                || owns(graph, *node, *entity) && key_only(node)
                        })
                    })
                    .collect();
                for entity in uncovered {
                    let parent = format!("{}.{}", quote(&parent.0), quote(&parent.1));
                    let relation = &graph.node(child).relation;
                    self.findings.refuse(
                        format!(
                            "a foreign key changes or deletes rows of {relation} when {parent} changes, and the log says nothing of them: {entity} would not be read again"
                        ),
                        words(match parents.first() {
                            Some(node) => format!(
                                "add `{node}` to the `reads` of entity {entity}, and select its key as \"$from.{node}\"",
                                node = graph.node(*node).name
                            ),
                            None => format!(
                                "add {parent} as a node and to the `reads` of entity {entity}, and select its key as \"$from.…\"; or have the foreign key restrict"
                            ),
                        }),
                    );
                }
            }
        }
        Ok(())
    }

    async fn read_cascades(&mut self, catalogue: &Catalogue) -> Result<Vec<Cascade>, SourceError> {
        let tables = self.inner.graph().node_ids().filter_map(|node| catalogue.table(node));
        let schemas: BTreeSet<String> = tables.map(|table| table.schema.clone()).collect();
        let mut cascades: BTreeMap<[String; 3], Cascade> = BTreeMap::new();
        for schema in schemas {
            let asked = CASCADES.replace("{schema}", &literal(&schema));
            for row in self.session.rows("read the foreign keys", &asked).await? {
                let mut row = row.into_iter().map(Option::unwrap_or_default);
                let mut next = || row.next().unwrap_or_default();
                let (schema, name, table) = (next(), next(), next());
                let parent = (next(), next());
                let (on_update, _, column) = (next(), next(), next());
                let cascade = cascades.entry([schema.clone(), table.clone(), name]).or_insert(Cascade {
                    parent,
                    child: (schema, table),
                    parent_columns: Vec::new(),
                    on_update: !matches!(on_update.as_str(), "RESTRICT" | "NO ACTION"),
                });
                cascade.parent_columns.push(column);
            }
        }
        Ok(cascades.into_values().collect())
    }
}

/// Every table whose changes reach a table by cascades, with the foreign key that leads away from it.
fn ancestors<'c>(
    cascades: &'c [Cascade],
    table: &(String, String),
) -> BTreeMap<(String, String), &'c Cascade> {
    let mut found: BTreeMap<(String, String), &Cascade> = BTreeMap::new();
    let mut reached = vec![table.clone()];
    while let Some(child) = reached.pop() {
        for cascade in cascades.iter().filter(|cascade| cascade.child == child) {
            if !found.contains_key(&cascade.parent) {
                found.insert(cascade.parent.clone(), cascade);
                reached.push(cascade.parent.clone());
            }
        }
    }
    found
}

/// The entities that a node's rows are part of.
fn feeds(graph: &EntityGraph, node: NodeId) -> Vec<Entity> {
    graph
        .entities()
        .filter(|entity| graph.root(*entity) == Some(node) || graph.reads(*entity).contains(&node))
        .collect()
}

/// Is a change of that node's rows heard, and looked up in what the entity's records were built from?
fn reads(graph: &EntityGraph, entity: Entity, node: NodeId) -> bool {
    if graph.root(entity) == Some(node) {
        return true;
    }
    let heard = match graph.node(node).tracking {
        Tracking::Captured => node,
        Tracking::Folded { into } => return reads(graph, entity, into),
    };
    graph.reads(entity).contains(&heard)
}

/// Does that node root a record that takes the entity's along when it goes, and brings them back when it comes?
fn owns(graph: &EntityGraph, node: NodeId, entity: Entity) -> bool {
    entity.owners().iter().any(|owner| {
        let Some(root) = graph.root(*owner) else { return false };
        let owning = graph.edges().iter().any(|edge| edge.kind == EdgeKind::Owns && edge.predecessor == root);
        root == node && owning || owns(graph, node, *owner)
    })
}

/// Are these the columns of the node's key?
fn is_key(graph: &EntityGraph, node: NodeId, columns: &[String]) -> bool {
    let key = &graph.node(node).key;
    key.len() == columns.len()
        && columns.iter().all(|column| key.iter().any(|key| key.name.eq_ignore_ascii_case(column)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cascades_reach_below_their_children() {
        let name = |table: &str| ("b".to_owned(), table.to_owned());
        let cascade = |parent: &str, child: &str| Cascade {
            parent: name(parent),
            child: name(child),
            parent_columns: vec!["id".into()],
            on_update: false,
        };
        let cascades = [cascade("account", "bill"), cascade("bill", "line"), cascade("line", "line")];
        let found: Vec<String> =
            ancestors(&cascades, &name("line")).into_keys().map(|(_, table)| table).collect();
        assert_eq!(found, ["account", "bill", "line"]);
        assert!(ancestors(&cascades, &name("account")).is_empty());
    }
}
