//! How the World's customers become rows of Dianella's table of clients.

use serde_json::{Value, json};
use wattle_sample::{
    AddressForm, AddressPurpose, Customer, Email, EmailPurpose, IndustryRelease, LinedAddress,
    OccupationRelease, OrganisationType, PafAddress, Phone, PhonePurpose, PostalAddress, Row, tables,
};

use crate::table::name;

tables! {
    CLIENT = "clients", 1 of [
        "client_id", "kind", "salutation", "given_name", "other_names", "family_name", "honours", "occupation",
        "trading_name", "legal_name", "nickname", "abn", "acn", "legal_form", "charity", "industry", "registered",
        "established", "position", "phones", "emails", "places", "updated_at"
    ], Update;
}

pub(crate) fn client(row: &mut Row, customer: &Customer) {
    let (occupation, organisation) = (customer.party.occupation(), customer.party.organisation());
    let list = |values: Vec<Value>| Value::Array(values);
    row.put(customer.id).put(if organisation.is_some() { "business" } else { "person" });
    name(row, customer.party.name());
    row.opt(occupation.map(|it| match it.release {
        OccupationRelease::V1_0 => format!("{} 1.0", it.code),
        OccupationRelease::V1_1 => format!("{} 1.1", it.code),
        OccupationRelease::V1_2 => format!("{} 1.2", it.code),
        OccupationRelease::V1_3 => format!("{} 1.3", it.code),
    }))
    .opt(organisation.map(|it| &it.business_name))
    .opt(organisation.and_then(|it| it.legal_name.as_ref()))
    .opt(organisation.and_then(|it| it.short_name))
    .opt(organisation.map(|it| &it.abn))
    .opt(organisation.and_then(|it| it.acn.as_ref()))
    .opt(organisation.map(|it| legal_form(it.kind)))
    .opt(organisation.and_then(|it| it.charity).map(u8::from))
    .opt(organisation.and_then(|it| it.industry).map(|(code, release)| match release {
        IndustryRelease::V1 => format!("{code} 1"),
        IndustryRelease::V2 => format!("{code} 2"),
    }))
    .opt(organisation.and_then(|it| it.country))
    .opt(organisation.and_then(|it| it.established))
    .opt(organisation.map(|it| it.agent_role))
    .put(list(customer.phones.iter().map(phone).collect()))
    .put(list(customer.emails.iter().map(email).collect()))
    .put(list(customer.addresses.iter().map(place).collect()))
    .put(customer.updated.timestamp());
}

fn legal_form(kind: OrganisationType) -> &'static str {
    match kind {
        OrganisationType::Company => "company",
        OrganisationType::Government => "government",
        OrganisationType::Other => "other",
        OrganisationType::Partnership => "partnership",
        OrganisationType::SoleTrader => "sole trader",
        OrganisationType::Trust => "trust",
    }
}

fn phone(phone: &Phone) -> Value {
    let place = match phone.purpose {
        PhonePurpose::Home => "home",
        PhonePurpose::International => "abroad",
        PhonePurpose::Mobile => "mobile",
        PhonePurpose::Other => "other",
        PhonePurpose::Unspecified => "any",
        PhonePurpose::Work => "work",
    };
    json!({
        "use": place, "country": phone.country, "area": phone.area, "number": phone.number, "ext": phone.extension,
        "first": phone.preferred,
    })
}

fn email(email: &Email) -> Value {
    let place = match email.purpose {
        EmailPurpose::Home => "home",
        EmailPurpose::Other => "other",
        EmailPurpose::Unspecified => "any",
        EmailPurpose::Work => "work",
    };
    json!({"use": place, "address": email.address, "first": email.preferred})
}

fn place(address: &PostalAddress) -> Value {
    let purpose = match address.purpose {
        AddressPurpose::Mail => "mail",
        AddressPurpose::Other => "other",
        AddressPurpose::Physical => "visit",
        AddressPurpose::Registered => "seat",
        AddressPurpose::Work => "work",
    };
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
            json!({
                "use": purpose, "to": mailing_name, "lines": [line, second_line, third_line], "town": city, "region": state,
                "postcode": postcode, "country": country,
            })
        }
        AddressForm::Paf(PafAddress {
            delivery_point,
            building,
            second_building,
            lot,
            flat,
            level,
            number,
            last_number,
            street,
            street_suffix,
            post_box,
            locality,
            postcode,
            state,
        }) => json!({
            "use": purpose, "town": locality, "region": state, "postcode": postcode,
            "paf": {
                "dpid": delivery_point, "building": building, "estate": second_building, "lot": lot, "flat": flat,
                "level": level, "house": number, "house_to": last_number, "street": street, "part": street_suffix,
                "box": post_box.map(|it| (it.number, it.prefix, it.suffix)),
            },
        }),
    }
}
