//! `wattle openapi`.

use std::process::ExitCode;

use clap::Args;

use crate::output::print_json;

/// Prints the OpenAPI document of the CDR API, as `wattle serve` answers it at /openapi.json.
///
/// Example: wattle openapi > openapi.json
#[derive(Debug, Args)]
pub(crate) struct OpenApi {}

impl OpenApi {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        print_json(&wattle_api::openapi::document())?;
        Ok(ExitCode::SUCCESS)
    }
}
