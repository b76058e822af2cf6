//! Addresses and the supply points at them.

use crate::dice::Dice;
use crate::id::{AddressId, ServicePointId};

/// A postal or site address in Victoria. Accounts and supply points share addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Its id.
    pub id: AddressId,
    /// Unit, number and street.
    pub line: String,
    /// Suburb or town.
    pub suburb: &'static str,
    /// State, always `VIC` here.
    pub state: &'static str,
    /// Four digits.
    pub postcode: String,
}

impl Address {
    /// As it appears in an account's display name: `12 Wattle St, Ballarat VIC 3350`.
    pub fn one_line(&self) -> String {
        format!("{}, {} {} {}", self.line, self.suburb, self.state, self.postcode)
    }

    pub(crate) fn throw(id: AddressId, dice: &mut Dice) -> Self {
        let (suburb, postcode, _) = dice.pick(SUBURBS);
        let unit = if dice.chance(20) { format!("Unit {}, ", 1 + dice.below(40)) } else { String::new() };
        let letter = if dice.chance(5) { "A" } else { "" };
        let street = dice.pick(STREETS);
        let kind = dice.pick(&["St", "Rd", "Ave", "Ct", "Pde", "Lane"]);
        let line = format!("{unit}{}{letter} {street} {kind}", 1 + dice.below(280));
        Self { id, line, suburb, state: "VIC", postcode: postcode.to_owned() }
    }

    /// The distribution zone the address is in, an index below [`ZONES`]`.len()`.
    pub(crate) fn zone(&self) -> usize {
        SUBURBS.iter().find(|(name, ..)| *name == self.suburb).map_or(0, |(_, _, zone)| *zone)
    }
}

/// A point where energy is supplied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePoint {
    /// Its id.
    pub id: ServicePointId,
    /// What it supplies.
    pub fuel: Fuel,
    /// Its national number: the NMI for electricity, the MIRN for gas.
    pub national_number: String,
    /// Where it is, while the retailer knows.
    pub site: Option<AddressId>,
}

/// What a supply point supplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fuel {
    /// Electricity. Only these are service points to the CDR.
    Electricity,
    /// Gas.
    Gas,
}

impl ServicePoint {
    pub(crate) fn at(id: ServicePointId, fuel: Fuel, site: AddressId) -> Self {
        let first = if fuel == Fuel::Electricity { 61_020_000_000_u64 } else { 53_200_000_000 };
        Self { id, fuel, national_number: (first + u64::from(id.0)).to_string(), site: Some(site) }
    }
}

/// Distribution zones: name in a plan's code, name in its title.
pub(crate) const ZONES: &[(&str, &str)] = &[("C", "Central"), ("W", "West"), ("N", "North"), ("E", "East")];

pub(crate) const SUBURBS: &[(&str, &str, usize)] = &[
    ("Ballarat", "3350", 1),
    ("Geelong", "3220", 1),
    ("Werribee", "3030", 1),
    ("Warrnambool", "3280", 1),
    ("Carlton", "3053", 0),
    ("Richmond", "3121", 0),
    ("St Kilda", "3182", 0),
    ("Footscray", "3011", 0),
    ("Coburg", "3058", 2),
    ("Bendigo", "3550", 2),
    ("Shepparton", "3630", 2),
    ("Mildura", "3500", 2),
    ("Ringwood", "3134", 3),
    ("Dandenong", "3175", 3),
    ("Traralgon", "3844", 3),
    ("Bairnsdale", "3875", 3),
];

pub(crate) const STREETS: &[&str] = &[
    "Wattle",
    "Acacia",
    "Banksia",
    "Correa",
    "Dianella",
    "Eucalypt",
    "Grevillea",
    "Hakea",
    "Station",
    "Church",
    "Victoria",
    "Mill",
    "O'Connor",
    "Swanston",
    "Lygon",
    "Kookaburra",
    "Rosella",
    "Sturt",
    "Lydiard",
    "Queen",
    "King",
    "Railway",
];
