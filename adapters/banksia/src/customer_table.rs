//! How the World's customers become rows of Banksia's tables.

use serde_json::{Map, Value, json};
use wattle_sample::{
    AddressForm, AddressPurpose, Customer, EmailPurpose, IndustryRelease, LinedAddress, OccupationRelease,
    Organisation, OrganisationType, PafAddress, Phone, PhonePurpose, PostalAddress, Row, tables,
};

use crate::table::{local, name};

tables! {
    CUSTOMER = "cust_customer", 1 of [
        "customer_no", "kind", "title", "first_name", "middle_names", "last_name", "suffix", "occupation",
        "occupation_release", "business_name", "legal_name", "short_name", "abn", "acn", "legal_form", "charity",
        "industry", "industry_release", "country", "established_on", "position", "mobile", "fixed_kind", "fixed_area",
        "fixed_no", "fixed_ext", "abroad_country", "abroad_no", "prefers", "email", "email_kind", "email_preferred",
        "work_email", "updated_at"
    ], Update;
    PLACE = "cust_place", 2 of [
        "customer_no", "use_code", "mail_to", "line_1", "line_2", "line_3", "town", "state", "postcode", "country", "paf"
    ], Update;
}

pub(crate) fn customer(row: &mut Row, customer: &Customer) {
    let (occupation, organisation) = (customer.party.occupation(), customer.party.organisation());
    row.put(customer.id).put(if organisation.is_some() { "BUSINESS" } else { "PERSON" });
    name(row, customer.party.name());
    row.opt(occupation.map(|it| it.code)).opt(occupation.map(|it| match it.release {
        OccupationRelease::V1_0 => "V1.0",
        OccupationRelease::V1_1 => "V1.1",
        OccupationRelease::V1_2 => "V1.2",
        OccupationRelease::V1_3 => "V1.3",
    }));
    business(row, organisation);
    phones(row, customer);
    emails(row, customer);
    row.put(local(customer.updated));
}

fn business(row: &mut Row, organisation: Option<&Organisation>) {
    let industry = organisation.and_then(|it| it.industry);
    row.opt(organisation.map(|it| &it.business_name))
        .opt(organisation.and_then(|it| it.legal_name.as_ref()))
        .opt(organisation.and_then(|it| it.short_name))
        .opt(organisation.map(|it| &it.abn))
        .opt(organisation.and_then(|it| it.acn.as_ref()))
        .opt(organisation.map(|it| match it.kind {
            OrganisationType::Company => 1,
            OrganisationType::Government => 2,
            OrganisationType::Other => 3,
            OrganisationType::Partnership => 4,
            OrganisationType::SoleTrader => 5,
            OrganisationType::Trust => 6,
        }))
        .opt(organisation.and_then(|it| it.charity).map(u8::from))
        .opt(industry.map(|(code, _)| code))
        .opt(industry.map(|(_, release)| match release {
            IndustryRelease::V1 => "V1.0",
            IndustryRelease::V2 => "V2.0",
        }))
        .opt(organisation.and_then(|it| it.country))
        .opt(organisation.and_then(|it| it.established))
        .opt(organisation.map(|it| it.agent_role));
}

/// A customer has a mobile, a fixed line of whatever use, and a number abroad, at most one of each.
fn phones(row: &mut Row, customer: &Customer) {
    let of = |purposes: &[PhonePurpose]| customer.phones.iter().find(|it| purposes.contains(&it.purpose));
    let fixed = customer.phones.iter().find(|it| it.area.is_some());
    let abroad = of(&[PhonePurpose::International]);
    let preferred = customer.phones.iter().find(|phone| phone.preferred);
    row.opt(of(&[PhonePurpose::Mobile]).map(|it| &it.number))
        .opt(fixed.map(|it| it.purpose.cds()))
        .opt(fixed.and_then(|it| it.area))
        .opt(fixed.map(|it| &it.number))
        .opt(fixed.and_then(|it| it.extension.as_ref()))
        .opt(abroad.map(|it| it.country))
        .opt(abroad.map(|it| &it.number))
        .opt(preferred.map(|Phone { purpose, .. }| match purpose {
            PhonePurpose::Home | PhonePurpose::Work | PhonePurpose::Other | PhonePurpose::Unspecified => {
                "FIXED"
            }
            PhonePurpose::International => "ABROAD",
            PhonePurpose::Mobile => "MOBILE",
        }));
}

