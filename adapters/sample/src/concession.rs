//! Concessions that governments grant to accounts.

use chrono::NaiveDate;

use crate::calendar;
use crate::code::{ConcessionTarget, ConcessionType};
use crate::decimal::{Cents, Decimal};
use crate::dice::Dice;
use crate::id::AccountId;

/// A government concession granted to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concession {
    /// To whom.
    pub account: AccountId,
    /// Which of the account's: from 1 on. With the account it is the concession's id.
    pub number: u8,
    /// What it is called.
    pub name: &'static str,
    /// How much it is worth.
    pub kind: ConcessionType,
    /// Since when, if that is known.
    pub started: Option<NaiveDate>,
    /// Until when, if it ends.
    pub ended: Option<NaiveDate>,
    /// How many months apart it is granted, if it is fixed.
    pub months: Option<u32>,
    /// The amount each time, for a fixed amount.
    pub amount: Option<Cents>,
    /// The share, for a fixed percentage.
    pub percentage: Option<Decimal>,
    /// How it is worked out, if it varies.
    pub information: Option<&'static str>,
    /// Where more is said about it.
    pub link: Option<&'static str>,
    /// What it lowers, in the order of the standard. Nothing said means usage.
    pub applied_to: Vec<ConcessionTarget>,
}

impl Concession {
    /// The concession of a kind, with its details from the dice.
    pub(crate) fn throw(
        account: AccountId,
        number: u8,
        kind: ConcessionType,
        started: NaiveDate,
        dice: &mut Dice,
    ) -> Self {
        let (name, amount, percentage, information) = match kind {
            ConcessionType::FixedAmount => {
                ("Medical cooling concession", Some(Cents(dice.range(500..9_900))), None, None)
            }
            ConcessionType::FixedPercentage => {
                ("Annual electricity concession", None, Some(Decimal::new(dice.range(25..400), 3)), None)
            }
            ConcessionType::Variable => {
                ("Excess electricity concession", None, None, Some("Worked out on application, once a year"))
            }
        };
        let chosen = ConcessionTarget::ALL.iter().filter(|_| dice.chance(35)).copied().collect();
        Self {
            account,
            number,
            name,
            kind,
            started: dice.chance(90).then_some(started),
            ended: dice.chance(15).then(|| calendar::shift(started, dice.range(300..3_000))),
            months: (kind != ConcessionType::Variable).then(|| dice.pick(&[1, 3, 6, 12])),
            amount,
            percentage,
            information,
            link: dice.chance(30).then_some("https://services.example/concessions?kind=energy&state=VIC"),
            applied_to: chosen,
        }
    }

    /// How often it is granted, by ISO 8601.
    pub fn frequency(&self) -> Option<String> {
        self.months.map(|months| format!("P{months}M"))
    }
}
