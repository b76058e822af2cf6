//! `check`: what is missing or risky at the source, each with the statement that puts it right.
//!
//! Everything that can be told is told at once: a missing grant does not hide a wrong setting, and what the administrator
//! has yet to do does not hide a mistake in the pack.

mod cascades;
mod grants;
mod queries;
mod settings;
mod tables;

use std::collections::BTreeSet;

use wattle_core::{Finding, Severity, SourceError};
use wattle_sql::Findings;

use crate::Inner;
use crate::catalogue::{Catalogue, name_parts, quote};
use crate::connect::Session;

struct Check<'a> {
    inner: &'a Inner,
    session: Session,
    /// The login as SQL writes it, once its rights have been looked at.
    user: String,
    /// Tables that it may not read, of which it has been told: several nodes may be of one.
    unread: BTreeSet<String>,
    findings: Findings,
}

pub(crate) async fn check(inner: &Inner) -> Result<Findings, SourceError> {
    let session = match inner.connector.connect().await {
        Ok(session) => session,
        Err(SourceError::Config { what, fix }) => return without_database(inner, what, fix),
        Err(error) => return Err(error),
    };
    let mut check =
        Check { inner, session, user: String::new(), unread: BTreeSet::new(), findings: Findings::default() };
    check.settings().await?;
    check.clock().await?;
    let catalogue = Catalogue::read(&mut check.session, inner.graph()).await?;
    check.log_filters(&catalogue).await?;
    let readable = check.grants(&catalogue).await?;
    check.tables(&catalogue);
    check.row_images(&catalogue).await?;
    // What reads the tables can only be looked at where the tables can.
    if readable && check.cascades(&catalogue).await? {
        check.edges(&catalogue).await?;
        check.queries(&catalogue).await?;
    }
    Ok(check.findings)
}

/// A login without any right on a database may not even name it: what it needs there is known without asking.
fn without_database(inner: &Inner, what: String, fix: String) -> Result<Findings, SourceError> {
    // Access denied for user 'reader'@'%' to database 'billing'
    let user = what.split_once(" for user ").and_then(|(_, rest)| rest.split_once(" to database "));
    let (true, Some((user, rest))) = (what.contains("(error 1044)"), user) else {
        return Err(SourceError::Config { what, fix });
    };
    let database = rest.split('\'').nth(1).unwrap_or_default();
    let mut findings = Findings::default();
    for node in inner.graph().node_ids() {
        let (schema, name) = name_parts(&inner.graph().node(node).relation);
        let schema = schema.unwrap_or_else(|| database.to_owned());
        let relation = format!("{}.{}", quote(&schema), quote(&name));
        findings.refuse(
            format!("the login {user} may not read {relation}"),
            format!("grant select on {relation} to {user};"),
        );
    }
    Ok(findings)
}

/// Makes sure that every change of the captured tables that are there with their key is in the log: what `check` refuses of
/// them is an error.
pub(crate) async fn require_heard(
    inner: &Inner,
    session: Session,
) -> Result<(Session, Catalogue), SourceError> {
    let mut check =
        Check { inner, session, user: String::new(), unread: BTreeSet::new(), findings: Findings::default() };
    check.settings().await?;
    let catalogue = Catalogue::read(&mut check.session, inner.graph()).await?;
    let heard = catalogue.clone().heard(inner.graph());
    check.log_filters(&heard).await?;
    check.tables(&heard);
    check.row_images(&heard).await?;
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
