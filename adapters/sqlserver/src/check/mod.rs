//! `check`: what is missing or risky at the source, each with the statement that puts it right.
//!
//! Everything that can be told is told at once: a missing grant does not hide a wrong setting, and what the administrator
//! has yet to do does not hide a mistake in the pack.

mod grants;
mod plan;
mod queries;
mod settings;
mod tables;
mod text;

use wattle_core::{Finding, Severity, SourceError};
use wattle_sql::Findings;

use crate::Inner;
use crate::catalogue::Catalogue;
use crate::connect::Session;

struct Check<'a> {
    inner: &'a Inner,
    session: Session,
    findings: Findings,
    /// May the login ask on what terms tables are heard? Without an answer that is an error.
    can_ask: bool,
}

impl<'a> Check<'a> {
    fn new(inner: &'a Inner, session: Session) -> Self {
        Self { inner, session, findings: Findings::default(), can_ask: true }
    }
}

pub(crate) async fn check(inner: &Inner) -> Result<Findings, SourceError> {
    let session = inner.connector.connect().await?;
    let mut check = Check::new(inner, session);
    check.settings().await?;
    let catalogue = Catalogue::read(&mut check.session, inner.graph()).await?;
    let readable = check.grants(&catalogue).await?;
    check.tables(&catalogue);
    check.heard(&catalogue).await?;
    // What reads the tables can only be looked at where the tables can.
    if readable {
        check.edges(&catalogue).await?;
        check.queries(&catalogue).await?;
    }
    Ok(check.findings)
}

/// Makes sure that every change of the captured tables that are there with their key is told: what `check` refuses of them
/// is an error.
pub(crate) async fn require_heard(
    inner: &Inner,
    session: Session,
) -> Result<(Session, Catalogue), SourceError> {
    let mut check = Check::new(inner, session);
    check.settings().await?;
    let catalogue = Catalogue::read(&mut check.session, inner.graph()).await?;
    let heard = catalogue.clone().heard(inner.graph());
    check.tables(&heard);
    check.heard(&heard).await?;
    let mut refused = check.findings.sorted();
    refused.retain(|finding| finding.severity == Severity::Refused);
    let others = refused.len().saturating_sub(1);
    match refused.into_iter().next() {
        None => Ok((check.session, catalogue)),
        Some(Finding { what, fix, .. }) => Err(SourceError::Config {
            what: if others == 0 {
                what
            } else {
                format!("{what} (and {others} more, which `wattle check` tells)")
            },
            fix: fix.trim_start_matches("-- ").to_owned(),
        }),
    }
}
