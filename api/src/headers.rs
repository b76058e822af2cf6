//! The standard's request headers: version negotiation, FAPI headers, media types.

use std::net::IpAddr;
use std::str::FromStr;

use actix_web::http::header::{ACCEPT, AsHeaderName, CONTENT_TYPE, HeaderMap, HttpDate};
use actix_web::http::{Method, StatusCode};
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use uuid::Uuid;

use crate::endpoints::{Endpoint, Presence};
use crate::error::{ApiError, ErrorCode};

/// The version asked for, and in answers the version used.
pub(crate) const X_V: &str = "x-v";
pub(crate) const X_MIN_V: &str = "x-min-v";
/// Correlates the two sides' logs.
pub(crate) const X_FAPI_INTERACTION_ID: &str = "x-fapi-interaction-id";
const X_FAPI_AUTH_DATE: &str = "x-fapi-auth-date";
const X_FAPI_CUSTOMER_IP_ADDRESS: &str = "x-fapi-customer-ip-address";
const X_CDS_CLIENT_HEADERS: &str = "x-cds-client-headers";

/// Base64 as RFC 4648 has it; many encoders leave the padding out, and nothing is lost by taking that.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The id that an answer carries: the one sent, if it is one, or else a new one.
#[derive(Debug, Clone)]
pub(crate) struct InteractionId {
    text: String,
    as_sent: bool,
}

impl InteractionId {
    /// The interaction id for the answer to these headers.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let made = |as_sent| Self { text: Uuid::new_v4().to_string(), as_sent };
        match single(headers, X_FAPI_INTERACTION_ID) {
            Ok(None) => made(true),
            // Other notations of a UUID (braces, URN, no hyphens) are not RFC 4122's.
            Ok(Some(sent)) if sent.len() == 36 && Uuid::try_parse(sent).is_ok() => {
                Self { text: sent.to_owned(), as_sent: true }
            }
            // What is not a UUID could be anything, and is not repeated.
            Ok(Some(_)) | Err(_) => made(false),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

/// What the headers of a valid request say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// The version to answer with.
    pub(crate) version: u32,
    /// Whether the customer is there.
    pub(crate) presence: Presence,
}

/// Whether the customer is there, before anything is known to be valid.
pub(crate) fn presence(headers: &HeaderMap) -> Presence {
    if headers.contains_key(X_FAPI_CUSTOMER_IP_ADDRESS) {
        Presence::CustomerPresent
    } else {
        Presence::Unattended
    }
}

/// Checks the headers of a request that anyone may make; answers the version to answer with.
pub(crate) fn check_public(headers: &HeaderMap, endpoint: &Endpoint) -> Result<u32, ApiError> {
    let version = version(headers, endpoint.versions)?;
    if !accepts_json(headers) {
        return Err(ApiError::expected(StatusCode::NOT_ACCEPTABLE, "Accept"));
    }
    Ok(version)
}

/// Checks the headers of an authenticated request.
pub(crate) fn check(
    headers: &HeaderMap,
    interaction: &InteractionId,
    endpoint: &Endpoint,
) -> Result<Accepted, ApiError> {
    let version = check_public(headers, endpoint)?;
    if endpoint.method == Method::POST && !holds_json(headers) {
        return Err(ApiError::expected(StatusCode::UNSUPPORTED_MEDIA_TYPE, CONTENT_TYPE.as_str()));
    }
    if !interaction.as_sent {
        return Err(ApiError::new(ErrorCode::HeaderInvalid, X_FAPI_INTERACTION_ID));
    }
    mandatory(headers, X_FAPI_AUTH_DATE, |date| HttpDate::from_str(date).is_ok())?;
    let presence = presence(headers);
    if presence == Presence::CustomerPresent {
        mandatory(headers, X_FAPI_CUSTOMER_IP_ADDRESS, |address| IpAddr::from_str(address).is_ok())?;
        mandatory(headers, X_CDS_CLIENT_HEADERS, |encoded| {
            !encoded.is_empty() && BASE64.decode(encoded).is_ok()
        })?;
    }
    Ok(Accepted { version, presence })
}

fn mandatory(headers: &HeaderMap, name: &'static str, valid: impl Fn(&str) -> bool) -> Result<(), ApiError> {
    match single(headers, name) {
        Ok(None) => Err(ApiError::new(ErrorCode::HeaderMissing, name)),
        Ok(Some(value)) if valid(value) => Ok(()),
        Ok(Some(_)) | Err(NotOneText) => Err(ApiError::new(ErrorCode::HeaderInvalid, name)),
    }
}

/// A header that came more than once, or holds what is not visible ASCII.
pub(crate) struct NotOneText;

/// The value of a header that may come once.
pub(crate) fn single(headers: &HeaderMap, name: impl AsHeaderName) -> Result<Option<&str>, NotOneText> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|text| Some(text.trim())).map_err(|_| NotOneText),
        (Some(_), Some(_)) => Err(NotOneText),
    }
}

