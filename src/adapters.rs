//! The adapter registry: from a source's adapter name to the adapter.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::Value;
use wattle_core::SourceAdapter;
use wattle_postgres::PostgresAdapter;
use wattle_sql::{Pack, PackError};
use wattle_tenants::Source;

/// The adapters there are, and what each reads.
pub(crate) const NAMES: [(&str, &str); 2] = [
    ("correa", "the sample retailer Correa on PostgreSQL"),
    ("postgres", "any retailer on PostgreSQL, by the pack in the folder that the option `pack` names"),
];

/// Builds the adapter of a source.
pub(crate) fn build(source: &Source) -> anyhow::Result<Arc<dyn SourceAdapter>> {
    let mut options = source.options.clone();
    let Value::Object(members) = &mut options else {
        bail!("the source's options are not a JSON object: write them as '{{\"publication\": \"wattle\"}}'");
    };
    let folder = members.remove("pack");
    let pack = match (source.adapter.as_str(), folder) {
        ("correa", None) => Pack::from_files(wattle_correa::PACK),
        ("postgres", Some(Value::String(folder))) => Pack::from_folder(Path::new(&folder)),
        ("postgres", _) => {
            bail!("the adapter `postgres` needs the option `pack`, the folder of the retailer's pack")
        }
        (known, Some(_)) if NAMES.iter().any(|(name, _)| *name == known) => {
            bail!("the adapter `{known}` brings its own pack: leave the option `pack` out")
        }
        (unknown, _) => {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            bail!("there is no adapter `{unknown}`: there are {}", names.join(", "))
        }
    };
    let pack = pack.map_err(|errors| anyhow::anyhow!("the pack has mistakes:\n{}", list(&errors)))?;
    let options = serde_json::from_value(options).context("the source's options cannot be read")?;
    let slot = format!("wattle_{}_{}", source.tenant, source.system);
    Ok(Arc::new(PostgresAdapter::new(pack, &source.resolved_url()?, slot, options)?))
}

fn list(errors: &[PackError]) -> String {
    errors.iter().map(|error| format!("  {error}")).collect::<Vec<_>>().join("\n")
}
