//! Types of T-SQL in PostgreSQL.
//!
//! Text is `bpchar`, the one type of PostgreSQL that ignores trailing blanks when it compares, under a collation that
//! ignores case. Every declared type that PostgreSQL does not have becomes a domain in schema `sys` whose name says what
//! was declared, from which the catalogue and the wire take it back.

use sqlparser::ast::{CharacterLength, DataType, ExactNumberInfo, ObjectNamePart};

use crate::error::SqlError;
use crate::wire::SqlType;

/// The longest text or binary with a length of its own.
const LONGEST: u64 = 8_000;

/// Reads a type as T-SQL writes it.
pub(super) fn declared(kind: &DataType) -> Result<SqlType, SqlError> {
    let unknown = || SqlError::not_simulated(format_args!("data type {kind}"));
    Ok(match kind {
        DataType::Bit(None) => SqlType::Bit,
        DataType::TinyInt(None) => SqlType::TinyInt,
        DataType::SmallInt(None) => SqlType::SmallInt,
        DataType::Int(None) | DataType::Integer(None) => SqlType::Int,
        DataType::BigInt(None) => SqlType::BigInt,
        DataType::Real => SqlType::Real,
        DataType::Float(_) | DataType::DoublePrecision => SqlType::Float,
        DataType::Decimal(info) | DataType::Numeric(info) | DataType::Dec(info) => {
            decimal(info).ok_or_else(unknown)?
        }
        DataType::Nvarchar(length) => SqlType::NVarChar(limit(length.as_ref(), 1).ok_or_else(unknown)?),
        DataType::Varchar(length) => SqlType::VarChar(limit(length.as_ref(), 1).ok_or_else(unknown)?),
        DataType::Char(length) | DataType::Character(length) => {
            SqlType::Char(limit(length.as_ref(), 1).flatten().ok_or_else(unknown)?)
        }
        DataType::Varbinary(length) => match length {
            None => SqlType::VarBinary(Some(1)),
            Some(sqlparser::ast::BinaryLength::Max) => SqlType::VarBinary(None),
            Some(sqlparser::ast::BinaryLength::IntegerLength { length }) => {
                SqlType::VarBinary(Some(u16::try_from(*length).map_err(|_| unknown())?))
            }
        },
        DataType::Binary(length) => {
            SqlType::Binary(u16::try_from(length.unwrap_or(1)).map_err(|_| unknown())?)
        }
        DataType::Date => SqlType::Date,
        DataType::Time(scale, _) => SqlType::Time { scale: seconds_scale(*scale).ok_or_else(unknown)? },
        DataType::Datetime(_) => SqlType::DateTime,
        DataType::Uuid => SqlType::Guid,
        DataType::Custom(name, arguments) => {
            let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else { return Err(unknown()) };
            let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
            named(&name.value.to_lowercase(), &arguments).ok_or_else(unknown)?
        }
        _ => return Err(unknown()),
    })
}

fn named(name: &str, arguments: &[String]) -> Option<SqlType> {
    let number = || arguments.first().map(|argument| argument.parse::<u16>());
    let text = || match arguments.first().map(String::as_str) {
        Some(max) if max.eq_ignore_ascii_case("max") => Some(None),
        _ => Some(Some(number().map_or(Ok(1), |length| length).ok()?)),
    };
    Some(match name {
        "money" => SqlType::Money,
        "smallmoney" => SqlType::SmallMoney,
        "uniqueidentifier" => SqlType::Guid,
        "smalldatetime" => SqlType::SmallDateTime,
        "datetime" => SqlType::DateTime,
        "datetime2" => {
            SqlType::DateTime2 { scale: seconds_scale(number().transpose().ok()?.map(u64::from))? }
        }
        "nvarchar" => SqlType::NVarChar(text()?),
        "varchar" => SqlType::VarChar(text()?),
        "nchar" => SqlType::NChar(text()??),
        "char" => SqlType::Char(text()??),
        "varbinary" => SqlType::VarBinary(text()?),
        "sysname" => SqlType::NVarChar(Some(128)),
        "bit" => SqlType::Bit,
        _ => return None,
    })
}

