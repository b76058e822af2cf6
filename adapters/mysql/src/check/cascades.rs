//! Foreign keys that cascade: the log says what was done to the parent, and nothing of the rows below it.

use wattle_core::{EdgeKind, Entity, EntityGraph, NodeId, SourceError, Tracking};
use wattle_sql::words;

use super::Check;
use crate::catalogue::{Catalogue, name_parts, quote};

/// A foreign key that changes or deletes the child's rows when the parent's change.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cascade {
    parent: (String, String),
    child: (String, String),
    parent_columns: Vec<String>,
    child_columns: Vec<String>,
    /// The child's row goes with the parent's.
    deletes: bool,
    /// The child's columns are emptied when the parent's row goes.
    empties: bool,
    /// The child's columns follow the parent's.
    on_update: bool,
}

impl Check<'_> {
    /// Refuses a graph that leaves out what a cascade does; false when a table may not be read whole.
    pub(super) async fn cascades(&mut self, catalogue: &Catalogue) -> Result<bool, SourceError> {
        let graph = self.inner.graph();
        let Some(cascades) = self.read_cascades(catalogue).await? else { return Ok(false) };
        for child in graph.node_ids() {
            let Some(table) = catalogue.table(child) else { continue };
            let name = (table.schema.clone(), table.name.clone());
            for by in reaching(&cascades, &name) {
                let parent = &by.parent;
                let parents = catalogue.nodes_of(graph, &parent.0, &parent.1);
                let covers = |entity: Entity, node: NodeId| {
                    // A row below another of its own table is no part of that row's record.
                    node != child && reads(graph, entity, node)
                        || owns(graph, node, entity) && by.is_owning(graph, catalogue, node)
                };
                let uncovered: Vec<Entity> = feeds(graph, child)
                    .into_iter()
                    .filter(|entity| !parents.iter().any(|node| covers(*entity, *node)))
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
        Ok(true)
    }

    /// The foreign keys of the graph's tables, as the server shows how it would make them: the catalogue has them only for
    /// whoever may do more than read. Nothing when it does not show one.
    async fn read_cascades(&mut self, catalogue: &Catalogue) -> Result<Option<Vec<Cascade>>, SourceError> {
        let (mut cascades, mut shown) = (Vec::new(), true);
        for node in self.inner.graph().node_ids() {
            let Some(table) = catalogue.table(node).filter(|table| table.engine.is_some()) else { continue };
            let doing = format!("read the foreign keys of {}", self.inner.graph().node(node).relation);
            let made = format!("show create table {}", table.quoted());
            let rows = match self.session.rows(&doing, &made).await {
                Ok(rows) => rows,
                // A login that may read some of the columns is not shown how the table is made.
                Err(SourceError::Config { what, .. }) if what.contains("(error 1142)") => {
                    self.may_not_read(catalogue, node);
                    shown = false;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let made =
                rows.into_iter().next().and_then(|row| row.into_iter().nth(1)).flatten().unwrap_or_default();
            cascades.extend(made.lines().filter_map(|line| Cascade::parse(line, &table.schema, &table.name)));
        }
        Ok(shown.then_some(cascades))
    }
}

impl Cascade {
    /// Is it the one by which rows belong to the parent's row, and which follows nothing but its key?
    fn is_owning(&self, graph: &EntityGraph, catalogue: &Catalogue, parent: NodeId) -> bool {
        let children = catalogue.nodes_of(graph, &self.child.0, &self.child.1);
        let owning = graph.edges().iter().any(|edge| {
            edge.kind == EdgeKind::Owns
                && edge.predecessor == parent
                && children.contains(&edge.child)
                && same_names(&edge.columns, &self.child_columns)
        });
        let key: Vec<String> = graph.node(parent).key.iter().map(|column| column.name.clone()).collect();
        owning && (!self.on_update || same_names(&key, &self.parent_columns))
    }

    /// Reads ``CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `parent` (`b`) ON DELETE CASCADE``; nothing for one that changes
    /// no row, and for any other line.
    fn parse(line: &str, schema: &str, table: &str) -> Option<Self> {
        let (columns, referenced) = line.split_once(" FOREIGN KEY (")?.1.split_once(") REFERENCES ")?;
        let (parent, rest) = referenced.split_once(" (")?;
        let (parent_columns, actions) = rest.split_once(')')?;
        let does = |what: &str| actions.contains(what);
        let deletes = does("ON DELETE CASCADE");
        let empties = does("ON DELETE SET ");
        let on_update = does("ON UPDATE CASCADE") || does("ON UPDATE SET ");
        if !deletes && !empties && !on_update {
            return None;
        }
        let names = |columns: &str| columns.split(',').map(|column| name_parts(column.trim()).1).collect();
        let (parent_schema, parent) = name_parts(parent);
        Some(Self {
            parent: (parent_schema.unwrap_or_else(|| schema.to_owned()), parent),
            child: (schema.to_owned(), table.to_owned()),
            parent_columns: names(parent_columns),
            child_columns: names(columns),
            deletes,
            empties,
            on_update,
        })
    }
}

/// The foreign keys by which a change of some other table reaches a table, directly or by way of others: a row that goes
/// takes rows below it along, and columns that change are followed where they are referred to.
fn reaching<'c>(cascades: &'c [Cascade], table: &(String, String)) -> Vec<&'c Cascade> {
    let mut found: Vec<&Cascade> = cascades.iter().filter(|cascade| cascade.child == *table).collect();
    let mut at = 0;
    while let Some(below) = found.get(at).copied() {
        at += 1;
        let leads_on = |above: &&Cascade| {
            let changes = above.child_columns.iter().any(|column| below.parent_columns.contains(column));
            above.child == below.parent
                && ((below.deletes || below.empties) && above.deletes
                    || below.on_update && changes && (above.empties || above.on_update))
        };
        for above in cascades.iter().filter(leads_on) {
            if !found.contains(&above) {
                found.push(above);
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
    entity.owners().iter().any(|owner| graph.root(*owner) == Some(node) || owns(graph, node, *owner))
}

/// The same names in whatever order.
fn same_names(some: &[String], others: &[String]) -> bool {
    some.len() == others.len()
        && some.iter().all(|name| others.iter().any(|other| other.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_keys_are_read_as_they_are_shown() {
        let parse = |line| Cascade::parse(line, "b", "bill");
        let cascade = parse(
            "  CONSTRAINT `c` FOREIGN KEY (`x`,`y`) REFERENCES `account` (`no`,`kind`) ON DELETE CASCADE ON UPDATE SET NULL,",
        );
        let expected = Cascade {
            parent: ("b".into(), "account".into()),
            child: ("b".into(), "bill".into()),
            parent_columns: vec!["no".into(), "kind".into()],
            child_columns: vec!["x".into(), "y".into()],
            deletes: true,
            empties: false,
            on_update: true,
        };
        assert_eq!(cascade, Some(expected));
        let elsewhere =
            parse("CONSTRAINT `c` FOREIGN KEY (`x`) REFERENCES `other`.`t` (`id`) ON DELETE SET NULL")
                .unwrap();
        assert_eq!((elsewhere.parent, elsewhere.on_update), (("other".into(), "t".into()), false));
        assert_eq!(
            parse("  CONSTRAINT `c` FOREIGN KEY (`x`) REFERENCES `t` (`id`) ON UPDATE NO ACTION,"),
            None
        );
        assert_eq!(parse("  KEY `acct_no` (`acct_no`),"), None);
    }

    #[test]
    fn cascades_reach_below_their_children() {
        let name = |table: &str| ("b".to_owned(), table.to_owned());
        let cascade = |line: &str, table: &str| Cascade::parse(line, "b", table).unwrap();
        let cascades = [
            cascade(" FOREIGN KEY (`site`) REFERENCES `site` (`id`) ON DELETE SET NULL", "account"),
            cascade(
                " FOREIGN KEY (`no`) REFERENCES `account` (`no`) ON DELETE CASCADE ON UPDATE CASCADE",
                "bill",
            ),
            cascade(" FOREIGN KEY (`bill`) REFERENCES `bill` (`id`) ON DELETE CASCADE", "line"),
            cascade(" FOREIGN KEY (`above`) REFERENCES `line` (`id`) ON DELETE CASCADE", "line"),
        ];
        let parents = |table: &str| -> Vec<&str> {
            reaching(&cascades, &name(table)).into_iter().map(|cascade| cascade.parent.1.as_str()).collect()
        };
        assert_eq!(parents("line"), ["bill", "line", "account"]);
        // An account whose site goes stays, and so do its bills.
        assert_eq!(parents("bill"), ["account"]);
        assert_eq!(parents("account"), ["site"]);
        assert!(parents("site").is_empty());
    }
}
