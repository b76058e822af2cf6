//! The rules of the CDR, applied to a body before it is written.

use serde_json::{Map, Value};

use super::shape::{Condition, Field, Limit, Object, Presence, Shape};
use super::{PLAN_DETAIL_SLOT, PLAN_NAME_SLOT, SERVICE_POINT_SLOT};

/// A rule that a body breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field's path; array elements by their index.
    pub field: String,
    /// The rule, in words.
    pub rule: String,
}

/// Checks a body against its shape.
pub(super) fn check(shape: &Object, body: &Value) -> Result<(), Violation> {
    let fields = body.as_object().ok_or_else(|| violation("", "must be an object"))?;
    Scope { fields, shape, outer: None }.check()
}

/// The part of a body that a smaller shape has: what a list shows of a detail.
pub fn pick(shape: &Object, body: &Value) -> Value {
    let Value::Object(fields) = body else { return body.clone() };
    let picked = shape.fields.iter().filter_map(|field| {
        let value = fields.get(field.name)?;
        Some((field.name.to_owned(), pick_value(&field.shape, value)))
    });
    Value::Object(picked.collect())
}

fn pick_value(shape: &Shape, value: &Value) -> Value {
    match (shape, value) {
        (Shape::Object(object), value) => pick(object, value),
        (Shape::List(element), Value::Array(values)) => {
            values.iter().map(|v| pick_value(element, v)).collect()
        }
        (_, value) => value.clone(),
    }
}

fn violation(field: &str, rule: impl Into<String>) -> Violation {
    Violation { field: field.to_owned(), rule: rule.into() }
}

impl Violation {
    fn inside(mut self, outer: &str) -> Self {
        self.field = match (outer, self.field.as_str()) {
            (outer, "") => outer.to_owned(),
            (outer, inner) => format!("{outer}.{inner}"),
        };
        self
    }
}

/// An object being checked, and the objects around it, whose fields conditions may name.
struct Scope<'a> {
    fields: &'a Map<String, Value>,
    shape: &'a Object,
    outer: Option<&'a Scope<'a>>,
}

impl Scope<'_> {
    fn check(&self) -> Result<(), Violation> {
        if let Some(unknown) = self.fields.keys().find(|name| self.shape.field(name).is_none()) {
            return Err(violation(unknown, "is not a field of the standard"));
        }
        for field in self.shape.fields {
            match self.fields.get(field.name) {
                Some(Value::Null) => {
                    return Err(violation(field.name, "is null: an absent field is left out"));
                }
                Some(value) => {
                    if let Presence::Member { selector, value } = field.presence
                        && !self.has(selector, &[value])
                    {
                        return Err(violation(
                            field.name,
                            format!("must be absent unless {selector} is {value}"),
                        ));
                    }
                    self.check_value(&field.shape, value).map_err(|v| v.inside(field.name))?;
                    check_limits(field, value)?;
                }
                None => self.check_absent(field)?,
            }
        }
        Ok(())
    }

    fn check_absent(&self, field: &Field) -> Result<(), Violation> {
        match field.presence {
            Presence::Optional => Ok(()),
            Presence::Mandatory => Err(violation(field.name, "is mandatory and absent")),
            Presence::If(condition) if self.holds(&condition) => {
                Err(violation(field.name, format!("is mandatory {condition}")))
            }
            Presence::Member { selector, value } if self.has(selector, &[value]) => {
                Err(violation(field.name, format!("is mandatory if {selector} is {value}")))
            }
            Presence::If(_) | Presence::Member { .. } => Ok(()),
        }
    }

    fn check_value(&self, shape: &Shape, value: &Value) -> Result<(), Violation> {
        match (shape, value) {
            (Shape::Object(object), Value::Object(fields)) => {
                Scope { fields, shape: object, outer: Some(self) }.check()
            }
            (Shape::Object(_), _) => Err(violation("", "must be an object")),
            (Shape::List(element), Value::Array(values)) => {
                values.iter().enumerate().try_for_each(|(at, value)| {
                    self.check_value(element, value).map_err(|v| v.inside(&at.to_string()))
                })
            }
            (Shape::List(_), _) => Err(violation("", "must be an array")),
            (Shape::EnumIf(condition, words), value) if self.holds(condition) => {
                check_scalar(&Shape::Enum(words), value)
            }
            (shape, value) => check_scalar(shape, value),
        }
    }

    /// The field of that name in this object or, where its shape has none, in the nearest around it that has.
    fn look_up(&self, name: &str) -> Option<&Value> {
        if self.shape.field(name).is_some() {
            return self.fields.get(name);
        }
        self.outer?.look_up(name)
    }

    fn has(&self, name: &str, values: &[&str]) -> bool {
        self.look_up(name).and_then(Value::as_str).is_some_and(|value| values.contains(&value))
    }

    fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Is(name, values) => self.has(name, values),
            Condition::IsNot(name, values) => !self.has(name, values),
            Condition::IsFalse(name) => self.look_up(name).and_then(Value::as_bool) == Some(false),
            Condition::Present(name) => self.look_up(name).is_some(),
            Condition::Absent(names) => names.iter().all(|name| self.look_up(name).is_none()),
            Condition::Either(a, b) => self.holds(a) || self.holds(b),
        }
    }
}