fn emails(row: &mut Row, customer: &Customer) {
    let at_work = |purpose| purpose == EmailPurpose::Work;
    let own = customer.emails.iter().find(|it| !at_work(it.purpose));
    row.opt(own.map(|it| &it.address))
        .opt(own.map(|it| it.purpose.cds()))
        .opt(own.map(|it| u8::from(it.preferred)));
    row.opt(customer.emails.iter().find(|it| at_work(it.purpose)).map(|it| &it.address));
}

/// The places of a customer.
pub(crate) fn places(customer: &Customer) -> impl Iterator<Item = (&Customer, &PostalAddress)> {
    customer.addresses.iter().map(move |address| (customer, address))
}

pub(crate) fn place(row: &mut Row, (customer, address): (&Customer, &PostalAddress)) {
    row.put(customer.id).put(use_code(address.purpose));
    match &address.form {
        AddressForm::Lines(LinedAddress {
            mailing_name,
            line,
            second_line,
            third_line,
            city,
            state,
            postcode,
            country,
        }) => {
            row.opt(*mailing_name).put(line).opt(second_line.as_ref()).opt(*third_line).put(city).put(state);
            row.opt(*postcode).opt(*country).opt(None::<&str>);
        }
        AddressForm::Paf(parts) => {
            for _ in 0..8 {
                row.opt(None::<&str>);
            }
            row.put(paf(parts));
        }
    }
}

fn use_code(purpose: AddressPurpose) -> char {
    match purpose {
        AddressPurpose::Mail => 'M',
        AddressPurpose::Other => 'O',
        AddressPurpose::Physical => 'P',
        AddressPurpose::Registered => 'R',
        AddressPurpose::Work => 'W',
    }
}

/// The parts of an address by the names of the postal address file, as far as there are any.
fn paf(address: &PafAddress) -> Value {
    let PafAddress { flat, level, number, street, post_box, .. } = address;
    let parts = [
        ("dpid", json!(address.delivery_point.map(|point| point.to_string()))),
        ("buildingName1", json!(address.building)),
        ("buildingName2", json!(address.second_building)),
        ("lotNumber", json!(address.lot)),
        ("flatUnitType", json!(flat.as_ref().map(|(kind, _)| kind))),
        ("flatUnitNumber", json!(flat.as_ref().map(|(_, number)| number))),
        ("floorLevelType", json!(level.as_ref().map(|_| "L"))),
        ("floorLevelNumber", json!(level)),
        ("thoroughfareNumber1", json!(number.map(|(number, _)| number))),
        ("thoroughfareNumber1Suffix", json!(number.and_then(|(_, letter)| letter))),
        ("thoroughfareNumber2", json!(address.last_number.map(|(number, _)| number))),
        ("thoroughfareNumber2Suffix", json!(address.last_number.and_then(|(_, letter)| letter))),
        ("streetName", json!(street.map(|(name, _)| name))),
        ("streetType", json!(street.map(|(_, kind)| kind))),
        ("postalDeliveryType", json!(post_box.map(|_| "PO BOX"))),
        ("streetSuffix", json!(address.street_suffix)),
        ("postalDeliveryNumber", json!(post_box.map(|it| it.number))),
        ("postalDeliveryNumberPrefix", json!(post_box.and_then(|it| it.prefix))),
        ("postalDeliveryNumberSuffix", json!(post_box.and_then(|it| it.suffix))),
        ("localityName", json!(address.locality)),
        ("postcode", json!(address.postcode)),
        ("state", json!(address.state)),
    ];
    let there = parts.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(there.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

/// The statements that put a customer and their places: those they have no longer go.
pub(crate) fn put(customer: &Customer) -> String {
    let codes = customer.addresses.iter().map(|it| format!(", '{}'", use_code(it.purpose)));
    // No place is used for nothing.
    let gone = format!(
        "delete from cust_place where customer_no = {} and use_code not in (''{});\n",
        customer.id,
        codes.collect::<String>()
    );
    CUSTOMER.put_on_duplicate_key([customer], self::customer)
        + &gone
        + &PLACE.put_on_duplicate_key(places(customer), place)
}
