//! PostgreSQL's binary values, decoded exactly.

use std::error::Error;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Kind, Type};
use wattle_sql::SourceValue;

/// Why a value cannot be read, without the value.
#[derive(Debug)]
struct Failure(&'static str);

impl<E: std::error::Error> From<E> for Failure {
    fn from(_: E) -> Self {
        Self("it is malformed")
    }
}

/// A value of any type that [`require_exact`] lets through.
struct Exact(SourceValue);

impl<'a> FromSql<'a> for Exact {
    fn from_sql(type_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        // The value spoils its record and no other.
        Ok(Self(decode(type_, raw).unwrap_or_else(|why| SourceValue::Unreadable(why.0))))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(SourceValue::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// All values of a row, in order.
pub(crate) fn row(row: &Row) -> wattle_sql::Row {
    (0..row.len()).map(|at| row.get::<_, Exact>(at).0).collect()
}

/// Refuses types that would lose something, with what to write instead.
pub(crate) fn require_exact(type_: &Type) -> Result<(), String> {
    match type_.kind() {
        Kind::Domain(inner) | Kind::Array(inner) => return require_exact(inner),
        Kind::Enum(_) => return Ok(()),
        _ => {}
    }
    match *type_ {
        Type::FLOAT4 | Type::FLOAT8 => Err("a float is not exact: store it as numeric, or cast it with a stated precision, such as round(x::numeric, 4)".into()),
        Type::BOOL | Type::INT2 | Type::INT4 | Type::INT8 | Type::NUMERIC | Type::TEXT | Type::VARCHAR | Type::BPCHAR
        | Type::NAME | Type::CHAR | Type::DATE | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::UUID
        | Type::JSON | Type::JSONB | Type::UNKNOWN => Ok(()),
        _ if type_.name() == "citext" => Ok(()),
        _ => Err("cast it to text, or to a type that Wattle reads".into()),
    }
}

fn decode(type_: &Type, raw: &[u8]) -> Result<SourceValue, Failure> {
    match type_.kind() {
        Kind::Domain(inner) => return decode(inner, raw),
        Kind::Array(inner) => return array(inner, raw),
        Kind::Enum(_) => return Ok(SourceValue::Text(text(raw)?)),
        _ => {}
    }
    Ok(match *type_ {
        Type::BOOL => SourceValue::Boolean(raw == [1]),
        Type::INT2 => SourceValue::Integer(i16::from_be_bytes(raw.try_into()?).into()),
        Type::INT4 => SourceValue::Integer(i32::from_be_bytes(raw.try_into()?).into()),
        Type::INT8 => SourceValue::Integer(i64::from_be_bytes(raw.try_into()?)),
        Type::NUMERIC => SourceValue::Decimal(numeric(raw)?),
        Type::BPCHAR => SourceValue::Text(text(raw)?.trim_end_matches(' ').to_owned()),
        Type::CHAR => SourceValue::Text(text(raw)?.trim_end_matches('\0').to_owned()),
        Type::DATE => SourceValue::Date(date(i32::from_be_bytes(raw.try_into()?))?),
        Type::TIME => SourceValue::Time(time(i64::from_be_bytes(raw.try_into()?))?),
        Type::TIMESTAMP => SourceValue::Local(instant(raw)?.naive_utc()),
        Type::TIMESTAMPTZ => SourceValue::Instant(instant(raw)?),
        Type::UUID => SourceValue::Text(uuid(raw)?),
        Type::JSON => SourceValue::Json(serde_json::from_slice(raw)?),
        // A version byte comes first.
        Type::JSONB => {
            SourceValue::Json(serde_json::from_slice(raw.get(1..).ok_or(Failure("a jsonb value is empty"))?)?)
        }
        _ => SourceValue::Text(text(raw)?),
    })
}

fn text(raw: &[u8]) -> Result<String, Failure> {
    Ok(std::str::from_utf8(raw)?.to_owned())
}

fn epoch() -> NaiveDate {
    NaiveDate::from_ymd_opt(2000, 1, 1).expect("it is a date")
}

fn date(days: i32) -> Result<NaiveDate, Failure> {
    let distance = Days::new(u64::from(days.unsigned_abs()));
    let date = if days < 0 { epoch().checked_sub_days(distance) } else { epoch().checked_add_days(distance) };
    date.ok_or(Failure("a date is infinity, or out of range"))
}

fn time(micros: i64) -> Result<NaiveTime, Failure> {
    let seconds = u32::try_from(micros / 1_000_000)?;
    let nanos = u32::try_from(micros % 1_000_000)? * 1_000;
    // 24:00:00 is PostgreSQL's own; a day of the CDR ends at midnight.
    NaiveTime::from_num_seconds_from_midnight_opt(seconds % 86_400, nanos)
        .ok_or(Failure("a time is out of range"))
}

fn instant(raw: &[u8]) -> Result<DateTime<chrono::Utc>, Failure> {
    let micros = i64::from_be_bytes(raw.try_into()?);
    let start = epoch().and_time(NaiveTime::MIN).and_utc();
    start
        .checked_add_signed(TimeDelta::microseconds(micros))
        .ok_or(Failure("a date-time is infinity, or out of range"))
}

fn uuid(raw: &[u8]) -> Result<String, Failure> {
    if raw.len() != 16 {
        return Err(Failure("a uuid has 16 bytes"));
    }
    let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

/// Base-10,000 digits to plain decimal text, with the scale that the source shows.
fn numeric(raw: &[u8]) -> Result<String, Failure> {
    let word = |at: usize| -> Result<u16, Failure> {
        let bytes = raw.get(2 * at..2 * at + 2).ok_or(Failure("a numeric is cut short"))?;
        Ok(u16::from_be_bytes(bytes.try_into()?))
    };
    let (count, weight, sign, scale) =
        (usize::from(word(0)?), word(1)? as i16, word(2)?, usize::from(word(3)?));
    let sign = match sign {
        0x0000 => "",
        0x4000 => "-",
        _ => return Err(Failure("a numeric is NaN or infinity")),
    };
    let digit = |place: i32| -> Result<u16, Failure> {
        let at = i32::from(weight) - place;
        if (0..i32::try_from(count)?).contains(&at) { word(4 + usize::try_from(at)?) } else { Ok(0) }
    };
    let mut whole = String::new();
    for place in (0..=i32::from(weight).max(0)).rev() {
        whole.push_str(&format!("{:04}", digit(place)?));
    }
    let mut fraction = String::new();
    for place in 1..=i32::try_from(scale.div_ceil(4))? {
        fraction.push_str(&format!("{:04}", digit(-place)?));
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = &fraction[..scale];
    Ok(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// One-dimensional arrays.
fn array(element: &Type, raw: &[u8]) -> Result<SourceValue, Failure> {
    let int = |at: usize| -> Result<i32, Failure> {
        let bytes = raw.get(at..at + 4).ok_or(Failure("an array is cut short"))?;
        Ok(i32::from_be_bytes(bytes.try_into()?))
    };
    match int(0)? {
        0 => return Ok(SourceValue::Array(Vec::new())),
        1 => {}
        _ => return Err(Failure("an array has more than one dimension")),
    }
    let count = int(12)?;
    let mut at = 20;
    let mut values = Vec::new();
    for _ in 0..count {
        let length = int(at)?;
        at += 4;
        let Ok(length) = usize::try_from(length) else {
            values.push(SourceValue::Null);
            continue;
        };
        let bytes = raw.get(at..at + length).ok_or(Failure("an array is cut short"))?;
        values.push(decode(element, bytes)?);
        at += length;
    }
    Ok(SourceValue::Array(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn numerics_keep_every_digit() {
        // 12345.6700, -0.0001, 10000, 0.00
        assert_eq!(numeric(&encoded(&[3, 1, 0, 4, 1, 2345, 6700])).unwrap(), "12345.6700");
        assert_eq!(numeric(&encoded(&[1, 0xFFFF, 0x4000, 4, 1])).unwrap(), "-0.0001");
        assert_eq!(numeric(&encoded(&[1, 1, 0, 0, 1])).unwrap(), "10000");
        assert_eq!(numeric(&encoded(&[0, 0, 0, 2])).unwrap(), "0.00");
        assert!(numeric(&encoded(&[0, 0, 0xC000, 0])).is_err(), "not a number");
        assert!(numeric(&encoded(&[2, 1])).is_err(), "cut short");
    }

    #[test]
    fn what_the_cdr_has_no_word_for_spoils_its_value_alone() {
        let unreadable = |type_: &Type, raw: &[u8]| match Exact::from_sql(type_, raw).unwrap().0 {
            SourceValue::Unreadable(why) => why,
            value => panic!("{value:?}"),
        };
        let nan = encoded(&[0, 0, 0xC000, 0]);
        assert_eq!(unreadable(&Type::NUMERIC, &nan), "a numeric is NaN or infinity");
        for end in [i64::MIN, i64::MAX] {
            let why = unreadable(&Type::TIMESTAMPTZ, &end.to_be_bytes());
            assert_eq!(why, "a date-time is infinity, or out of range");
        }
        let why = unreadable(&Type::DATE, &i32::MAX.to_be_bytes());
        assert_eq!(why, "a date is infinity, or out of range");
        let mut dates = encoded(&[0, 1, 0, 0, 0, 1082, 0, 1, 0, 1, 0, 4]);
        dates.extend(i32::MIN.to_be_bytes());
        assert_eq!(unreadable(&Type::DATE_ARRAY, &dates), why, "an array with such a date in it");
    }

    #[test]
    fn dates_and_times_count_from_2000() {
        assert_eq!(date(0).unwrap().to_string(), "2000-01-01");
        assert_eq!(date(-1).unwrap().to_string(), "1999-12-31");
        assert_eq!(time(86_400_000_000).unwrap().to_string(), "00:00:00");
        assert_eq!(instant(&1_000_000i64.to_be_bytes()).unwrap().to_rfc3339(), "2000-01-01T00:00:01+00:00");
    }
}
