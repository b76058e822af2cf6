//! How MySQL and MariaDB write the shared queries.

use wattle_core::{EntityGraph, Key, KeyType, NodeId, SourceError};
use wattle_sql::{Dialect, key_names, key_values, spelled_out};

use crate::catalogue::quote;
use crate::connect::literal;

/// The time of the snapshot, as the pack's `{now}`: in the retailer's zone, like the date-times that it is compared with.
pub(crate) const NOW: &str = "cast(@wattle_now as datetime(6))";

/// The dialect, with the values of the cursor after which a page begins. They are written into the statement, because a
/// parameter can be named only once.
#[derive(Default)]
pub(crate) struct MySql {
    pub(crate) after: Vec<String>,
}

impl MySql {
    pub(crate) fn after(key: Option<&Key>) -> Self {
        let values = key.map(Key::values).unwrap_or_default();
        Self { after: values.into_iter().map(Into::into).collect() }
    }
}

impl Dialect for MySql {
    fn quote(&self, name: &str) -> String {
        quote(name)
    }

    /// Keys are read as the values they are, which have one text.
    fn text(&self, value: &str) -> String {
        value.to_owned()
    }

    fn is_key(&self, value: &str, key_type: KeyType) -> String {
        match key_type {
            // A date of zeros, whole or in part, is none.
            KeyType::Date => {
                format!("{value} >= '0001-01-01' and month({value}) > 0 and dayofmonth({value}) > 0")
            }
            KeyType::Integer | KeyType::Text | KeyType::Uuid | KeyType::Decimal => {
                format!("{value} is not null")
            }
        }
    }

    fn parameter(&self, number: usize, key_type: &str) -> String {
        let value = self.after.get(number - 1).map(String::as_str).unwrap_or_default();
        typed_literal(value, key_type)
    }

    /// Spelled out: a comparison of rows is looked up in no index.
    fn after(&self, columns: &[String], values: &[String]) -> String {
        spelled_out(columns, values)
    }
}

/// A key's value as a constant of its column's type and collation.
fn typed_literal(value: &str, key_type: &str) -> String {
    if key_type == "uuid" {
        return format!("cast({} as uuid)", literal(value));
    }
    if key_type == "binary(16)" {
        return format!("unhex({})", literal(&value.replace('-', "")));
    }
    match collated(key_type) {
        Some((charset, collation)) => {
            format!("convert({} using {charset}) collate {collation}", literal(value))
        }
        None if key_type == "date" => format!("date{}", literal(value)),
        None => format!("cast({} as {})", literal(value), castable(key_type)),
    }
}

/// What a number is cast to, which has other names than its type.
fn castable(key_type: &str) -> String {
    match key_type {
        decimal if decimal.starts_with("decimal") => decimal.to_owned(),
        unsigned if unsigned.contains("unsigned") => "unsigned".to_owned(),
        _ => "signed".to_owned(),
    }
}

fn collated(key_type: &str) -> Option<(&str, &str)> {
    let (_, rest) = key_type.split_once(" character set ")?;
    rest.split_once(" collate ")
}

/// The relation that `{keys}` stands for: a JSON list of keys, a list each of its place and its values as texts, declared
/// as the key columns are.
pub(crate) fn keys_relation(graph: &EntityGraph, node: NodeId, types: &[String]) -> String {
    let names = key_names(&MySql::default(), graph, node);
    let (mut columns, mut shown) = (String::new(), String::new());
    for (at, (name, key_type)) in names.iter().zip(types).enumerate() {
        // What a JSON table cannot have as a column is made of its text.
        let (declared, value) = match key_type.as_str() {
            "uuid" => ("char(36)", format!("cast(c{at} as uuid)")),
            "binary(16)" => ("char(36)", format!("unhex(replace(c{at}, '-', ''))")),
            other => (other, format!("c{at}")),
        };
        columns.push_str(&format!(", c{at} {declared} path '$[{}]'", at + 1));
        shown.push_str(&format!(", {value} as {name}"));
    }
    format!(
        "(select ord{shown} from json_table(?, '$[*]' columns (ord int path '$[0]'{columns})) keys_asked)"
    )
}

/// The keys as the text that [`keys_relation`] takes. A number that its column cannot hold is null there, which equals
/// nothing: the server would take the nearest one that it can hold, and find another's record.
pub(crate) fn keys_json(
    graph: &EntityGraph,
    node: NodeId,
    types: &[String],
    keys: &[Key],
) -> Result<String, SourceError> {
    let of_key = |(ord, values): (usize, Vec<String>)| -> Vec<serde_json::Value> {
        let held =
            values.into_iter().zip(types).map(|(value, key_type)| holds(key_type, &value).then_some(value));
        std::iter::once(ord.into()).chain(held.map(Into::into)).collect()
    };
    let rows: Vec<Vec<serde_json::Value>> =
        key_values(graph, node, keys)?.into_iter().enumerate().map(of_key).collect();
    Ok(serde_json::to_string(&rows).expect("lists of numbers and texts are JSON"))
}

/// May a column of this type hold that value? Only whole numbers have bounds that a key can be beyond.
fn holds(key_type: &str, value: &str) -> bool {
    let bits = match key_type.split(' ').next() {
        Some("tinyint") => 8,
        Some("smallint") => 16,
        Some("mediumint") => 24,
        Some("int") => 32,
        Some("bigint") => 64,
        _ => return true,
    };
    let range = match key_type.ends_with("unsigned") {
        true => 0..1_i128 << bits,
        false => -(1_i128 << (bits - 1))..1_i128 << (bits - 1),
    };
    value.parse().is_ok_and(|number: i128| range.contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_have_their_columns_type() {
        let latin = "varchar(12) character set latin1 collate latin1_general_ci";
        assert_eq!(
            typed_literal("O'B\\", latin),
            "convert('O''B\\\\' using latin1) collate latin1_general_ci"
        );
        assert_eq!(typed_literal("17", "int unsigned"), "cast('17' as unsigned)");
        assert_eq!(typed_literal("1.5", "decimal(8,2)"), "cast('1.5' as decimal(8,2))");
        assert_eq!(typed_literal("0a-0b", "binary(16)"), "unhex('0a0b')");
    }

    #[test]
    fn a_number_beyond_its_column_is_told() {
        for (key_type, held, beyond) in [
            ("tinyint", ["-128", "127"], ["-129", "128"]),
            ("mediumint unsigned", ["0", "16777215"], ["-1", "16777216"]),
            ("int", ["-2147483648", "2147483647"], ["-2147483649", "2147483648"]),
            ("bigint unsigned", ["0", "18446744073709551615"], ["-7999999", "18446744073709551616"]),
        ] {
            assert!(held.iter().all(|value| holds(key_type, value)), "{key_type}");
            assert!(!beyond.iter().any(|value| holds(key_type, value)), "{key_type}");
        }
        assert!(holds("varchar(3) character set latin1 collate latin1_bin", "-1"));
    }
}
