//! One text for both engines: statements are written as PostgreSQL reads them, and the few things that SQLite spells
//! otherwise are translated.
//!
//! The translation is textual and knows only what the statements of this project use. It needs no more: every
//! statement runs on both engines in the tests, and what SQLite cannot read it refuses.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use sea_orm::{DbBackend, Statement, Value};
use serde_json::Value as Json;

/// Now, in the form in which the driver stores times: in UTC, so that their texts are ordered as they are.
const SQLITE_NOW: &str = "(strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'))";

/// What SQLite spells otherwise, in the order in which it is replaced.
static RULES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    [
        // A tenant's file is a schema of its own, and is not partitioned.
        (r"\bwattle\.", ""),
        (r" partition by list \(tenant_id\)", ""),
        // Lists are JSON.
        (
            r"= any \(array\(select json_array_elements_text\((\S+)::json\)\)\)",
            "in (select value from json_each($1))",
        ),
        (r"= any \((\$\d+)\)", "in (select value from json_each($1))"),
        (r"\bjson_agg\(", "json_group_array("),
        (r"\bjson_build_(array|object)\(", "json_$1("),
        (r"([a-z_.]+)::json\b", "json($1)"),
        // Types are those of the columns.
        (r"::[a-z]+(\[\])?", ""),
        (r"\b(now|clock_timestamp)\(\)", SQLITE_NOW),
        (r"\bgreatest\(", "max("),
        (r"\bleast\(", "min("),
    ]
    .into_iter()
    .map(|(pattern, other)| (Regex::new(pattern).expect("it is a constant"), other))
    .collect()
});

/// The text of a statement as an engine reads it.
pub fn translated(backend: DbBackend, sql: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(sql);
    if backend == DbBackend::Sqlite {
        for (pattern, other) in RULES.iter() {
            if let Cow::Owned(changed) = pattern.replace_all(&text, *other) {
                text = Cow::Owned(changed);
            }
        }
    }
    text
}

/// A statement with its parameters, for an engine. Lists go to SQLite as JSON.
pub fn statement(backend: DbBackend, sql: &str, values: Vec<Value>) -> Statement {
    let values = match backend {
        DbBackend::Sqlite => values.into_iter().map(without_list).collect(),
        _ => values,
    };
    Statement::from_sql_and_values(backend, translated(backend, sql), values)
}

fn without_list(value: Value) -> Value {
    match value {
        Value::Array(_, Some(members)) => {
            let members = members.into_iter().map(|member| match member {
                Value::String(Some(text)) => Json::String(text),
                other => unreachable!("lists are of texts, and this is {other:?}"),
            });
            Json::Array(members.collect()).to_string().into()
        }
        other => other,
    }
}

/// Rows given to a statement as a table: adds their columns, each as long as the others, to the parameters, and
/// returns what to write after `from`.
pub fn given(
    backend: DbBackend,
    alias: &str,
    names: &[&str],
    columns: Vec<Vec<String>>,
    values: &mut Vec<Value>,
) -> String {
    let first = values.len() + 1;
    if backend == DbBackend::Sqlite {
        let row_count = columns.first().map_or(0, Vec::len);
        let rows: Vec<Vec<&str>> =
            (0..row_count).map(|row| columns.iter().map(|column| column[row].as_str()).collect()).collect();
        values.push(serde_json::to_string(&rows).expect("texts are plain data").into());
        let fields: Vec<String> =
            names.iter().enumerate().map(|(at, name)| format!("value ->> {at} as {name}")).collect();
        return format!("(select {} from json_each(${first})) as {alias}", fields.join(", "));
    }
    let lists: Vec<String> = (0..columns.len()).map(|at| format!("${}::text[]", first + at)).collect();
    values.extend(columns.into_iter().map(Value::from));
    format!("unnest({}) as {alias} ({})", lists.join(", "), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_reads_statements_as_they_stand() {
        let sql = "select now() from wattle.tenant where id = any ($1)";
        assert_eq!(translated(DbBackend::Postgres, sql), sql);
    }

    #[test]
    fn sqlite_reads_its_own_spelling() {
        let sqlite = |sql| translated(DbBackend::Sqlite, sql).into_owned();
        assert_eq!(
            sqlite("delete from due where source_id = any ($3) and due_at <= now()"),
            format!(
                "delete from due where source_id in (select value from json_each($3)) and due_at <= {SQLITE_NOW}"
            )
        );
        assert_eq!(
            sqlite("select greatest(a, $1::bigint), g.x::text[] from wattle.job"),
            "select max(a, $1), g.x from job"
        );
        assert_eq!(
            sqlite(
                "select json_agg(json_build_array(p.id, p.body::json))::text from p
                 where p.id = any (array(select json_array_elements_text(a.plan_ids::json)))"
            ),
            "select json_group_array(json_array(p.id, json(p.body))) from p
                 where p.id in (select value from json_each(a.plan_ids))"
        );
    }

    #[test]
    fn rows_are_lists_or_json() {
        let columns = || vec![vec!["1".to_owned(), "2".to_owned()], vec!["a".to_owned(), "\"b\"".to_owned()]];
        let mut values = vec![Value::from("first")];
        let text = given(DbBackend::Postgres, "g", &["id", "name"], columns(), &mut values);
        assert_eq!(text, "unnest($2::text[], $3::text[]) as g (id, name)");
        assert_eq!(values.len(), 3);
        let mut values = vec![Value::from("first")];
        let text = given(DbBackend::Sqlite, "g", &["id", "name"], columns(), &mut values);
        assert_eq!(text, "(select value ->> 0 as id, value ->> 1 as name from json_each($2)) as g");
        assert_eq!(values[1], Value::from(r#"[["1","a"],["2","\"b\""]]"#));
    }
}
