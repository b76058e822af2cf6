//! The OpenAPI document that is served.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use jsonschema::Validator;
use serde_json::{Value, json};
use wattle_api::endpoints::served;

/// The document, ready to check answers.
pub(crate) struct Ours(HashMap<&'static str, Validator>);

impl Ours {
    pub(crate) fn new() -> Result<Self> {
        let document = wattle_api::openapi::document();
        let mut validators = HashMap::new();
        for endpoint in served() {
            let method = endpoint.method.as_str().to_ascii_lowercase();
            let success = &document["paths"][endpoint.path][method]["responses"]["200"];
            let schema = &success["content"]["application/json"]["schema"];
            let mut whole = json!({"components": document["components"]});
            whole
                .as_object_mut()
                .context("an object")?
                .extend(schema.as_object().context("a schema")?.clone());
            let built = jsonschema::draft202012::options().should_validate_formats(true).build(&whole);
            validators.insert(endpoint.operation_id, built.map_err(|error| anyhow::anyhow!("{error}"))?);
        }
        Ok(Self(validators))
    }

    /// Checks the body of a 200.
    pub(crate) fn check(&self, operation_id: &str, body: &Value) -> Result<()> {
        let validator =
            self.0.get(operation_id).with_context(|| format!("{operation_id} is not described"))?;
        let errors: Vec<String> =
            validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        ensure!(errors.is_empty(), "our document finds {errors:#?} in {body:#}");
        Ok(())
    }
}
