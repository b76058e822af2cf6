//! The key in a row.

use wattle_core::{Key, KeyType};

use super::table::{DIGIT_BYTES, Layout};
use super::{Malformed, charset};

/// Where a key's column is in a row, and how its value is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyColumn {
    /// Its place among the columns.
    pub(crate) at: usize,
    pub(crate) key_type: KeyType,
    pub(crate) unsigned: bool,
    /// The character set of a text.
    pub(crate) charset: String,
}

/// What a row says of its key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RowKey {
    Key(Key),
    /// It has none: part of it is null, or nothing that a key can be.
    None,
    /// The row came without.
    Missing,
}

impl RowKey {
    pub(crate) fn into_key(self) -> Option<Key> {
        match self {
            Self::Key(key) => Some(key),
            Self::None | Self::Missing => None,
        }
    }
}

/// A column's value in a row: absent where the row does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Absent,
    Null,
    Value(&'a [u8]),
}

/// The key that cells make up, each with its layout.
pub(super) fn key_of(columns: &[KeyColumn], cells: &[(Cell<'_>, Layout)]) -> Result<RowKey, Malformed> {
    let mut values = Vec::with_capacity(columns.len());
    for (column, (cell, layout)) in columns.iter().zip(cells) {
        match cell {
            Cell::Absent => return Ok(RowKey::Missing),
            Cell::Null => return Ok(RowKey::None),
            Cell::Value(bytes) => match text(column, *layout, bytes)? {
                Some(text) => values.push(text),
                None => return Ok(RowKey::None),
            },
        }
    }
    let types: Vec<KeyType> = columns.iter().map(|column| column.key_type).collect();
    let key = Key::new(types.into_iter(), values.iter().map(String::as_str));
    key.map(RowKey::Key).map_err(|_| Malformed("a key does not have the types that graph.toml gives"))
}

/// A value's text; none for a date that is none.
fn text(column: &KeyColumn, layout: Layout, bytes: &[u8]) -> Result<Option<String>, Malformed> {
    let value = match (column.key_type, layout) {
        (KeyType::Integer, Layout::Integer(_)) => integer(bytes, column.unsigned),
        (KeyType::Integer, Layout::Year) => year(bytes[0]).to_string(),
        (KeyType::Decimal, Layout::Decimal(digits, fraction)) => decimal(bytes, digits, fraction)?,
        (KeyType::Date, Layout::Date) => return Ok(date(bytes)),
        (KeyType::Uuid, Layout::Padded(16, _)) => uuid(bytes)?,
        (KeyType::Text, Layout::Variable(_)) => charset::decode(&column.charset, bytes)?,
        (KeyType::Text, Layout::Padded(..)) => {
            charset::decode(&column.charset, bytes)?.trim_end_matches(' ').to_owned()
        }
        _ => return Err(Malformed("a key column has another type than graph.toml gives")),
    };
    Ok(Some(value))
}

fn integer(bytes: &[u8], unsigned: bool) -> String {
    let number = bytes.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    if unsigned {
        return number.to_string();
    }
    let unused = 64 - 8 * bytes.len() as u32;
    (((number << unused) as i64) >> unused).to_string()
}

fn year(byte: u8) -> u16 {
    if byte == 0 { 0 } else { 1900 + u16::from(byte) }
}

/// A day, a month and a year in 24 bits; with zeros it is no date.
fn date(bytes: &[u8]) -> Option<String> {
    let number = bytes.iter().rev().fold(0u32, |number, byte| number << 8 | u32::from(*byte));
    let (year, month, day) = (number >> 9, number >> 5 & 15, number & 31);
    let date = chrono::NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    (year > 0).then(|| date.to_string())
}

/// Zero bytes at the end were left off.
fn uuid(bytes: &[u8]) -> Result<String, Malformed> {
    let mut whole = [0; 16];
    whole.get_mut(..bytes.len()).ok_or(Malformed("a UUID has more than 16 bytes"))?.copy_from_slice(bytes);
    Ok(uuid::Uuid::from_bytes(whole).to_string())
}

/// Groups of nine digits in four bytes each, the odd digits in fewer at either end; the highest bit is set unless it is
/// negative, and then all bits are turned over.
fn decimal(bytes: &[u8], digits: u8, fraction: u8) -> Result<String, Malformed> {
    let negative = bytes.first().is_some_and(|first| first & 0x80 == 0);
    let mut bytes: Vec<u8> = bytes.iter().map(|byte| if negative { !byte } else { *byte }).collect();
    if let Some(first) = bytes.first_mut() {
        *first ^= 0x80;
    }
    let mut rest = bytes.as_slice();
    let mut group = |digits: usize| -> Result<String, Malformed> {
        let (taken, after) =
            rest.split_at_checked(DIGIT_BYTES[digits]).ok_or(Malformed("a decimal is cut short"))?;
        rest = after;
        let number = taken.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte));
        Ok(format!("{number:0digits$}"))
    };
    let (fraction, whole) = (usize::from(fraction), usize::from(digits - fraction));
    let mut text = if negative { "-".to_owned() } else { String::new() };
    if whole == 0 {
        text.push('0');
    }
    if whole % 9 > 0 {
        text.push_str(&group(whole % 9)?);
    }
    for _ in 0..whole / 9 {
        text.push_str(&group(9)?);
    }
    if fraction > 0 {
        text.push('.');
        for _ in 0..fraction / 9 {
            text.push_str(&group(9)?);
        }
        if fraction % 9 > 0 {
            text.push_str(&group(fraction % 9)?);
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A decimal as the server lays it out.
    fn packed(whole: &str, fraction: &str, negative: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut group = |digits: &str| {
            let number: u32 = if digits.is_empty() { 0 } else { digits.parse().unwrap() };
            let width = DIGIT_BYTES[digits.len()];
            bytes.extend_from_slice(&number.to_be_bytes()[4 - width..]);
        };
        let odd = whole.len() % 9;
        group(&whole[..odd]);
        whole.as_bytes()[odd..].chunks(9).for_each(|chunk| group(std::str::from_utf8(chunk).unwrap()));
        fraction.as_bytes().chunks(9).for_each(|chunk| group(std::str::from_utf8(chunk).unwrap()));
        if let Some(first) = bytes.first_mut() {
            *first ^= 0x80;
        }
        if negative { bytes.iter().map(|byte| !byte).collect() } else { bytes }
    }

    proptest! {
        #[test]
        fn whole_numbers_survive(number in any::<i64>(), width in prop::sample::select(vec![1usize, 2, 3, 4, 8])) {
            let unused = 64 - 8 * width as u32;
            let number = number << unused >> unused;
            let bytes = &number.to_le_bytes()[..width];
            prop_assert_eq!(integer(bytes, false), number.to_string());
            let mask = u64::MAX >> unused;
            prop_assert_eq!(integer(bytes, true), (number as u64 & mask).to_string());
        }

        #[test]
        fn decimals_survive(whole in "[0-9]{1,20}", fraction in "[0-9]{0,12}", negative: bool) {
            let digits = (whole.len() + fraction.len()) as u8;
            let read = decimal(&packed(&whole, &fraction, negative), digits, fraction.len() as u8).unwrap();
            let sign = if negative { "-" } else { "" };
            let point = if fraction.is_empty() { "" } else { "." };
            prop_assert_eq!(read, format!("{sign}{whole}{point}{fraction}"));
        }

        #[test]
        fn uuids_survive_without_the_zeros_at_their_end(bytes: [u8; 16], zeros in 0usize..17) {
            let mut bytes = bytes;
            bytes[16 - zeros..].fill(0);
            let kept = 16 - bytes.iter().rev().take_while(|byte| **byte == 0).count();
            prop_assert_eq!(uuid(&bytes[..kept]).unwrap(), uuid::Uuid::from_bytes(bytes).to_string());
        }

        #[test]
        fn dates_survive(days in 0u32..3_652_058) {
            use chrono::Datelike;
            let day = chrono::NaiveDate::from_ymd_opt(1, 1, 1).unwrap() + chrono::Days::new(u64::from(days));
            let number = (day.year() as u32) << 9 | day.month() << 5 | day.day();
            prop_assert_eq!(date(&number.to_le_bytes()[..3]), Some(day.to_string()));
        }
    }

    #[test]
    fn dates_with_zeros_are_none() {
        for number in [0u32, 2026 << 9, 2026 << 9 | 2 << 5 | 30] {
            assert_eq!(date(&number.to_le_bytes()[..3]), None);
        }
    }
}
