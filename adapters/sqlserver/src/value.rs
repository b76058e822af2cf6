//! SQL Server's values, decoded exactly.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use tiberius::numeric::Numeric;
use tiberius::{Column, ColumnData, ColumnType, FromSql, Row};
use wattle_sql::SourceValue;

/// All values of a row, in order.
pub(crate) fn row(row: &Row) -> wattle_sql::Row {
    row.cells().map(|(column, data)| value(column.column_type(), data)).collect()
}

/// Refuses types that would lose something, with what to write instead.
pub(crate) fn require_exact(column: &Column) -> Result<(), &'static str> {
    match column.column_type() {
        ColumnType::Float4 | ColumnType::Float8 | ColumnType::Floatn => Err(
            "a float is not exact: store it as decimal, or cast it with a stated precision, such as cast(x as decimal(12, 4))",
        ),
        // The driver makes a float of it.
        ColumnType::Money | ColumnType::Money4 => {
            Err("money is not read exactly: select cast(x as decimal(19, 4))")
        }
        ColumnType::Udt | ColumnType::SSVariant | ColumnType::Image => {
            Err("cast it to text, or to a type that Wattle reads")
        }
        _ => Ok(()),
    }
}

fn value(column_type: ColumnType, data: &ColumnData<'static>) -> SourceValue {
    let number = |number: Option<i64>| number.map_or(SourceValue::Null, SourceValue::Integer);
    match data {
        ColumnData::Bit(flag) => flag.map_or(SourceValue::Null, SourceValue::Boolean),
        ColumnData::U8(value) => number(value.map(i64::from)),
        ColumnData::I16(value) => number(value.map(i64::from)),
        ColumnData::I32(value) => number(value.map(i64::from)),
        ColumnData::I64(value) => number(*value),
        ColumnData::F32(None) | ColumnData::F64(None) => SourceValue::Null,
        ColumnData::F32(Some(_)) | ColumnData::F64(Some(_)) => {
            SourceValue::Unreadable("a float is not exact")
        }
        ColumnData::Numeric(value) => {
            value.map_or(SourceValue::Null, |value| SourceValue::Decimal(plain(value)))
        }
        ColumnData::String(text) => text.as_deref().map_or(SourceValue::Null, |text| {
            let padded = matches!(column_type, ColumnType::BigChar | ColumnType::NChar);
            SourceValue::Text(if padded { text.trim_end_matches(' ') } else { text }.to_owned())
        }),
        ColumnData::Xml(None) | ColumnData::Binary(None) => SourceValue::Null,
        ColumnData::Xml(Some(_)) => SourceValue::Unreadable("XML has no form of the CDR: select it as text"),
        ColumnData::Binary(Some(_)) => SourceValue::Unreadable(
            "bytes have no form of the CDR: select them as text, such as convert(varchar(64), x, 2)",
        ),
        ColumnData::Guid(id) => {
            id.map_or(SourceValue::Null, |id| SourceValue::Text(id.hyphenated().to_string()))
        }
        ColumnData::Date(_) => time::<NaiveDate>(data, SourceValue::Date),
        ColumnData::Time(_) => time::<NaiveTime>(data, SourceValue::Time),
        ColumnData::DateTime(_) | ColumnData::SmallDateTime(_) | ColumnData::DateTime2(_) => {
            time::<NaiveDateTime>(data, SourceValue::Local)
        }
        ColumnData::DateTimeOffset(_) => time::<DateTime<Utc>>(data, SourceValue::Instant),
    }
}

fn time<'a, T: FromSql<'a>>(data: &'a ColumnData<'static>, wrap: fn(T) -> SourceValue) -> SourceValue {
    match T::from_sql(data) {
        Ok(value) => value.map_or(SourceValue::Null, wrap),
        Err(_) => SourceValue::Unreadable("a date or time is out of range"),
    }
}

/// A decimal in plain notation, with as many decimals as its column has.
fn plain(number: Numeric) -> String {
    let scale = usize::from(number.scale());
    let digits = format!("{:0>width$}", number.value().unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if number.value() < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// The value as text, for what the adapter itself asks.
pub(crate) fn text(row: &Row, at: usize) -> Option<String> {
    let (column, data) = row.cells().nth(at)?;
    match value(column.column_type(), data) {
        SourceValue::Local(at) => Some(at.format("%Y-%m-%dT%H:%M:%S%.f").to_string()),
        value => value.plain_text(),
    }
}

/// The value as a whole number, for what the adapter itself asks.
pub(crate) fn integer(row: &Row, at: usize) -> Option<i64> {
    text(row, at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        let of = |value, scale| plain(Numeric::new_with_scale(value, scale));
        assert_eq!(of(-10, 2), "-0.10");
        assert_eq!(
            of(99_999_999_999_999_999_999_999_999_999_999_999_999, 4),
            "9999999999999999999999999999999999.9999"
        );
        assert_eq!(of(7, 0), "7");
        assert_eq!(of(0, 3), "0.000");
    }

    #[test]
    fn what_the_driver_makes_a_float_of_is_refused() {
        for inexact in [ColumnType::Money, ColumnType::Money4, ColumnType::Floatn, ColumnType::Float8] {
            assert!(require_exact(&Column::new("x".into(), inexact)).is_err(), "{inexact:?}");
        }
        assert!(require_exact(&Column::new("x".into(), ColumnType::Numericn)).is_ok());
        let money = value(ColumnType::Money, &ColumnData::F64(Some(0.1)));
        assert!(matches!(money, SourceValue::Unreadable(_)));
    }

    #[test]
    fn blanks_are_cut_where_they_only_pad() {
        let padded = ColumnData::String(Some("ab  ".into()));
        assert_eq!(value(ColumnType::BigChar, &padded), SourceValue::Text("ab".into()));
        assert_eq!(value(ColumnType::BigVarChar, &padded), SourceValue::Text("ab  ".into()));
    }
}
