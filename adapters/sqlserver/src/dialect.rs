//! How SQL Server writes the shared queries.

use wattle_core::{EntityGraph, Key, NodeId, SourceError};
use wattle_sql::{Dialect, key_names, key_values, spelled_out};

/// The time of the snapshot, as the pack's `{now}`: in the retailer's zone, like the date-times that it is compared with.
pub(crate) const NOW: &str = "cast(@P2 as datetime2)";

/// The dialect. A key column's type is written as `varchar(20) collate Latin1_General_CI_AS`, or without a collation.
pub(crate) struct TSql;

impl Dialect for TSql {
    fn quote(&self, name: &str) -> String {
        quote(name)
    }

    /// Keys are read as the values they are, which have one text.
    fn text(&self, value: &str) -> String {
        value.to_owned()
    }

    fn parameter(&self, number: usize, key_type: &str) -> String {
        typed(&format!("@P{number}"), key_type)
    }

    /// Spelled out: rows are not compared.
    fn after(&self, columns: &[String], values: &[String]) -> String {
        spelled_out(columns, values)
    }

    fn first(&self, count: usize, shown: &str, rest: &str) -> String {
        format!("select top ({count}) {shown} {rest}")
    }
}

/// An identifier, quoted as SQL Server has it whatever its settings.
pub(crate) fn quote(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// A text as a value of a key column's type and collation. The collation comes first: it says into which code page the
/// text goes.
fn typed(value: &str, key_type: &str) -> String {
    match key_type.split_once(" collate ") {
        Some((plain, collation)) => format!("cast({value} collate {collation} as {plain})"),
        None => format!("cast({value} as {key_type})"),
    }
}

/// The relation that `{keys}` stands for: a JSON list of keys, a list each of its place and its values as texts, declared
/// as the key columns are.
pub(crate) fn keys_relation(graph: &EntityGraph, node: NodeId, types: &[String]) -> String {
    let names = key_names(&TSql, graph, node);
    let (mut columns, mut shown) = (String::new(), String::new());
    for (at, (name, key_type)) in names.iter().zip(types).enumerate() {
        let column = format!("c{at}");
        let (declared, value) = match key_type.split_once(" collate ") {
            Some((plain, _)) => (format!("n{}", plain.trim_start_matches('n')), typed(&column, key_type)),
            None => (key_type.clone(), column.clone()),
        };
        columns.push_str(&format!(", {column} {declared} '$[{}]'", at + 1));
        shown.push_str(&format!(", {value} as {name}"));
    }
    format!("(select ord{shown} from openjson(@P1) with (ord int '$[0]'{columns}) keys_asked)")
}

/// The keys as the text that [`keys_relation`] takes.
pub(crate) fn keys_json(graph: &EntityGraph, node: NodeId, keys: &[Key]) -> Result<String, SourceError> {
    let rows: Vec<Vec<serde_json::Value>> = key_values(graph, node, keys)?
        .into_iter()
        .enumerate()
        .map(|(ord, values)| std::iter::once(ord.into()).chain(values.into_iter().map(Into::into)).collect())
        .collect();
    Ok(serde_json::to_string(&rows).expect("lists of numbers and texts are JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_constants_are_written_as_the_server_reads_them() {
        assert_eq!(quote("odd]name"), "[odd]]name]");
        let latin = "varchar(12) collate Latin1_General_CI_AS";
        assert_eq!(TSql.parameter(1, latin), "cast(@P1 collate Latin1_General_CI_AS as varchar(12))");
        assert_eq!(TSql.parameter(2, "uniqueidentifier"), "cast(@P2 as uniqueidentifier)");
        assert_eq!(TSql.first(3, "a", "from t"), "select top (3) a from t");
    }
}
