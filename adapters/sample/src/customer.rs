//! Customers: people and organisations.

use chrono::{DateTime, NaiveDate, Utc};

use crate::calendar;
use crate::code::{IndustryRelease, OccupationRelease, OrganisationType};
use crate::dice::Dice;
use crate::id::CustomerId;
use crate::person::{LAST_NAMES, PersonName};
use crate::reach::{self, Email, Phone, PostalAddress};

/// A customer: whoever may share data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Its id.
    pub id: CustomerId,
    /// Who it is.
    pub party: Party,
    /// When the customer last changed anything of this, or was written down. In whole seconds, by day.
    pub updated: DateTime<Utc>,
    /// Telephone numbers, the mobile first. At most one is preferred.
    pub phones: Vec<Phone>,
    /// E-mail addresses. At most one is preferred.
    pub emails: Vec<Email>,
    /// Postal addresses, the registered one first.
    pub addresses: Vec<PostalAddress>,
}

/// Who a customer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// A natural person.
    Person {
        /// Their name.
        name: PersonName,
        /// What they do for a living.
        occupation: Option<Occupation>,
    },
    /// A business, acting through an agent.
    Organisation(Box<Organisation>),
}

/// An occupation by its Australian code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupation {
    /// Six digits.
    pub code: &'static str,
    /// The release of the codes.
    pub release: OccupationRelease,
}

/// A business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// The name it trades under.
    pub business_name: String,
    /// Its name by law, if another.
    pub legal_name: Option<String>,
    /// A short name, if it has one.
    pub short_name: Option<&'static str>,
    /// Its Australian business number: eleven digits.
    pub abn: String,
    /// Its Australian company number, if it is a company: nine digits.
    pub acn: Option<String>,
    /// Whether it is a registered charity, where that was asked.
    pub charity: Option<bool>,
    /// The code of its industry, four digits, and the release of the codes.
    pub industry: Option<(&'static str, IndustryRelease)>,
    /// What it is by law.
    pub kind: OrganisationType,
    /// Where it is registered, by three letters.
    pub country: Option<&'static str>,
    /// When it was established.
    pub established: Option<NaiveDate>,
    /// The person who acts for it.
    pub agent: PersonName,
    /// What that person is there.
    pub agent_role: &'static str,
}

impl Party {
    /// The CDS's `customerUType`.
    pub fn cds_type(&self) -> &'static str {
        match self {
            Self::Person { .. } => "person",
            Self::Organisation(_) => "organisation",
        }
    }

    /// The name of the person, or of the person who acts for the organisation.
    pub fn name(&self) -> &PersonName {
        match self {
            Self::Person { name, .. } => name,
            Self::Organisation(organisation) => &organisation.agent,
        }
    }

    /// The organisation, if it is one.
    pub fn organisation(&self) -> Option<&Organisation> {
        match self {
            Self::Person { .. } => None,
            Self::Organisation(organisation) => Some(organisation),
        }
    }

    /// What the person does for a living, if it is one and has said so.
    pub fn occupation(&self) -> Option<Occupation> {
        match self {
            Self::Person { occupation, .. } => *occupation,
            Self::Organisation(_) => None,
        }
    }
}

impl Customer {
    /// A person with their name from one set of dice and everything else from another.
    pub(crate) fn person(id: CustomerId, dice: &mut Dice, details: &mut Dice, today: NaiveDate) -> Self {
        let name = PersonName::throw(dice);
        let mobile = reach::mobile(dice);
        Self {
            id,
            party: Party::Person { name, occupation: Occupation::throw(details) },
            updated: some_day_before(today, details),
            phones: reach::phones(mobile, details),
            emails: reach::emails(format!("customer{id}@example.com"), details),
            addresses: reach::addresses(details),
        }
    }

    /// The same of an organisation.
    pub(crate) fn organisation(
        id: CustomerId,
        dice: &mut Dice,
        details: &mut Dice,
        today: NaiveDate,
    ) -> Self {
        let founder = dice.pick(LAST_NAMES);
        let (trade, industry) = dice.pick(TRADES);
        let (form, kind) = dice.pick(FORMS);
        let mut organisation = Organisation {
            business_name: format!("{founder} {trade}{form}"),
            legal_name: None,
            short_name: None,
            abn: format!("{:011}", dice.range(10_000_000_000..99_999_999_999)),
            acn: None,
            charity: None,
            industry: None,
            kind,
            country: None,
            established: details.chance(80).then(|| calendar::shift(today, -details.range(400..20_000))),
            agent: PersonName::throw(dice),
            agent_role: dice.pick(&["Director", "Office manager", "Unspecified", "Secretary"]),
        };
        let release = if details.chance(20) { IndustryRelease::V1 } else { IndustryRelease::V2 };
        organisation.industry = details.chance(75).then_some((industry, release));
        organisation.short_name = details.chance(30).then_some(founder);
        organisation.throw_register(details);
        let mobile = reach::mobile(dice);
        Self {
            id,
            party: Party::Organisation(Box::new(organisation)),
            updated: some_day_before(today, details),
            phones: reach::phones(mobile, details),
            emails: reach::emails(format!("accounts{id}@example.com"), details),
            addresses: reach::addresses(details),
        }
    }
}

impl Organisation {
    /// What registers say of it: its name by law, its numbers, and what it is.
    pub(crate) fn throw_register(&mut self, dice: &mut Dice) {
        self.kind = match dice.below(100) {
            0..12 => OrganisationType::Trust,
            12..18 => OrganisationType::Government,
            _ => self.kind,
        };
        self.acn = (self.kind == OrganisationType::Company || dice.chance(10))
            .then(|| format!("{:09}", dice.range(100_000_000..999_999_999)));
        self.legal_name = match self.kind {
            OrganisationType::Trust => Some(format!("The Trustee for {}", self.business_name)),
            _ if dice.chance(30) => Some(format!("{} Holdings ({})", self.business_name, dice.below(90))),
            _ => None,
        };
        self.charity = dice.chance(40).then(|| dice.chance(30));
        self.country = match dice.below(100) {
            0..50 => Some("AUS"),
            50..56 => Some("NZL"),
            _ => None,
        };
    }
}

impl Occupation {
    pub(crate) fn throw(dice: &mut Dice) -> Option<Self> {
        let release = match dice.below(100) {
            0..5 => OccupationRelease::V1_0,
            5..10 => OccupationRelease::V1_1,
            10..40 => OccupationRelease::V1_3,
            _ => OccupationRelease::V1_2,
        };
        let code = dice.pick(&["221111", "241111", "254499", "341111", "351311", "612112", "731111"]);
        dice.chance(60).then_some(Self { code, release })
    }
}

/// In the hours of business, in which no clock is ever put forward or back.
fn some_day_before(today: NaiveDate, dice: &mut Dice) -> DateTime<Utc> {
    calendar::moment(calendar::shift(today, -dice.range(2..2_000)), dice.range(32_400..61_200))
}

/// What businesses do, and the codes of their industries.
const TRADES: &[(&str, &str)] = &[
    ("Bakery", "1174"),
    ("Plumbing", "3231"),
    ("Café", "4511"),
    ("Dairy", "0160"),
    ("Motors", "3911"),
    ("Nursery", "0111"),
    ("Joinery", "1492"),
    ("Accounting", "6932"),
];

/// How names of businesses end, and what they are.
const FORMS: &[(&str, OrganisationType)] = &[
    ("", OrganisationType::SoleTrader),
    (" Pty Ltd", OrganisationType::Company),
    (" & Sons", OrganisationType::Partnership),
    (" Co-operative", OrganisationType::Other),
];
