//! How accounts are agreed to be paid.

use crate::code::{Calculation, CardScheme, WalletIdentifier, WalletProvider};
use crate::decimal::Cents;
use crate::dice::Dice;
use crate::id::AccountId;

/// How an account is agreed to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentSchedule {
    /// Which account.
    pub account: AccountId,
    /// Which of the account's: from 1 on. With the account it is the schedule's id.
    pub number: u8,
    /// The amount each time, if it is always the same.
    pub amount: Option<Cents>,
    /// How often, by ISO 8601: payments, or bills where the customer pays by hand.
    pub every: &'static str,
    /// By what.
    pub means: PaymentMeans,
}

/// By what an account is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentMeans {
    /// A card is charged.
    Card(CardScheme, Calculation),
    /// A bank account is debited.
    DirectDebit(Option<BankAccount>, Calculation),
    /// A digital wallet is charged.
    Wallet(Wallet, Calculation),
    /// The customer pays each bill by hand.
    Manual,
}

/// A bank account, where its numbers are kept in the open and not as a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankAccount {
    /// The branch: six digits.
    pub bsb: String,
    /// Six to nine digits.
    pub number: String,
}

/// A digital wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wallet {
    /// What the customer calls it.
    pub name: &'static str,
    /// What names it.
    pub identifier: String,
    /// What kind of name that is.
    pub kind: WalletIdentifier,
    /// Whose it is.
    pub provider: WalletProvider,
}

impl PaymentSchedule {
    pub(crate) fn throw(account: AccountId, number: u8, dice: &mut Dice) -> Self {
        let calculation = dice.pick(Calculation::ALL);
        let means = match dice.below(100) {
            0..25 => PaymentMeans::Card(dice.pick(CardScheme::ALL), calculation),
            25..60 => {
                let open = BankAccount {
                    bsb: format!("{:06}", dice.below(999_999)),
                    number: format!("{:06}", dice.below(99_999_999)),
                };
                PaymentMeans::DirectDebit((!dice.chance(40)).then_some(open), calculation)
            }
            60..75 => PaymentMeans::Wallet(Wallet::throw(dice), calculation),
            _ => PaymentMeans::Manual,
        };
        let by_hand = means == PaymentMeans::Manual;
        let constant = !by_hand && calculation == Calculation::Static;
        Self {
            account,
            number,
            amount: constant.then(|| Cents(dice.range(1_000..40_000))),
            every: if by_hand { dice.pick(&["P1M", "P3M"]) } else { dice.pick(&["P7D", "P14D", "P1M"]) },
            means,
        }
    }

    /// How the amount of a payment comes about, unless the customer pays by hand.
    pub fn calculation(&self) -> Option<Calculation> {
        match &self.means {
            PaymentMeans::Card(_, calculation)
            | PaymentMeans::DirectDebit(_, calculation)
            | PaymentMeans::Wallet(_, calculation) => Some(*calculation),
            PaymentMeans::Manual => None,
        }
    }

    /// The card that is charged, if one is.
    pub fn card(&self) -> Option<CardScheme> {
        match &self.means {
            PaymentMeans::Card(scheme, _) => Some(*scheme),
            _ => None,
        }
    }

    /// The bank account that is debited, if its numbers are kept.
    pub fn bank_account(&self) -> Option<&BankAccount> {
        match &self.means {
            PaymentMeans::DirectDebit(account, _) => account.as_ref(),
            _ => None,
        }
    }

    /// The wallet that is charged, if one is.
    pub fn wallet(&self) -> Option<&Wallet> {
        match &self.means {
            PaymentMeans::Wallet(wallet, _) => Some(wallet),
            _ => None,
        }
    }
}

impl Wallet {
    fn throw(dice: &mut Dice) -> Self {
        let kind = dice.pick(WalletIdentifier::ALL);
        let number = dice.below(1_000);
        Self {
            name: dice.pick(&["My wallet", "Mum's PayPal", "Konto für Strom"]),
            identifier: match kind {
                WalletIdentifier::Email => format!("payer{number}@example.com"),
                WalletIdentifier::ContactName => format!("@payer-{number}"),
                WalletIdentifier::Telephone => format!("0491570{number:03}"),
            },
            kind,
            provider: dice.pick(WalletProvider::ALL),
        }
    }
}
