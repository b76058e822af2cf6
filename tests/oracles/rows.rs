//! The first oracle: the target equals a rebuild from scratch, row for row.

use anyhow::{Result, ensure};

use crate::scene::Scene;

/// Everything that follows from the source, with the columns that must agree.
const TABLES: [(&str, &str); 8] = [
    ("customer", "source_id, body"),
    ("plan", "source_id, body"),
    ("account", "source_id, open_status, plan_ids, body, detail"),
    ("holding", "source_id, customer_id, account_id, role, shareable"),
    ("balance", "source_id, account_id, balance"),
    ("invoice", "source_id, account_id, issue_date, body"),
    ("billing_transaction", "source_id, account_id, executed_at, body"),
    ("lineage", "node, node_key, entity, source_id"),
];

impl Scene {
    /// Hydrates another tenant from the same source and compares every row.
    pub(crate) async fn assert_equal_to_a_rebuild(&self, tenant: &str, fresh: &str) -> Result<()> {
        self.onboard(fresh).await?;
        self.run(&["hydrate", fresh]).await?;
        for (table, columns) in TABLES {
            for (here, there, what) in [(tenant, fresh, "has"), (fresh, tenant, "lacks")] {
                let sql = format!(
                    "select left(string_agg(r::text, E'\\n'), 2000) from (
                         select {columns} from t_{here}.{table} except select {columns} from t_{there}.{table} limit 5) r"
                );
                let difference = self.target.value(&sql).await?;
                ensure!(
                    difference.is_none(),
                    "{table}: the synced target {what}, unlike a rebuild:\n{}",
                    difference.unwrap_or_default()
                );
            }
        }
        let quarantined = self
            .target
            .value(&format!("select string_agg(entity || ' ' || error, ', ') from t_{tenant}.quarantine"))
            .await?;
        ensure!(quarantined.is_none(), "in quarantine: {}", quarantined.unwrap_or_default());
        Ok(())
    }
}
