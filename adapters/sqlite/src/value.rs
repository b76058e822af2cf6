//! SQLite's values, decoded exactly.

use sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sqlx::{Decode, Row, Sqlite, TypeInfo, ValueRef};
use wattle_core::KeyType;
use wattle_sql::SourceValue;

/// All values of a row, in order.
pub(crate) fn row(row: &SqliteRow) -> wattle_sql::Row {
    (0..row.len()).map(|at| value(row.try_get_raw(at).expect("the row has this many values"))).collect()
}

/// A value by the type that it has itself: that of its column is only a wish.
fn value(raw: SqliteValueRef<'_>) -> SourceValue {
    if raw.is_null() {
        return SourceValue::Null;
    }
    let kind = raw.type_info().name().to_owned();
    match kind.as_str() {
        "INTEGER" => <i64 as Decode<Sqlite>>::decode(raw)
            .map_or(SourceValue::Unreadable("it is no whole number"), SourceValue::Integer),
        "TEXT" => <String as Decode<Sqlite>>::decode(raw)
            .map_or(SourceValue::Unreadable("its text is not UTF-8"), SourceValue::Text),
        "REAL" => SourceValue::Unreadable(
            "a float is not exact: store it as text or as a whole number of cents, or select it with a stated precision, such as printf('%.2f', x)",
        ),
        _ => SourceValue::Unreadable("a blob has no form of the CDR: select it as text, such as hex(x)"),
    }
}

/// The text of a key column's value, if the key can be looked up by it again: as its own canonical form.
pub(crate) fn key_text(value: &SourceValue, key_type: KeyType) -> Option<String> {
    let text = match (key_type, value) {
        (KeyType::Integer, SourceValue::Integer(number)) => return Some(number.to_string()),
        (KeyType::Text | KeyType::Uuid | KeyType::Date, SourceValue::Text(text)) => text,
        _ => return None,
    };
    key_type.canonical(text).is_ok_and(|canonical| canonical == text.as_str()).then(|| text.clone())
}
