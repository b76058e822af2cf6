//! `wattle check`.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use wattle_core::{ErrorClass, Finding, Severity, SourceError, TenantId};

use crate::context::{Context, SourceAndAdapter};
use crate::output::print_json;

/// Says what is missing or risky at a tenant's sources, with the statements that put it right.
///
/// Changes nothing. Fails when something keeps sync from starting.
///
/// Example: wattle check correa
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The tenant's name.
    tenant: TenantId,
    /// Print a script of the statements, to be read and run by the source's administrator.
    #[arg(long, conflicts_with = "json")]
    sql: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Refused => "refused",
        Severity::Warning => "warning",
        Severity::Advice => "advice",
    }
}

fn cannot_be_checked(part: &SourceAndAdapter, error: &SourceError) -> String {
    let hint = match error.class() {
        ErrorClass::Transient => " (start it, or set its address right with `wattle tenant add`)",
        ErrorClass::Config | ErrorClass::Record | ErrorClass::Bug => "",
    };
    format!("source {} of tenant {} cannot be checked{hint}", part.source.system, part.source.tenant)
}

impl Check {
    pub(crate) async fn run(self, config: &Path) -> anyhow::Result<ExitCode> {
        let context = Context::open(config).await?;
        let tenant = context.tenant(&self.tenant).await?;
        let mut refused = false;
        let mut facts = Vec::new();
        for part in context.sources(&tenant).await? {
            let checked = part.adapter.check().await;
            let findings = checked.map_err(|error| {
                let what = cannot_be_checked(&part, &error);
                anyhow::Error::new(error).context(what)
            })?;
            refused |= findings.iter().any(|finding| finding.severity == Severity::Refused);
            if self.sql {
                println!("-- source {} of tenant {}", part.source.system, tenant.id);
            }
            for finding in &findings {
                if self.sql {
                    let what = finding.what.replace('\n', "\n-- ");
                    println!("-- {}: {what}\n{}", severity(finding), finding.fix);
                } else if !self.json {
                    println!("{}: {}: {}", part.source.system, severity(finding), finding.what);
                    println!("    {}", finding.fix);
                }
                facts.push(json!({
                    "source": part.source.system, "severity": severity(finding), "what": finding.what, "fix": finding.fix,
                }));
            }
            if findings.is_empty() && !self.json && !self.sql {
                println!("{}: nothing is missing, nothing is risky", part.source.system);
            }
        }
        if self.json {
            print_json(&facts)?;
        }
        Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
