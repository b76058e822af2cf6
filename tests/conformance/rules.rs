//! What the official schemas leave out: the formats of the standard's types, fields that are no fields, nulls, unions,
//! and what is mandatory under a condition. Written from the standard's text, apart from the rules that sync applies.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

/// A field that is mandatory where another one, beside it, has one of these values.
const CONDITIONAL: &[(&str, &str, &[&str])] = &[
    ("gasContract", "fuelType", &["GAS", "DUAL"]),
    ("electricityContract", "fuelType", &["ELECTRICITY", "DUAL"]),
    ("timeZone", "pricingModel", &["TIME_OF_USE"]),
    (
        "controlledLoad",
        "pricingModel",
        &["SINGLE_RATE_CONT_LOAD", "TIME_OF_USE_CONT_LOAD", "FLEXIBLE_CONT_LOAD"],
    ),
    ("variation", "isFixed", &["false"]),
    ("dailySupplyCharge", "dailySupplyChargeType", &["SINGLE"]),
    ("bandedDailySupplyCharges", "dailySupplyChargeType", &["BAND"]),
    ("rate", "term", &["PERCENT_OF_BILL"]),
    ("additionalInfo", "type", &["VARIABLE"]),
    ("discountFrequency", "type", &["FIXED_AMOUNT", "FIXED_PERCENTAGE"]),
    ("amount", "type", &["FIXED_AMOUNT"]),
    ("percentage", "type", &["FIXED_PERCENTAGE"]),
    ("explanation", "status", &["PARTIAL_FAILURE", "UNAVAILABLE", "SCHEDULED_OUTAGE"]),
];

/// A field that is mandatory unless another one, beside it, has this value.
const UNLESS: &[(&str, &str, &str)] = &[
    ("creationDate", "openStatus", "CLOSED"),
    ("amount", "term", "PERCENT_OF_BILL"),
    ("bsb", "isTokenised", "true"),
    ("accountNumber", "isTokenised", "true"),
];

/// A field that is mandatory where another one is given.
const WITH: &[(&str, &str)] =
    &[("occupationCodeVersion", "occupationCode"), ("industryCodeVersion", "industryCode")];

/// Every rule that a body breaks.
pub(crate) fn broken(document: &Value, schema: &Value, body: &Value) -> Vec<String> {
    let is_detail = body["data"].get("accountId").is_some();
    let mut walk = Walk { document, is_detail, broken: Vec::new() };
    walk.value(schema, body, "");
    walk.broken
}

struct Walk<'a> {
    document: &'a Value,
    /// Whether it is the detail of one account.
    is_detail: bool,
    broken: Vec<String>,
}

impl<'a> Walk<'a> {
    fn found(&mut self, path: &str, rule: impl Into<String>) {
        self.broken.push(format!("{path}: {}", rule.into()));
    }

    fn value(&mut self, schema: &'a Value, value: &Value, path: &str) {
        match value {
            Value::Null => self.found(path, "is null, where it should be left out"),
            Value::Object(fields) => self.object(schema, fields, path),
            Value::Array(elements) => {
                let Some(items) = self.property(schema, "items") else { return };
                for (at, element) in elements.iter().enumerate() {
                    self.value(items, element, &format!("{path}[{at}]"));
                }
                self.limits(elements, path);
            }
            scalar => {
                if let Some(name) = self.property(schema, "x-cds-type").and_then(Value::as_str)
                    && !has_format(name, scalar)
                {
                    self.found(path, format!("{scalar} is no {name}"));
                }
            }
        }
    }

    fn object(&mut self, schema: &'a Value, fields: &Map<String, Value>, path: &str) {
        let known = self.properties(schema);
        for (name, value) in fields {
            let inner = format!("{path}.{name}");
            match self.field(schema, name) {
                Some(field) => self.value(field, value, &inner),
                None if known.is_empty() => {}
                None => self.found(&inner, "is not a field of the standard"),
            }
        }
        self.unions(schema, &known, fields, path);
        self.conditions(&known, fields, path);
    }

    /// The member that a `…UType` names is there, and no other.
    fn unions(
        &mut self,
        schema: &'a Value,
        known: &BTreeSet<&'a str>,
        fields: &Map<String, Value>,
        path: &str,
    ) {
        for selector in known.iter().copied().filter(|name| name.ends_with("UType")) {
            let members = self.field(schema, selector).and_then(|field| field["enum"].as_array());
            let selected = fields.get(selector).and_then(Value::as_str).unwrap_or_default();
            for member in members.into_iter().flatten().filter_map(Value::as_str) {
                if known.contains(member) && fields.contains_key(member) != (member == selected) {
                    self.found(
                        path,
                        format!("{selector} is {selected}, and {member} is wrongly there or not"),
                    );
                }
            }
        }
    }

