//! The queries that yield keys: a node's keys in pages, and the keys at the end of a path.

use wattle_core::{EntityGraph, Key, KeyPage, KeyType, NodeId, Path, SourceError};

use crate::path_join;

/// How an engine writes what the shared queries need. A key column's type is in the engine's own notation.
pub trait Dialect {
    /// An identifier, quoted.
    fn quote(&self, name: &str) -> String {
        quote(name)
    }

    /// A key column's value as the text that [`Key`] takes.
    fn text(&self, value: &str) -> String;

    /// The condition that a key column's value is one that a [`Key`] can hold.
    fn is_key(&self, value: &str, _key_type: KeyType) -> String {
        format!("{value} is not null")
    }

    /// A parameter that holds text, by its number from one, as a value of a key column's type.
    fn parameter(&self, number: usize, key_type: &str) -> String;

    /// The condition that a row of columns comes after a row of values, so that an index serves.
    fn after(&self, columns: &[String], values: &[String]) -> String {
        format!("({}) > ({})", columns.join(", "), values.join(", "))
    }

    /// A query for the first rows of an order: what it selects, and everything from `from` on.
    fn first(&self, count: usize, shown: &str, rest: &str) -> String {
        format!("select {shown} {rest} limit {count}")
    }
}

/// The condition that a row of columns comes after a row of values, for engines that do not compare rows, or look such a
/// comparison up in no index.
pub fn spelled_out(columns: &[String], values: &[String]) -> String {
    let mut condition = String::new();
    for (column, value) in columns.iter().zip(values).rev() {
        condition = if condition.is_empty() {
            format!("{column} > {value}")
        } else {
            format!("{column} >= {value} and ({column} > {value} or {condition})")
        };
    }
    format!("({condition})")
}

/// An identifier, quoted as the SQL standard has it.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A page of the keys of one node that is to be asked for.
#[derive(Debug, Clone, Copy)]
pub struct PageQuery<'a> {
    /// The types of the key's columns.
    pub types: &'a [String],
    /// Does the page begin after a cursor? Its values are parameters, a column each.
    pub after: bool,
    /// How many keys it may hold; the query asks for one more, to know whether another page follows.
    pub limit: usize,
}

impl PageQuery<'_> {
    /// The keys of a node, in the source's order. The cursor's parameters begin at one.
    pub fn of_node(&self, dialect: &impl Dialect, graph: &EntityGraph, node: NodeId) -> String {
        let columns = key_names(dialect, graph, node);
        let relation = &graph.node(node).relation;
        let condition = self.condition(dialect, graph.key_types(node), &columns, 1);
        self.select(dialect, relation, &columns, &condition)
    }

    /// The distinct keys at the end of a path, in the source's order. `keys` is the engine's relation of the changed
    /// keys; the cursor's parameters begin at `first`, after those of that relation.
    pub fn of_path(
        &self,
        dialect: &impl Dialect,
        graph: &EntityGraph,
        path: &Path,
        keys: &str,
        first: usize,
    ) -> String {
        let join = path_join(graph, path, keys, |name| dialect.quote(name));
        let root = graph.root(path.entity).expect("a path ends at a root");
        let named = join.key.iter().enumerate().map(|(at, key)| format!("{key} as c{at}"));
        let found = format!(
            "(select distinct {} {} where {}) found",
            list(named),
            join.from,
            self.condition(dialect, graph.key_types(root), &join.key, first)
        );
        let columns: Vec<String> = (0..join.key.len()).map(|at| format!("c{at}")).collect();
        self.select(dialect, &found, &columns, "1 = 1")
    }

    fn select(&self, dialect: &impl Dialect, from: &str, columns: &[String], condition: &str) -> String {
        // Named apart from the columns, or the order would be that of the texts, and pages would miss some.
        let shown =
            columns.iter().enumerate().map(|(at, column)| format!("{} as text_{at}", dialect.text(column)));
        let rest = format!("from {from} where {condition} order by {}", columns.join(", "));
        dialect.first(self.limit + 1, &list(shown), &rest)
    }

    /// Keys that are there, after the cursor if there is one. A row without a key cannot be asked for.
    fn condition(
        &self,
        dialect: &impl Dialect,
        key_types: impl Iterator<Item = KeyType>,
        columns: &[String],
        first: usize,
    ) -> String {
        let is_key = columns.iter().zip(key_types).map(|(key, key_type)| dialect.is_key(key, key_type));
        let mut condition = is_key.collect::<Vec<_>>().join(" and ");
        if self.after {
            let values = self.types.iter().enumerate();
            let values: Vec<String> =
                values.map(|(at, key_type)| dialect.parameter(first + at, key_type)).collect();
            condition.push_str(&format!(" and {}", dialect.after(columns, &values)));
        }
        condition
    }

    /// The page that rows of key columns as text make up.
    ///
    /// # Errors
    /// A value that does not have the type that `graph.toml` gives.
    pub fn page(
        &self,
        graph: &EntityGraph,
        node: NodeId,
        rows: impl ExactSizeIterator<Item = Vec<String>>,
    ) -> Result<KeyPage, SourceError> {
        let follows = rows.len() > self.limit;
        let keys: Vec<Key> =
            rows.take(self.limit).map(|values| key_of(graph, node, &values)).collect::<Result<_, _>>()?;
        let next = if follows { keys.last().cloned() } else { None };
        Ok(KeyPage { keys, next })
    }
}

