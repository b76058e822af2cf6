//! The standard's own OpenAPI documents.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::{Context, Result, bail, ensure};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::rules;

/// Where a checkout beside this one has them.
const USUAL: &str = "../shared/cds/openapi";
/// Those that a retailer's endpoints are in.
const FILES: [&str; 2] = ["cds_energy.json", "cds_common.json"];

/// The documents, ready to check answers.
pub(crate) struct Official {
    documents: Vec<Value>,
    validators: Mutex<HashMap<String, Validator>>,
}

impl Official {
    /// Reads the documents, or says why what they are needed for is skipped.
    pub(crate) fn read() -> Result<Option<Self>> {
        let named = std::env::var_os("CDS").filter(|folder| !folder.is_empty());
        let folder = named
            .as_ref()
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(USUAL), PathBuf::from);
        let mut documents = Vec::new();
        for file in FILES {
            let path = folder.join(file);
            match std::fs::read(&path) {
                Ok(bytes) => documents.push(serde_json::from_slice(&bytes)?),
                Err(_) if named.is_none() => {
                    eprintln!(
                        "SKIPPED: the standard's OpenAPI documents are not in {}; `make conformance CDS=DIR` checks against a copy",
                        folder.display()
                    );
                    return Ok(None);
                }
                Err(error) => return Err(error).with_context(|| path.display().to_string()),
            }
        }
        Ok(Some(Self { documents, validators: Mutex::default() }))
    }

    fn document(&self, operation_id: &str) -> Option<(&Value, &Value)> {
        self.documents.iter().find_map(|document| {
            let paths = document["paths"].as_object()?;
            let operations = paths.values().filter_map(Value::as_object).flat_map(|path| path.values());
            let mut named = operations.filter(|operation| operation["operationId"] == operation_id);
            named.next().map(|operation| (document, operation))
        })
    }

    /// An operation, as the standard describes it.
    pub(crate) fn operation(&self, operation_id: &str) -> Option<&Value> {
        self.document(operation_id).map(|(_, operation)| operation)
    }

    /// What a reference stands for, in whichever document has it.
    pub(crate) fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(pointer) = value["$ref"].as_str() else { return value };
        let pointer = pointer.trim_start_matches('#');
        self.documents.iter().find_map(|document| document.pointer(pointer)).unwrap_or(value)
    }

    /// Checks the body of a 200 against the schema, and against what a schema does not say.
    pub(crate) fn check(&self, operation_id: &str, body: &Value) -> Result<()> {
        let (document, operation) =
            self.document(operation_id).with_context(|| format!("{operation_id} is in no document"))?;
        let mut success = &operation["responses"]["200"];
        if let Some(pointer) = success["$ref"].as_str() {
            success = document.pointer(pointer.trim_start_matches('#')).context("a response")?;
        }
        let schema = &success["content"]["application/json"]["schema"];
        ensure!(schema.is_object(), "{operation_id} has no schema");
        let mut validators = self.validators.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !validators.contains_key(operation_id) {
            let mut whole = json!({"components": document["components"]});
            whole
                .as_object_mut()
                .context("an object")?
                .extend(schema.as_object().cloned().unwrap_or_default());
            let built = jsonschema::draft4::new(&whole).map_err(|error| anyhow::anyhow!("{error}"))?;
            validators.insert(operation_id.to_owned(), built);
        }
        let errors: Vec<String> = validators[operation_id]
            .iter_errors(body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        if !errors.is_empty() {
            bail!("the official schema finds {errors:#?} in {body:#}");
        }
        let broken = rules::broken(document, schema, body);
        ensure!(broken.is_empty(), "{broken:#?} in {body:#}");
        Ok(())
    }
}
