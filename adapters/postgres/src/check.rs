//! `check`: what is missing or risky at the source, each with the statement that puts it right.
//!
//! Everything that can be told is told at once: a missing grant does not hide a missing publication, and what the
//! administrator has yet to do does not hide a mistake in the pack. A fix can be run as it stands; a publication is
//! changed in one transaction, so that no change slips through and no write of the retailer's fails meanwhile.

mod publication;
mod queries;
mod tables;

use wattle_core::{Finding, Severity, SourceError};
use wattle_sql::{Findings, quote, words};

use crate::Inner;
use crate::catalogue::Catalogue;
use crate::connect::Session;
use crate::error::source_error;

struct Check<'a> {
    inner: &'a Inner,
    session: Session,
    /// The login, quoted.
    role: String,
    superuser: bool,
    findings: Findings,
}

pub(crate) async fn check(inner: &Inner) -> Result<Findings, SourceError> {
    let session = inner.primary.connect("check").await?;
    let role = quote(&one_text(&session, "select current_user::text").await?);
    let mut check = Check { inner, session, role, superuser: false, findings: Findings::default() };
    check.server().await?;
    check.login().await?;
    let catalogue = Catalogue::read(&check.session, inner.graph()).await?;
    let published = check.published().await?;
    let readable = check.tables(&catalogue, published.as_ref()).await?;
    check.publication(&catalogue, published.as_ref());
    // What reads the tables can only be looked at where the tables can.
    if readable {
        check.edges(&catalogue).await?;
        check.queries(&catalogue).await?;
    }
    Ok(check.findings)
}

/// Makes sure that every change of the captured tables that are there with their key is in the log and in the publication:
/// what `check` refuses of them is an error. Returns the catalogue of those tables.
pub(crate) async fn require_heard(
    inner: &Inner,
    session: Session,
) -> Result<(Session, Catalogue), SourceError> {
    let catalogue = Catalogue::read(&session, inner.graph()).await?.heard(inner.graph());
    let findings = Findings::default();
    let mut check = Check { inner, session, role: String::new(), superuser: false, findings };
    let published = check.published().await?;
    for id in inner.graph().captured() {
        if let Some(relation) = catalogue.relation(id) {
            check.heard(id, relation, published.as_ref()).await?;
        }
    }
    check.publication(&catalogue, published.as_ref());
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

async fn one_text(session: &Session, sql: &str) -> Result<String, SourceError> {
    let row =
        session.client().query_one(sql, &[]).await.map_err(|error| source_error("read a setting", error))?;
    Ok(row.get(0))
}

impl Check<'_> {
    async fn setting(&self, name: &str) -> Result<String, SourceError> {
        one_text(&self.session, &format!("select current_setting('{name}')")).await
    }

    async fn server(&mut self) -> Result<(), SourceError> {
        let version: i32 = self.setting("server_version_num").await?.parse().unwrap_or(0);
        if version < 150_000 {
            self.findings.refuse(
                format!(
                    "the server is PostgreSQL {}, and publications with column lists need 15",
                    self.setting("server_version").await?
                ),
                words("upgrade the server to PostgreSQL 15 or later"),
            );
        }
        if self.setting("wal_level").await? != "logical" {
            self.findings.refuse(
                format!("wal_level is {}", self.setting("wal_level").await?),
                "alter system set wal_level = 'logical';  -- then restart the server",
            );
        }
        if self.setting("max_slot_wal_keep_size").await? == "-1" {
            let severity =
                if self.inner.options.allow_unlimited_slot { Severity::Warning } else { Severity::Refused };
            self.findings.add(
                severity,
                "max_slot_wal_keep_size is unlimited: if Wattle stops, its slot could fill the disk and stop the retailer's writes",
                "alter system set max_slot_wal_keep_size = '10GB'; select pg_reload_conf();",
            );
        }
        self.room("max_replication_slots", "select count(*)::text from pg_replication_slots").await?;
        self.room("max_wal_senders", "select count(*)::text from pg_stat_replication").await?;
        if one_text(&self.session, "select pg_is_in_recovery()::text").await? == "true" {
            self.findings.refuse(
                "the server is a replica",
                words("give the primary's address; a replica can be read with the option read_url"),
            );
        }
        Ok(())
    }

    async fn room(&mut self, setting: &str, used: &str) -> Result<(), SourceError> {
        let limit: u32 = self.setting(setting).await?.parse().unwrap_or(0);
        let used: u32 = one_text(&self.session, used).await?.parse().unwrap_or(0);
        let ours = "select count(*)::text from pg_replication_slots where slot_name = '".to_owned()
            + &self.inner.slot.replace('\'', "''")
            + "'";
        let have_ours = one_text(&self.session, &ours).await? != "0";
        if used >= limit && !have_ours {
            self.findings.refuse(
                format!("{setting} is {limit} and {used} are in use"),
                format!("alter system set {setting} = {};  -- then restart the server", limit + 5),
            );
        }
        Ok(())
    }

    async fn login(&mut self) -> Result<(), SourceError> {
        let row = self
            .session
            .client()
            .query_one("select rolsuper, rolreplication from pg_roles where rolname = current_user", &[])
            .await
            .map_err(|error| source_error("look at the login", error))?;
        let role = self.role.clone();
        self.superuser = row.get(0);
        if self.superuser {
            self.findings.add(
                Severity::Warning,
                format!("the login {role} is a superuser, and could write anything"),
                words(
                    "make a login for Wattle alone, such as create role wattle_reader login replication password '…', and give its address to `wattle tenant add`",
                ),
            );
        } else if !row.get::<_, bool>(1) {
            self.findings.refuse(
                format!("the login {role} may not replicate"),
                format!("alter role {role} replication;"),
            );
        }
        Ok(())
    }
}