/// A scale of a time; seven digits where none is given.
fn seconds_scale(scale: Option<u64>) -> Option<u8> {
    u8::try_from(scale.unwrap_or(7)).ok().filter(|scale| *scale <= 7)
}

fn decimal(info: &ExactNumberInfo) -> Option<SqlType> {
    let (precision, scale) = match *info {
        ExactNumberInfo::None => (18, 0),
        ExactNumberInfo::Precision(precision) => (precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
    };
    let (precision, scale) = (u8::try_from(precision).ok()?, u8::try_from(scale).ok()?);
    (precision <= 38 && scale <= precision).then_some(SqlType::Decimal { precision, scale })
}

/// A length, `default` where none is given, none for `max`.
fn limit(length: Option<&CharacterLength>, default: u16) -> Option<Option<u16>> {
    match length {
        None => Some(Some(default)),
        Some(CharacterLength::Max) => Some(None),
        Some(CharacterLength::IntegerLength { length, .. }) if *length <= LONGEST => {
            Some(Some(u16::try_from(*length).ok()?))
        }
        Some(CharacterLength::IntegerLength { .. }) => None,
    }
}

/// The type as T-SQL writes it.
pub(crate) fn written(kind: SqlType) -> String {
    let length = |length: Option<u16>| length.map_or("max".to_owned(), |length| length.to_string());
    match kind {
        SqlType::Bit => "bit".to_owned(),
        SqlType::TinyInt => "tinyint".to_owned(),
        SqlType::SmallInt => "smallint".to_owned(),
        SqlType::Int => "int".to_owned(),
        SqlType::BigInt => "bigint".to_owned(),
        SqlType::Real => "real".to_owned(),
        SqlType::Float => "float".to_owned(),
        SqlType::Money => "money".to_owned(),
        SqlType::SmallMoney => "smallmoney".to_owned(),
        SqlType::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
        SqlType::NVarChar(characters) => format!("nvarchar({})", length(characters)),
        SqlType::NChar(characters) => format!("nchar({characters})"),
        SqlType::VarChar(characters) => format!("varchar({})", length(characters)),
        SqlType::Char(characters) => format!("char({characters})"),
        SqlType::VarBinary(bytes) => format!("varbinary({})", length(bytes)),
        SqlType::Binary(bytes) => format!("binary({bytes})"),
        SqlType::Guid => "uniqueidentifier".to_owned(),
        SqlType::Date => "date".to_owned(),
        SqlType::Time { scale } => format!("time({scale})"),
        SqlType::DateTime2 { scale } => format!("datetime2({scale})"),
        SqlType::DateTime => "datetime".to_owned(),
        SqlType::SmallDateTime => "smalldatetime".to_owned(),
        SqlType::Null => "null".to_owned(),
    }
}

/// The type of an expression in PostgreSQL, which need not remember what was declared.
pub(crate) fn expression(kind: SqlType) -> String {
    match kind {
        SqlType::Bit => "boolean".to_owned(),
        SqlType::TinyInt | SqlType::SmallInt => "smallint".to_owned(),
        SqlType::Int => "integer".to_owned(),
        SqlType::BigInt => "bigint".to_owned(),
        SqlType::Real => "real".to_owned(),
        SqlType::Float => "double precision".to_owned(),
        SqlType::Money | SqlType::SmallMoney => "numeric(19,4)".to_owned(),
        SqlType::Decimal { precision, scale } => format!("numeric({precision},{scale})"),
        SqlType::NVarChar(_) | SqlType::NChar(_) | SqlType::VarChar(_) | SqlType::Char(_) => {
            "bpchar".to_owned()
        }
        SqlType::VarBinary(_) | SqlType::Binary(_) => "bytea".to_owned(),
        SqlType::Guid => "uuid".to_owned(),
        SqlType::Date => "date".to_owned(),
        SqlType::Time { scale } => format!("time({})", scale.min(6)),
        SqlType::DateTime2 { scale } => format!("timestamp({})", scale.min(6)),
        SqlType::DateTime => "timestamp(3)".to_owned(),
        SqlType::SmallDateTime => "timestamp(0)".to_owned(),
        SqlType::Null => "unknown".to_owned(),
    }
}

pub(super) fn is_integer(kind: SqlType) -> bool {
    matches!(kind, SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt)
}

/// Whether a text is filled up with blanks.
pub(super) fn is_fixed(kind: SqlType) -> bool {
    matches!(kind, SqlType::NChar(_) | SqlType::Char(_))
}

/// The characters of a text type; none for other types, none inside for `max`.
pub(crate) fn characters(kind: SqlType) -> Option<Option<u16>> {
    match kind {
        SqlType::NVarChar(length) | SqlType::VarChar(length) => Some(length),
        SqlType::NChar(length) | SqlType::Char(length) => Some(Some(length)),
        _ => None,
    }
}

/// The type of a column in PostgreSQL: itself, or the domain that remembers it.
pub(crate) fn column(kind: SqlType) -> String {
    match kind {
        SqlType::Bit
        | SqlType::SmallInt
        | SqlType::Int
        | SqlType::BigInt
        | SqlType::Real
        | SqlType::Float
        | SqlType::Decimal { .. }
        | SqlType::Guid
        | SqlType::Date => expression(kind),
        _ => format!("sys.\"{}\"", written(kind)),
    }
}

/// Creates the domain of a column's type, unless PostgreSQL has the type.
pub(crate) fn domain(kind: SqlType) -> Option<String> {
    let column = column(kind);
    let base = expression(kind);
    if column == base {
        return None;
    }
    let check = match (kind, characters(kind)) {
        (SqlType::TinyInt, _) => "value between 0 and 255".to_owned(),
        (SqlType::SmallMoney, _) => "value between -214748.3648 and 214748.3647".to_owned(),
        (SqlType::VarBinary(Some(bytes)) | SqlType::Binary(bytes), _) => {
            format!("octet_length(value) <= {bytes}")
        }
        (_, Some(Some(length))) => format!("char_length(sys.raw(value)) <= {length}"),
        _ => String::new(),
    };
    Some(format!(
        "select sys.ensure_domain('{}', '{base}', '{}', {})",
        written(kind),
        check,
        if characters(kind).is_some() { "true" } else { "false" }
    ))
}

/// The type that a domain of [`column`] remembers.
pub(crate) fn remembered(domain: &str) -> Option<SqlType> {
    let (name, arguments) = match domain.strip_suffix(')').and_then(|rest| rest.split_once('(')) {
        Some((name, arguments)) => (name, arguments.split(',').map(str::to_owned).collect()),
        None => (domain, Vec::new()),
    };
    Some(match (name, arguments.as_slice()) {
        ("tinyint", []) => SqlType::TinyInt,
        ("time", [scale]) => SqlType::Time { scale: scale.parse().ok()? },
        ("binary", [length]) => SqlType::Binary(length.parse().ok()?),
        (name, arguments) => named(name, arguments)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_remembers_what_was_declared() {
        for kind in [
            SqlType::TinyInt,
            SqlType::Money,
            SqlType::SmallMoney,
            SqlType::NVarChar(Some(20)),
            SqlType::NVarChar(None),
            SqlType::NChar(3),
            SqlType::VarChar(Some(8000)),
            SqlType::Char(1),
            SqlType::VarBinary(None),
            SqlType::Binary(16),
            SqlType::Time { scale: 3 },
            SqlType::DateTime2 { scale: 7 },
            SqlType::DateTime,
            SqlType::SmallDateTime,
        ] {
            assert!(domain(kind).is_some(), "{kind:?}");
            assert_eq!(remembered(&written(kind)), Some(kind));
        }
    }
}
