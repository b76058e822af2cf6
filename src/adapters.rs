//! The adapter registry: from a source's adapter name to the adapter.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::Value;
use wattle_core::SourceAdapter;
use wattle_mysql::MySqlAdapter;
use wattle_postgres::PostgresAdapter;
use wattle_sql::{Pack, PackError};
use wattle_sqlite::SqliteAdapter;
use wattle_sqlserver::SqlServerAdapter;
use wattle_tenants::Source;

/// The adapters there are, and what each reads.
pub(crate) const NAMES: [(&str, &str); 8] = [
    ("acacia", "the sample retailer Acacia on SQL Server"),
    ("banksia", "the sample retailer Banksia on MariaDB"),
    ("correa", "the sample retailer Correa on PostgreSQL"),
    ("dianella", "the sample retailer Dianella on SQLite"),
    ("mysql", "any retailer on MariaDB or MySQL, by the pack in the folder that the option `pack` names"),
    ("postgres", "any retailer on PostgreSQL, by the pack in the folder that the option `pack` names"),
    ("sqlite", "any retailer on SQLite, by the pack in the folder that the option `pack` names"),
    ("sqlserver", "any retailer on SQL Server, by the pack in the folder that the option `pack` names"),
];

/// The sample retailers, whose packs are embedded.
pub(crate) const SAMPLES: [&str; 4] = ["acacia", "banksia", "correa", "dianella"];

/// The pack of a source's adapter.
pub(crate) fn pack(source: &Source) -> anyhow::Result<Pack> {
    let Value::Object(members) = &source.options else {
        bail!("the source's options are not a JSON object: write them as '{{\"max_sessions\": 3}}'");
    };
    let name = source.adapter.as_str();
    let pack = match (name, members.get("pack")) {
        ("acacia", None) => Pack::from_files(wattle_acacia::PACK),
        ("banksia", None) => Pack::from_files(wattle_banksia::PACK),
        ("correa", None) => Pack::from_files(wattle_correa::PACK),
        ("dianella", None) => Pack::from_files(wattle_dianella::PACK),
        ("mysql" | "postgres" | "sqlite" | "sqlserver", Some(Value::String(folder))) => {
            Pack::from_folder(Path::new(folder))
        }
        ("mysql" | "postgres" | "sqlite" | "sqlserver", _) => {
            bail!("the adapter `{name}` needs the option `pack`, the folder of the retailer's pack")
        }
        (known, Some(_)) if NAMES.iter().any(|(name, _)| *name == known) => {
            bail!("the adapter `{known}` brings its own pack: leave the option `pack` out")
        }
        (unknown, _) => {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            bail!("there is no adapter `{unknown}`: there are {}", names.join(", "))
        }
    };
    pack.map_err(|errors| anyhow::anyhow!("the pack has mistakes:\n{}", list(&errors)))
}

/// The options that are the engine's own: without the pack.
pub(crate) fn of_engine(options: &Value) -> Value {
    let mut options = options.clone();
    options.as_object_mut().and_then(|members| members.remove("pack"));
    options
}

/// Builds the adapter of a source.
pub(crate) fn build(source: &Source) -> anyhow::Result<Arc<dyn SourceAdapter>> {
    let pack = pack(source)?;
    let options = of_engine(&source.options);
    let name = source.adapter.as_str();
    let (url, unreadable) = (source.resolved_url()?, "the source's options cannot be read");
    if matches!(name, "dianella" | "sqlite") {
        let options = serde_json::from_value(options).context(unreadable)?;
        return Ok(Arc::new(SqliteAdapter::new(pack, &url, options)?));
    }
    if matches!(name, "banksia" | "mysql") {
        let options = serde_json::from_value(options).context(unreadable)?;
        return Ok(Arc::new(MySqlAdapter::new(pack, &url, options)?));
    }
    if matches!(name, "acacia" | "sqlserver") {
        let options = serde_json::from_value(options).context(unreadable)?;
        return Ok(Arc::new(SqlServerAdapter::new(pack, &url, options)?));
    }
    let slot = format!("wattle_{}_{}", source.tenant, source.system);
    let options = serde_json::from_value(options).context(unreadable)?;
    Ok(Arc::new(PostgresAdapter::new(pack, &url, slot, options)?))
}

fn list(errors: &[PackError]) -> String {
    errors.iter().map(|error| format!("  {error}")).collect::<Vec<_>>().join("\n")
}
