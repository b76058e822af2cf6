//! The first oracle: the target equals a rebuild from scratch, row for row.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use sea_orm::ConnectionTrait;
use wattle_tenants::TenantSession;
use wattle_tenants::dialect::statement;

use crate::scene::{Retailer, Scene};

/// Everything that follows from the source, with the columns that must agree.
const TABLES: [(&str, &[&str]); 10] = [
    ("customer", &["source_id", "body", "detail"]),
    ("plan", &["source_id", "body"]),
    ("account", &["source_id", "open_status", "plan_ids", "body", "detail"]),
    ("holding", &["source_id", "customer_id", "account_id", "role", "shareable"]),
    ("balance", &["source_id", "account_id", "balance"]),
    ("invoice", &["source_id", "account_id", "issue_date", "body"]),
    ("billing_transaction", &["source_id", "account_id", "executed_at", "body"]),
    ("payment_schedule", &["source_id", "account_id", "body"]),
    ("concession", &["source_id", "account_id", "body"]),
    ("lineage", &["node", "node_key", "entity", "source_id"]),
];

impl Scene {
    /// Hydrates another tenant from the same source and compares every row.
    pub(crate) async fn assert_equal_to_a_rebuild(&self, tenant: &str, retailer: &Retailer) -> Result<()> {
        let fresh = format!("{tenant}_fresh");
        self.onboard(&fresh, retailer).await?;
        self.run(&["hydrate", &fresh]).await?;
        let (synced, rebuilt) = (self.session(tenant).await?, self.session(&fresh).await?);
        for (table, columns) in TABLES {
            let columns = columns.iter().map(|name| format!("cast({name} as text)")).collect::<Vec<_>>();
            let sql = format!("select {} as r from {table}", columns.join(" || ' | ' || "));
            let (here, there) = (rows(&synced, &sql).await?, rows(&rebuilt, &sql).await?);
            let extra: Vec<&String> = here.difference(&there).take(5).collect();
            let lacking: Vec<&String> = there.difference(&here).take(5).collect();
            ensure!(
                extra.is_empty() && lacking.is_empty(),
                "{table}: the synced target, unlike a rebuild, has:\n{extra:#?}\nand lacks:\n{lacking:#?}"
            );
        }
        let quarantined = rows(&synced, "select entity || ' ' || error as r from quarantine").await?;
        ensure!(quarantined.is_empty(), "in quarantine: {quarantined:?}");
        Ok(())
    }
}

async fn rows(session: &TenantSession, sql: &str) -> Result<BTreeSet<String>> {
    let statement = statement(session.db().get_database_backend(), sql, vec![]);
    let rows = session.db().query_all_raw(statement).await?;
    Ok(rows.iter().map(|row| row.try_get("", "r")).collect::<Result<_, _>>()?)
}
