//! The names of people.

use crate::dice::Dice;

/// A person's name. People with a single name have it as their last name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonName {
    /// Dr, Ms …
    pub prefix: Option<&'static str>,
    /// The given name, if there is one.
    pub first: Option<&'static str>,
    /// Further given names.
    pub middle: Vec<&'static str>,
    /// The family name.
    pub last: &'static str,
    /// Jr, OAM …
    pub suffix: Option<&'static str>,
}

impl PersonName {
    pub(crate) fn throw(dice: &mut Dice) -> Self {
        let single = dice.chance(2);
        let middle_count = if single || dice.chance(55) { 0 } else { 1 + usize::from(dice.chance(15)) };
        Self {
            prefix: dice.chance(15).then(|| dice.pick(&["Dr", "Ms", "Mr", "Mrs", "Prof", "Rev"])),
            first: (!single).then(|| dice.pick(FIRST_NAMES)),
            middle: (0..middle_count).map(|_| dice.pick(FIRST_NAMES)).collect(),
            last: if single { dice.pick(SINGLE_NAMES) } else { dice.pick(LAST_NAMES) },
            suffix: dice.chance(2).then(|| dice.pick(&["Jr", "OAM", "PhD", "III"])),
        }
    }
}

const FIRST_NAMES: &[&str] = &[
    "Olivia",
    "Jack",
    "Chloé",
    "Noah",
    "Zoë",
    "José",
    "Siân",
    "Arjun",
    "Mei",
    "Łukasz",
    "Søren",
    "Aoife",
    "Priya",
    "Thị",
    "Ana-María",
    "Kirra",
    "Jarrah",
    "Yindi",
    "Mohammed",
    "Fatima",
    "Giulia",
    "Dimitrios",
    "Hana",
    "Wei",
    "Grace",
    "William",
    "Ruby",
    "Thomas",
    "Isla",
    "Hamish",
    "Amélie",
    "Björn",
    "Ngaire",
    "Tāne",
    "Ivana",
    "Oğuz",
];

pub(crate) const LAST_NAMES: &[&str] = &[
    "Smith",
    "Nguyễn",
    "O'Brien",
    "Müller",
    "Papadopoulos",
    "D'Souza",
    "Jones",
    "Singh",
    "van der Berg",
    "García López",
    "Østergaard",
    "Nowak",
    "Chen",
    "Wang",
    "Kowalczyk",
    "Williams",
    "Brown",
    "Taylor",
    "Di Natale",
    "Yılmaz",
    "Martin",
    "Kaur",
    "Patel",
    "Thompson",
    "Šimić",
    "Ó Súilleabháin",
    "McDonald",
    "Tran",
    "Le Fèvre",
    "Anderson",
    "Haddad",
];

const SINGLE_NAMES: &[&str] = &["Madhavan", "Suryani", "Günay", "Budi", "Prakash"];
