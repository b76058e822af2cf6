//! Types and values: as they travel, and as PostgreSQL takes and gives them.

use super::numeric::{from_postgres, rescale, to_postgres};
use super::{Reader, utf16};
use crate::error::SqlError;
use tokio_postgres::types::Type;

/// The collation that every text column names: SQL_Latin1_General_CP1_CI_AS.
const COLLATION: [u8; 5] = [0x09, 0x04, 0xd0, 0x00, 0x34];
/// Marks a type without a length of its own, `nvarchar(max)` for instance.
const MAX: u16 = 0xffff;
/// From 0001-01-01, where TDS counts days from, to 2000-01-01, where PostgreSQL does.
const DAYS_TO_2000: i64 = 730_119;
/// From 1900-01-01, where `datetime` counts from, to 2000-01-01.
const DAYS_1900_TO_2000: i64 = 36_524;
const DAY_MICROSECONDS: i64 = 86_400_000_000;

/// A type as SQL Server names it. Lengths are in characters or bytes; none is `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SqlType {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Real,
    Float,
    Money,
    SmallMoney,
    Decimal {
        precision: u8,
        scale: u8,
    },
    NVarChar(Option<u16>),
    NChar(u16),
    VarChar(Option<u16>),
    Char(u16),
    VarBinary(Option<u16>),
    Binary(u16),
    Guid,
    Date,
    Time {
        scale: u8,
    },
    DateTime2 {
        scale: u8,
    },
    DateTime,
    SmallDateTime,
    /// The type of a NULL of which nothing more is said.
    Null,
}

/// A value. Days and microseconds count from 2000-01-01, a time of day from midnight.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Decimal {
        mantissa: i128,
        scale: u8,
    },
    Text(String),
    Bytes(Vec<u8>),
    /// In the order in which it is written.
    Guid([u8; 16]),
    Date(i32),
    Time(i64),
    Timestamp(i64),
}

impl SqlType {
    /// The type of a parameter for PostgreSQL.
    pub(crate) fn postgres(self) -> Type {
        match self {
            // PostgreSQL finds out from the place where it stands.
            SqlType::Null => Type::UNKNOWN,
            SqlType::Bit => Type::BOOL,
            SqlType::TinyInt | SqlType::SmallInt => Type::INT2,
            SqlType::Int => Type::INT4,
            SqlType::BigInt => Type::INT8,
            SqlType::Real => Type::FLOAT4,
            SqlType::Float => Type::FLOAT8,
            SqlType::Money | SqlType::SmallMoney | SqlType::Decimal { .. } => Type::NUMERIC,
            SqlType::NVarChar(_) | SqlType::NChar(_) | SqlType::VarChar(_) | SqlType::Char(_) => Type::BPCHAR,
            SqlType::VarBinary(_) | SqlType::Binary(_) => Type::BYTEA,
            SqlType::Guid => Type::UUID,
            SqlType::Date => Type::DATE,
            SqlType::Time { .. } => Type::TIME,
            SqlType::DateTime2 { .. } | SqlType::DateTime | SqlType::SmallDateTime => Type::TIMESTAMP,
        }
    }

