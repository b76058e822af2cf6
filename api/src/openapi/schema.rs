//! A shape of the payload trees as JSON Schema 2020-12.
//!
//! Served bodies differ from stored ones in their slots, which are ids and plans there, and in nothing else.

use serde_json::{Map, Value, json};
use wattle_core::entity::{Condition, Field, Limit, Object, Presence, Shape, plan_detail_shape};

/// An object of a payload tree, with further fields before its own.
pub(super) fn object_with(first: &[(&str, Value)], object: &Object) -> Value {
    let own = object.fields.iter().map(|field| (field.name.to_owned(), described(object, field)));
    let properties: Map<_, _> =
        first.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).chain(own).collect();
    let mandatory = object.fields.iter().filter(|field| matches!(field.presence, Presence::Mandatory));
    let required: Vec<&str> =
        first.iter().map(|(name, _)| *name).chain(mandatory.map(|field| field.name)).collect();
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    let conditions: Vec<Value> =
        object.fields.iter().filter_map(|field| condition_of(object, field)).collect();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !conditions.is_empty() {
        schema["allOf"] = conditions.into();
    }
    schema
}

/// An object of a payload tree.
pub(super) fn object(object: &Object) -> Value {
    object_with(&[], object)
}

/// A field's schema; what it must keep to and JSON Schema cannot say of it is said in words.
fn described(object: &Object, field: &Field) -> Value {
    let mut schema = shape(&field.shape);
    limit(&mut schema, field.limits);
    if let Presence::If(condition) = field.presence
        && !is_within(&condition, object)
    {
        schema["description"] = format!("Mandatory {condition}.").into();
    }
    schema
}

/// What a field's presence follows from, where that lies in the same object.
fn condition_of(object: &Object, field: &Field) -> Option<Value> {
    let there = json!({"required": [field.name]});
    match field.presence {
        Presence::Mandatory | Presence::Optional => None,
        Presence::If(condition) => {
            is_within(&condition, object).then(|| json!({"if": holds(&condition), "then": there}))
        }
        Presence::Member { selector, value } => {
            let selected = has(selector, json!({"const": value}));
            Some(json!({"if": selected, "then": there, "else": {"not": there}}))
        }
    }
}

fn is_within(condition: &Condition, object: &Object) -> bool {
    match condition {
        Condition::Is(name, _)
        | Condition::IsNot(name, _)
        | Condition::IsFalse(name)
        | Condition::Present(name) => object.field(name).is_some(),
        Condition::Absent(names) => names.iter().all(|name| object.field(name).is_some()),
        Condition::Either(a, b) => is_within(a, object) && is_within(b, object),
    }
}

/// An object whose field is there and like this.
fn has(field: &str, value: Value) -> Value {
    json!({"properties": {field: value}, "required": [field]})
}

fn holds(condition: &Condition) -> Value {
    match condition {
        Condition::Is(name, values) => has(name, json!({"enum": values})),
        Condition::IsNot(name, values) => json!({"not": has(name, json!({"enum": values}))}),
        Condition::IsFalse(name) => has(name, json!({"const": false})),
        Condition::Present(name) => json!({"required": [name]}),
        Condition::Absent(names) => {
            let any: Vec<Value> = names.iter().map(|name| json!({"required": [name]})).collect();
            json!({"not": {"anyOf": any}})
        }
        Condition::Either(a, b) => json!({"anyOf": [holds(a), holds(b)]}),
    }
}

fn limit(schema: &mut Value, limits: &[Limit]) {
    let some = |name: &str, word: Value, least: u32| {
        let having = has(name, json!({"const": word}));
        json!({"contains": having, "minContains": least, "maxContains": 1})
    };
    let each: Vec<Value> = limits
        .iter()
        .map(|limit| match limit {
            Limit::OneFlagged(name) => some(name, true.into(), 0),
            Limit::AtMostOne(name, word) => some(name, (*word).into(), 0),
            Limit::ExactlyOne(name, word) => {
                json!({"if": {"minItems": 1}, "then": some(name, (*word).into(), 1)})
            }
        })
        .collect();
    if !each.is_empty() {
        schema["allOf"] = each.into();
    }
}

/// The schema of a type, with the standard's name for it where the standard has one.
fn shape(shape: &Shape) -> Value {
    let text = |name: &str, more: Value| {
        let mut schema = json!({"type": "string", "x-cds-type": name});
        schema
            .as_object_mut()
            .expect("it is an object")
            .extend(more.as_object().cloned().unwrap_or_default());
        schema
    };
    match shape {
        Shape::Text | Shape::PlanName => json!({"type": "string"}),
        Shape::Ascii | Shape::ServicePoint => text("ASCIIString", json!({"pattern": "^[\\x00-\\x7F]*$"})),
        Shape::Digits => json!({"type": "string", "pattern": "^[0-9]+$"}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::Natural => json!({"type": "integer", "minimum": 0, "x-cds-type": "NaturalNumber"}),
        Shape::Positive => json!({"type": "integer", "minimum": 1, "x-cds-type": "PositiveInteger"}),
        Shape::Number => json!({"type": "number"}),
        Shape::Enum(words) => json!({"type": "string", "enum": words}),
        Shape::EnumIf(condition, words) => {
            json!({"type": "string", "description": format!("{condition}: one of {}.", words.join(", "))})
        }
        Shape::Date => text("DateString", json!({"format": "date"})),
        Shape::DateTime => text("DateTimeString", json!({"format": "date-time"})),
        Shape::Time => text(
            "ExternalRef",
            json!({"pattern": "^T?[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?$"}),
        ),
        Shape::MonthDay => json!({"type": "string", "pattern": "^[0-9]{2}-[0-9]{2}$"}),
        Shape::Amount => text("AmountString", json!({"pattern": "^-?[0-9]{1,16}[.][0-9]{2,}$"})),
        Shape::Rate => text("RateString", json!({"pattern": "^-?[0-9]{1,16}([.][0-9]{1,16})?$"})),
        Shape::Uri => text("URIString", json!({"format": "uri"})),
        Shape::Duration => text("ExternalRef", json!({"format": "duration"})),
        Shape::Country => text("ExternalRef", json!({"pattern": "^[A-Z]{3}$"})),
        Shape::Telephone => text("ExternalRef", json!({"pattern": "^(tel:)?[+]"})),
        Shape::Email => text("ExternalRef", json!({"pattern": "^.+@.+$"})),
        Shape::PlanDetail => object(plan_detail_shape()),
        Shape::Object(inner) => object(inner),
        Shape::List(element) => json!({"type": "array", "items": self::shape(element)}),
    }
}