fn check_limits(field: &Field, value: &Value) -> Result<(), Violation> {
    let elements = value.as_array().map_or(&[][..], Vec::as_slice);
    let flagged = |name: &str| elements.iter().filter(|it| it[name] == true).count();
    let having = |name: &str, word: &str| elements.iter().filter(|it| it[name] == word).count();
    for limit in field.limits {
        let (kept, rule) = match limit {
            Limit::OneFlagged(name) => (flagged(name) <= 1, format!("has more than one element with {name}")),
            Limit::AtMostOne(name, word) => {
                (having(name, word) <= 1, format!("has more than one element whose {name} is {word}"))
            }
            Limit::ExactlyOne(name, word) => (
                elements.is_empty() || having(name, word) == 1,
                format!("must have one element whose {name} is {word}, and no more"),
            ),
        };
        if !kept {
            return Err(violation(field.name, rule));
        }
    }
    Ok(())
}

fn check_scalar(shape: &Shape, value: &Value) -> Result<(), Violation> {
    let text = value.as_str();
    let is = |fits: fn(&str) -> bool| text.is_some_and(fits);
    let slot = |name: &str| value.get(name).is_some_and(Value::is_string);
    let (fits, rule) = match shape {
        Shape::Text | Shape::EnumIf(..) => (text.is_some(), "must be a string"),
        Shape::Ascii => (is(str::is_ascii), "must be an ASCIIString"),
        Shape::Digits => (is(is_digits), "must be digits and nothing else"),
        Shape::Boolean => (value.is_boolean(), "must be a boolean"),
        Shape::Natural => (is_natural(value), "must be a NaturalNumber"),
        Shape::Positive => (is_natural(value) && *value != 0, "must be a PositiveInteger"),
        Shape::Number => (value.is_number(), "must be a number"),
        Shape::Date => (is(is_date), "must be a DateString (YYYY-MM-DD)"),
        Shape::DateTime => (is(is_date_time), "must be a DateTimeString (RFC 3339 with an offset)"),
        Shape::Time => (is(is_time), "must be an ISO 8601 time"),
        Shape::MonthDay => (is(is_month_day), "must be a day of the year (mm-dd)"),
        Shape::Amount => (is(is_amount), "must be an AmountString (1 to 16 digits, at least 2 decimals)"),
        Shape::Rate => (is(is_rate), "must be a RateString (1 to 16 digits, up to 16 decimals)"),
        Shape::Uri => (is(is_uri), "must be a URIString"),
        Shape::Duration => (is(is_duration), "must be an ISO 8601 duration"),
        Shape::Country => (is(is_country), "must be a country as ISO 3166 has it in three letters"),
        Shape::Telephone => (is(is_telephone), "must be a global telephone number by RFC 3966"),
        Shape::Email => (is(is_email), "must be an e-mail address by RFC 5322"),
        Shape::ServicePoint => (slot(SERVICE_POINT_SLOT), "must be a service point slot"),
        Shape::PlanDetail => (slot(PLAN_DETAIL_SLOT), "must be a plan slot"),
        Shape::PlanName => (text.is_some() || slot(PLAN_NAME_SLOT), "must be a string or a plan slot"),
        Shape::Enum(words) => {
            let known = text.is_some_and(|text| words.contains(&text));
            return if known {
                Ok(())
            } else {
                Err(violation("", format!("must be one of {}", words.join(", "))))
            };
        }
        Shape::Object(_) | Shape::List(_) => (false, "must not be a scalar"),
    };
    if fits { Ok(()) } else { Err(violation("", rule)) }
}