    /// Reads the description of a parameter's type.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<SqlType, SqlError> {
        let limit = |length: u16| if length == MAX { None } else { Some(length) };
        Ok(match reader.u8()? {
            0x1f => SqlType::Null,
            0x24 => reader.u8().map(|_| SqlType::Guid)?,
            0x26 => match reader.u8()? {
                1 => SqlType::TinyInt,
                2 => SqlType::SmallInt,
                4 => SqlType::Int,
                _ => SqlType::BigInt,
            },
            0x68 => reader.u8().map(|_| SqlType::Bit)?,
            0x6d => {
                if reader.u8()? == 4 {
                    SqlType::Real
                } else {
                    SqlType::Float
                }
            }
            0x6e => {
                if reader.u8()? == 4 {
                    SqlType::SmallMoney
                } else {
                    SqlType::Money
                }
            }
            0x6f => {
                if reader.u8()? == 4 {
                    SqlType::SmallDateTime
                } else {
                    SqlType::DateTime
                }
            }
            0x6a | 0x6c => {
                let (_length, precision, scale) = (reader.u8()?, reader.u8()?, reader.u8()?);
                SqlType::Decimal { precision, scale }
            }
            0x28 => SqlType::Date,
            0x29 => SqlType::Time { scale: reader.u8()? },
            0x2a => SqlType::DateTime2 { scale: reader.u8()? },
            0xa5 => SqlType::VarBinary(limit(reader.u16()?)),
            0xad => SqlType::Binary(reader.u16()?),
            kind @ (0xa7 | 0xaf | 0xe7 | 0xef) => {
                let length = reader.u16()?;
                reader.take(COLLATION.len())?;
                match kind {
                    0xa7 => SqlType::VarChar(limit(length)),
                    0xaf => SqlType::Char(length),
                    0xe7 => SqlType::NVarChar(limit(length).map(|bytes| bytes / 2)),
                    _ => SqlType::NChar(length / 2),
                }
            }
            kind => return Err(SqlError::not_simulated(format_args!("a parameter of type 0x{kind:02x}"))),
        })
    }

    /// Writes the description of a column's type.
    pub(crate) fn write(self, to: &mut Vec<u8>) {
        let text = |to: &mut Vec<u8>, kind: u8, length_bytes: u16| {
            to.push(kind);
            to.extend(length_bytes.to_le_bytes());
            to.extend(COLLATION);
        };
        match self {
            SqlType::Null => to.push(0x1f),
            SqlType::Bit => to.extend([0x68, 1]),
            SqlType::TinyInt => to.extend([0x26, 1]),
            SqlType::SmallInt => to.extend([0x26, 2]),
            SqlType::Int => to.extend([0x26, 4]),
            SqlType::BigInt => to.extend([0x26, 8]),
            SqlType::Real => to.extend([0x6d, 4]),
            SqlType::Float => to.extend([0x6d, 8]),
            SqlType::Money => to.extend([0x6e, 8]),
            SqlType::SmallMoney => to.extend([0x6e, 4]),
            SqlType::Decimal { precision, scale } => {
                to.extend([0x6a, decimal_bytes(precision), precision, scale])
            }
            SqlType::NVarChar(length) => text(to, 0xe7, length.map_or(MAX, |characters| characters * 2)),
            SqlType::NChar(length) => text(to, 0xef, length * 2),
            SqlType::VarChar(length) => text(to, 0xa7, length.unwrap_or(MAX)),
            SqlType::Char(length) => text(to, 0xaf, length),
            SqlType::VarBinary(length) => {
                to.push(0xa5);
                to.extend(length.unwrap_or(MAX).to_le_bytes());
            }
            SqlType::Binary(length) => {
                to.push(0xad);
                to.extend(length.to_le_bytes());
            }
            SqlType::Guid => to.extend([0x24, 16]),
            SqlType::Date => to.push(0x28),
            SqlType::Time { scale } => to.extend([0x29, scale]),
            SqlType::DateTime2 { scale } => to.extend([0x2a, scale]),
            SqlType::DateTime => to.extend([0x6f, 8]),
            SqlType::SmallDateTime => to.extend([0x6f, 4]),
        }
    }
}

/// The bytes of a decimal with its sign.
fn decimal_bytes(precision: u8) -> u8 {
    match precision {
        0..=9 => 5,
        10..=19 => 9,
        20..=28 => 13,
        _ => 17,
    }
}

/// The bytes of a time of day.
fn time_bytes(scale: u8) -> usize {
    match scale {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    }
}

