//! Exact decimals: up to 38 digits on the wire, groups of four digits in PostgreSQL's binary format.

use super::Reader;
use crate::error::SqlError;

const GROUP: i128 = 10_000;
/// Digits of a group.
const GROUP_DIGITS: u32 = 4;
const NEGATIVE: u16 = 0x4000;
/// Not a number, or infinite: SQL Server has neither.
const SPECIAL: u16 = 0xc000;

/// Ten to the power of `digits`; none beyond what 128 bits hold.
pub(crate) fn power_of_ten(digits: u32) -> Option<i128> {
    10_i128.checked_pow(digits)
}

/// The mantissa with another number of decimal places, rounded half away from zero.
pub(crate) fn rescale(mantissa: i128, from: u8, to: u8) -> Option<i128> {
    let factor = power_of_ten(u32::from(from.abs_diff(to)))?;
    if to >= from {
        return mantissa.checked_mul(factor);
    }
    let half_away = if (mantissa % factor).abs() * 2 >= factor { mantissa.signum() } else { 0 };
    Some(mantissa / factor + half_away)
}

/// Writes PostgreSQL's binary `numeric`.
pub(crate) fn to_postgres(mantissa: i128, scale: u8) -> Vec<u8> {
    // The fraction is filled up to whole groups first, so that the point lies between two groups.
    let padding = (GROUP_DIGITS - u32::from(scale) % GROUP_DIGITS) % GROUP_DIGITS;
    let fraction_groups = (u32::from(scale) + padding) / GROUP_DIGITS;
    let mut rest = mantissa.unsigned_abs();
    let mut groups = Vec::new();
    if padding > 0 {
        // The lowest group holds fewer digits than the others.
        let partial = 10_u128.pow(GROUP_DIGITS - padding);
        groups.push((rest % partial) * 10_u128.pow(padding));
        rest /= partial;
    }
    while rest > 0 {
        groups.push(rest % GROUP.unsigned_abs());
        rest /= GROUP.unsigned_abs();
    }
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let weight = i64::try_from(groups.len()).unwrap_or(0) - i64::from(fraction_groups) - 1;
    let mut bytes = Vec::with_capacity(8 + groups.len() * 2);
    bytes.extend((groups.len() as u16).to_be_bytes());
    bytes.extend((weight as i16).to_be_bytes());
    bytes.extend((if mantissa < 0 { NEGATIVE } else { 0 }).to_be_bytes());
    bytes.extend(u16::from(scale).to_be_bytes());
    for group in groups.iter().rev() {
        bytes.extend((*group as u16).to_be_bytes());
    }
    bytes
}

/// Reads PostgreSQL's binary `numeric`: mantissa and decimal places.
pub(crate) fn from_postgres(bytes: &[u8]) -> Result<(i128, u8), SqlError> {
    let overflow =
        || SqlError::new(8115, "Arithmetic overflow error converting expression to data type numeric.");
    let mut reader = Reader::new(bytes);
    let mut next = || reader.take(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let (count, weight, sign, scale) = (next()?, next()? as i16, next()?, next()?);
    if sign & SPECIAL == SPECIAL {
        return Err(overflow());
    }
    let scale = u8::try_from(scale).map_err(|_| overflow())?;
    let mut mantissa = 0_i128;
    for number in 0..count {
        let group = i128::from(next()?);
        // The power of ten of this group's last digit, counted from the last decimal place.
        let exponent = (i32::from(weight) - i32::from(number)) * GROUP_DIGITS as i32 + i32::from(scale);
        let part = match u32::try_from(exponent) {
            Ok(up) => power_of_ten(up).and_then(|factor| group.checked_mul(factor)),
            Err(_) => power_of_ten(exponent.unsigned_abs()).map(|factor| group / factor),
        };
        mantissa = part.and_then(|part| mantissa.checked_add(part)).ok_or_else(overflow)?;
    }
    Ok((if sign == NEGATIVE { -mantissa } else { mantissa }, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_survive_the_trip_through_postgresql() {
        for (mantissa, scale) in [
            (0, 0),
            (0, 4),
            (1, 0),
            (-1, 4),
            (10_000, 4),
            (123_456_789, 2),
            (5, 9),
            (-99_999, 1),
            (10_000, 0),
            (99_999_999_999_999_999_999_999_999_999_999_999_999, 0),
            (-99_999_999_999_999_999_999_999_999_999_999_999_999, 38),
            (12_345_678_901_234_567_890, 17),
        ] {
            let bytes = to_postgres(mantissa, scale);
            assert_eq!(from_postgres(&bytes).unwrap(), (mantissa, scale), "{bytes:?}");
        }
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        assert_eq!(rescale(12_345, 4, 3), Some(1_235));
        assert_eq!(rescale(-12_345, 4, 3), Some(-1_235));
        assert_eq!(rescale(12_344, 4, 3), Some(1_234));
        assert_eq!(rescale(1, 0, 4), Some(10_000));
    }
}
