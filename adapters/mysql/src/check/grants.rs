//! What the login may do.

use std::collections::BTreeSet;

use wattle_core::{NodeId, Severity, SourceError};
use wattle_sql::{key_names, words};

use super::Check;
use crate::catalogue::{Catalogue, name_parts, quote};
use crate::connect::literal;
use crate::dialect::MySql;

/// Rights to change rows or tables.
const WRITES: [&str; 9] =
    ["ALL PRIVILEGES", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "CREATE", "SUPER", "DELETE HISTORY"];

/// One line of SHOW GRANTS.
struct Grant {
    rights: BTreeSet<String>,
    schema: String,
    table: String,
}

impl Grant {
    /// Reads ``GRANT SELECT, INSERT ON `billing`.* TO `wattle`@`%` ``.
    fn parse(line: &str) -> Option<Self> {
        let (rights, rest) = line.strip_prefix("GRANT ")?.split_once(" ON ")?;
        let (object, _) = rest.split_once(" TO ")?;
        let (schema, table) = name_parts(object);
        // Columns in parentheses belong to the right before them.
        let mut plain = String::new();
        let mut depth = 0;
        for c in rights.chars() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                c if depth == 0 => plain.push(c),
                _ => {}
            }
        }
        let rights = plain.split(',').map(|right| right.trim().to_uppercase()).collect();
        Some(Self { rights, schema: schema?.replace("\\_", "_").replace("\\%", "%"), table })
    }

    fn is_global(&self) -> bool {
        self.schema == "*" && self.table == "*"
    }

    /// A pattern is only used by administrators who mean many databases.
    fn covers(&self, schema: &str, table: &str) -> bool {
        let pattern = self.schema.trim_end_matches('%');
        let of_schema = self.schema == "*"
            || self.schema == schema
            || self.schema.ends_with('%') && schema.starts_with(pattern);
        of_schema && (self.table == "*" || self.table == table)
    }

    fn has(&self, right: &str) -> bool {
        self.rights.contains(right) || self.rights.contains("ALL PRIVILEGES")
    }
}

impl Check<'_> {
    /// Looks at what the login may do; false when tables cannot be read.
    pub(super) async fn grants(&mut self, catalogue: &Catalogue) -> Result<bool, SourceError> {
        let doing = "look at the login's rights";
        let user = self.session.text(doing, "select current_user()").await?.unwrap_or_default();
        let (name, host) = user.rsplit_once('@').unwrap_or((&user, "%"));
        let user = format!("{}@{}", literal(name), literal(host));
        self.user.clone_from(&user);
        let lines = self.session.rows(doing, "show grants").await?;
        let grants: Vec<Grant> =
            lines.iter().flatten().flatten().filter_map(|line| Grant::parse(line)).collect();
        let global = |right: &str| grants.iter().any(|grant| grant.is_global() && grant.has(right));
        if !global("REPLICATION SLAVE") && !global("REPLICATION REPLICA") {
            self.findings.refuse(
                format!("the login {user} may not read the binlog"),
                format!("grant replication slave on *.* to {user};"),
            );
        }
        if !global("REPLICATION CLIENT") && !global("BINLOG MONITOR") && !global("SUPER") {
            self.findings.refuse(
                format!("the login {user} may not ask where the binlog stands"),
                format!("grant replication client on *.* to {user};"),
            );
        }
        self.writes(catalogue, &grants, &user);
        self.reads(catalogue).await
    }

    fn writes(&mut self, catalogue: &Catalogue, grants: &[Grant], user: &str) {
        let tables: Vec<_> = self.inner.graph().node_ids().filter_map(|node| catalogue.table(node)).collect();
        let touches = |grant: &&Grant| tables.iter().any(|table| grant.covers(&table.schema, &table.name));
        for grant in grants.iter().filter(touches) {
            let rights: Vec<&str> =
                WRITES.into_iter().filter(|right| grant.rights.contains(*right)).collect();
            if rights.is_empty() {
                continue;
            }
            let part = |name: &str| if name == "*" { name.to_owned() } else { quote(name) };
            let object = format!("{}.{}", part(&grant.schema), part(&grant.table));
            let fix = if rights.contains(&"ALL PRIVILEGES") {
                words(
                    "make a login for Wattle alone, with SELECT on its tables, REPLICATION SLAVE and REPLICATION CLIENT",
                )
            } else {
                format!("revoke {} on {object} from {user};", rights.join(", ").to_lowercase())
            };
            self.findings.add(
                Severity::Warning,
                format!("the login {user} could write: it has {} on {object}", rights.join(", ")),
                fix,
            );
        }
    }

    pub(super) fn may_not_read(&mut self, catalogue: &Catalogue, node: NodeId) {
        let (user, table) = (&self.user, catalogue.named(node));
        if !self.unread.insert(table.clone()) {
            return;
        }
        self.findings.refuse(
            format!("the login {user} may not read {}", self.inner.graph().node(node).relation),
            format!("grant select on {table} to {user};"),
        );
    }

    /// Asks for the keys of every table, and for no row of it.
    async fn reads(&mut self, catalogue: &Catalogue) -> Result<bool, SourceError> {
        let graph = self.inner.graph();
        let mut readable = true;
        for id in graph.node_ids() {
            let node = graph.node(id);
            let columns = key_names(&MySql::default(), graph, id).join(", ");
            let doing = format!("read {}", node.relation);
            let asked = format!("select {columns} from {} limit 0", node.relation);
            match self.session.rows(&doing, &asked).await {
                Ok(_) => {}
                Err(SourceError::Config { what, .. })
                    if what.contains("(error 1142)") || what.contains("(error 1143)") =>
                {
                    readable = false;
                    self.may_not_read(catalogue, id);
                }
                // A column that is missing is said of the table.
                Err(SourceError::Config { what, .. })
                    if catalogue.table(id).is_some() && what.contains("(error 1054)") =>
                {
                    readable = false;
                }
                Err(SourceError::Config { what, .. }) if catalogue.table(id).is_some() => {
                    readable = false;
                    self.findings.refuse(
                        format!(
                            "the table of node `{}` cannot be read as graph.toml writes it: {what}",
                            node.name
                        ),
                        words(format!(
                            "write the relation of node `{}` as SQL has to, such as {}",
                            node.name,
                            catalogue.named(id)
                        )),
                    );
                }
                Err(SourceError::Config { .. }) => {
                    readable = false;
                    self.findings.refuse(
                        format!("the source has no table {} (node `{}`)", node.relation, node.name),
                        words(format!(
                            "name the relation of node `{}` in graph.toml as the source has it",
                            node.name
                        )),
                    );
                }
                Err(error) => return Err(error),
            }
        }
        Ok(readable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_read_as_they_are_shown() {
        let grant = Grant::parse("GRANT SELECT (`a`, `b`), INSERT ON `my\\_db`.`bill` TO `w`@`%`").unwrap();
        assert!(grant.has("INSERT") && grant.has("SELECT") && !grant.has("B"));
        assert!(grant.covers("my_db", "bill") && !grant.covers("my_db", "other"));
        let all = Grant::parse(
            "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` IDENTIFIED BY PASSWORD 'x' WITH GRANT OPTION",
        )
        .unwrap();
        assert!(all.is_global() && all.has("REPLICATION SLAVE") && all.covers("a", "b"));
        assert!(Grant::parse("GRANT `role` TO `w`@`%`").is_none());
    }
}
