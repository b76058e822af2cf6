//! MySQL's and MariaDB's values, decoded exactly.

use chrono::{NaiveDate, NaiveTime};
use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::{Column, Row, Value};
use wattle_sql::SourceValue;

/// The number of the character set of bytes that are no text.
const BINARY: u16 = 63;
/// A UUID kept as BINARY(16).
const UUID_BYTES: usize = 16;

/// All values of a row, in order.
pub(crate) fn row(row: &Row) -> wattle_sql::Row {
    let values = row.columns_ref().iter().enumerate();
    values.map(|(at, column)| row.as_ref(at).map_or(SourceValue::Null, |raw| value(column, raw))).collect()
}

/// Refuses types that would lose something, with what to write instead.
pub(crate) fn require_exact(column: &Column) -> Result<(), &'static str> {
    match column.column_type() {
        ColumnType::MYSQL_TYPE_FLOAT | ColumnType::MYSQL_TYPE_DOUBLE => Err(
            "a float is not exact: store it as decimal, or cast it with a stated precision, such as cast(x as decimal(12, 4))",
        ),
        ColumnType::MYSQL_TYPE_GEOMETRY | ColumnType::MYSQL_TYPE_VECTOR => {
            Err("cast it to text, or to a type that Wattle reads")
        }
        _ => Ok(()),
    }
}

fn value(column: &Column, raw: &Value) -> SourceValue {
    match raw {
        Value::NULL => SourceValue::Null,
        Value::Int(number) => SourceValue::Integer(*number),
        Value::UInt(number) => i64::try_from(*number)
            .map_or_else(|_| SourceValue::Decimal(number.to_string()), SourceValue::Integer),
        Value::Float(_) | Value::Double(_) => SourceValue::Unreadable("a float is not exact"),
        Value::Date(year, month, day, hour, minute, second, micros) => {
            date_time(column, (*year, *month, *day), (*hour, *minute, *second, *micros))
        }
        Value::Time(negative, days, hours, minutes, seconds, micros) => {
            let hours = days * 24 + u32::from(*hours);
            // A day of the CDR ends at midnight.
            let hours = if hours == 24 && *minutes == 0 && *seconds == 0 { 0 } else { hours };
            NaiveTime::from_hms_micro_opt(hours, u32::from(*minutes), u32::from(*seconds), *micros)
                .filter(|_| !negative)
                .map_or(SourceValue::Unreadable("a time is not one of the day"), SourceValue::Time)
        }
        Value::Bytes(bytes) => bytes_value(column, bytes),
    }
}

fn date_time(
    column: &Column,
    (year, month, day): (u16, u8, u8),
    (hour, minute, second, micros): (u8, u8, u8, u32),
) -> SourceValue {
    let Some(date) = NaiveDate::from_ymd_opt(i32::from(year), u32::from(month), u32::from(day)) else {
        return SourceValue::Unreadable("a date is zero or has parts that are");
    };
    let time = NaiveTime::from_hms_micro_opt(u32::from(hour), u32::from(minute), u32::from(second), micros);
    let Some(time) = time else { return SourceValue::Unreadable("a time is out of range") };
    match column.column_type() {
        ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_NEWDATE => SourceValue::Date(date),
        // Sessions are in UTC.
        ColumnType::MYSQL_TYPE_TIMESTAMP | ColumnType::MYSQL_TYPE_TIMESTAMP2 => {
            SourceValue::Instant(date.and_time(time).and_utc())
        }
        _ => SourceValue::Local(date.and_time(time)),
    }
}

