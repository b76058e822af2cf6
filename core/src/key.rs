//! Keys of source rows, in one canonical text form.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a key column holds. Other types are refused as keys: their text depends on session settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// Any whole number.
    Integer,
    /// Text as the source stores it; equality is the source's.
    Text,
    /// A UUID, in lower case with hyphens.
    Uuid,
    /// An exact decimal, without trailing zeros.
    Decimal,
    /// A calendar date, `YYYY-MM-DD`.
    Date,
}

impl KeyType {
    /// The name used in `graph.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Text => "text",
            Self::Uuid => "uuid",
            Self::Decimal => "decimal",
            Self::Date => "date",
        }
    }

    /// The type of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Integer, Self::Text, Self::Uuid, Self::Decimal, Self::Date]
            .into_iter()
            .find(|t| t.name() == name)
    }

    /// The canonical text of one value: equal values of this type have equal texts.
    pub fn canonical(self, text: &str) -> Result<Cow<'_, str>, KeyError> {
        let wrong = || KeyError::Value { expected: self.name() };
        match self {
            Self::Text => Ok(Cow::Borrowed(text)),
            Self::Integer => canonical_integer(text).ok_or_else(wrong),
            Self::Decimal => canonical_decimal(text).ok_or_else(wrong),
            Self::Uuid => canonical_uuid(text).ok_or_else(wrong),
            Self::Date => {
                chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| wrong())?;
                Ok(Cow::Borrowed(text))
            }
        }
    }
}

fn canonical_integer(text: &str) -> Option<Cow<'_, str>> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let tidy = plain && (digits == "0" && digits.len() == text.len() || !digits.starts_with('0'));
    if tidy {
        return Some(Cow::Borrowed(text));
    }
    text.parse::<i128>().ok().map(|n| Cow::Owned(n.to_string()))
}

fn canonical_decimal(text: &str) -> Option<Cow<'_, str>> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let numeric = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !numeric(whole) || !numeric(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    Some(Cow::Owned(match (whole, fraction) {
        ("0", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    }))
}

fn canonical_uuid(text: &str) -> Option<Cow<'_, str>> {
    let well_formed = text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        });
    if !well_formed {
        return None;
    }
    let lower = text.bytes().all(|b| !b.is_ascii_uppercase());
    Some(if lower { Cow::Borrowed(text) } else { Cow::Owned(text.to_ascii_lowercase()) })
}

/// A key that does not fit its columns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The number of parts differs from the number of key columns.
    #[error("a key of {expected} columns was given {given} values")]
    Arity {
        /// Columns of the key.
        expected: usize,
        /// Values that came.
        given: usize,
    },
    /// A value does not have the column's type. The value itself is personal data and not repeated.
    #[error("a key value is not {expected}")]
    Value {
        /// The column's type.
        expected: &'static str,
    },
}

/// A row's key in canonical text form: the columns' canonical texts joined by `|`, with `\` before any `\` or `|`
/// inside a value.
///
/// Two keys are the same row *to Wattle* when their texts are equal. The source may hold more texts equal (letter
/// case, trailing blanks); only the source decides that, when a record is fetched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Box<str>);

impl Key {
    /// Builds a key from the values of its columns, in order.
    pub fn new<'a>(
        types: impl ExactSizeIterator<Item = KeyType>,
        values: impl ExactSizeIterator<Item = &'a str>,
    ) -> Result<Self, KeyError> {
        if types.len() != values.len() {
            return Err(KeyError::Arity { expected: types.len(), given: values.len() });
        }
        let mut text = String::new();
        for (at, (key_type, value)) in types.zip(values).enumerate() {
            if at > 0 {
                text.push('|');
            }
            for c in key_type.canonical(value)?.chars() {
                if c == '|' || c == '\\' {
                    text.push('\\');
                }
                text.push(c);
            }
        }
        Ok(Self(text.into()))
    }

    /// Takes a canonical text back, as stored.
    pub fn from_canonical(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The values of the key's columns, in order.
    pub fn values(&self) -> Vec<Cow<'_, str>> {
        if !self.0.contains(['|', '\\']) {
            return vec![Cow::Borrowed(&self.0)];
        }
        let mut values = Vec::new();
        let mut value = String::new();
        let mut chars = self.0.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => value.extend(chars.next()),
                '|' => values.push(Cow::Owned(std::mem::take(&mut value))),
                c => value.push(c),
            }
        }
        values.push(Cow::Owned(value));
        values
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text_key(values: &[&str]) -> Key {
        Key::new(values.iter().map(|_| KeyType::Text), values.iter().copied()).unwrap()
    }

    proptest! {
        #[test]
        fn values_survive_the_canonical_form(values in prop::collection::vec(".*", 1..5)) {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let key = text_key(&values);
            prop_assert_eq!(key.values(), values);
        }

        #[test]
        fn different_values_have_different_texts(
            a in prop::collection::vec("[a|\\\\]{0,4}", 1..4), b in prop::collection::vec("[a|\\\\]{0,4}", 1..4)
        ) {
            let (a, b): (Vec<&str>, Vec<&str>) =
                (a.iter().map(String::as_str).collect(), b.iter().map(String::as_str).collect());
            prop_assert_eq!(a == b, text_key(&a) == text_key(&b));
        }

        #[test]
        fn integers_have_one_form(n in any::<i64>(), zeros in 0usize..3) {
            let padded = format!("{}{}{}", if n < 0 { "-" } else { "" }, "0".repeat(zeros), n.unsigned_abs());
            prop_assert_eq!(KeyType::Integer.canonical(&padded).unwrap(), n.to_string());
        }
    }

    #[test]
    fn equal_values_have_equal_texts() {
        let canonical = |t: KeyType, text: &str| t.canonical(text).map(Cow::into_owned);
        assert_eq!(canonical(KeyType::Decimal, "007.500").unwrap(), "7.5");
        assert_eq!(canonical(KeyType::Decimal, "-0.00").unwrap(), "0");
        assert_eq!(canonical(KeyType::Integer, "-0").unwrap(), "0");
        let uuid = "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11";
        assert_eq!(canonical(KeyType::Uuid, uuid).unwrap(), uuid.to_lowercase());
        for (t, bad) in [
            (KeyType::Integer, "12a"),
            (KeyType::Integer, ""),
            (KeyType::Decimal, "1e5"),
            (KeyType::Uuid, "a0eebc99"),
            (KeyType::Date, "2026-02-30"),
        ] {
            assert!(canonical(t, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn arity_is_checked() {
        let error = Key::new([KeyType::Text].into_iter(), ["a", "b"].into_iter()).unwrap_err();
        assert_eq!(error, KeyError::Arity { expected: 1, given: 2 });
    }
}
