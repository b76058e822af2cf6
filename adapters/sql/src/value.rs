//! Values as a source gives them, and their forms on the wire. No number passes through a float.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::{Number, Value, json};
use wattle_core::entity::{SERVICE_POINT_SLOT, Shape};

/// One value of a row, exact.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceValue {
    /// SQL NULL.
    Null,
    /// A boolean.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// An exact decimal in plain notation, such as `-12.3400`.
    Decimal(String),
    /// Text, blanks that only pad a fixed width removed.
    Text(String),
    /// A calendar date.
    Date(NaiveDate),
    /// A time of day.
    Time(NaiveTime),
    /// A date and time without a zone: local to the source.
    Local(NaiveDateTime),
    /// A point in time.
    Instant(DateTime<Utc>),
    /// An array.
    Array(Vec<SourceValue>),
    /// A JSON document, already in the CDR's form.
    Json(Value),
    /// A value that cannot be had exactly, and why, without the value: it spoils its record and no other.
    Unreadable(&'static str),
}

/// How a pack reads a value: the retailer's zone and, for enumerations, the map of its codes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) zone: Tz,
    pub(crate) codes: Option<&'a BTreeMap<String, String>>,
}

impl SourceValue {
    /// The value's form on the wire for a field of this shape; nothing for NULL.
    ///
    /// # Errors
    /// The rule that the value breaks, without the value.
    pub(crate) fn to_wire(&self, shape: &Shape, reading: Reading<'_>) -> Result<Option<Value>, String> {
        let cannot = || Err(format!("a {} cannot be read as {}", self.kind(), wire_name(shape)));
        let text = |text: String| Ok(Some(Value::String(text)));
        match self {
            Self::Null => return Ok(None),
            Self::Unreadable(why) => return Err((*why).to_owned()),
            Self::Text(document) if matches!(shape, Shape::List(_) | Shape::Object(_)) => {
                return read_json(document).to_wire(shape, reading);
            }
            _ => {}
        }
        if let Some(codes) = reading.codes
            && !matches!(self, Self::Array(_))
        {
            let code = self.plain_text().ok_or_else(|| format!("a {} cannot be a code", self.kind()))?;
            return match codes.get(code.as_str()) {
                Some(word) => Self::Text(word.clone()).to_wire(shape, Reading { codes: None, ..reading }),
                None => Err("has a source value that its [map] does not know".into()),
            };
        }
        match (shape, self) {
            (Shape::List(element), Self::Array(values)) => {
                let converted: Result<Vec<_>, _> =
                    values.iter().map(|value| value.to_wire(element, reading)).collect();
                Ok(Some(Value::Array(converted?.into_iter().flatten().collect())))
            }
            (Shape::List(_) | Shape::Object(_), Self::Json(document)) => Ok(Some(document.clone())),
            (Shape::Boolean, Self::Boolean(flag)) => Ok(Some(Value::Bool(*flag))),
            (Shape::Natural | Shape::Positive | Shape::Number, Self::Integer(_) | Self::Decimal(_)) => {
                Ok(Some(self.number()))
            }
            (Shape::Amount, Self::Integer(_) | Self::Decimal(_)) => text(amount(&self.decimal())),
            (Shape::Rate, Self::Integer(_) | Self::Decimal(_)) => text(tidy_decimal(&self.decimal(), 0)),
            (Shape::Date, Self::Date(date)) => text(date.to_string()),
            (Shape::Date, Self::Local(at)) => text(at.date().to_string()),
            (Shape::Date, Self::Instant(at)) => {
                text(at.with_timezone(&reading.zone).date_naive().to_string())
            }
            (Shape::DateTime, Self::Instant(at)) => text(date_time(*at, reading.zone)),
            (Shape::DateTime, Self::Local(at)) => text(date_time(in_zone(*at, reading.zone), reading.zone)),
            (Shape::DateTime, Self::Date(date)) => {
                let midnight = in_zone(date.and_time(NaiveTime::MIN), reading.zone);
                text(date_time(midnight, reading.zone))
            }
            (Shape::Time, Self::Time(time)) => text(time.format("%H:%M:%S").to_string()),
            (Shape::ServicePoint, value) => match value.plain_text() {
                Some(id) => Ok(Some(json!({ SERVICE_POINT_SLOT: id }))),
                None => cannot(),
            },
            (Shape::Text | Shape::EnumIf(..) | Shape::Ascii | Shape::Digits | Shape::PlanName, value) => {
                match value.plain_text() {
                    Some(plain) => text(plain),
                    None => cannot(),
                }
            }
            (Shape::Boolean, Self::Integer(0 | 1)) => Ok(Some(Value::Bool(*self == Self::Integer(1)))),
            (Shape::Boolean, Self::Text(flag)) if matches!(flag.as_str(), "true" | "false") => {
                Ok(Some(Value::Bool(flag == "true")))
            }
            (shape, Self::Text(plain)) if let Some(value) = read_text(shape, plain) => {
                value.to_wire(shape, reading)
            }
            // Whether the text has the field's format is for the check of the whole record to say.
            (
                Shape::Enum(_)
                | Shape::Date
                | Shape::DateTime
                | Shape::Time
                | Shape::MonthDay
                | Shape::Amount
                | Shape::Rate
                | Shape::Uri
                | Shape::Duration
                | Shape::Country
                | Shape::Telephone
                | Shape::Email,
                Self::Text(plain),
            ) => text(plain.clone()),
            _ => cannot(),
        }
    }

