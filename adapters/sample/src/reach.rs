//! How customers are reached: telephone numbers, e-mail addresses, postal addresses.

use crate::address::{STREETS, SUBURBS};
use crate::code::{AddressPurpose, EmailPurpose, PhonePurpose};
use crate::dice::Dice;

/// A telephone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// What it is for.
    pub purpose: PhonePurpose,
    /// The country's code, without a plus.
    pub country: &'static str,
    /// The area's code, without a zero. Mobiles and numbers abroad have none.
    pub area: Option<&'static str>,
    /// The number; a mobile's as dialled in Australia, with a zero.
    pub number: String,
    /// An extension.
    pub extension: Option<String>,
    /// Whether the customer prefers it.
    pub preferred: bool,
}

impl Phone {
    /// The whole number by RFC 3966, such as `+61355501234;ext=12`.
    pub fn full_number(&self) -> String {
        let number = self.number.strip_prefix('0').unwrap_or(&self.number);
        let extension = self.extension.iter().map(|it| format!(";ext={it}")).collect::<String>();
        format!("+{}{}{number}{extension}", self.country, self.area.unwrap_or_default())
    }
}

/// An e-mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// What it is for.
    pub purpose: EmailPurpose,
    /// The address.
    pub address: String,
    /// Whether the customer prefers it.
    pub preferred: bool,
}

/// A postal address of a customer; a customer has at most one for each purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostalAddress {
    /// What it is for.
    pub purpose: AddressPurpose,
    /// How it is written.
    pub form: AddressForm,
}

/// How a postal address is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressForm {
    /// As lines on an envelope.
    Lines(LinedAddress),
    /// In the parts of the Australian postal address file.
    Paf(PafAddress),
}

/// An address as lines on an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinedAddress {
    /// To whom.
    pub mailing_name: Option<&'static str>,
    /// The first line.
    pub line: String,
    /// Another one.
    pub second_line: Option<String>,
    /// And another one, where there is a second.
    pub third_line: Option<&'static str>,
    /// City or town.
    pub city: &'static str,
    /// State or region.
    pub state: &'static str,
    /// Its code; abroad there may be none.
    pub postcode: Option<&'static str>,
    /// The country by three letters, where it is said.
    pub country: Option<&'static str>,
}