    fn conditions(&mut self, known: &BTreeSet<&'a str>, fields: &Map<String, Value>, path: &str) {
        let is = |name: &str, word: &str| match fields.get(name) {
            Some(Value::String(text)) => text == word,
            Some(Value::Bool(flag)) => flag.to_string() == word,
            _ => false,
        };
        let applies = |field: &str, other: &str| known.contains(field) && known.contains(other);
        for (field, other, words) in CONDITIONAL {
            if applies(field, other)
                && words.iter().any(|word| is(other, word))
                && !fields.contains_key(*field)
            {
                self.found(path, format!("{field} is missing, and {other} is {:?}", fields[*other]));
            }
        }
        for (field, other, word) in UNLESS {
            if applies(field, other) && !is(other, word) && !fields.contains_key(*field) {
                self.found(path, format!("{field} is missing, and {other} is not {word}"));
            }
        }
        for (field, other) in WITH {
            if fields.contains_key(*other) && !fields.contains_key(*field) {
                self.found(path, format!("{field} is missing, and {other} is given"));
            }
        }
        if known.contains("openStatus") && !is("openStatus", "CLOSED") {
            for plan in fields.get("plans").and_then(Value::as_array).into_iter().flatten() {
                if plan.get("planOverview").is_none() {
                    self.found(path, "a plan of an open account lacks its planOverview");
                }
                // The detail alone has it, and the list none of it.
                if self.is_detail && plan.get("planDetail").is_none() {
                    self.found(path, "a plan of an open account lacks its planDetail");
                }
            }
        }
        let abroad = fields.get("country").is_some_and(|country| country != "AUS");
        if applies("postcode", "country") && !abroad && !fields.contains_key("postcode") {
            self.found(path, "an Australian address lacks its postcode");
        }
    }

    /// What the elements of a list must keep to together.
    fn limits(&mut self, elements: &[Value], path: &str) {
        let count =
            |name: &str, value: Value| elements.iter().filter(|element| element[name] == value).count();
        if count("isPreferred", true.into()) > 1 {
            self.found(path, "has more than one that is preferred");
        }
        if path.ends_with("physicalAddresses") && !elements.is_empty() {
            if count("purpose", "REGISTERED".into()) != 1 {
                self.found(path, "does not have one registered address");
            }
            if count("purpose", "MAIL".into()) > 1 {
                self.found(path, "has more than one address for mail");
            }
        }
    }

    /// What a schema stands for.
    fn resolved(&self, schema: &'a Value) -> &'a Value {
        let pointer = schema["$ref"].as_str().map(|pointer| pointer.trim_start_matches('#'));
        pointer.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(schema)
    }

    /// A schema and all that it is made of.
    fn parts(&self, schema: &'a Value) -> Vec<&'a Value> {
        let schema = self.resolved(schema);
        let further = schema["allOf"].as_array().into_iter().flatten();
        std::iter::once(schema).chain(further.flat_map(|part| self.parts(part))).collect()
    }

    fn property(&self, schema: &'a Value, name: &str) -> Option<&'a Value> {
        self.parts(schema).into_iter().find_map(|part| part.get(name))
    }

    /// A field's schema: the last part that has it goes before the others.
    fn field(&self, schema: &'a Value, name: &str) -> Option<&'a Value> {
        self.parts(schema).into_iter().rev().find_map(|part| part["properties"].get(name))
    }

    fn properties(&self, schema: &'a Value) -> BTreeSet<&'a str> {
        let objects = self.parts(schema).into_iter().filter_map(|part| part["properties"].as_object());
        objects.flat_map(Map::keys).map(String::as_str).collect()
    }
}

/// The standard's common field types, by its text.
fn has_format(name: &str, value: &Value) -> bool {
    static FORMATS: LazyLock<[(&str, Regex); 6]> = LazyLock::new(|| {
        [
            ("AmountString", r"^-?\d{1,16}\.\d{2,}$"),
            ("RateString", r"^-?\d{1,16}(\.\d{1,16})?$"),
            ("DateString", r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"),
            ("DateTimeString", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"),
            ("URIString", r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$"),
            ("ASCIIString", r"^[\x00-\x7f]*$"),
        ]
        .map(|(name, pattern)| (name, Regex::new(pattern).expect("it is a pattern")))
    });
    if let Some((_, pattern)) = FORMATS.iter().find(|(known, _)| *known == name) {
        return value.as_str().is_some_and(|text| pattern.is_match(text));
    }
    let digits = |least: u64| value.as_u64().is_some_and(|number| number >= least);
    match name {
        "NaturalNumber" => digits(0),
        "PositiveInteger" => digits(1),
        // Another standard's format: the schema says of it that it is a text, and no more.
        "ExternalRef" => value.is_string(),
        other => panic!("the standard has no type {other} that this test knows"),
    }
}