fn is_natural(value: &Value) -> bool {
    value.as_number().is_some_and(|number| number.to_string().bytes().all(|b| b.is_ascii_digit()))
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

fn is_date_time(text: &str) -> bool {
    chrono::DateTime::parse_from_rfc3339(text).is_ok()
}

/// `hh:mm`, optionally `:ss` and a fraction, optionally `Z` or an offset.
fn is_time(text: &str) -> bool {
    let text = text.strip_prefix('T').unwrap_or(text);
    let clock = match text.find(['Z', '+', '-']) {
        None => text,
        Some(at) => {
            let offset = &text[at..];
            if offset != "Z" && chrono::NaiveTime::parse_from_str(&offset[1..], "%H:%M").is_err() {
                return false;
            }
            &text[..at]
        }
    };
    ["%H:%M", "%H:%M:%S", "%H:%M:%S%.f"]
        .iter()
        .any(|format| chrono::NaiveTime::parse_from_str(clock, format).is_ok())
}

fn is_month_day(text: &str) -> bool {
    // A leap year, so that 29 February is a day.
    text.len() == 5 && chrono::NaiveDate::parse_from_str(&format!("2024-{text}"), "%Y-%m-%d").is_ok()
}

fn split_decimal(text: &str) -> Option<(usize, Option<usize>)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let numeric = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    (numeric(whole) && fraction.is_none_or(numeric)).then(|| (whole.len(), fraction.map(str::len)))
}

fn is_amount(text: &str) -> bool {
    matches!(split_decimal(text), Some((1..=16, Some(2..))))
}

fn is_rate(text: &str) -> bool {
    matches!(split_decimal(text), Some((1..=16, None | Some(1..=16))))
}

fn is_uri(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, rest)| (scheme, !rest.is_empty()));
    let plain = |c: char| c.is_ascii_graphic();
    text.chars().all(plain)
        && scheme.is_some_and(|(s, rest)| rest && s.starts_with(|c: char| c.is_ascii_alphabetic()))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_country(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// `+`, digits that visual separators may part, and parameters such as `;ext=12`; with or without the scheme `tel:`.
fn is_telephone(text: &str) -> bool {
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let (number, parameters) = text.split_once(';').map_or((text, None), |(n, p)| (n, Some(p)));
    let Some(number) = number.strip_prefix('+') else { return false };
    let mut digits = number.bytes().filter(|b| !matches!(b, b'-' | b'.' | b'(' | b')')).peekable();
    let whole =
        |parameter: &str| parameter.split_once('=').is_some_and(|(n, v)| !n.is_empty() && !v.is_empty());
    digits.peek().is_some()
        && digits.all(|b| b.is_ascii_digit())
        && parameters.is_none_or(|p| p.bytes().all(|b| b.is_ascii_graphic()) && p.split(';').all(whole))
}

/// Something before the last `@` and a name of a host after it; no blanks, which only a quoted name may have.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    !local.is_empty()
        && (quoted || local.chars().all(|c| plain(c) && !"@,;:<>()[]\\\"".contains(c)))
        && !domain.is_empty()
        && domain.chars().all(|c| plain(c) && !",;<>()\\\"".contains(c))
}

