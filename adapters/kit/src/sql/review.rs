//! The graph beside the catalogue's foreign keys.

use wattle_core::{EntityGraph, NodeId};

use super::{SqlBench, SqlSession, tables};
use crate::bench::{BenchError, Disagreement, Review};
use crate::{ForeignKey, Table};

impl<S: SqlSession> SqlBench<S> {
    pub(super) async fn reviewed(&mut self) -> Result<Review, BenchError> {
        let tables = tables(&mut self.session).await.map_err(BenchError::NotPossible)?;
        Ok(review(&self.graph, &tables))
    }
}

fn review(graph: &EntityGraph, tables: &[Table]) -> Review {
    let mut review = Review::default();
    let nodes_of = |relation: &str| -> Vec<NodeId> {
        graph.node_ids().filter(|node| is_same(&graph.node(*node).relation, relation)).collect()
    };
    for node in graph.node_ids() {
        let relation = &graph.node(node).relation;
        let mut named = tables.iter().filter(|table| is_same(&table.relation, relation));
        // Of several that the name could mean none is looked at.
        let (Some(table), None) = (named.next(), named.next()) else { continue };
        for key in &table.foreign_keys {
            let referred = nodes_of(&key.relation);
            if referred.is_empty() {
                continue;
            }
            if referred.iter().any(|to| is_edge(graph, node, *to, key)) {
                review.followed += 1;
                continue;
            }
            let by = key.columns.join(", ");
            let crossed = graph.edges().iter().find(|edge| {
                let its_key: Vec<String> =
                    graph.node(edge.predecessor).key.iter().map(|column| column.name.clone()).collect();
                edge.child == node
                    && referred.contains(&edge.predecessor)
                    && are_same(&edge.columns, &key.columns)
                    && are_same(&key.referenced, &its_key)
            });
            if let Some(edge) = crossed {
                let to = &graph.node(edge.predecessor).name;
                review.disagreements.push(Disagreement {
                    node,
                    what: format!(
                        "the graph goes to node `{to}` by ({}), and the foreign key by ({by}) to ({})",
                        edge.columns.join(", "),
                        key.referenced.join(", ")
                    ),
                    fix: format!("list the columns of `by` in the order of the key of node `{to}`"),
                });
                continue;
            }
            let elsewhere = graph.edges().iter().find(|edge| {
                edge.child == node
                    && are_same(&edge.columns, &key.columns)
                    && !leads(graph, table, edge)
                    && !goes_on(graph, tables, edge.predecessor, &key.relation)
            });
            match elsewhere {
                Some(edge) => {
                    let to = &graph.node(edge.predecessor).name;
                    review.disagreements.push(Disagreement {
                        node,
                        what: format!(
                            "by ({by}) the graph goes to node `{to}`, and the foreign key to {}",
                            key.relation
                        ),
                        fix: format!("give `by` of node `{to}` the columns that hold its key"),
                    });
                }
                None => {
                    review.left_out.push(format!("{} ({by}) to {}", graph.node(node).name, key.relation));
                }
            }
        }
    }
    review
}

/// Does the graph go along a foreign key, its columns in the order of the predecessor's key?
fn is_edge(graph: &EntityGraph, child: NodeId, predecessor: NodeId, key: &ForeignKey) -> bool {
    let by: Option<Vec<&String>> = graph
        .node(predecessor)
        .key
        .iter()
        .map(|column| {
            let at = key.referenced.iter().position(|it| it.eq_ignore_ascii_case(&column.name))?;
            key.columns.get(at)
        })
        .collect();
    by.is_some_and(|by| {
        graph.edges().iter().any(|edge| {
            edge.child == child
                && edge.predecessor == predecessor
                && edge.columns.len() == by.len()
                && edge.columns.iter().zip(&by).all(|(one, other)| one.eq_ignore_ascii_case(other))
        })
    })
}

/// Is there a foreign key for where this edge goes?
fn leads(graph: &EntityGraph, table: &Table, edge: &wattle_core::Edge) -> bool {
    let to = &graph.node(edge.predecessor).relation;
    table.foreign_keys.iter().any(|key| is_same(&key.relation, to) && are_same(&key.columns, &edge.columns))
}

/// Is a node's own key a foreign key to a relation, so that both hold the same values?
fn goes_on(graph: &EntityGraph, tables: &[Table], node: NodeId, relation: &str) -> bool {
    let key: Vec<String> = graph.node(node).key.iter().map(|column| column.name.clone()).collect();
    let mut tables = tables.iter().filter(|table| is_same(&table.relation, &graph.node(node).relation));
    tables.any(|table| {
        let mut keys = table.foreign_keys.iter();
        keys.any(|own| is_same(&own.relation, relation) && are_same(&own.columns, &key))
    })
}

fn are_same(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().all(|name| other.iter().any(|it| it.eq_ignore_ascii_case(name)))
}

