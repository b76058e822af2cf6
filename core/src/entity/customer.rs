//! Get Customer v1 and Get Customer Detail v2.

use super::shape::{Condition, Field, Limit, Object, Shape, may, member, must, when};

const TEXT: Shape = Shape::Text;
const CUSTOMER_TYPE: Field = must("customerUType", Shape::Enum(&["person", "organisation"]));

/// A customer as the basic scope shows them.
pub(super) static CUSTOMER: Object = Object {
    fields: &[
        CUSTOMER_TYPE,
        member("customerUType", "person", Shape::Object(&PERSON)),
        member("customerUType", "organisation", Shape::Object(&ORGANISATION)),
    ],
};

/// A customer in full: what a record holds.
pub(super) static CUSTOMER_DETAIL: Object = Object {
    fields: &[
        CUSTOMER_TYPE,
        member("customerUType", "person", Shape::Object(&PERSON_DETAIL)),
        member("customerUType", "organisation", Shape::Object(&ORGANISATION_DETAIL)),
    ],
};

const LAST_UPDATE_TIME: Field = may("lastUpdateTime", Shape::DateTime);

const FIRST_NAME: Field = may("firstName", TEXT);
const LAST_NAME: Field = must("lastName", TEXT);
const MIDDLE_NAMES: Field = must("middleNames", Shape::List(&TEXT));
const PREFIX: Field = may("prefix", TEXT);
const SUFFIX: Field = may("suffix", TEXT);
const OCCUPATION_CODE: Field = may("occupationCode", TEXT);
const OCCUPATION_CODE_VERSION: Field = when(
    Condition::Present("occupationCode"),
    "occupationCodeVersion",
    Shape::Enum(&[
        "ANZSCO_1220.0_2006_V1.0",
        "ANZSCO_1220.0_2006_V1.1",
        "ANZSCO_1220.0_2013_V1.2",
        "ANZSCO_1220.0_2013_V1.3",
    ]),
);

static PERSON: Object = Object {
    fields: &[
        LAST_UPDATE_TIME,
        FIRST_NAME,
        LAST_NAME,
        MIDDLE_NAMES,
        PREFIX,
        SUFFIX,
        OCCUPATION_CODE,
        OCCUPATION_CODE_VERSION,
    ],
};

static PERSON_DETAIL: Object = Object {
    fields: &[
        LAST_UPDATE_TIME,
        FIRST_NAME,
        LAST_NAME,
        MIDDLE_NAMES,
        PREFIX,
        SUFFIX,
        OCCUPATION_CODE,
        OCCUPATION_CODE_VERSION,
        must("phoneNumbers", Shape::List(&Shape::Object(&PHONE))).within(&[Limit::OneFlagged("isPreferred")]),
        must("emailAddresses", Shape::List(&Shape::Object(&EMAIL)))
            .within(&[Limit::OneFlagged("isPreferred")]),
        PHYSICAL_ADDRESSES,
    ],
};

static PHONE: Object = Object {
    fields: &[
        may("isPreferred", Shape::Boolean),
        must("purpose", Shape::Enum(&["HOME", "INTERNATIONAL", "MOBILE", "OTHER", "UNSPECIFIED", "WORK"])),
        may("countryCode", TEXT),
        // Required of non-mobile phones. A number abroad need not have one, and only a fixed line at home is sure not to
        // be a mobile.
        when(Condition::Is("purpose", &["HOME"]), "areaCode", TEXT),
        must("number", TEXT),
        may("extension", TEXT),
        must("fullNumber", Shape::Telephone),
    ],
};

static EMAIL: Object = Object {
    fields: &[
        may("isPreferred", Shape::Boolean),
        must("purpose", Shape::Enum(&["HOME", "OTHER", "UNSPECIFIED", "WORK"])),
        must("address", Shape::Email),
    ],
};

const AGENT_FIRST_NAME: Field = may("agentFirstName", TEXT);
const AGENT_LAST_NAME: Field = must("agentLastName", TEXT);
const AGENT_ROLE: Field = must("agentRole", TEXT);
const BUSINESS_NAME: Field = must("businessName", TEXT);
const LEGAL_NAME: Field = may("legalName", TEXT);
const SHORT_NAME: Field = may("shortName", TEXT);
const ABN: Field = may("abn", TEXT);
const ACN: Field = may("acn", TEXT);
const IS_ACNC_REGISTERED: Field = may("isACNCRegistered", Shape::Boolean);
const INDUSTRY_CODE: Field = may("industryCode", TEXT);
const INDUSTRY_CODE_VERSION: Field = when(
    Condition::Present("industryCode"),
    "industryCodeVersion",
    Shape::Enum(&["ANZSIC_1292.0_2006_V1.0", "ANZSIC_1292.0_2006_V2.0"]),
);
const ORGANISATION_TYPE: Field = must(
    "organisationType",
    Shape::Enum(&["COMPANY", "GOVERNMENT_ENTITY", "OTHER", "PARTNERSHIP", "SOLE_TRADER", "TRUST"]),
);
const REGISTERED_COUNTRY: Field = may("registeredCountry", Shape::Country);
const ESTABLISHMENT_DATE: Field = may("establishmentDate", Shape::Date);

