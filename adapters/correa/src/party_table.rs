//! How the World's customers become rows of Correa's tables.

use wattle_sample::{
    AddressForm, AddressPurpose, Customer, Email, EmailPurpose, IndustryRelease, LinedAddress,
    OccupationRelease, OrganisationType, PafAddress, Phone, PhonePurpose, PostalAddress, Row, tables,
};

use crate::table::name;

tables! {
    PARTY = "crm.party", 1 of [
        "party_id", "party_type", "title", "first_name", "middle_names", "last_name", "name_suffix", "occupation_code",
        "occupation_release", "business_name", "legal_name", "short_name", "abn", "acn", "org_type", "is_charity",
        "industry_code", "industry_release", "country", "established_on", "agent_role", "updated_at"
    ], Update;
    PHONE = "crm.party_phone", 2 of [
        "party_id", "seq", "purpose", "country", "area", "number", "extension", "preferred"
    ], Update;
    EMAIL = "crm.party_email", 2 of ["party_id", "seq", "purpose", "address", "preferred"], Update;
    ADDRESS = "crm.party_address", 2 of [
        "party_id", "purpose", "kind", "mail_to", "line_1", "line_2", "line_3", "dpid", "building", "building_2",
        "lot_no", "flat_type", "flat_no", "level_no", "house_no", "house_letter", "house_no_to", "letter_to", "street",
        "street_type", "street_part", "po_box", "po_prefix", "po_suffix", "locality", "state", "postcode", "country"
    ], Update;
}

pub(crate) fn party(row: &mut Row, customer: &Customer) {
    let (occupation, organisation) = (customer.party.occupation(), customer.party.organisation());
    let industry = organisation.and_then(|it| it.industry);
    row.put(customer.id).put(if organisation.is_some() { 'O' } else { 'P' });
    name(row, customer.party.name());
    row.opt(occupation.map(|it| it.code))
        .opt(occupation.map(|it| match it.release {
            OccupationRelease::V1_0 => "1.0",
            OccupationRelease::V1_1 => "1.1",
            OccupationRelease::V1_2 => "1.2",
            OccupationRelease::V1_3 => "1.3",
        }))
        .opt(organisation.map(|it| &it.business_name))
        .opt(organisation.and_then(|it| it.legal_name.as_ref()))
        .opt(organisation.and_then(|it| it.short_name))
        .opt(organisation.map(|it| &it.abn))
        .opt(organisation.and_then(|it| it.acn.as_ref()))
        .opt(organisation.map(|it| organisation_type(it.kind)))
        .opt(organisation.and_then(|it| it.charity))
        .opt(industry.map(|(code, _)| code))
        .opt(industry.map(|(_, release)| match release {
            IndustryRelease::V1 => 1,
            IndustryRelease::V2 => 2,
        }))
        .opt(organisation.and_then(|it| it.country))
        .opt(organisation.and_then(|it| it.established))
        .opt(organisation.map(|it| it.agent_role))
        .put(customer.updated);
}

fn organisation_type(kind: OrganisationType) -> char {
    match kind {
        OrganisationType::Company => 'C',
        OrganisationType::Government => 'G',
        OrganisationType::Other => 'O',
        OrganisationType::Partnership => 'P',
        OrganisationType::SoleTrader => 'S',
        OrganisationType::Trust => 'T',
    }
}

/// The numbers of a customer, each with its place.
pub(crate) fn phones(customer: &Customer) -> impl Iterator<Item = (&Customer, usize, &Phone)> {
    customer.phones.iter().enumerate().map(move |(at, phone)| (customer, at + 1, phone))
}

pub(crate) fn phone(row: &mut Row, (customer, seq, phone): (&Customer, usize, &Phone)) {
    let purpose = match phone.purpose {
        PhonePurpose::Home => 'H',
        PhonePurpose::International => 'I',
        PhonePurpose::Mobile => 'M',
        PhonePurpose::Other => 'O',
        PhonePurpose::Unspecified => 'U',
        PhonePurpose::Work => 'W',
    };
    row.put(customer.id).put(seq).put(purpose).put(phone.country).opt(phone.area).put(&phone.number);
    row.opt(phone.extension.as_ref()).put(phone.preferred);
}

