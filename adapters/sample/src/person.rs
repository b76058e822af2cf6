//! Customers and the names of people.

use crate::dice::Dice;
use crate::id::CustomerId;

/// A customer: whoever may share data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// Who it is.
    pub party: Party,
    /// An e-mail address.
    pub email: String,
    /// A mobile number, as dialled in Australia.
    pub mobile: String,
}

/// Who a customer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// A natural person.
    Person(PersonName),
    /// A business, acting through an agent.
    Organisation {
        /// The name it trades under.
        business_name: String,
        /// Its Australian business number.
        abn: String,
        /// The person who acts for it.
        agent: PersonName,
        /// What that person is there.
        agent_role: &'static str,
    },
}

impl Party {
    /// The CDS's `customerUType`.
    pub fn cds_type(&self) -> &'static str {
        match self {
            Self::Person(_) => "person",
            Self::Organisation { .. } => "organisation",
        }
    }
}

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

impl Customer {
    pub(crate) fn person(id: CustomerId, dice: &mut Dice) -> Self {
        let name = PersonName::throw(dice);
        Self {
            id,
            party: Party::Person(name),
            email: format!("customer{id}@example.com"),
            mobile: mobile(dice),
        }
    }

    pub(crate) fn organisation(id: CustomerId, dice: &mut Dice) -> Self {
        let founder = dice.pick(LAST_NAMES);
        let trade =
            dice.pick(&["Bakery", "Plumbing", "Café", "Dairy", "Motors", "Nursery", "Joinery", "Accounting"]);
        let form = dice.pick(&["", " Pty Ltd", " & Sons", " Co-operative"]);
        let party = Party::Organisation {
            business_name: format!("{founder} {trade}{form}"),
            abn: format!("{:011}", dice.range(10_000_000_000..99_999_999_999)),
            agent: PersonName::throw(dice),
            agent_role: dice.pick(&["Director", "Office manager", "Unspecified", "Secretary"]),
        };
        Self { id, party, email: format!("accounts{id}@example.com"), mobile: mobile(dice) }
    }
}

fn mobile(dice: &mut Dice) -> String {
    // 0491 570 xxx is kept for fiction.
    format!("0491570{:03}", dice.below(1000))
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

const LAST_NAMES: &[&str] = &[
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
