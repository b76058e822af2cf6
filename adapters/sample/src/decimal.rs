//! Exact numbers: money in cents, and decimals as scaled integers.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

/// Australian money to the cent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cents(pub i64);

/// Writes dollars with exactly two decimals, which is also the CDS's AmountString.
impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:02}", self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100)
    }
}

impl Add for Cents {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Cents {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Cents {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Cents {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Cents {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self(0), Add::add)
    }
}

/// An exact decimal: `units` times ten to the power of minus `scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    units: i64,
    scale: u32,
}

impl Decimal {
    /// `Decimal::new(28534, 5)` is 0.28534.
    pub const fn new(units: i64, scale: u32) -> Self {
        Self { units, scale }
    }

    /// The units at this decimal's own scale.
    pub const fn units(self) -> i64 {
        self.units
    }

    /// The value counted in units of ten to the power of minus `scale`: 0.28534 is 285,340 at a scale of 6.
    ///
    /// # Panics
    /// When the value has more decimals than that.
    pub const fn units_at(self, scale: u32) -> i64 {
        assert!(self.scale <= scale, "a decimal is counted in units that are fine enough");
        self.units * 10_i64.pow(scale - self.scale)
    }

    /// Whether the value is below zero.
    pub const fn is_negative(self) -> bool {
        self.units < 0
    }

    /// The CDS's AmountString: at least two decimals and no zero beyond them.
    pub fn amount_string(self) -> String {
        self.with_decimals(2)
    }

    fn with_decimals(self, least: usize) -> String {
        let sign = if self.units < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.units.unsigned_abs(), width = self.scale as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.scale as usize);
        let fraction = format!("{:0<least$}", fraction.trim_end_matches('0'));
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }
}

/// Writes a plain number without superfluous zeros, as JSON numbers and RateStrings want it.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_decimals(0))
    }
}

/// `amount` times `factor`, rounded half away from zero to the cent.
pub(crate) fn price(quantity: Decimal, unit_price: Decimal) -> Cents {
    let exact = i128::from(quantity.units) * i128::from(unit_price.units);
    let per_cent = 10_i128.pow(quantity.scale + unit_price.scale - 2);
    let half = if exact < 0 { -per_cent / 2 } else { per_cent / 2 };
    Cents(i64::try_from((exact + half) / per_cent).expect("sample quantities and prices are small"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_two_decimals_and_no_superfluous_zero() {
        assert_eq!(Cents(-5).to_string(), "-0.05");
        assert_eq!(Cents(123_450).to_string(), "1234.50");
        assert_eq!(Decimal::new(28_534, 5).amount_string(), "0.28534");
        assert_eq!(Decimal::new(30_000, 5).amount_string(), "0.30");
        assert_eq!(Decimal::new(-1_500, 3).amount_string(), "-1.50");
        assert_eq!(Decimal::new(-1_500, 3).to_string(), "-1.5");
        assert_eq!(Decimal::new(12_000, 3).to_string(), "12");
        assert_eq!(Decimal::new(28_534, 5).units_at(6), 285_340);
    }

    #[test]
    fn prices_round_half_away_from_zero() {
        assert_eq!(price(Decimal::new(1_000, 3), Decimal::new(28_500, 5)), Cents(29));
        assert_eq!(price(Decimal::new(-1_000, 3), Decimal::new(28_500, 5)), Cents(-29));
        assert_eq!(price(Decimal::new(1_000, 3), Decimal::new(28_499, 5)), Cents(28));
    }
}