/// The e-mail addresses of a customer, each with its place.
pub(crate) fn emails(customer: &Customer) -> impl Iterator<Item = (&Customer, usize, &Email)> {
    customer.emails.iter().enumerate().map(move |(at, email)| (customer, at + 1, email))
}

pub(crate) fn email(row: &mut Row, (customer, seq, email): (&Customer, usize, &Email)) {
    let purpose = match email.purpose {
        EmailPurpose::Home => 'H',
        EmailPurpose::Other => 'O',
        EmailPurpose::Unspecified => 'U',
        EmailPurpose::Work => 'W',
    };
    row.put(customer.id).put(seq).put(purpose).put(&email.address).put(email.preferred);
}

/// The postal addresses of a customer.
pub(crate) fn addresses(customer: &Customer) -> impl Iterator<Item = (&Customer, &PostalAddress)> {
    customer.addresses.iter().map(move |address| (customer, address))
}

pub(crate) fn address(row: &mut Row, (customer, address): (&Customer, &PostalAddress)) {
    row.put(customer.id).put(address_purpose(address.purpose));
    match &address.form {
        AddressForm::Lines(lines) => lined(row.put('L'), lines),
        AddressForm::Paf(parts) => paf(row.put('P'), parts),
    }
}

fn address_purpose(purpose: AddressPurpose) -> char {
    match purpose {
        AddressPurpose::Mail => 'M',
        AddressPurpose::Other => 'O',
        AddressPurpose::Physical => 'P',
        AddressPurpose::Registered => 'R',
        AddressPurpose::Work => 'W',
    }
}

fn lined(row: &mut Row, address: &LinedAddress) {
    row.opt(address.mailing_name).put(&address.line).opt(address.second_line.as_ref());
    row.opt(address.third_line);
    // The columns of the parts.
    for _ in 0..17 {
        row.opt(None::<&str>);
    }
    row.put(address.city).put(address.state).opt(address.postcode).opt(address.country);
}

fn paf(row: &mut Row, address: &PafAddress) {
    let PafAddress { flat, number, street, .. } = address;
    row.opt(None::<&str>).opt(None::<&str>).opt(None::<&str>).opt(None::<&str>);
    row.opt(address.delivery_point)
        .opt(address.building)
        .opt(address.second_building)
        .opt(address.lot.as_ref())
        .opt(flat.as_ref().map(|(kind, _)| kind))
        .opt(flat.as_ref().map(|(_, number)| number))
        .opt(address.level.as_ref())
        .opt(number.map(|(number, _)| number))
        .opt(number.and_then(|(_, letter)| letter))
        .opt(address.last_number.map(|(number, _)| number))
        .opt(address.last_number.and_then(|(_, letter)| letter))
        .opt(street.map(|(name, _)| name))
        .opt(street.map(|(_, kind)| kind))
        .opt(address.street_suffix)
        .opt(address.post_box.map(|post_box| post_box.number))
        .opt(address.post_box.and_then(|post_box| post_box.prefix))
        .opt(address.post_box.and_then(|post_box| post_box.suffix));
    row.put(address.locality).put(address.state).put(address.postcode).opt(None::<&str>);
}

/// The statements that put a customer with everything that is kept of them: what they have no longer goes.
pub(crate) fn put(customer: &Customer) -> String {
    let id = customer.id;
    let purposes: Vec<String> =
        customer.addresses.iter().map(|it| address_purpose(it.purpose).to_string()).collect();
    let gone = format!(
        "delete from crm.party_phone where party_id = {id};
         delete from crm.party_email where party_id = {id};
         delete from crm.party_address where party_id = {id} and purpose <> all ('{{{}}}');\n",
        purposes.join(",")
    );
    PARTY.put([customer], party)
        + &gone
        + &PHONE.put(phones(customer), phone)
        + &EMAIL.put(emails(customer), email)
        + &ADDRESS.put(addresses(customer), address)
}