/// Can two names mean one relation? A name without a schema may be in any.
fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (parts(one), parts(other));
    one.iter().rev().zip(other.iter().rev()).all(|(one, other)| one.eq_ignore_ascii_case(other))
}

/// The parts of a name as they stand, without their quotes.
pub(crate) fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = None;
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        match (quoted, c) {
            (Some(end), c) if c == end => {
                // Doubled, it is part of the name.
                if chars.next_if_eq(&end).is_some() {
                    parts.last_mut().into_iter().for_each(|part| part.push(c));
                } else {
                    quoted = None;
                }
            }
            (None, '"' | '`') => quoted = Some(c),
            (None, '[') => quoted = Some(']'),
            (None, '.') => parts.push(String::new()),
            (_, c) => parts.last_mut().into_iter().for_each(|part| part.push(c)),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use wattle_core::{EdgeSpec, Entity, EntitySpec, GraphSpec, NodeSpec};

    use super::*;

    fn node(relation: &str, key: &str, owner: Option<(&str, &str)>) -> NodeSpec {
        let owned_by = owner.map(|(node, by)| EdgeSpec {
            node: node.to_owned(),
            by: vec![by.to_owned()],
            moves: true,
            changes: Default::default(),
        });
        NodeSpec {
            relation: relation.to_owned(),
            key: vec![key.to_owned().try_into().unwrap()],
            owned_by: owned_by.into_iter().collect(),
            refers_to: Vec::new(),
        }
    }

    fn keyed(relation: &str, keys: &[(&str, &str, &str)]) -> Table {
        let foreign_keys = keys.iter().map(|(column, relation, referenced)| ForeignKey {
            columns: vec![(*column).to_owned()],
            relation: (*relation).to_owned(),
            referenced: vec![(*referenced).to_owned()],
            cascades: false,
        });
        Table { relation: relation.to_owned(), foreign_keys: foreign_keys.collect(), ..Table::default() }
    }

    #[test]
    fn foreign_keys_are_edges_or_said_not_to_be() {
        let nodes = [
            ("customer", node("crm.person", "id integer", None)),
            ("account", node("[crm].[Account]", "number integer", Some(("customer", "person_id")))),
        ];
        let entity = |root: &str| EntitySpec { root: root.to_owned(), reads: Vec::new() };
        let graph = EntityGraph::new(GraphSpec {
            nodes: nodes.into_iter().map(|(name, node)| (name.to_owned(), node)).collect(),
            entities: [(Entity::Customer, entity("customer")), (Entity::Account, entity("account"))].into(),
        })
        .unwrap();
        let sound =
            [keyed("\"crm\".\"account\"", &[("PERSON_ID", "crm.person", "id"), ("x", "elsewhere", "y")])];
        assert_eq!(review(&graph, &sound), Review { followed: 1, ..Review::default() });
        let other = [keyed("account", &[("partner_id", "person", "id")])];
        assert_eq!(review(&graph, &other).left_out, ["account (partner_id) to person"]);
        let wrong = [keyed("account", &[("person_id", "crm.account", "number")])];
        let found = review(&graph, &wrong).disagreements;
        assert!(found[0].what.contains("`customer`") && found[0].what.contains("crm.account"), "{found:?}");
        let order = |columns: &[&str]| {
            let key = ForeignKey {
                columns: columns.iter().map(|name| (*name).to_owned()).collect(),
                relation: "pair".to_owned(),
                referenced: vec!["a".to_owned(), "b".to_owned()],
                cascades: false,
            };
            [Table { relation: "below".to_owned(), foreign_keys: vec![key], ..Table::default() }]
        };
        let mut below = node("below", "id integer", Some(("account", "x")));
        below.owned_by[0].by.push("y".to_owned());
        let mut pair = node("pair", "a integer", None);
        pair.key.push("b integer".to_owned().try_into().unwrap());
        let crossed = EntityGraph::new(GraphSpec {
            nodes: [("account".to_owned(), pair), ("below".to_owned(), below)].into(),
            entities: [(Entity::Account, entity("account")), (Entity::Invoice, entity("below"))].into(),
        })
        .unwrap();
        assert_eq!(review(&crossed, &order(&["x", "y"])).followed, 1);
        assert!(review(&crossed, &order(&["y", "x"])).disagreements[0].fix.contains("order"));
        let chained = [
            keyed("crm.account", &[("person_id", "crm.account", "number")]),
            keyed("crm.person", &[("id", "crm.account", "number")]),
        ];
        assert_eq!(review(&graph, &chained).disagreements, [], "a customer is an account here");
    }

    #[test]
    fn names_are_compared_part_by_part() {
        assert!(is_same("[crm].[Odd.name]", "\"crm\".\"odd.name\""));
        assert!(is_same("account", "`billing`.`account`"));
        assert!(!is_same("crm.account", "billing.account"));
        assert_eq!(parts("[dbo].[Odd ]].name]"), ["dbo", "Odd ].name"]);
    }
}