fn version(headers: &HeaderMap, supported: &[u32]) -> Result<u32, ApiError> {
    let invalid = |name| ApiError::new(ErrorCode::HeaderInvalidVersion, name);
    let read = |name| match single(headers, name) {
        Ok(None) => Ok(None),
        Ok(Some(text)) => positive_integer(text).map(Some).ok_or_else(|| invalid(name)),
        Err(NotOneText) => Err(invalid(name)),
    };
    let asked = read(X_V)?.ok_or_else(|| ApiError::new(ErrorCode::HeaderMissing, X_V))?;
    let lowest = read(X_MIN_V)?;
    negotiate(asked, lowest, supported).ok_or_else(|| {
        let range = match supported {
            [only] => format!("version {only} is supported"),
            [first, .., last] => format!("versions {first} to {last} are supported"),
            [] => String::new(),
        };
        ApiError::new(ErrorCode::HeaderUnsupportedVersion, range)
    })
}

/// The highest supported version in the range asked for. A lowest version that is not below the one asked for does
/// not count.
fn negotiate(asked: u32, lowest: Option<u32>, supported: &[u32]) -> Option<u32> {
    let lowest = lowest.filter(|lowest| *lowest < asked).unwrap_or(asked);
    supported.iter().rev().copied().find(|version| (lowest..=asked).contains(version))
}

/// A whole number above zero. One too large to hold is still one, and no version, page or size reaches it.
pub(crate) fn positive_integer(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX)).filter(|number| *number > 0)
}

/// Whether JSON in UTF-8 is among what the client takes. Nothing said means anything.
fn accepts_json(headers: &HeaderMap) -> bool {
    let mut said = false;
    for value in headers.get_all(ACCEPT) {
        let Ok(value) = value.to_str() else { return false };
        for range in value.split(',').filter(|range| !range.trim().is_empty()) {
            said = true;
            if takes_json(range) {
                return true;
            }
        }
    }
    !said
}

fn takes_json(range: &str) -> bool {
    utf8(range).is_some_and(|media| matches!(media.as_str(), "application/json" | "application/*" | "*/*"))
}

/// Whether the body is said to be JSON in UTF-8.
fn holds_json(headers: &HeaderMap) -> bool {
    let Ok(Some(sent)) = single(headers, CONTENT_TYPE) else { return false };
    utf8(sent).is_some_and(|media| media == "application/json")
}