    /// The text of a key, code or name.
    pub fn plain_text(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Decimal(text) => Some(text.clone()),
            Self::Integer(number) => Some(number.to_string()),
            Self::Date(date) => Some(date.to_string()),
            Self::Boolean(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// The text of a part of a key; nothing for NULL.
    ///
    /// # Errors
    /// Why there is none, without the value.
    pub(crate) fn key_text(&self) -> Result<Option<String>, String> {
        match self {
            Self::Null => Ok(None),
            Self::Unreadable(why) => Err((*why).to_owned()),
            value => value
                .plain_text()
                .map(Some)
                .ok_or_else(|| format!("a {} cannot be part of a key", self.kind())),
        }
    }

    /// The point in time, for `$changesAt`; nothing for NULL.
    ///
    /// # Errors
    /// Why there is none, without the value.
    pub(crate) fn instant(&self, zone: Tz) -> Result<Option<DateTime<Utc>>, String> {
        match self {
            Self::Null => Ok(None),
            Self::Unreadable(why) => Err((*why).to_owned()),
            Self::Instant(at) => Ok(Some(*at)),
            Self::Local(at) => Ok(Some(in_zone(*at, zone))),
            Self::Date(date) => Ok(Some(in_zone(date.and_time(NaiveTime::MIN), zone))),
            Self::Text(text) if let Some(value) = read_text(&Shape::DateTime, text) => value.instant(zone),
            value => Err(format!("a {} cannot be read as a point in time", value.kind())),
        }
    }

    fn decimal(&self) -> String {
        self.plain_text().expect("only called on numbers")
    }

    fn number(&self) -> Value {
        let text = tidy_decimal(&self.decimal(), 0);
        Value::Number(text.parse::<Number>().expect("a plain decimal is a JSON number"))
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) => "whole number",
            Self::Decimal(_) => "decimal",
            Self::Text(_) => "text",
            Self::Date(_) => "date",
            Self::Time(_) => "time",
            Self::Local(_) => "date-time without zone",
            Self::Instant(_) => "date-time",
            Self::Array(_) => "array",
            Self::Json(_) => "JSON document",
            Self::Unreadable(_) => "value that cannot be read",
        }
    }
}

/// What text stands for where a field wants a number, a date or a time: an engine with few types keeps them so. Nothing
/// for other fields, and for text that has another form: the check of the whole record says what is wrong with it.
fn read_text(shape: &Shape, text: &str) -> Option<SourceValue> {
    let local = || {
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
            .map(SourceValue::Local)
    };
    let instant =
        || DateTime::parse_from_rfc3339(text).ok().map(|at| SourceValue::Instant(at.with_timezone(&Utc)));
    match shape {
        Shape::Amount | Shape::Rate | Shape::Number | Shape::Natural | Shape::Positive => {
            is_plain_decimal(text).then(|| SourceValue::Decimal(text.to_owned()))
        }
        Shape::Date => instant().or_else(local),
        Shape::DateTime => instant().or_else(local).or_else(|| text.parse().ok().map(SourceValue::Date)),
        _ => None,
    }
}

/// An object or array of an engine that keeps JSON as text; plain values of an array are read like those of a column.
fn read_json(text: &str) -> SourceValue {
    match serde_json::from_str(text) {
        Ok(Value::Array(values)) if values.iter().all(Value::is_string) => {
            let texts = values.iter().filter_map(Value::as_str);
            SourceValue::Array(texts.map(|text| SourceValue::Text(text.to_owned())).collect())
        }
        Ok(document) => SourceValue::Json(document),
        Err(_) => SourceValue::Unreadable("its text is not JSON"),
    }
}

fn is_plain_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let tidy = whole == "0" || !whole.starts_with('0');
    tidy && digits(whole) && digits(fraction)
}

fn wire_name(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::EnumIf(..) | Shape::Ascii | Shape::Digits | Shape::PlanName => "a string",
        Shape::Boolean => "a boolean",
        Shape::Natural | Shape::Positive | Shape::Number => "a number",
        Shape::Enum(_) => "an enumeration",
        Shape::Date => "a DateString",
        Shape::DateTime => "a DateTimeString",
        Shape::Time => "a time",
        Shape::MonthDay => "a day of the year",
        Shape::Amount => "an AmountString",
        Shape::Rate => "a RateString",
        Shape::Uri => "a URIString",
        Shape::Duration => "a duration",
        Shape::Country => "a country",
        Shape::Telephone => "a telephone number",
        Shape::Email => "an e-mail address",
        Shape::ServicePoint => "a service point id",
        Shape::PlanDetail => "a plan",
        Shape::Object(_) => "an object",
        Shape::List(_) => "an array",
    }
}

/// A plain decimal with no zeros at its end beyond `keep` decimals.
fn tidy_decimal(text: &str, keep: usize) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let trimmed = fraction.trim_end_matches('0');
    let fraction = format!("{trimmed:0<keep$}");
    let tidy = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
    if tidy.bytes().all(|b| matches!(b, b'-' | b'0' | b'.')) {
        tidy.trim_start_matches('-').to_owned()
    } else {
        tidy
    }
}

/// An AmountString: at least two decimals, more only if needed.
fn amount(text: &str) -> String {
    tidy_decimal(text, 2)
}

fn date_time(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// A naive date-time as a point in time. In the hour that happens twice the earlier is meant; a time in the hour that
/// is skipped is read with the offset that held before it.
fn in_zone(at: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    zone.from_local_datetime(&at).earliest().map_or_else(
        || {
            let hour_before = at - chrono::TimeDelta::hours(1);
            let before = zone.from_local_datetime(&hour_before).earliest();
            before.map_or_else(
                || at.and_utc(),
                |before| before.with_timezone(&Utc) + chrono::TimeDelta::hours(1),
            )
        },
        |at| at.with_timezone(&Utc),
    )
}

#[cfg(test)]
mod tests;