/// An address in the parts of the Australian postal address file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PafAddress {
    /// The delivery point: eight digits.
    pub delivery_point: Option<u32>,
    /// The building's name.
    pub building: Option<&'static str>,
    /// The name of what the building is part of.
    pub second_building: Option<&'static str>,
    /// The number of the lot, where the house has none yet.
    pub lot: Option<String>,
    /// The kind of flat, and its number.
    pub flat: Option<(&'static str, String)>,
    /// The floor, where there is a level.
    pub level: Option<String>,
    /// House number, first of a range, and its letter.
    pub number: Option<(u32, Option<&'static str>)>,
    /// The last of a range of house numbers, and its letter.
    pub last_number: Option<(u32, Option<&'static str>)>,
    /// The street's name and type.
    pub street: Option<(&'static str, &'static str)>,
    /// Which part of the street.
    pub street_suffix: Option<&'static str>,
    /// A post office box.
    pub post_box: Option<PostBox>,
    /// Suburb or town.
    pub locality: &'static str,
    /// Four digits.
    pub postcode: &'static str,
    /// State.
    pub state: &'static str,
}

/// The number of a post office box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostBox {
    /// The number.
    pub number: u32,
    /// What is before it,
    pub prefix: Option<&'static str>,
    /// and what is after it.
    pub suffix: Option<&'static str>,
}

pub(crate) fn mobile(dice: &mut Dice) -> String {
    // 0491 570 xxx is kept for fiction.
    format!("0491570{:03}", dice.below(1000))
}

/// Telephone numbers of a customer with this mobile.
pub(crate) fn phones(mobile: String, dice: &mut Dice) -> Vec<Phone> {
    let australian = |purpose, area, number, extension| Phone {
        purpose,
        country: "61",
        area,
        number,
        extension,
        preferred: false,
    };
    let mut phones = vec![australian(PhonePurpose::Mobile, None, mobile, None)];
    if dice.chance(50) {
        let purpose = match dice.below(100) {
            0..40 => PhonePurpose::Work,
            40..46 => PhonePurpose::Other,
            46..52 => PhonePurpose::Unspecified,
            _ => PhonePurpose::Home,
        };
        let extension =
            (purpose == PhonePurpose::Work && dice.chance(50)).then(|| format!("{}", 1 + dice.below(400)));
        // 5550 xxxx and 7010 xxxx are kept for fiction.
        let number = format!("{}{:04}", dice.pick(&["5550", "7010"]), dice.below(10_000));
        phones.push(australian(purpose, Some(dice.pick(&["2", "3", "7", "8"])), number, extension));
    }
    if dice.chance(8) {
        let number = format!("4770{:04}", dice.below(10_000));
        let (purpose, country) = (PhonePurpose::International, dice.pick(&["64", "65"]));
        phones.push(Phone { purpose, country, area: None, number, extension: None, preferred: false });
    }
    if dice.chance(70) {
        let preferred = dice.below(phones.len());
        phones[preferred].preferred = true;
    }
    phones
}

/// E-mail addresses of a customer who may have this one.
pub(crate) fn emails(address: String, dice: &mut Dice) -> Vec<Email> {
    let mut emails = Vec::new();
    if dice.chance(92) {
        let purpose = match dice.below(100) {
            0..8 => EmailPurpose::Other,
            8..54 => EmailPurpose::Unspecified,
            _ => EmailPurpose::Home,
        };
        emails.push(Email { purpose, address, preferred: dice.chance(60) });
    }
    if dice.chance(25) {
        let address = format!("desk{}@office.example.net", dice.below(100_000));
        emails.push(Email { purpose: EmailPurpose::Work, address, preferred: false });
    }
    emails
}

/// Postal addresses: a registered one, most likely, and with it perhaps others.
pub(crate) fn addresses(dice: &mut Dice) -> Vec<PostalAddress> {
    if dice.chance(3) {
        return Vec::new();
    }
    let form = if dice.chance(60) { street(dice) } else { lines(dice) };
    let mut addresses = vec![PostalAddress { purpose: AddressPurpose::Registered, form }];
    if dice.chance(35) {
        let form = match dice.below(100) {
            0..55 => post_box(dice),
            55..70 => abroad(dice),
            _ => lines(dice),
        };
        addresses.push(PostalAddress { purpose: AddressPurpose::Mail, form });
    }
    for purpose in [AddressPurpose::Physical, AddressPurpose::Work, AddressPurpose::Other] {
        if dice.chance(12) {
            let form = if dice.chance(60) { street(dice) } else { lines(dice) };
            addresses.push(PostalAddress { purpose, form });
        }
    }
    addresses
}

fn street(dice: &mut Dice) -> AddressForm {
    let (locality, postcode, state) = town(dice);
    let number = 1 + dice.below(280) as u32;
    let building = dice.chance(20).then(|| dice.pick(&["Wattle House", "The O'Connor Centre"]));
    let lot = dice.chance(12).then(|| format!("{}", 1 + dice.below(60)));
    let range = dice.chance(10);
    let letter = (!range && dice.chance(8)).then(|| dice.pick(&["A", "B"]));
    let flat =
        dice.chance(25).then(|| (dice.pick(&["UNIT", "SHOP", "APT"]), format!("{}", 1 + dice.below(40))));
    AddressForm::Paf(PafAddress {
        delivery_point: dice.chance(70).then(|| 60_000_000 + dice.below(9_000_000) as u32),
        second_building: building.filter(|_| dice.chance(50)).map(|_| "Innovation Park"),
        building,
        level: (flat.is_some() && dice.chance(30)).then(|| format!("{}", 1 + dice.below(12))),
        flat,
        number: lot.is_none().then_some((number, letter)),
        last_number: (range && lot.is_none())
            .then(|| (number + 4, dice.chance(50).then(|| dice.pick(&["A", "B"])))),
        lot,
        street: Some((dice.pick(STREETS), dice.pick(&["ST", "RD", "AVE", "CT", "PDE", "LANE"]))),
        street_suffix: dice.chance(12).then(|| dice.pick(&["N", "S", "EX"])),
        post_box: None,
        locality,
        postcode,
        state,
    })
}

/// Where customers may live or have their mail sent, other than where they are supplied.
const INTERSTATE: &[(&str, &str, &str)] = &[
    ("Sydney", "2000", "NSW"),
    ("Toowoomba", "4350", "QLD"),
    ("Alice Springs", "0870", "NT"),
    ("Fremantle", "6160", "WA"),
    ("Port Augusta", "5700", "SA"),
    ("Launceston", "7250", "TAS"),
    ("Belconnen", "2617", "ACT"),
    ("Mawson Station", "7151", "AAT"),
];

/// A town, its code and its state.
fn town(dice: &mut Dice) -> (&'static str, &'static str, &'static str) {
    if dice.chance(20) {
        return dice.pick(INTERSTATE);
    }
    let (locality, postcode, _) = dice.pick(SUBURBS);
    (locality, postcode, "VIC")
}

fn post_box(dice: &mut Dice) -> AddressForm {
    let (locality, postcode, state) = town(dice);
    let post_box = PostBox {
        number: 1 + dice.below(9_000) as u32,
        prefix: dice.chance(50).then_some("C"),
        suffix: dice.chance(50).then(|| dice.pick(&["A", "B"])),
    };
    AddressForm::Paf(PafAddress {
        delivery_point: None,
        building: None,
        second_building: None,
        lot: None,
        flat: None,
        level: None,
        number: None,
        last_number: None,
        street: None,
        street_suffix: None,
        post_box: Some(post_box),
        locality,
        postcode,
        state,
    })
}

fn lines(dice: &mut Dice) -> AddressForm {
    let (city, postcode, state) = town(dice);
    let second_line = dice.chance(30).then(|| format!("Shed {}", 1 + dice.below(9)));
    AddressForm::Lines(LinedAddress {
        mailing_name: dice.chance(20).then(|| dice.pick(&["The Occupant", "Accounts payable", "Mum & Dad"])),
        line: format!("{} {} St", 1 + dice.below(280), dice.pick(STREETS)),
        third_line: second_line.as_ref().filter(|_| dice.chance(50)).map(|_| "Behind the silo"),
        second_line,
        city,
        state,
        postcode: Some(postcode),
        country: dice.chance(30).then_some("AUS"),
    })
}

fn abroad(dice: &mut Dice) -> AddressForm {
    let (city, state, postcode, country) = dice.pick(&[
        ("Dunedin", "Otago", Some("9016"), "NZL"),
        ("Galway", "Connacht", None, "IRL"),
        ("Yaren", "Yaren", None, "NRU"),
    ]);
    AddressForm::Lines(LinedAddress {
        mailing_name: None,
        line: format!("{} Harbour Tce", 1 + dice.below(90)),
        second_line: None,
        third_line: None,
        city,
        state,
        postcode,
        country: Some(country),
    })
}
