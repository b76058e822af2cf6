//! Every answer of every test is one that the OpenAPI document describes, but for `data`: records that are put in by hand
//! have what their test is about and no more. Whole records are checked where sync writes them.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use actix_web::http::{Method, StatusCode};
use jsonschema::Validator;
use serde_json::{Value, json};
use wattle_api::endpoints::{BASE_PATH, Endpoint, Resolved, resolve};
use wattle_api::openapi;

use crate::support::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(openapi::document);
/// By operation and status.
static VALIDATORS: Mutex<Option<HashMap<(&str, u16), Validator>>> = Mutex::new(None);

/// Asserts that an answer is among those that its endpoint has.
pub(crate) fn assert_described(method: &Method, path: &str, answer: &Answer) {
    let Some((_, rest)) = path.split_once(BASE_PATH) else { return };
    // A method or a path that the standard does not have, or that is not served, is not in the document.
    let Resolved::Served(endpoint, ..) = resolve(method, rest) else { return };
    let status = answer.status.as_u16();
    let response = response(endpoint, status);
    let about = format!("{} {}", endpoint.operation_id, answer.status);
    assert!(response.is_object(), "{about} is not described");
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let given = answer.header(&name.to_ascii_lowercase()).is_some();
        assert!(given || header["required"] != true, "{about} comes without {name}");
    }
    let schema = &response["content"]["application/json"]["schema"];
    if schema.is_null() {
        assert_eq!(answer.text, "", "{about} has a body");
        return;
    }
    let body: Value = serde_json::from_str(&answer.text).unwrap_or_else(|_| panic!("{about} is not JSON"));
    let mut validators = VALIDATORS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let validator = validators
        .get_or_insert_default()
        .entry((endpoint.operation_id, status))
        .or_insert_with(|| validator(schema));
    let errors: Vec<String> =
        validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{about}: {errors:#?}\n{body:#}");
    if answer.status != StatusCode::OK {
        let described = response["description"].as_str().unwrap_or_default();
        for error in body["errors"].as_array().into_iter().flatten() {
            let code = error["code"].as_str().unwrap_or_default();
            assert!(described.contains(code), "{about} is not described to have the code {code}");
        }
    }
}

fn response(endpoint: &Endpoint, status: u16) -> &'static Value {
    let method = endpoint.method.as_str().to_ascii_lowercase();
    &DOCUMENT["paths"][endpoint.path][method]["responses"][status.to_string()]
}

fn validator(schema: &Value) -> Validator {
    let mut whole = json!({"components": DOCUMENT["components"]});
    whole.as_object_mut().unwrap().extend(schema.as_object().unwrap().clone());
    if let Some(data) = whole.pointer_mut("/properties/data") {
        *data = json!({"type": "object"});
    }
    jsonschema::draft202012::options().should_validate_formats(true).build(&whole).unwrap()
}

#[test]
fn the_document_has_every_served_endpoint() {
    for endpoint in wattle_api::endpoints::served() {
        let method = endpoint.method.as_str().to_ascii_lowercase();
        let operation = &DOCUMENT["paths"][endpoint.path][method];
        assert_eq!(operation["operationId"], endpoint.operation_id);
        validator(&operation["responses"]["200"]["content"]["application/json"]["schema"]);
    }
    let count = DOCUMENT["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len());
    assert_eq!(count.sum::<usize>(), wattle_api::endpoints::served().count());
}
