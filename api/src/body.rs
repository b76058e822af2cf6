//! Bodies as they are served: the stored text, with the account's id put first and the slots filled.
//!
//! A stored body is the CDR's own JSON but for its slots, objects with one member whose name begins with `$`. Inside
//! a JSON string a quotation mark is escaped, so the text `{"$` can only be the beginning of a slot, and one pass over
//! the bytes finds and fills them all; the body is never parsed. What fills a slot is not looked through for more.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use wattle_core::entity::{PLAN_DETAIL_SLOT, PLAN_NAME_SLOT, SERVICE_POINT_SLOT};

use crate::ids::{Kind, Minter, TooLong};

/// The parts of a plan record that slots ask for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plan<'a> {
    #[serde(borrow, default)]
    display_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    plan_detail: Option<&'a RawValue>,
}

/// The plans that an account names, by source id. They are of the account's own source.
#[derive(Debug, Default)]
pub(crate) struct Plans<'a>(HashMap<String, Plan<'a>>);

impl<'a> Plans<'a> {
    /// Reads what the statement answers: an array of `[source id, plan record's body]`, or nothing.
    pub(crate) fn read(text: Option<&'a str>) -> Result<Self, BrokenBody> {
        #[derive(Deserialize)]
        struct Row<'a>(String, #[serde(borrow)] Plan<'a>);
        let Some(text) = text else { return Ok(Self::default()) };
        let rows: Vec<Row<'a>> = serde_json::from_str(text).map_err(|_| BrokenBody::Plan)?;
        Ok(Self(rows.into_iter().map(|Row(source_id, plan)| (source_id, plan)).collect()))
    }
}

/// A stored body that cannot be served. Whatever wrote it has a bug.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokenBody {
    /// A slot that is not written as slots are.
    #[error("a stored body has a malformed slot")]
    Slot,
    /// A slot of an unknown kind.
    #[error("a stored body has a slot that serving does not know")]
    UnknownSlot,
    /// A body that is no object.
    #[error("a stored body is not an object")]
    NotAnObject,
    /// A plan record that is not one.
    #[error("a stored plan record cannot be read")]
    Plan,
    /// An id that no resource id can hold.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// Serves the bodies of one source's records to one customer's recipient.
pub(crate) struct BodyWriter<'a, 'b> {
    /// Makes the ids.
    pub(crate) minter: &'b mut Minter<'a>,
    /// The source of the records.
    pub(crate) source_system: &'b str,
    /// What plan slots are filled with.
    pub(crate) plans: &'b Plans<'b>,
    /// Whether a plan's detail was left out, because the plan is not there.
    pub(crate) lacks_plan_detail: bool,
}

impl<'a, 'b> BodyWriter<'a, 'b> {
    pub(crate) fn new(minter: &'b mut Minter<'a>, source_system: &'b str, plans: &'b Plans<'b>) -> Self {
        Self { minter, source_system, plans, lacks_plan_detail: false }
    }
}

impl BodyWriter<'_, '_> {
    /// Appends a record's body, beginning with the id of its account.
    pub(crate) fn append(
        &mut self,
        out: &mut String,
        account_id: &str,
        body: &str,
    ) -> Result<(), BrokenBody> {
        let members = body.strip_prefix('{').ok_or(BrokenBody::NotAnObject)?;
        // A resource id is URL-safe base64: nothing in it needs escaping.
        out.push_str(r#"{"accountId":""#);
        out.push_str(account_id);
        out.push('"');
        if !members.starts_with('}') {
            out.push(',');
        }
        self.fill(out, members)
    }

    /// Appends text with its slots filled.
    fn fill(&mut self, out: &mut String, text: &str) -> Result<(), BrokenBody> {
        let plan = |source_id: &str| self.plans.0.get(source_id);
        let mut rest = text;
        while let Some(at) = rest.find(r#"{"$"#) {
            out.push_str(&rest[..at]);
            let (slot, after) = Slot::read(&rest[at..]).ok_or(BrokenBody::Slot)?;
            rest = after;
            let filling = match slot.name {
                SERVICE_POINT_SLOT => {
                    let id = self.minter.mint(Kind::ServicePoint, self.source_system, &slot.value)?;
                    Some(Cow::Owned(format!("\"{id}\"")))
                }
                PLAN_DETAIL_SLOT => plan(&slot.value).and_then(|plan| plan.plan_detail).map(as_stored),
                PLAN_NAME_SLOT => plan(&slot.value).and_then(|plan| plan.display_name).map(as_stored),
                _ => return Err(BrokenBody::UnknownSlot),
            };
            match filling {
                Some(filling) => out.push_str(&filling),
                None => {
                    self.lacks_plan_detail |= slot.name == PLAN_DETAIL_SLOT;
                    rest = drop_member(out, rest)?;
                }
            }
        }
        out.push_str(rest);
        Ok(())
    }
}

fn as_stored(json: &RawValue) -> Cow<'_, str> {
    Cow::Borrowed(json.get())
}