fn bytes_value(column: &Column, bytes: &[u8]) -> SourceValue {
    match column.column_type() {
        ColumnType::MYSQL_TYPE_BIT => {
            let value = bytes.iter().fold(0u128, |value, byte| value << 8 | u128::from(*byte));
            i64::try_from(value)
                .map_or_else(|_| SourceValue::Decimal(value.to_string()), SourceValue::Integer)
        }
        ColumnType::MYSQL_TYPE_DECIMAL | ColumnType::MYSQL_TYPE_NEWDECIMAL => {
            utf8(bytes).map_or(NOT_TEXT, SourceValue::Decimal)
        }
        ColumnType::MYSQL_TYPE_JSON => serde_json::from_slice(bytes)
            .map_or(SourceValue::Unreadable("its text is not JSON"), SourceValue::Json),
        _ if column.character_set() == BINARY && !is_word(column) => binary(column, bytes),
        _ => utf8(bytes).map_or(NOT_TEXT, SourceValue::Text),
    }
}

/// ENUM and SET are words, whatever else is said of them.
fn is_word(column: &Column) -> bool {
    column.flags().intersects(ColumnFlags::ENUM_FLAG | ColumnFlags::SET_FLAG)
}

fn binary(column: &Column, bytes: &[u8]) -> SourceValue {
    let fixed = column.column_length() == UUID_BYTES as u32;
    match <[u8; UUID_BYTES]>::try_from(bytes) {
        Ok(bytes) if fixed => SourceValue::Text(uuid::Uuid::from_bytes(bytes).to_string()),
        _ => SourceValue::Unreadable("bytes have no form of the CDR: select them as text, such as hex(x)"),
    }
}

const NOT_TEXT: SourceValue = SourceValue::Unreadable("its text is not UTF-8");

fn utf8(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(column_type: ColumnType) -> Column {
        Column::new(column_type).with_character_set(45)
    }

    #[test]
    fn values_are_read_exactly() {
        let long = column(ColumnType::MYSQL_TYPE_LONGLONG);
        assert_eq!(value(&long, &Value::UInt(u64::MAX)), SourceValue::Decimal("18446744073709551615".into()));
        let decimal = column(ColumnType::MYSQL_TYPE_NEWDECIMAL);
        assert_eq!(value(&decimal, &Value::Bytes(b"-0.10".to_vec())), SourceValue::Decimal("-0.10".into()));
        let bit = column(ColumnType::MYSQL_TYPE_BIT);
        assert_eq!(value(&bit, &Value::Bytes(vec![1])), SourceValue::Integer(1));
        let id = column(ColumnType::MYSQL_TYPE_STRING).with_character_set(BINARY).with_column_length(16);
        let read = value(&id, &Value::Bytes(vec![0xab; 16]));
        assert_eq!(read, SourceValue::Text("abababab-abab-abab-abab-abababababab".into()));
        assert!(matches!(value(&id, &Value::Bytes(vec![1])), SourceValue::Unreadable(_)));
        assert!(require_exact(&column(ColumnType::MYSQL_TYPE_DOUBLE)).is_err());
    }

    #[test]
    fn dates_and_times_that_are_none_spoil_their_value_alone() {
        let date = column(ColumnType::MYSQL_TYPE_DATE);
        assert!(matches!(value(&date, &Value::Date(0, 0, 0, 0, 0, 0, 0)), SourceValue::Unreadable(_)));
        let at = Value::Date(2026, 4, 5, 2, 30, 0, 0);
        let naive = NaiveDate::from_ymd_opt(2026, 4, 5).unwrap().and_hms_opt(2, 30, 0).unwrap();
        assert_eq!(value(&column(ColumnType::MYSQL_TYPE_DATETIME), &at), SourceValue::Local(naive));
        let instant = SourceValue::Instant(naive.and_utc());
        assert_eq!(value(&column(ColumnType::MYSQL_TYPE_TIMESTAMP), &at), instant);
        let time = column(ColumnType::MYSQL_TYPE_TIME);
        assert_eq!(value(&time, &Value::Time(false, 1, 0, 0, 0, 0)), SourceValue::Time(NaiveTime::MIN));
        assert!(matches!(value(&time, &Value::Time(true, 0, 1, 0, 0, 0)), SourceValue::Unreadable(_)));
    }
}
