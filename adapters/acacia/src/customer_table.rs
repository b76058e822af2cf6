//! How the World's customers become rows of Acacia's tables.

use wattle_sample::{
    AddressForm, Customer, Email, LinedAddress, Organisation, PafAddress, Phone, PostalAddress, Row, tables,
};

use crate::table::{customer_key, local, name};

tables! {
    CUSTOMER = "[cust].[Customer]", 1 of [
        "[CustomerId]", "[Kind]", "[Title]", "[FirstName]", "[MiddleNames]", "[LastName]", "[Suffix]", "[ANZSCO]",
        "[ANZSCORelease]", "[BusinessName]", "[LegalName]", "[ShortName]", "[ABN]", "[ACN]", "[LegalForm]", "[IsCharity]",
        "[ANZSIC]", "[ANZSICRelease]", "[Country]", "[EstablishedOn]", "[Position]", "[UpdatedAt]"
    ], Update;
    CONTACT_POINT = "[cust].[Contact Point]", 2 of [
        "[CustomerId]", "[PointNo]", "[Channel]", "[Purpose]", "[Country]", "[Area]", "[Address]", "[Extension]",
        "[E164]", "[Preferred]"
    ], Update;
    POSTAL_ADDRESS = "[cust].[Postal Address]", 2 of [
        "[CustomerId]", "[Purpose]", "[MailTo]", "[Line1]", "[Line2]", "[Line3]", "[DPID]", "[Building]", "[Estate]",
        "[LotNo]", "[FlatType]", "[FlatNo]", "[LevelNo]", "[HouseNo]", "[HouseSuffix]", "[HouseNoTo]", "[HouseSuffixTo]",
        "[Street]", "[StreetType]", "[StreetSuffix]", "[BoxNo]", "[BoxPrefix]", "[BoxSuffix]", "[Locality]", "[State]",
        "[Postcode]", "[Country]"
    ], Update;
}

pub(crate) fn customer(row: &mut Row, customer: &Customer) {
    let (occupation, organisation) = (customer.party.occupation(), customer.party.organisation());
    row.put(customer_key(customer.id)).put(if organisation.is_some() { "BUSINESS" } else { "PERSON" });
    name(row, customer.party.name());
    row.opt(occupation.map(|it| it.code)).opt(occupation.map(|it| it.release.cds()));
    business(row, organisation);
    row.put(local(customer.updated));
}

fn business(row: &mut Row, organisation: Option<&Organisation>) {
    let industry = organisation.and_then(|it| it.industry);
    row.opt(organisation.map(|it| &it.business_name))
        .opt(organisation.and_then(|it| it.legal_name.as_ref()))
        .opt(organisation.and_then(|it| it.short_name))
        .opt(organisation.map(|it| &it.abn))
        .opt(organisation.and_then(|it| it.acn.as_ref()))
        .opt(organisation.map(|it| it.kind.cds()))
        .opt(organisation.and_then(|it| it.charity).map(u8::from))
        .opt(industry.map(|(code, _)| code))
        .opt(industry.map(|(_, release)| release.cds()))
        .opt(organisation.and_then(|it| it.country))
        .opt(organisation.and_then(|it| it.established))
        .opt(organisation.map(|it| it.agent_role));
}

/// A way to reach a customer.
pub(crate) enum Point<'c> {
    Phone(&'c Phone),
    Email(&'c Email),
}

/// The ways to reach a customer, each with its number: telephone first.
pub(crate) fn points(customer: &Customer) -> impl Iterator<Item = (&Customer, usize, Point<'_>)> {
    let phones = customer.phones.iter().map(Point::Phone);
    let points = phones.chain(customer.emails.iter().map(Point::Email));
    points.enumerate().map(move |(at, point)| (customer, at + 1, point))
}

pub(crate) fn point(row: &mut Row, (customer, number, point): (&Customer, usize, Point<'_>)) {
    row.put(customer_key(customer.id)).put(number);
    match point {
        Point::Phone(phone) => {
            row.put('P').put(phone.purpose.cds()).put(phone.country).opt(phone.area).put(&phone.number);
            row.opt(phone.extension.as_ref()).put(phone.full_number()).put(u8::from(phone.preferred));
        }
        Point::Email(email) => {
            row.put('E').put(email.purpose.cds()).opt(None::<&str>).opt(None::<&str>).put(&email.address);
            row.opt(None::<&str>).opt(None::<&str>).put(u8::from(email.preferred));
        }
    }
}

/// The postal addresses of a customer.
pub(crate) fn addresses(customer: &Customer) -> impl Iterator<Item = (&Customer, &PostalAddress)> {
    customer.addresses.iter().map(move |address| (customer, address))
}

pub(crate) fn address(row: &mut Row, (customer, address): (&Customer, &PostalAddress)) {
    row.put(customer_key(customer.id)).put(address.purpose.cds());
    match &address.form {
        AddressForm::Lines(lines) => lined(row, lines),
        AddressForm::Paf(parts) => paf(row, parts),
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
    let key = customer_key(customer.id);
    let most = points(customer).count();
    let purposes = customer.addresses.iter().map(|it| format!(", '{}'", it.purpose.cds()));
    // No address is for nothing.
    let gone = format!(
        "delete from [cust].[Contact Point] where [CustomerId] = '{key}' and [PointNo] > {most};
         delete from [cust].[Postal Address] where [CustomerId] = '{key}' and [Purpose] not in (''{});\n",
        purposes.collect::<String>()
    );
    CUSTOMER.put_if_missing([customer], self::customer, None)
        + &gone
        + &CONTACT_POINT.put_if_missing(points(customer), point, None)
        + &POSTAL_ADDRESS.put_if_missing(addresses(customer), address, None)
}