static ORGANISATION: Object = Object {
    fields: &[
        LAST_UPDATE_TIME,
        AGENT_FIRST_NAME,
        AGENT_LAST_NAME,
        AGENT_ROLE,
        BUSINESS_NAME,
        LEGAL_NAME,
        SHORT_NAME,
        ABN,
        ACN,
        IS_ACNC_REGISTERED,
        INDUSTRY_CODE,
        INDUSTRY_CODE_VERSION,
        ORGANISATION_TYPE,
        REGISTERED_COUNTRY,
        ESTABLISHMENT_DATE,
    ],
};

static ORGANISATION_DETAIL: Object = Object {
    fields: &[
        LAST_UPDATE_TIME,
        AGENT_FIRST_NAME,
        AGENT_LAST_NAME,
        AGENT_ROLE,
        BUSINESS_NAME,
        LEGAL_NAME,
        SHORT_NAME,
        ABN,
        ACN,
        IS_ACNC_REGISTERED,
        INDUSTRY_CODE,
        INDUSTRY_CODE_VERSION,
        ORGANISATION_TYPE,
        REGISTERED_COUNTRY,
        ESTABLISHMENT_DATE,
        PHYSICAL_ADDRESSES,
    ],
};

const PHYSICAL_ADDRESSES: Field = must("physicalAddresses", Shape::List(&ADDRESS)).within(&ADDRESS_LIMITS);

static ADDRESS: Shape = Shape::Object(&PHYSICAL_ADDRESS);
/// An empty list is that of a customer without a valid address.
static ADDRESS_LIMITS: [Limit; 2] =
    [Limit::ExactlyOne("purpose", "REGISTERED"), Limit::AtMostOne("purpose", "MAIL")];

static PHYSICAL_ADDRESS: Object = Object {
    fields: &[
        must("addressUType", Shape::Enum(&["simple", "paf"])),
        member("addressUType", "simple", Shape::Object(&SIMPLE)),
        member("addressUType", "paf", Shape::Object(&PAF)),
        must("purpose", Shape::Enum(&["MAIL", "OTHER", "PHYSICAL", "REGISTERED", "WORK"])),
    ],
};

/// An absent country means Australia.
const AUSTRALIAN: Condition =
    Condition::Either(&Condition::Absent(&["country"]), &Condition::Is("country", &["AUS"]));
/// The states of the postal address file.
const STATES: &[&str] = &["NSW", "QLD", "VIC", "NT", "WA", "SA", "TAS", "ACT", "AAT"];

static SIMPLE: Object = Object {
    fields: &[
        may("mailingName", TEXT),
        must("addressLine1", TEXT),
        may("addressLine2", TEXT),
        may("addressLine3", TEXT),
        when(AUSTRALIAN, "postcode", TEXT),
        must("city", TEXT),
        must("state", Shape::EnumIf(&AUSTRALIAN, STATES)),
        may("country", Shape::Country),
    ],
};

static PAF: Object = Object {
    fields: &[
        may("dpid", TEXT),
        may("thoroughfareNumber1", Shape::Positive),
        may("thoroughfareNumber1Suffix", TEXT),
        may("thoroughfareNumber2", Shape::Positive),
        may("thoroughfareNumber2Suffix", TEXT),
        may("flatUnitType", TEXT),
        may("flatUnitNumber", TEXT),
        may("floorLevelType", TEXT),
        may("floorLevelNumber", TEXT),
        may("lotNumber", TEXT),
        may("buildingName1", TEXT),
        may("buildingName2", TEXT),
        may("streetName", TEXT),
        may("streetType", TEXT),
        may("streetSuffix", TEXT),
        may("postalDeliveryType", TEXT),
        may("postalDeliveryNumber", Shape::Positive),
        may("postalDeliveryNumberPrefix", TEXT),
        may("postalDeliveryNumberSuffix", TEXT),
        must("localityName", TEXT),
        must("postcode", TEXT),
        must("state", Shape::Enum(STATES)),
    ],
};