/// A slot as read.
struct Slot<'a> {
    name: &'a str,
    value: Cow<'a, str>,
}

impl<'a> Slot<'a> {
    /// Reads `{"$name":"value"}` at the beginning of a text; answers the text after it, too.
    fn read(text: &'a str) -> Option<(Self, &'a str)> {
        let (name, rest) = text.strip_prefix(r#"{""#)?.split_once(r#"":""#)?;
        let end = end_of_string(rest)?;
        let (value, rest) = rest.split_at(end);
        let value = if value.contains('\\') {
            Cow::Owned(serde_json::from_str(&format!("\"{value}\"")).ok()?)
        } else {
            Cow::Borrowed(value)
        };
        Some((Self { name, value }, rest.strip_prefix(r#""}"#)?))
    }
}

/// Where the quotation mark is that ends the JSON string whose content begins the text.
fn end_of_string(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// Takes back the name of the member whose value is not there, and one of the commas around it.
fn drop_member<'a>(out: &mut String, rest: &'a str) -> Result<&'a str, BrokenBody> {
    let name = out.strip_suffix(r#"":"#).and_then(|before| before.rfind('"')).ok_or(BrokenBody::Slot)?;
    out.truncate(name);
    if out.ends_with(',') {
        out.pop();
        return Ok(rest);
    }
    Ok(rest.strip_prefix(',').unwrap_or(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Customer, Recipient};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use wattle_core::TenantId;
    use wattle_tenants::Secrets;

    const NO_PLANS: Option<&str> = None;

    /// Serves a body of source `correa`; answers its text and the service point ids it should hold.
    fn serve(body: &str, plans: Option<&str>) -> Result<String, BrokenBody> {
        let (secrets, tenant) = (Secrets::new(&[7; 32]).unwrap(), TenantId::parse("correa").unwrap());
        let recipient = Recipient { secrets: &secrets, tenant: &tenant, software_product: "p" };
        let plans = Plans::read(plans)?;
        let mut minter = recipient.minter(&customer());
        let mut writer = BodyWriter::new(&mut minter, "correa", &plans);
        let mut out = String::new();
        writer.append(&mut out, "ID", body)?;
        Ok(out)
    }

    fn customer() -> Customer {
        Customer { source_system: "correa".into(), source_id: "1".into(), key_version: 1 }
    }

    fn point(source_id: &str) -> String {
        let (secrets, tenant) = (Secrets::new(&[7; 32]).unwrap(), TenantId::parse("correa").unwrap());
        let recipient = Recipient { secrets: &secrets, tenant: &tenant, software_product: "p" };
        recipient.minter(&customer()).mint(Kind::ServicePoint, "correa", source_id).unwrap()
    }

    fn served(body: &Value, plans: Option<&str>) -> Value {
        serde_json::from_str(&serve(&body.to_string(), plans).unwrap()).unwrap()
    }

    #[test]
    fn the_account_comes_first() {
        assert_eq!(serve(r#"{"a":1}"#, NO_PLANS).unwrap(), r#"{"accountId":"ID","a":1}"#);
        assert_eq!(serve("{}", NO_PLANS).unwrap(), r#"{"accountId":"ID"}"#);
    }

    #[test]
    fn an_account_gets_its_plans_and_service_points() {
        let plan = |id: &str| {
            json!({
                "nickname": "home",
                "planDetail": {"$planDetail": id},
                "planOverview": {"displayName": {"$planName": id}, "startDate": "2026-01-01"},
                "servicePointIds": [{"$servicePoint": "6102000000"}, {"$servicePoint": "a\\\"|ß"}],
            })
        };
        let body = json!({"accountNumber": "7", "plans": [plan("P\"1"), plan("gone")]});
        let plans = json!([
            ["P\"1", {"displayName": "Basic", "planDetail": {"fuelType": "GAS", "x": 1.50}}]
        ]);
        let points = json!([point("6102000000"), point("a\\\"|ß")]);
        assert_eq!(
            served(&body, Some(&plans.to_string())),
            json!({
                "accountId": "ID",
                "accountNumber": "7",
                "plans": [
                    {
                        "nickname": "home",
                        "planDetail": {"fuelType": "GAS", "x": 1.50},
                        "planOverview": {"displayName": "Basic", "startDate": "2026-01-01"},
                        "servicePointIds": points,
                    },
                    {"nickname": "home", "planOverview": {"startDate": "2026-01-01"}, "servicePointIds": points}
                ]
            })
        );
    }

    #[test]
    fn numbers_and_spellings_are_served_as_stored() {
        let body = r#"{"amount":0.10000000000000000005,"text":"\u00e9 {\"$servicePoint\":\"x\"}"}"#;
        assert_eq!(serve(body, NO_PLANS).unwrap(), format!(r#"{{"accountId":"ID",{}"#, &body[1..]));
    }

    #[test]
    fn a_member_that_drops_takes_one_comma_with_it() {
        for (members, left) in [
            (r#""planDetail":{"$planDetail":"x"}"#, ""),
            (r#""planDetail":{"$planDetail":"x"},"z":1"#, r#""z":1"#),
            (r#""a":1,"planDetail":{"$planDetail":"x"}"#, r#""a":1"#),
            (r#""a":1,"planDetail":{"$planDetail":"x"},"z":1"#, r#""a":1,"z":1"#),
            (r#""a":{"$planName":"x"},"b":{"$planName":"x"}"#, ""),
        ] {
            let expected = format!(r#"{{"accountId":"ID","plan":{{{left}}}}}"#);
            assert_eq!(serve(&format!(r#"{{"plan":{{{members}}}}}"#), NO_PLANS).unwrap(), expected);
        }
    }

    #[test]
    fn a_broken_body_is_an_error() {
        for broken in [
            "[]",
            "",
            r#"{"a":{"$other":"x"}}"#,
            r#"{"a":{"$servicePoint":7}}"#,
            r#"{"a":{"$servicePoint":"x","b":1}}"#,
            r#"{"a":{"$servicePoint":"x"#,
            r#"[{"$planDetail":"x"}]"#,
        ] {
            assert!(serve(broken, NO_PLANS).is_err(), "{broken}");
        }
        assert!(matches!(serve("{}", Some("{}")), Err(BrokenBody::Plan)));
    }

    /// Any JSON, with service point slots here and there, and what serving should make of it.
    fn json_with_slots() -> impl Strategy<Value = (Value, Value)> {
        let same = |value: Value| (value.clone(), value);
        let leaf = prop_oneof![
            any::<i32>().prop_map(move |n| same(json!(n))),
            "\\PC{0,12}".prop_map(move |text| same(json!(text))),
            Just(same(json!(r#"{"$servicePoint":"x"}"#))),
            "\\PC{0,12}".prop_map(|id| (json!({"$servicePoint": id}), json!(point(&id)))),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(|list| {
                    let (stored, served): (Vec<_>, Vec<_>) = list.into_iter().unzip();
                    (json!(stored), json!(served))
                }),
                prop::collection::btree_map("[a-z\"\\\\{]{0,6}", inner, 0..5).prop_map(|map| {
                    let stored = map.iter().map(|(k, v)| (k.clone(), v.0.clone())).collect();
                    let served = map.into_iter().map(|(k, v)| (k, v.1)).collect();
                    (Value::Object(stored), Value::Object(served))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn filling_text_is_filling_the_json((stored, expected) in json_with_slots()) {
            prop_assert_eq!(served(&json!({"x": stored}), NO_PLANS), json!({"accountId": "ID", "x": expected}));
        }

        #[test]
        fn no_text_is_too_odd(text in "[{}\"$:,a\\\\]{0,30}") {
            let _ = serve(&text, NO_PLANS);
        }
    }
}
