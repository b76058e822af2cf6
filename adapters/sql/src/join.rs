//! The join that follows a path of the graph, in standard SQL.

use wattle_core::{EntityGraph, Path, Step};

/// The tables of a path and the expressions that give the key at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// `from … join …`, reading the changed keys as `k`.
    pub from: String,
    /// The key at the end of the path, column by column.
    pub key: Vec<String>,
}

/// Where a path has come to: a node's key, and its row if it was joined.
struct Here {
    key: Vec<String>,
    alias: Option<String>,
}

/// Joins a path: `keys` is the engine's relation of the changed keys, whose columns are named like the key columns of
/// the path's first node; `quote` quotes an identifier.
pub fn path_join(graph: &EntityGraph, path: &Path, keys: &str, quote: impl Fn(&str) -> String) -> Join {
    let columns = |alias: &str, names: &[String]| -> Vec<String> {
        names.iter().map(|name| format!("{alias}.{}", quote(name))).collect()
    };
    let key_names =
        |node| -> Vec<String> { graph.node(node).key.iter().map(|column| column.name.clone()).collect() };
    let on = |left: &[String], right: &[String]| -> String {
        left.iter().zip(right).map(|(l, r)| format!("{l} = {r}")).collect::<Vec<_>>().join(" and ")
    };
    let mut from = format!("from {keys} k");
    let mut here = Here { key: columns("k", &key_names(path.from)), alias: None };
    let mut joined = 0;
    let mut join = |node, condition: &dyn Fn(&str) -> String| -> String {
        joined += 1;
        let alias = format!("t{joined}");
        from.push_str(&format!(" join {} {alias} on {}", graph.node(node).relation, condition(&alias)));
        alias
    };
    for step in &path.steps {
        here = match step {
            Step::ToChildren(at) => {
                let edge = &graph.edges()[*at];
                let alias = join(edge.child, &|alias| on(&columns(alias, &edge.columns), &here.key));
                Here { key: columns(&alias, &key_names(edge.child)), alias: Some(alias) }
            }
            Step::ToPredecessor(at) => {
                let edge = &graph.edges()[*at];
                let row = here.alias.clone().unwrap_or_else(|| {
                    join(edge.child, &|alias| on(&columns(alias, &key_names(edge.child)), &here.key))
                });
                Here { key: columns(&row, &edge.columns), alias: None }
            }
        };
    }
    Join { from, key: here.key }
}