/// The media type of a range whose parameters allow UTF-8, in small letters.
fn utf8(range: &str) -> Option<String> {
    let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
    let media_type = parts.next().unwrap_or_default();
    let fits = parts.all(|parameter| match parameter.split_once('=') {
        Some(("charset", charset)) => charset.trim_matches('"') == "utf-8",
        Some(("q", weight)) => weight.parse::<f32>().is_ok_and(|weight| weight > 0.0),
        _ => true,
    });
    fits.then_some(media_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoints::served;
    use actix_web::http::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::try_from(*name).unwrap();
                (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
            })
            .collect()
    }

    /// Headers of a valid unattended call to Get Energy Accounts, with changes; an empty value takes a header away.
    fn with(changes: &[(&str, &str)]) -> Result<Accepted, (u16, String)> {
        let mut headers = map(&[(X_V, "2"), (X_FAPI_AUTH_DATE, "Thu, 16 Jan 2020 16:50:15 GMT")]);
        for (name, _) in changes {
            headers.remove(*name);
        }
        for (name, value) in changes.iter().filter(|(_, value)| !value.is_empty()) {
            headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
        }
        let endpoint = served().next().unwrap();
        check(&headers, &InteractionId::of(&headers), endpoint)
            .map_err(|error| (error.response().status().as_u16(), format!("{:?}", error.first_code())))
    }

    fn refused(changes: &[(&str, &str)]) -> (u16, String) {
        with(changes).unwrap_err()
    }

    #[test]
    fn versions_are_negotiated_as_the_standard_says() {
        // (x-v, x-min-v) with only version 2 supported.
        for (asked, lowest, answer) in [
            (2, None, Some(2)),
            (3, Some(2), Some(2)),
            (3, None, None),
            (3, Some(3), None),
            (2, Some(3), Some(2)),
            (1, None, None),
            (4, Some(3), None),
            (2, Some(1), Some(2)),
            (1, Some(2), None),
        ] {
            assert_eq!(negotiate(asked, lowest, &[2]), answer, "{asked} {lowest:?}");
        }
        assert_eq!(negotiate(9, Some(1), &[2, 3, 4]), Some(4));
        assert_eq!(negotiate(3, Some(1), &[2, 3, 4]), Some(3));
    }

    #[test]
    fn versions_are_positive_integers() {
        assert_eq!(refused(&[(X_V, "")]), (400, "HeaderMissing".into()));
        for bad in ["foo", "1.5", "0", "-1", "+2", "2,2", "２"] {
            if let Ok(value) = HeaderValue::try_from(bad) {
                let headers = map(&[(X_V, value.to_str().unwrap_or("\u{fffd}"))]);
                assert!(version(&headers, &[2]).is_err(), "{bad}");
            }
        }
        assert_eq!(refused(&[(X_V, "foo")]), (400, "HeaderInvalidVersion".into()));
        assert_eq!(refused(&[(X_MIN_V, "0")]), (400, "HeaderInvalidVersion".into()));
        assert_eq!(refused(&[(X_V, "99999999999999999999")]), (406, "HeaderUnsupportedVersion".into()));
        assert_eq!(refused(&[(X_V, "2"), (X_V, "2")]), (400, "HeaderInvalidVersion".into()));
        // An empty value is there, and is no integer.
        assert!(matches!(version(&map(&[(X_V, "")]), &[2]), Err(error) if error.response().status() == 400));
        assert_eq!(with(&[(X_V, "3"), (X_MIN_V, "2")]).unwrap().version, 2);
    }

    #[test]
    fn the_three_forms_of_an_http_date_are_taken() {
        for date in
            ["Thu, 16 Jan 2020 16:50:15 GMT", "Thursday, 16-Jan-20 16:50:15 GMT", "Thu Jan 16 16:50:15 2020"]
        {
            assert!(with(&[(X_FAPI_AUTH_DATE, date)]).is_ok(), "{date}");
        }
        for date in ["2020-01-16T16:50:15Z", "16 Jan 2020", "Thu, 32 Jan 2020 16:50:15 GMT", "soon"] {
            assert_eq!(refused(&[(X_FAPI_AUTH_DATE, date)]), (400, "HeaderInvalid".into()), "{date}");
        }
        assert_eq!(refused(&[(X_FAPI_AUTH_DATE, "")]), (400, "HeaderMissing".into()));
    }

    #[test]
    fn a_present_customer_needs_an_address_and_their_headers() {
        let headers = (X_CDS_CLIENT_HEADERS, "VXNlci1BZ2VudDogeA==");
        for address in ["203.0.113.7", "2001:db8::7"] {
            let accepted = with(&[(X_FAPI_CUSTOMER_IP_ADDRESS, address), headers]).unwrap();
            assert_eq!(accepted.presence, Presence::CustomerPresent);
        }
        assert_eq!(with(&[]).unwrap().presence, Presence::Unattended);
        for address in ["foo", "203.0.113", "203.0.113.7:80", "[2001:db8::7]"] {
            assert_eq!(
                refused(&[(X_FAPI_CUSTOMER_IP_ADDRESS, address), headers]),
                (400, "HeaderInvalid".into()),
                "{address}"
            );
        }
        let address = (X_FAPI_CUSTOMER_IP_ADDRESS, "203.0.113.7");
        assert_eq!(refused(&[address]), (400, "HeaderMissing".into()));
        assert_eq!(refused(&[address, (X_CDS_CLIENT_HEADERS, "!!")]), (400, "HeaderInvalid".into()));
        assert!(with(&[address, (X_CDS_CLIENT_HEADERS, "VXNlci1BZ2VudDogeA")]).is_ok());
        // An unattended call need not send them, and nobody reads them.
        assert!(with(&[(X_CDS_CLIENT_HEADERS, "!!")]).is_ok());
    }

    #[test]
    fn interaction_ids_are_echoed_or_made() {
        let sent = "6BA7B810-9dad-11d1-80b4-00c04fd430c8";
        assert_eq!(InteractionId::of(&map(&[(X_FAPI_INTERACTION_ID, sent)])).as_str(), sent);
        let made = InteractionId::of(&map(&[]));
        assert!(Uuid::try_parse(made.as_str()).is_ok() && made.as_sent);
        for bad in ["foo", "6ba7b8109dad11d180b400c04fd430c8", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}"] {
            assert_eq!(refused(&[(X_FAPI_INTERACTION_ID, bad)]), (400, "HeaderInvalid".into()), "{bad}");
            let id = InteractionId::of(&map(&[(X_FAPI_INTERACTION_ID, bad)]));
            assert!(Uuid::try_parse(id.as_str()).is_ok() && id.as_str() != bad);
        }
        assert!(with(&[(X_FAPI_INTERACTION_ID, sent), (X_FAPI_INTERACTION_ID, sent)]).is_err());
    }

    #[test]
    fn accept_is_read_leniently() {
        for json in [
            "*/*",
            "application/json",
            "application/*;q=0.5",
            "AppliCAtion/JSon;Charset=uTf-8",
            "application/json; charset=\"UTF-8\"",
            "text/html, application/json;q=0.1",
            " , ",
        ] {
            assert!(with(&[("accept", json)]).is_ok(), "{json}");
        }
        for other in [
            "text/html",
            "application/xml, text/*",
            "application/json;charset=iso-8859-1",
            "application/json;q=0",
            "json",
        ] {
            assert_eq!(refused(&[("accept", other)]), (406, "GeneralExpected".into()), "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_negotiated_is_supported_and_in_the_range(
            asked in 1u32..9, lowest in prop::option::of(1u32..9), supported in prop::collection::btree_set(1u32..9, 1..4)
        ) {
            let supported: Vec<u32> = supported.into_iter().collect();
            let floor = lowest.filter(|lowest| *lowest < asked).unwrap_or(asked);
            let best = supported.iter().copied().filter(|v| (floor..=asked).contains(v)).max();
            prop_assert_eq!(negotiate(asked, lowest, &supported), best);
        }

        #[test]
        fn no_header_text_is_too_odd(text in "[ -~]{0,40}") {
            let headers = map(&[("accept", text.as_str()), (X_V, text.as_str()), (X_FAPI_INTERACTION_ID, text.as_str())]);
            let endpoint = served().next().unwrap();
            let _ = check(&headers, &InteractionId::of(&headers), endpoint);
        }
    }
}
