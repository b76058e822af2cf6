//! Customers as the standard has them.

use serde_json::Value;

use super::Fields;
use crate::calendar::{self, Clock};
use crate::customer::{Customer, Organisation, Party};
use crate::reach::{AddressForm, Email, LinedAddress, PafAddress, Phone, PostalAddress};

/// The `data` of Get Customer v1.
pub(super) fn basic(customer: &Customer, clock: Clock) -> Value {
    union(&customer.party, fields(customer, clock))
}

/// The `data` of Get Customer Detail v2.
pub(super) fn detail(customer: &Customer, clock: Clock) -> Value {
    let mut fields = fields(customer, clock);
    if let Party::Person { .. } = customer.party {
        fields = fields
            .set("phoneNumbers", customer.phones.iter().map(phone).collect::<Vec<_>>())
            .set("emailAddresses", customer.emails.iter().map(email).collect::<Vec<_>>());
    }
    let addresses = customer.addresses.iter().map(address).collect::<Vec<_>>();
    union(&customer.party, fields.set("physicalAddresses", addresses))
}

fn union(party: &Party, fields: Fields) -> Value {
    Fields::default().set("customerUType", party.cds_type()).set(party.cds_type(), fields).into()
}

fn fields(customer: &Customer, clock: Clock) -> Fields {
    let updated = calendar::date_time_string(customer.updated, clock);
    let fields = Fields::default().set("lastUpdateTime", updated);
    match &customer.party {
        Party::Person { name, occupation } => fields
            .opt("firstName", name.first)
            .set("lastName", name.last)
            .set("middleNames", &*name.middle)
            .opt("prefix", name.prefix)
            .opt("suffix", name.suffix)
            .opt("occupationCode", occupation.map(|it| it.code))
            .opt("occupationCodeVersion", occupation.map(|it| it.release.cds())),
        Party::Organisation(organisation) => organisation_fields(fields, organisation),
    }
}

fn organisation_fields(fields: Fields, organisation: &Organisation) -> Fields {
    fields
        .opt("agentFirstName", organisation.agent.first)
        .set("agentLastName", organisation.agent.last)
        .set("agentRole", organisation.agent_role)
        .set("businessName", &*organisation.business_name)
        .opt("legalName", organisation.legal_name.as_deref())
        .opt("shortName", organisation.short_name)
        .set("abn", &*organisation.abn)
        .opt("acn", organisation.acn.as_deref())
        .opt("isACNCRegistered", organisation.charity)
        .opt("industryCode", organisation.industry.map(|(code, _)| code))
        .opt("industryCodeVersion", organisation.industry.map(|(_, release)| release.cds()))
        .set("organisationType", organisation.kind.cds())
        .opt("registeredCountry", organisation.country)
        .opt("establishmentDate", organisation.established.map(|day| day.to_string()))
}

fn phone(phone: &Phone) -> Value {
    Fields::default()
        .set("isPreferred", phone.preferred)
        .set("purpose", phone.purpose.cds())
        .set("countryCode", format!("+{}", phone.country))
        .opt("areaCode", phone.area)
        .set("number", &*phone.number)
        .opt("extension", phone.extension.as_deref())
        .set("fullNumber", phone.full_number())
        .into()
}

fn email(email: &Email) -> Value {
    Fields::default()
        .set("isPreferred", email.preferred)
        .set("purpose", email.purpose.cds())
        .set("address", &*email.address)
        .into()
}

fn address(address: &PostalAddress) -> Value {
    let (kind, parts) = match &address.form {
        AddressForm::Lines(lines) => ("simple", simple(lines)),
        AddressForm::Paf(parts) => ("paf", paf(parts)),
    };
    Fields::default().set("addressUType", kind).set(kind, parts).set("purpose", address.purpose.cds()).into()
}

fn simple(address: &LinedAddress) -> Fields {
    Fields::default()
        .opt("mailingName", address.mailing_name)
        .set("addressLine1", &*address.line)
        .opt("addressLine2", address.second_line.as_deref())
        .opt("addressLine3", address.third_line)
        .opt("postcode", address.postcode)
        .set("city", address.city)
        .set("state", address.state)
        .opt("country", address.country)
}

fn paf(address: &PafAddress) -> Fields {
    let PafAddress { flat, level, number, street, post_box, .. } = address;
    Fields::default()
        .opt("dpid", address.delivery_point.map(|point| point.to_string()))
        .opt("thoroughfareNumber1", number.map(|(number, _)| number))
        .opt("thoroughfareNumber1Suffix", number.and_then(|(_, letter)| letter))
        .opt("thoroughfareNumber2", address.last_number.map(|(number, _)| number))
        .opt("thoroughfareNumber2Suffix", address.last_number.and_then(|(_, letter)| letter))
        .opt("flatUnitType", flat.as_ref().map(|(kind, _)| *kind))
        .opt("flatUnitNumber", flat.as_ref().map(|(_, number)| &**number))
        .opt("floorLevelType", level.as_ref().map(|_| "L"))
        .opt("floorLevelNumber", level.as_deref())
        .opt("lotNumber", address.lot.as_deref())
        .opt("buildingName1", address.building)
        .opt("buildingName2", address.second_building)
        .opt("streetName", street.map(|(name, _)| name))
        .opt("streetType", street.map(|(_, kind)| kind))
        .opt("streetSuffix", address.street_suffix)
        .opt("postalDeliveryType", post_box.map(|_| "PO BOX"))
        .opt("postalDeliveryNumber", post_box.map(|post_box| post_box.number))
        .opt("postalDeliveryNumberPrefix", post_box.and_then(|post_box| post_box.prefix))
        .opt("postalDeliveryNumberSuffix", post_box.and_then(|post_box| post_box.suffix))
        .set("localityName", address.locality)
        .set("postcode", address.postcode)
        .set("state", address.state)
}
