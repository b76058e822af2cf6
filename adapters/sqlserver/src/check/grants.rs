//! What the login may do.

use wattle_core::{Severity, SourceError};
use wattle_sql::words;

use super::Check;
use crate::catalogue::Catalogue;
use crate::connect::literal;
use crate::dialect::quote;
use crate::value::{integer, text};

/// Rights on a table, in the order in which they are asked for: those that are needed, then those that are not wanted.
const NEEDED: [&str; 1] = ["SELECT"];
const UNWANTED: [&str; 4] = ["INSERT", "UPDATE", "DELETE", "ALTER"];

impl Check<'_> {
    /// Looks at what the login may do; false when tables cannot be read.
    pub(super) async fn grants(&mut self, catalogue: &Catalogue) -> Result<bool, SourceError> {
        let doing = "look at the login's rights";
        let rows = self.session.rows(doing, "select user_name()").await?;
        let user = quote(&rows.first().and_then(|row| text(row, 0)).unwrap_or_default());
        let inner = self.inner;
        let graph = inner.graph();
        let mut readable = true;
        let mut writable = Vec::new();
        for id in graph.node_ids() {
            let node = graph.node(id);
            let object = literal(&node.relation);
            let asked: Vec<String> = NEEDED
                .iter()
                .chain(&UNWANTED)
                .map(|right| format!("has_perms_by_name({object}, 'OBJECT', '{right}')"))
                .collect();
            let rows = self.session.rows(doing, &format!("select {}", asked.join(", "))).await?;
            let has = |at: usize| rows.first().and_then(|row| integer(row, at));
            if catalogue.table(id).is_none() {
                readable = false;
                self.findings.refuse(
                    format!("the source has no table {} (node `{}`), or the login {user} may not see it", node.relation, node.name),
                    format!("grant select on {} to {user};  -- or name the relation in graph.toml as the source has it", node.relation),
                );
                continue;
            }
            if has(0) != Some(1) {
                readable = false;
                self.findings.refuse(
                    format!("the login {user} may not read {}", node.relation),
                    format!("grant select on {} to {user};", node.relation),
                );
            }
            let unwanted = UNWANTED.iter().enumerate().filter(|(at, _)| has(NEEDED.len() + at) == Some(1));
            let unwanted: Vec<&str> = unwanted.map(|(_, right)| *right).collect();
            if !unwanted.is_empty() {
                writable.push(format!("{} ({})", node.relation, unwanted.join(", ")));
            }
        }
        if !writable.is_empty() {
            self.findings.add(
                Severity::Warning,
                format!("the login {user} could write: {}", writable.join("; ")),
                words("make a login for Wattle alone, with no more than `check` asks for: SQL Server has no read-only sessions"),
            );
        }
        Ok(readable)
    }
}
