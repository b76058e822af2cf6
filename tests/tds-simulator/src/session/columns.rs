//! The columns of a result, as SQL Server would describe them.

use std::collections::HashMap;
use std::error::Error;

use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

use super::Session;
use crate::error::SqlError;
use crate::translate::remembered_type;
use crate::wire::{Column, SqlType, Value};

/// The longest text that has a length of its own, in bytes.
const LONGEST_BYTES: usize = 8_000;
/// The digits a decimal has where nothing says how many.
const MOST_DIGITS: u8 = 38;

/// A value in PostgreSQL's binary format, whatever its type.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, bytes: &'a [u8]) -> Result<Raw<'a>, Box<dyn Error + Sync + Send>> {
        Ok(Raw(bytes))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A parameter in PostgreSQL's binary format.
#[derive(Debug)]
pub(super) struct Bound(pub(super) Option<Vec<u8>>);

impl ToSql for Bound {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(bytes) = &self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl Session {
    /// Describes the columns of a result that has been read.
    pub(super) async fn describe(
        &mut self,
        columns: &[tokio_postgres::Column],
        names: Option<&[String]>,
        rows: &[Vec<Value>],
    ) -> Result<Vec<Column>, SqlError> {
        let originals = if names.is_some() { HashMap::new() } else { self.original_names(columns).await? };
        let mut described = Vec::with_capacity(columns.len());
        for (number, column) in columns.iter().enumerate() {
            let name = match names.and_then(|names| names.get(number)) {
                Some(name) => name.clone(),
                None => originals.get(column.name()).map_or_else(|| column.name().to_owned(), Clone::clone),
            };
            let values = rows.iter().filter_map(|row| row.get(number));
            let kind = match self.declared_type(column).await? {
                Some(kind) => kind,
                None => apparent_type(column, values)?,
            };
            described.push(Column { name, kind });
        }
        Ok(described)
    }

    /// How names of columns were written when they were created.
    async fn original_names(
        &self,
        columns: &[tokio_postgres::Column],
    ) -> Result<HashMap<String, String>, SqlError> {
        let folded: Vec<&str> = columns.iter().map(tokio_postgres::Column::name).collect();
        let sql = "select folded, original from sys.names where folded = any($1)";
        let rows = self.client.query(sql, &[&folded]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// The type that a table's or view's column was declared with.
    async fn declared_type(&mut self, column: &tokio_postgres::Column) -> Result<Option<SqlType>, SqlError> {
        let (Some(table), Some(number)) = (column.table_oid(), column.column_id()) else { return Ok(None) };
        if !self.declared.contains_key(&table) {
            let sql = "select a.attnum, t.typname::text from pg_attribute a join pg_type t on t.oid = a.atttypid \
                       where a.attrelid = $1 and t.typnamespace = 'sys'::regnamespace";
            let rows = self.client.query(sql, &[&table]).await?;
            self.declared.insert(table, rows.iter().map(|row| (row.get(0), row.get(1))).collect());
        }
        let domain = self.declared.get(&table).and_then(|columns| columns.get(&number));
        let kind = domain.and_then(|domain| remembered_type(domain));
        // A column that was altered meanwhile is what PostgreSQL says it is.
        Ok(kind.filter(|kind| kind.postgres() == *column.type_()))
    }
}

/// The type of an expression's column.
fn apparent_type<'a>(
    column: &tokio_postgres::Column,
    values: impl Iterator<Item = &'a Value> + Clone,
) -> Result<SqlType, SqlError> {
    Ok(match *column.type_() {
        Type::BOOL => SqlType::Bit,
        Type::INT2 => SqlType::SmallInt,
        Type::INT4 => SqlType::Int,
        Type::INT8 | Type::OID => SqlType::BigInt,
        Type::FLOAT4 => SqlType::Real,
        Type::FLOAT8 => SqlType::Float,
        Type::NUMERIC => match u32::try_from(column.type_modifier() - 4) {
            Ok(modifier) => SqlType::Decimal { precision: (modifier >> 16) as u8, scale: modifier as u8 },
            Err(_) => SqlType::Decimal { precision: MOST_DIGITS, scale: largest_scale(values) },
        },
        Type::BYTEA => {
            let short = values
                .clone()
                .all(|value| !matches!(value, Value::Bytes(bytes) if bytes.len() > LONGEST_BYTES));
            SqlType::VarBinary(short.then_some(LONGEST_BYTES as u16))
        }
        Type::UUID => SqlType::Guid,
        Type::DATE => SqlType::Date,
        Type::TIME => SqlType::Time { scale: 7 },
        Type::TIMESTAMP => SqlType::DateTime2 { scale: 7 },
        Type::BPCHAR | Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN | Type::CHAR | Type::JSON => {
            let long = |text: &str| text.encode_utf16().count() * 2 > LONGEST_BYTES;
            let short = values.clone().all(|value| !matches!(value, Value::Text(text) if long(text)));
            SqlType::NVarChar(short.then_some((LONGEST_BYTES / 2) as u16))
        }
        ref other => {
            return Err(SqlError::not_simulated(format_args!("a column of PostgreSQL's type {other}")));
        }
    })
}

/// Decimals with the places of their column, and text of a fixed length with its blanks.
pub(super) fn fill_up(columns: &[Column], rows: &mut [Vec<Value>]) {
    for row in rows {
        for (column, value) in columns.iter().zip(row) {
            let wanted = match column.kind {
                SqlType::Decimal { scale, .. } => scale,
                SqlType::Money | SqlType::SmallMoney => 4,
                SqlType::Char(length) | SqlType::NChar(length) => {
                    value.pad(usize::from(length));
                    continue;
                }
                _ => continue,
            };
            value.set_scale(wanted);
        }
    }
}

fn largest_scale<'a>(values: impl Iterator<Item = &'a Value>) -> u8 {
    let scales = values.map(|value| match value {
        Value::Decimal { scale, .. } => *scale,
        _ => 0,
    });
    scales.max().unwrap_or(0)
}