/// By ISO 8601.
fn is_duration(text: &str) -> bool {
    fn units(part: &str, allowed: &str) -> bool {
        let mut left = allowed;
        let mut number = String::new();
        for c in part.chars() {
            if c.is_ascii_digit() || (c == '.' && !number.is_empty()) {
                number.push(c);
                continue;
            }
            let Some(at) = left.find(c) else { return false };
            if number.is_empty() {
                return false;
            }
            number.clear();
            left = &left[at + 1..];
        }
        number.is_empty()
    }
    let Some(rest) = text.strip_prefix('P') else { return false };
    let (date, time) = rest.split_once('T').map_or((rest, None), |(date, time)| (date, Some(time)));
    !(date.is_empty() && time.is_none())
        && units(date, "YMWD")
        && time.is_none_or(|t| !t.is_empty() && units(t, "HMS"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entity;
    use serde_json::json;

    #[test]
    fn formats_of_the_standard() {
        for good in ["0.00", "-12.345", "1234567890123456.00"] {
            assert!(is_amount(good), "{good}");
        }
        for bad in ["1", "1.0", ".50", "12345678901234567.00", "1,000.00", "$1.00", "+1.00", "1e2"] {
            assert!(!is_amount(bad), "{bad}");
        }
        for good in ["1", "0.05", "-0.1234567890123456"] {
            assert!(is_rate(good), "{good}");
        }
        assert!(!is_rate("0.12345678901234567") && !is_rate("1.") && !is_rate(""));
        for good in ["P1M", "P1Y2M10DT2H30M", "PT36H", "P4W"] {
            assert!(is_duration(good), "{good}");
        }
        for bad in ["P", "PT", "1M", "P1", "PM", "R5/P1M", "P1D2M"] {
            assert!(!is_duration(bad), "{bad}");
        }
        assert!(is_time("07:00") && is_time("07:00:00+10:00") && is_time("23:59:59Z"));
        assert!(!is_time("24:61") && !is_time("7am"));
        assert!(is_month_day("02-29") && !is_month_day("13-01"));
        assert!(is_date_time("2026-11-24T09:00:00+11:00") && !is_date_time("2026-11-24T09:00:00"));
        assert!(is_uri("https://example.com/a") && !is_uri("example"));
        for good in ["+61412345678", "tel:+61-2-9999-9999;ext=12", "+64.3.4771234"] {
            assert!(is_telephone(good), "{good}");
        }
        for bad in ["0412345678", "+", "tel:+", "+61 412 345 678", "+61412;ext", "+61412;ext="] {
            assert!(!is_telephone(bad), "{bad}");
        }
        assert!(
            is_email("a.b+c@example.com") && is_email("\"a b\"@example.com") && is_email("zoë@exämple.com")
        );
        for bad in ["a", "@example.com", "a@", "a b@example.com", "a@b@example.com", "a,b@example.com"] {
            assert!(!is_email(bad), "{bad}");
        }
        assert!(is_country("AUS") && !is_country("AU") && !is_country("aus"));
    }

    fn rule(entity: Entity, body: Value) -> (String, String) {
        let violation = check(entity.shape(), &body).unwrap_err();
        (violation.field, violation.rule)
    }

    #[test]
    fn a_union_has_exactly_the_member_that_its_selector_names() {
        let payment = json!({"amount": "10.00", "method": "BPAY"});
        let good = json!({"executionDateTime": "2026-01-01T00:00:00Z", "transactionUType": "payment", "payment": payment});
        assert_eq!(check(Entity::BillingTransaction.shape(), &good), Ok(()));
        let missing = json!({"executionDateTime": "2026-01-01T00:00:00Z", "transactionUType": "usage"});
        assert_eq!(
            rule(Entity::BillingTransaction, missing),
            ("usage".into(), "is mandatory if transactionUType is usage".into())
        );
        let mut both = good;
        both["onceOff"] = json!({"amount": "1.00", "description": "x"});
        assert_eq!(
            rule(Entity::BillingTransaction, both),
            ("onceOff".into(), "must be absent unless transactionUType is onceOff".into())
        );
    }

    #[test]
    fn conditions_reach_into_the_objects_around() {
        let closed = json!({"openStatus": "CLOSED", "plans": [{"servicePointIds": []}]});
        assert_eq!(check(Entity::Account.shape(), &closed), Ok(()));
        let open = json!({"creationDate": "2020-01-01", "plans": [{"servicePointIds": []}]});
        assert_eq!(
            rule(Entity::Account, open),
            ("plans.0.planOverview".into(), "is mandatory unless openStatus is CLOSED".into())
        );
    }

    #[test]
    fn elements_of_an_array_keep_to_its_limits() {
        let address = |purpose: &str| {
            let lines = json!({"addressLine1": "1 Wattle St", "city": "Ballarat", "state": "VIC", "postcode": "3350"});
            json!({"addressUType": "simple", "simple": lines, "purpose": purpose})
        };
        let email =
            |preferred| json!({"purpose": "HOME", "address": "a@example.com", "isPreferred": preferred});
        let person = |addresses: &[&str], emails: &[bool]| {
            let addresses: Vec<Value> = addresses.iter().map(|purpose| address(purpose)).collect();
            let emails: Vec<Value> = emails.iter().map(|preferred| email(*preferred)).collect();
            let person = json!({
                "lastName": "Nguyen", "middleNames": [], "phoneNumbers": [], "emailAddresses": emails,
                "physicalAddresses": addresses
            });
            check(Entity::Customer.shape(), &json!({"customerUType": "person", "person": person}))
        };
        for (addresses, emails) in
            [(vec![], vec![]), (vec!["WORK", "MAIL", "REGISTERED", "WORK"], vec![false, true, false])]
        {
            assert_eq!(person(&addresses, &emails), Ok(()));
        }
        for (addresses, field) in [
            (vec!["MAIL"], "person.physicalAddresses"),
            (vec!["REGISTERED", "REGISTERED"], "person.physicalAddresses"),
            (vec!["REGISTERED", "MAIL", "MAIL"], "person.physicalAddresses"),
        ] {
            assert_eq!(person(&addresses, &[]).unwrap_err().field, field, "{addresses:?}");
        }
        let both = person(&[], &[true, true]).unwrap_err();
        assert_eq!(both.rule, "has more than one element with isPreferred");
    }

    #[test]
    fn an_address_abroad_needs_no_postcode_and_no_state_of_australias() {
        let shape = crate::Entity::Customer.shape().at("organisation.physicalAddresses.simple");
        let Some(Shape::Object(simple)) = shape else { panic!("it is an object") };
        let at = |country: Option<&str>| {
            let mut lines = json!({"addressLine1": "1 Harbour Tce", "city": "Galway", "state": "Connacht"});
            if let Some(country) = country {
                lines["country"] = country.into();
            }
            check(simple, &lines).map_err(|violation| violation.field)
        };
        assert_eq!(at(Some("IRL")), Ok(()));
        assert_eq!(at(None), Err("postcode".into()));
        assert_eq!(at(Some("AUS")), Err("postcode".into()));
        // Nor has it a state of Australia's.
        let mut lines =
            json!({"addressLine1": "1 Wattle St", "city": "Ballarat", "state": "VIC", "postcode": "3350"});
        assert_eq!(check(simple, &lines), Ok(()));
        lines["state"] = "Victoria".into();
        let violation = check(simple, &lines).unwrap_err();
        assert_eq!((violation.field.as_str(), violation.rule.contains("NSW, QLD, VIC")), ("state", true));
    }

    #[test]
    fn a_bank_account_is_in_digits_unless_it_is_tokenised() {
        let debit = |fields: Value| {
            let mut debit = json!({"paymentFrequency": "P1M", "calculationType": "BALANCE"});
            debit.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            let schedule = json!({"paymentScheduleUType": "directDebit", "directDebit": debit});
            check(Entity::PaymentSchedule.shape(), &schedule).map_err(|violation| violation.field)
        };
        assert_eq!(debit(json!({"bsb": "012345", "accountNumber": "000123"})), Ok(()));
        assert_eq!(debit(json!({"isTokenised": true})), Ok(()));
        assert_eq!(debit(json!({"accountNumber": "1"})), Err("directDebit.bsb".into()));
        assert_eq!(debit(json!({"isTokenised": false, "bsb": "1"})), Err("directDebit.accountNumber".into()));
        assert_eq!(debit(json!({"bsb": "012-345", "accountNumber": "1"})), Err("directDebit.bsb".into()));
    }

    #[test]
    fn a_concession_has_what_its_type_asks_for() {
        let concession = |fields: Value| {
            let mut concession = json!({"displayName": "Medical cooling"});
            concession.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            check(Entity::Concession.shape(), &concession).map_err(|violation| violation.field)
        };
        for good in [
            json!({"type": "FIXED_AMOUNT", "discountFrequency": "P1M", "amount": "21.50", "appliedTo": ["INVOICE"]}),
            json!({"type": "FIXED_PERCENTAGE", "discountFrequency": "P3M", "percentage": "0.175"}),
            json!({"type": "VARIABLE", "additionalInfo": "On application"}),
        ] {
            assert_eq!(concession(good), Ok(()));
        }
        for (bad, field) in [
            (json!({"type": "FIXED_AMOUNT", "discountFrequency": "P1M"}), "amount"),
            (json!({"type": "FIXED_AMOUNT", "amount": "21.50"}), "discountFrequency"),
            (json!({"type": "FIXED_PERCENTAGE", "discountFrequency": "P1M"}), "percentage"),
            (json!({"type": "VARIABLE"}), "additionalInfo"),
            (json!({"type": "VARIABLE", "additionalInfo": "x", "appliedTo": ["GAS"]}), "appliedTo.0"),
        ] {
            assert_eq!(concession(bad), Err(field.into()));
        }
    }

    #[test]
    fn nulls_and_strangers_are_refused() {
        assert_eq!(rule(Entity::Balance, json!({"balance": null})).0, "balance");
        assert_eq!(
            rule(Entity::Balance, json!({"balance": "1.00", "x": 1})).1,
            "is not a field of the standard"
        );
    }
}