/// UUIDs travel with their first three groups turned around.
fn turn_guid(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[0..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

impl Value {
    /// Reads a parameter of a type.
    pub(crate) fn read(kind: SqlType, reader: &mut Reader<'_>) -> Result<Value, SqlError> {
        let Some(bytes) = value_bytes(kind, reader)? else { return Ok(Value::Null) };
        let bad = || SqlError::protocol("a value of an impossible length");
        let fixed = |bytes: &[u8]| -> Result<[u8; 8], SqlError> {
            let mut wide = [0; 8];
            wide.get_mut(..bytes.len()).ok_or_else(bad)?.copy_from_slice(bytes);
            Ok(wide)
        };
        Ok(match kind {
            SqlType::Null => Value::Null,
            SqlType::Bit => Value::Bool(bytes.first().is_some_and(|byte| *byte != 0)),
            SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt => {
                Value::Int(match bytes.len() {
                    1 => i64::from(bytes[0]),
                    2 => i64::from(i16::from_le_bytes([bytes[0], bytes[1]])),
                    4 => i64::from(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
                    _ => i64::from_le_bytes(fixed(&bytes)?),
                })
            }
            SqlType::Real => {
                Value::Float(f64::from(f32::from_le_bytes(bytes.try_into().map_err(|_| bad())?)))
            }
            SqlType::Float => Value::Float(f64::from_le_bytes(fixed(&bytes)?)),
            SqlType::SmallMoney => {
                let scaled = i32::from_le_bytes(bytes.try_into().map_err(|_| bad())?);
                Value::Decimal { mantissa: scaled.into(), scale: 4 }
            }
            SqlType::Money => {
                let wide = u64::from_le_bytes(fixed(&bytes)?).rotate_left(32) as i64;
                Value::Decimal { mantissa: wide.into(), scale: 4 }
            }
            SqlType::Decimal { scale, .. } => {
                let (sign, digits) = bytes.split_first().ok_or_else(bad)?;
                let mut wide = [0; 16];
                wide.get_mut(..digits.len()).ok_or_else(bad)?.copy_from_slice(digits);
                let mantissa = i128::from_le_bytes(wide);
                Value::Decimal { mantissa: if *sign == 0 { -mantissa } else { mantissa }, scale }
            }
            SqlType::NVarChar(_) | SqlType::NChar(_) => Value::Text(utf16(&bytes)?),
            SqlType::VarChar(_) | SqlType::Char(_) => {
                Value::Text(encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes).0.into_owned())
            }
            SqlType::VarBinary(_) | SqlType::Binary(_) => Value::Bytes(bytes),
            SqlType::Guid => Value::Guid(turn_guid(bytes.try_into().map_err(|_| bad())?)),
            SqlType::Date => Value::Date(read_days(&bytes)?),
            SqlType::Time { scale } => {
                Value::Time(i64::from_le_bytes(fixed(&bytes)?) * 10_i64.pow(7 - u32::from(scale)) / 10)
            }
            SqlType::DateTime2 { scale } => {
                let (time, days) = bytes.split_at_checked(bytes.len().saturating_sub(3)).ok_or_else(bad)?;
                let time = i64::from_le_bytes(fixed(time)?) * 10_i64.pow(7 - u32::from(scale)) / 10;
                Value::Timestamp(i64::from(read_days(days)?) * DAY_MICROSECONDS + time)
            }
            SqlType::DateTime => {
                let mut fields = Reader::new(&bytes);
                let (days, ticks) = (i64::from(fields.i32()?), i64::from(fields.u32()?));
                Value::Timestamp((days - DAYS_1900_TO_2000) * DAY_MICROSECONDS + ticks * 1_000_000 / 300)
            }
            SqlType::SmallDateTime => {
                let mut fields = Reader::new(&bytes);
                let (days, minutes) = (i64::from(fields.u16()?), i64::from(fields.u16()?));
                Value::Timestamp((days - DAYS_1900_TO_2000) * DAY_MICROSECONDS + minutes * 60_000_000)
            }
        })
    }

    /// Gives a decimal a number of places; others stay as they are.
    pub(crate) fn set_scale(&mut self, wanted: u8) {
        if let Value::Decimal { mantissa, scale } = self
            && let Some(rescaled) = rescale(*mantissa, *scale, wanted)
        {
            (*mantissa, *scale) = (rescaled, wanted);
        }
    }

    /// Fills a text up with blanks.
    pub(crate) fn pad(&mut self, length: usize) {
        if let Value::Text(text) = self {
            let missing = length.saturating_sub(text.chars().count());
            text.push_str(&" ".repeat(missing));
        }
    }

    /// Writes a column's value of a type.
    pub(crate) fn write(&self, kind: SqlType, to: &mut Vec<u8>) -> Result<(), SqlError> {
        let Some(bytes) = self.bytes(kind)? else {
            match kind {
                SqlType::NVarChar(None) | SqlType::VarChar(None) | SqlType::VarBinary(None) => {
                    to.extend(u64::MAX.to_le_bytes());
                }
                SqlType::NVarChar(_)
                | SqlType::NChar(_)
                | SqlType::VarChar(_)
                | SqlType::Char(_)
                | SqlType::VarBinary(_)
                | SqlType::Binary(_) => to.extend(MAX.to_le_bytes()),
                _ => to.push(0),
            }
            return Ok(());
        };
        match kind {
            SqlType::NVarChar(None) | SqlType::VarChar(None) | SqlType::VarBinary(None) => {
                to.extend((bytes.len() as u64).to_le_bytes());
                if !bytes.is_empty() {
                    to.extend((bytes.len() as u32).to_le_bytes());
                    to.extend(&bytes);
                }
                to.extend(0_u32.to_le_bytes());
            }
            SqlType::NVarChar(_)
            | SqlType::NChar(_)
            | SqlType::VarChar(_)
            | SqlType::Char(_)
            | SqlType::VarBinary(_)
            | SqlType::Binary(_) => {
                to.extend((bytes.len() as u16).to_le_bytes());
                to.extend(&bytes);
            }
            _ => {
                to.push(bytes.len() as u8);
                to.extend(&bytes);
            }
        }
        Ok(())
    }

    /// The bytes of the value without a length; none for NULL.
    fn bytes(&self, kind: SqlType) -> Result<Option<Vec<u8>>, SqlError> {
        let overflow = || SqlError::new(8115, format!("Arithmetic overflow error converting to {kind:?}."));
        Ok(Some(match (kind, self) {
            (_, Value::Null) => return Ok(None),
            (SqlType::Bit, Value::Bool(value)) => vec![u8::from(*value)],
            (SqlType::TinyInt, Value::Int(value)) => vec![u8::try_from(*value).map_err(|_| overflow())?],
            (SqlType::SmallInt, Value::Int(value)) => {
                i16::try_from(*value).map_err(|_| overflow())?.to_le_bytes().into()
            }
            (SqlType::Int, Value::Int(value)) => {
                i32::try_from(*value).map_err(|_| overflow())?.to_le_bytes().into()
            }
            (SqlType::BigInt, Value::Int(value)) => value.to_le_bytes().into(),
            (SqlType::Real, Value::Float(value)) => (*value as f32).to_le_bytes().into(),
            (SqlType::Float, Value::Float(value)) => value.to_le_bytes().into(),
            (SqlType::Money | SqlType::SmallMoney, Value::Decimal { mantissa, scale }) => {
                let scaled = rescale(*mantissa, *scale, 4).ok_or_else(overflow)?;
                match kind {
                    SqlType::SmallMoney => {
                        i32::try_from(scaled).map_err(|_| overflow())?.to_le_bytes().into()
                    }
                    _ => i64::try_from(scaled).map_err(|_| overflow())?.rotate_left(32).to_le_bytes().into(),
                }
            }
            (SqlType::Decimal { precision, scale: wanted }, Value::Decimal { mantissa, scale }) => {
                let scaled = rescale(*mantissa, *scale, wanted).ok_or_else(overflow)?;
                let length = usize::from(decimal_bytes(precision)) - 1;
                let digits = scaled.unsigned_abs().to_le_bytes();
                if digits[length..].iter().any(|byte| *byte != 0) {
                    return Err(overflow());
                }
                [&[u8::from(scaled >= 0)], &digits[..length]].concat()
            }
            (SqlType::NVarChar(_) | SqlType::NChar(_), Value::Text(text)) => {
                text.encode_utf16().flat_map(u16::to_le_bytes).collect()
            }
            (SqlType::VarChar(_) | SqlType::Char(_), Value::Text(text)) => code_page_1252(text),
            (SqlType::VarBinary(_) | SqlType::Binary(_), Value::Bytes(bytes)) => bytes.clone(),
            (SqlType::Guid, Value::Guid(bytes)) => turn_guid(*bytes).into(),
            (SqlType::Date, Value::Date(days)) => days_bytes(i64::from(*days)),
            (SqlType::Time { scale }, Value::Time(microseconds)) => time_of_day(*microseconds, scale),
            (SqlType::DateTime2 { scale }, Value::Timestamp(microseconds)) => {
                let (days, time) = split_timestamp(*microseconds);
                [time_of_day(time, scale), days_bytes(days)].concat()
            }
            (SqlType::DateTime, Value::Timestamp(microseconds)) => {
                let (days, time) = split_timestamp(*microseconds);
                let days = i32::try_from(days + DAYS_1900_TO_2000).map_err(|_| overflow())?;
                let ticks = u32::try_from((time * 300 + 500_000) / 1_000_000).map_err(|_| overflow())?;
                [days.to_le_bytes(), ticks.to_le_bytes()].concat()
            }
            (SqlType::SmallDateTime, Value::Timestamp(microseconds)) => {
                let (days, time) = split_timestamp(*microseconds);
                let days = u16::try_from(days + DAYS_1900_TO_2000).map_err(|_| overflow())?;
                let minutes = u16::try_from(time / 60_000_000).map_err(|_| overflow())?;
                [days.to_le_bytes(), minutes.to_le_bytes()].concat()
            }
            (kind, value) => return Err(SqlError::not_simulated(format_args!("{value:?} as a {kind:?}"))),
        }))
    }

    /// The value for PostgreSQL, in its binary format, for the type of the parameter; none for NULL.
    pub(crate) fn to_postgres(&self, kind: &Type) -> Option<Vec<u8>> {
        Some(match self {
            Value::Null => return None,
            Value::Bool(value) => vec![u8::from(*value)],
            Value::Int(value) => match *kind {
                Type::INT2 => (*value as i16).to_be_bytes().into(),
                Type::INT4 => (*value as i32).to_be_bytes().into(),
                _ => value.to_be_bytes().into(),
            },
            Value::Float(value) if *kind == Type::FLOAT4 => (*value as f32).to_be_bytes().into(),
            Value::Float(value) => value.to_be_bytes().into(),
            Value::Decimal { mantissa, scale } => to_postgres(*mantissa, *scale),
            Value::Text(text) => text.clone().into_bytes(),
            Value::Bytes(bytes) => bytes.clone(),
            Value::Guid(bytes) => bytes.to_vec(),
            Value::Date(days) => days.to_be_bytes().into(),
            Value::Time(microseconds) | Value::Timestamp(microseconds) => microseconds.to_be_bytes().into(),
        })
    }

    /// A value that PostgreSQL gave, in its binary format.
    pub(crate) fn from_postgres(kind: &Type, bytes: &[u8]) -> Result<Value, SqlError> {
        let bad = |_| SqlError::protocol("a value of PostgreSQL of an impossible length");
        Ok(match *kind {
            Type::BOOL => Value::Bool(bytes == [1]),
            Type::INT2 => Value::Int(i16::from_be_bytes(bytes.try_into().map_err(bad)?).into()),
            Type::INT4 => Value::Int(i32::from_be_bytes(bytes.try_into().map_err(bad)?).into()),
            Type::INT8 => Value::Int(i64::from_be_bytes(bytes.try_into().map_err(bad)?)),
            Type::OID => Value::Int(u32::from_be_bytes(bytes.try_into().map_err(bad)?).into()),
            Type::FLOAT4 => Value::Float(f32::from_be_bytes(bytes.try_into().map_err(bad)?).into()),
            Type::FLOAT8 => Value::Float(f64::from_be_bytes(bytes.try_into().map_err(bad)?)),
            Type::NUMERIC => {
                let (mantissa, scale) = from_postgres(bytes)?;
                Value::Decimal { mantissa, scale }
            }
            Type::BYTEA => Value::Bytes(bytes.to_vec()),
            Type::UUID => Value::Guid(bytes.try_into().map_err(bad)?),
            Type::DATE => Value::Date(i32::from_be_bytes(bytes.try_into().map_err(bad)?)),
            Type::TIME => Value::Time(i64::from_be_bytes(bytes.try_into().map_err(bad)?)),
            Type::TIMESTAMP => Value::Timestamp(i64::from_be_bytes(bytes.try_into().map_err(bad)?)),
            Type::BPCHAR
            | Type::TEXT
            | Type::VARCHAR
            | Type::NAME
            | Type::UNKNOWN
            | Type::CHAR
            | Type::JSON => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
            _ => return Err(SqlError::not_simulated(format_args!("a column of PostgreSQL's type {kind}"))),
        })
    }
}

/// The bytes of a parameter, without their length; none for NULL.
fn value_bytes(kind: SqlType, reader: &mut Reader<'_>) -> Result<Option<Vec<u8>>, SqlError> {
    match kind {
        SqlType::Null => Ok(None),
        SqlType::NVarChar(None) | SqlType::VarChar(None) | SqlType::VarBinary(None) => {
            if reader.u64()? == u64::MAX {
                return Ok(None);
            }
            let mut bytes = Vec::new();
            loop {
                match reader.u32()? {
                    0 => return Ok(Some(bytes)),
                    length => bytes.extend(reader.take(length as usize)?),
                }
            }
        }
        SqlType::NVarChar(_)
        | SqlType::NChar(_)
        | SqlType::VarChar(_)
        | SqlType::Char(_)
        | SqlType::VarBinary(_)
        | SqlType::Binary(_) => match reader.u16()? {
            MAX => Ok(None),
            length => Ok(Some(reader.take(usize::from(length))?.to_vec())),
        },
        _ => match reader.u8()? {
            0 => Ok(None),
            length => Ok(Some(reader.take(usize::from(length))?.to_vec())),
        },
    }
}

/// Days in three bytes.
fn read_days(bytes: &[u8]) -> Result<i32, SqlError> {
    let [low, middle, high] = bytes else { return Err(SqlError::protocol("a date of an impossible length")) };
    let days = i64::from(u32::from_le_bytes([*low, *middle, *high, 0])) - DAYS_TO_2000;
    i32::try_from(days).map_err(|_| SqlError::protocol("an impossible date"))
}

fn days_bytes(days: i64) -> Vec<u8> {
    (days + DAYS_TO_2000).to_le_bytes()[..3].to_vec()
}

/// A time of day in units of the scale.
fn time_of_day(microseconds: i64, scale: u8) -> Vec<u8> {
    let units = microseconds * 10 / 10_i64.pow(7 - u32::from(scale));
    units.to_le_bytes()[..time_bytes(scale)].to_vec()
}

/// Days and the time of the day.
fn split_timestamp(microseconds: i64) -> (i64, i64) {
    (microseconds.div_euclid(DAY_MICROSECONDS), microseconds.rem_euclid(DAY_MICROSECONDS))
}

/// What a `varchar` keeps of a text: a question mark stands for every character that the code page lacks.
fn code_page_1252(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        let mut buffer = [0; 4];
        let (encoded, _, unmappable) = encoding_rs::WINDOWS_1252.encode(character.encode_utf8(&mut buffer));
        if unmappable { bytes.push(b'?') } else { bytes.extend(&*encoded) }
    }
    bytes
}