/// The quoted names of a node's key columns.
pub fn key_names(dialect: &impl Dialect, graph: &EntityGraph, node: NodeId) -> Vec<String> {
    graph.node(node).key.iter().map(|column| dialect.quote(&column.name)).collect()
}

/// The key of a row from the texts of its columns.
///
/// # Errors
/// A value that does not have the type that `graph.toml` gives.
pub fn key_of(graph: &EntityGraph, node: NodeId, values: &[impl AsRef<str>]) -> Result<Key, SourceError> {
    Key::new(graph.key_types(node), values.iter().map(AsRef::as_ref)).map_err(|error| SourceError::Config {
        what: format!(
            "a key of {} does not have the types that graph.toml gives: {error}",
            graph.node(node).name
        ),
        fix: "give the key columns' types as the table has them".into(),
    })
}

/// Keys to be asked for, a row of values each.
///
/// # Errors
/// A key with another number of columns than the node's, or a value without its column's type: a source that converts
/// what it is given would call it a miss.
pub fn key_values(graph: &EntityGraph, node: NodeId, keys: &[Key]) -> Result<Vec<Vec<String>>, SourceError> {
    let width = graph.node(node).key.len();
    let values = keys.iter().map(|key| {
        let values: Vec<String> = key.values().into_iter().map(Into::into).collect();
        if values.len() == width {
            let sound =
                values.iter().zip(graph.key_types(node)).all(|(value, it)| it.canonical(value).is_ok());
            let what =
                || format!("a key of {} does not have the types of its columns", graph.node(node).name);
            return if sound { Ok(values) } else { Err(SourceError::Record { what: what() }) };
        }
        Err(SourceError::Bug {
            what: format!(
                "a key of {} has {} columns instead of {width}",
                graph.node(node).name,
                values.len()
            ),
        })
    });
    values.collect()
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pack;
    use crate::pack::tests::files;

    struct Standard;

    impl Dialect for Standard {
        fn text(&self, value: &str) -> String {
            format!("cast({value} as text)")
        }
        fn parameter(&self, number: usize, key_type: &str) -> String {
            format!("cast(${number} as {key_type})")
        }
    }

    #[test]
    fn keys_are_ordered_as_the_source_orders_them_and_never_null() {
        let pack = Pack::from_files(&files()).unwrap();
        let graph = pack.graph();
        let node = graph.node_named("agreement").unwrap();
        let types = ["int".to_owned()];
        let mut query = PageQuery { types: &types, after: false, limit: 2 };
        assert_eq!(
            query.of_node(&Standard, graph, node),
            "select cast(\"agreement_id\" as text) as text_0 from billing.agreement \
             where \"agreement_id\" is not null order by \"agreement_id\" limit 3"
        );
        query.after = true;
        let path = graph.path(graph.feeding(node)[0]);
        assert_eq!(
            query.of_path(&Standard, graph, path, "keys", 2),
            "select cast(c0 as text) as text_0 from (select distinct t1.\"account_no\" as c0 \
             from keys k join billing.agreement t1 on t1.\"agreement_id\" = k.\"agreement_id\" \
             where t1.\"account_no\" is not null and (t1.\"account_no\") > (cast($2 as int))) found \
             where 1 = 1 order by c0 limit 3"
        );
    }

    #[test]
    fn what_follows_a_cursor_is_spelled_out() {
        let texts = |texts: [&str; 3]| texts.map(str::to_owned);
        let condition = spelled_out(&texts(["a", "b", "c"]), &texts(["1", "2", "3"]));
        assert_eq!(condition, "(a >= 1 and (a > 1 or b >= 2 and (b > 2 or c > 3)))");
    }

    #[test]
    fn one_row_more_than_the_limit_means_another_page() {
        let pack = Pack::from_files(&files()).unwrap();
        let node = pack.graph().node_named("agreement").unwrap();
        let query = PageQuery { types: &[], after: false, limit: 2 };
        let page = |keys: &[&str]| {
            let rows: Vec<Vec<String>> = keys.iter().map(|key| vec![(*key).to_owned()]).collect();
            query.page(pack.graph(), node, rows.into_iter())
        };
        assert_eq!(page(&["1", "2", "3"]).unwrap().next, Some(Key::from_canonical("2")));
        assert_eq!(page(&["1", "2"]).unwrap().next, None);
        assert!(
            page(&["one"]).unwrap_err().to_string().contains("a key of agreement does not have the types")
        );
    }

    #[test]
    fn a_key_of_another_width_is_refused() {
        let pack = Pack::from_files(&files()).unwrap();
        let node = pack.graph().node_named("agreement").unwrap();
        let values = |key| key_values(pack.graph(), node, &[Key::from_canonical(key)]);
        assert_eq!(values("7").unwrap(), [["7"]]);
        assert!(matches!(values("seven"), Err(SourceError::Record { .. })));
        assert!(matches!(values("7|8"), Err(SourceError::Bug { .. })));
    }
}
