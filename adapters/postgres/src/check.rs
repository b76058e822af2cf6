//! `check`: what is missing or risky at the source, each with the statement that puts it right.

use std::collections::BTreeSet;

use serde_json::Value;
use wattle_core::{Entity, Finding, KeyColumn, NodeId, Severity, SourceError};
use wattle_sql::{Mapping, Template};

use crate::Inner;
use crate::catalogue::{Catalogue, Relation, key_type_fits, quote};
use crate::connect::Session;
use crate::error::source_error;
use crate::snapshot::{keys_relation, mapping};

/// A table larger than this should not be read whole for a batch of keys.
const MANY_ROWS: f64 = 10_000.0;

/// Functions whose answer depends on when they are asked.
const CLOCKS: [&str; 9] = [
    "now",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
];

struct Check<'a> {
    inner: &'a Inner,
    session: Session,
    role: String,
    findings: Vec<Finding>,
}

pub(crate) async fn check(inner: &Inner) -> Result<Vec<Finding>, SourceError> {
    let session = inner.primary.connect("check").await?;
    let role = quote(&one_text(&session, "select current_user::text").await?);
    let mut check = Check { inner, session, role, findings: Vec::new() };
    check.server().await?;
    check.login().await?;
    let catalogue = match Catalogue::read(&check.session, inner.graph()).await {
        Ok(catalogue) => catalogue,
        // A schema that may not even be looked into.
        Err(SourceError::Config { what, .. }) => {
            let schemas = check.schemas();
            check.refuse(what, format!("grant usage on schema {schemas} to {};", check.role));
            return Ok(check.findings);
        }
        Err(error) => return Err(error),
    };
    check.tables(&catalogue).await?;
    check.publication(&catalogue).await?;
    check.edges(&catalogue).await?;
    if !check.findings.iter().any(|finding| finding.severity == Severity::Refused) {
        check.queries(&catalogue).await?;
    }
    check.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(check.findings)
}

async fn one_text(session: &Session, sql: &str) -> Result<String, SourceError> {
    let row =
        session.client().query_one(sql, &[]).await.map_err(|error| source_error("read a setting", error))?;
    Ok(row.get(0))
}

impl Check<'_> {
    fn add(&mut self, severity: Severity, what: impl Into<String>, fix: impl Into<String>) {
        self.findings.push(Finding { severity, what: what.into(), fix: fix.into() });
    }

    fn refuse(&mut self, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Refused, what, fix);
    }

    async fn setting(&self, name: &str) -> Result<String, SourceError> {
        one_text(&self.session, &format!("select current_setting('{name}')")).await
    }

    /// The schemas of the graph's relations.
    fn schemas(&self) -> String {
        let graph = self.inner.graph();
        let schema =
            |id: NodeId| graph.node(id).relation.split_once('.').map(|(schema, _)| schema.to_owned());
        graph
            .node_ids()
            .filter_map(schema)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
            .join(", ")
    }

    async fn server(&mut self) -> Result<(), SourceError> {
        let version: i32 = self.setting("server_version_num").await?.parse().unwrap_or(0);
        if version < 150_000 {
            self.refuse(
                format!(
                    "the server is PostgreSQL {}, and publications with column lists need 15",
                    self.setting("server_version").await?
                ),
                "upgrade the server to PostgreSQL 15 or later",
            );
        }
        if self.setting("wal_level").await? != "logical" {
            self.refuse(
                format!("wal_level is {}", self.setting("wal_level").await?),
                "alter system set wal_level = 'logical';  -- then restart the server",
            );
        }
        if self.setting("max_slot_wal_keep_size").await? == "-1" {
            let severity =
                if self.inner.options.allow_unlimited_slot { Severity::Warning } else { Severity::Refused };
            self.add(
                severity,
                "max_slot_wal_keep_size is unlimited: if Wattle stops, its slot could fill the disk and stop the retailer's writes",
                "alter system set max_slot_wal_keep_size = '10GB'; select pg_reload_conf();",
            );
        }
        self.room("max_replication_slots", "select count(*)::text from pg_replication_slots").await?;
        self.room("max_wal_senders", "select count(*)::text from pg_stat_replication").await?;
        if one_text(&self.session, "select pg_is_in_recovery()::text").await? == "true" {
            self.refuse(
                "the server is a replica",
                "give the primary's address; a replica can be read with the option read_url",
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
            self.refuse(
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
            .query_one(
                "select rolsuper, rolreplication, rolbypassrls from pg_roles where rolname = current_user",
                &[],
            )
            .await
            .map_err(|error| source_error("look at the login", error))?;
        let role = self.role.clone();
        if row.get(0) {
            self.add(
                Severity::Warning,
                format!("the login {role} is a superuser, and could write anything"),
                "create role wattle_reader login replication password '…';  -- and give its address to `wattle tenant add`",
            );
        } else if !row.get::<_, bool>(1) {
            self.refuse(
                format!("the login {role} may not replicate"),
                format!("alter role {role} replication;"),
            );
        }
        Ok(())
    }

    async fn tables(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let graph = self.inner.graph();
        for id in graph.node_ids() {
            let node = graph.node(id);
            let Some(relation) = catalogue.relation(id) else {
                self.refuse(
                    format!("the source has no relation {} (node `{}`)", node.relation, node.name),
                    format!("name the relation of node `{}` in graph.toml as the source has it", node.name),
                );
                continue;
            };
            self.key_columns(&node.name, &node.relation, &node.key, relation);
            self.privileges(id, relation).await?;
            if graph.captured().any(|captured| captured == id) {
                self.replica_identity(&node.relation, &node.key, relation);
            }
            if relation.persistence == 'u' {
                self.refuse(
                    format!("{} is unlogged: its changes are in no log", node.relation),
                    format!("alter table {} set logged;", node.relation),
                );
            }
        }
        Ok(())
    }

    fn key_columns(&mut self, node: &str, name: &str, key: &[KeyColumn], relation: &Relation) {
        for column in key {
            match relation.columns.iter().find(|found| found.name == column.name) {
                None => self.refuse(
                    format!("{name} has no column {}", column.name),
                    format!("give the key of node `{node}` in graph.toml as the table has it"),
                ),
                Some(found) if !key_type_fits(column.key_type, &found.base_type) => self.refuse(
                    format!(
                        "{name}.{} is {}, and graph.toml says {}",
                        column.name,
                        found.base_type,
                        column.key_type.name()
                    ),
                    format!("write the key of node `{node}` with the type that fits {}", found.base_type),
                ),
                Some(_) => {}
            }
        }
    }

    async fn privileges(&mut self, node: NodeId, relation: &Relation) -> Result<(), SourceError> {
        let name = self.inner.graph().node(node).relation.clone();
        let row = self
            .session
            .client()
            .query_one(
                "select has_schema_privilege(c.relnamespace, 'usage'), has_table_privilege(c.oid, 'select'),
                        has_table_privilege(c.oid, 'insert') or has_table_privilege(c.oid, 'update')
                            or has_table_privilege(c.oid, 'delete') or has_table_privilege(c.oid, 'truncate'),
                        row_security_active(c.oid), c.relnamespace::regnamespace::text
                 from pg_class c where c.oid = $1",
                &[&relation.oid],
            )
            .await
            .map_err(|error| source_error("look at privileges", error))?;
        let role = self.role.clone();
        if !row.get::<_, bool>(0) {
            let schema: String = row.get(4);
            self.refuse(
                format!("the login may not look into schema {schema}"),
                format!("grant usage on schema {schema} to {role};"),
            );
        }
        if !row.get::<_, bool>(1) {
            self.refuse(
                format!("the login may not read {name}"),
                format!("grant select on {name} to {role};"),
            );
        }
        if row.get(2) {
            self.add(
                Severity::Warning,
                format!("the login may write to {name}; Wattle never does, and a login that cannot is safer"),
                format!("revoke insert, update, delete, truncate on {name} from {role};"),
            );
        }
        if row.get(3) {
            self.refuse(
                format!(
                    "{name} has row policies that hide rows from the login: hidden rows would look deleted"
                ),
                format!("alter role {role} bypassrls;"),
            );
        }
        Ok(())
    }

    /// UPDATE and DELETE on a published table fail without a replica identity, and Wattle needs the key in it.
    fn replica_identity(&mut self, name: &str, key: &[KeyColumn], relation: &Relation) {
        if !matches!(relation.kind, 'r' | 'p') {
            self.refuse(
                format!("{name} is not a table: its changes are in no log"),
                "name the tables behind it as nodes; a fetch query may still read it",
            );
            return;
        }
        let missing: Vec<&str> = key
            .iter()
            .map(|column| column.name.as_str())
            .filter(|name| !relation.identity.iter().any(|c| c == name))
            .collect();
        if relation.identity.is_empty() || relation.replica_identity == 'n' {
            self.refuse(
                format!("{name} has no replica identity: once published, the retailer's own UPDATE and DELETE on it would fail"),
                format!("alter table {name} add primary key ({});", columns(key)),
            );
        } else if !missing.is_empty() {
            self.refuse(
                format!("the replica identity of {name} lacks {}: deletes would come without the key", missing.join(", ")),
                format!("create unique index concurrently on {name} ({0});  -- then: alter table {name} replica identity using index …", columns(key)),
            );
        }
    }

    /// What the publication must carry of a table: the whole row if that is the replica identity, else key columns.
    fn wanted_columns(&self, node: NodeId, relation: &Relation) -> Option<Vec<String>> {
        if relation.replica_identity == 'f' {
            return None;
        }
        let mut wanted = relation.identity.clone();
        for key in &self.inner.graph().node(node).key {
            if !wanted.contains(&key.name) {
                wanted.push(key.name.clone());
            }
        }
        Some(wanted)
    }

    fn publication_entry(&self, node: NodeId, relation: &Relation) -> String {
        let name = &self.inner.graph().node(node).relation;
        match self.wanted_columns(node, relation) {
            None => name.clone(),
            Some(columns) => {
                format!("{name} ({})", columns.iter().map(|c| quote(c)).collect::<Vec<_>>().join(", "))
            }
        }
    }

    async fn publication(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let inner = self.inner;
        let captured: Vec<(NodeId, &Relation)> =
            inner.graph().captured().filter_map(|id| Some((id, catalogue.relation(id)?))).collect();
        let entries: Vec<String> =
            captured.iter().map(|(id, relation)| self.publication_entry(*id, relation)).collect();
        let publication = quote(&inner.options.publication);
        let create = format!(
            "create publication {publication} for table {} with (publish_via_partition_root = true);",
            entries.join(", ")
        );
        let failed = |error| source_error("look at the publication", error);
        let row = self
            .session
            .client()
            .query_opt(
                "select pubinsert and pubupdate and pubdelete and pubtruncate, pubviaroot, puballtables
                 from pg_publication where pubname = $1",
                &[&inner.options.publication],
            )
            .await
            .map_err(failed)?;
        let Some(row) = row else {
            self.refuse(format!("there is no publication {publication}"), create);
            return Ok(());
        };
        if !row.get::<_, bool>(0) || !row.get::<_, bool>(1) {
            self.refuse(
                format!("the publication {publication} leaves out some kinds of change, or publishes partitions by their own names"),
                format!("alter publication {publication} set (publish = 'insert, update, delete, truncate', publish_via_partition_root = true);"),
            );
        }
        if row.get(2) {
            self.add(
                Severity::Warning,
                format!("the publication {publication} is for all tables: every write of the source is streamed, and tables without a primary key refuse UPDATE and DELETE"),
                format!("drop publication {publication}; {create}"),
            );
            return Ok(());
        }
        let rows = self
            .session
            .client()
            .query(
                "select r.prrelid, coalesce(r.prqual is not null, false), r.prattrs is not null,
                        coalesce((select array_agg(a.attname::text) from pg_attribute a
                                  where a.attrelid = r.prrelid and a.attnum = any (r.prattrs::int2[])), '{}')
                 from pg_publication_rel r join pg_publication p on p.oid = r.prpubid where p.pubname = $1",
                &[&inner.options.publication],
            )
            .await
            .map_err(failed)?;
        for (id, relation) in captured {
            let name = inner.graph().node(id).relation.clone();
            let entry = self.publication_entry(id, relation);
            let Some(row) = rows.iter().find(|row| row.get::<_, u32>(0) == relation.oid) else {
                self.refuse(
                    format!("the publication {publication} does not carry {name}"),
                    format!("alter publication {publication} add table {entry};"),
                );
                continue;
            };
            self.published_columns(
                &name,
                &entry,
                relation,
                row.get(1),
                row.get::<_, bool>(2).then(|| row.get(3)),
            );
        }
        Ok(())
    }

    fn published_columns(
        &mut self,
        name: &str,
        entry: &str,
        relation: &Relation,
        filtered: bool,
        listed: Option<Vec<String>>,
    ) {
        let publication = quote(&self.inner.options.publication);
        let again = format!(
            "alter publication {publication} drop table {name}; alter publication {publication} add table {entry};"
        );
        if filtered {
            self.refuse(
                format!("the publication {publication} filters the rows of {name}: changes would be missed"),
                again.clone(),
            );
        }
        let Some(listed) = listed else {
            if relation.replica_identity != 'f' {
                self.add(
                    Severity::Advice,
                    format!("the publication {publication} carries every column of {name}, though only its key is needed"),
                    again,
                );
            }
            return;
        };
        let missing: Vec<&String> =
            relation.identity.iter().filter(|column| !listed.contains(column)).collect();
        if !missing.is_empty() {
            self.refuse(
                format!("the publication's columns of {name} leave out part of its replica identity: the retailer's own UPDATE and DELETE fail now"),
                again,
            );
        } else if !entry.contains('(') || listed.len() < entry.matches(',').count() + 1 {
            self.refuse(
                format!("the publication {publication} does not carry the key columns of {name}"),
                again,
            );
        }
    }

    /// A changed row is followed to its records through these columns: without an index that reads the whole table.
    async fn edges(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let graph = self.inner.graph();
        for edge in graph.edges() {
            let Some(relation) = catalogue.relation(edge.child) else { continue };
            let child = graph.node(edge.child);
            let row = self
                .session
                .client()
                .query_one(
                    "select c.reltuples::float8, exists (
                         select from pg_index i where i.indrelid = c.oid and i.indpred is null and (
                             select array_agg(a.attname::text order by a.attname)
                             from pg_attribute a where a.attrelid = c.oid
                                 and a.attnum = any ((i.indkey::int2[])[0:cardinality($2::text[]) - 1])
                         ) = (select array_agg(x order by x) from unnest($2::text[]) x))
                     from pg_class c where c.oid = $1",
                    &[&relation.oid, &edge.columns],
                )
                .await
                .map_err(|error| source_error("look at indexes", error))?;
            if row.get::<_, f64>(0) > MANY_ROWS && !row.get::<_, bool>(1) {
                let listed = edge.columns.iter().map(|c| quote(c)).collect::<Vec<_>>().join(", ");
                self.add(
                    Severity::Warning,
                    format!(
                        "{} has no index on ({listed}), by which its rows are found from `{}`",
                        child.relation,
                        graph.node(edge.predecessor).name
                    ),
                    format!("create index concurrently on {} ({listed});", child.relation),
                );
            }
        }
        Ok(())
    }

    async fn queries(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let entities: Vec<Entity> = self.inner.graph().entities().collect();
        for entity in entities {
            let queries =
                self.inner.pack.queries(entity).expect("a pack has a query for each of its entities");
            let mut mappings = Vec::new();
            let arrays =
                queries.arrays.iter().enumerate().map(|(at, array)| {
                    (Some(at), &array.template, format!("fetch/{entity}.{}.sql", array.path))
                });
            let all = std::iter::once((None, &queries.main, format!("fetch/{entity}.sql"))).chain(arrays);
            for (array, template, file) in all {
                mappings.extend(self.query(catalogue, entity, array, template, &file).await?);
            }
            if mappings.len() == queries.arrays.len() + 1 {
                let borrowed: Vec<&Mapping> = mappings.iter().collect();
                for error in Mapping::missing_lineage(&self.inner.pack, entity, &borrowed) {
                    self.refuse(error.to_string(), "correct the pack");
                }
            }
        }
        Ok(())
    }

    async fn query(
        &mut self,
        catalogue: &Catalogue,
        entity: Entity,
        array: Option<usize>,
        template: &Template,
        file: &str,
    ) -> Result<Option<Mapping>, SourceError> {
        for clock in clocks(&template.expand("keys", "asked")) {
            self.refuse(
                format!("{file} asks the clock ({clock}): what it returns would change without an event"),
                "use {now}, and select the time of the next change as \"$changesAt\"",
            );
        }
        let graph = self.inner.graph();
        let root = graph.root(entity).expect("it is an entity of the graph");
        let types = catalogue.key_types(graph, root)?;
        let relation = keys_relation(graph, root, &types);
        let statement =
            match self.session.client().prepare(&template.expand(&relation, "transaction_timestamp()")).await
            {
                Ok(statement) => statement,
                Err(error) => {
                    let error = source_error(&format!("prepare {file}"), error);
                    if matches!(error, SourceError::Unavailable { .. }) {
                        return Err(error);
                    }
                    self.refuse(error.to_string(), "correct the query, or grant what it needs");
                    return Ok(None);
                }
            };
        let mapping = match mapping(self.inner, entity, array, &statement) {
            Ok(mapping) => Some(mapping),
            Err(error) => {
                self.refuse(error.to_string(), "correct the pack");
                None
            }
        };
        self.plan(catalogue, entity, template, file, &relation).await?;
        Ok(mapping)
    }

    /// Reads the query's plan: which relations it touches, and how.
    async fn plan(
        &mut self,
        catalogue: &Catalogue,
        entity: Entity,
        template: &Template,
        file: &str,
        keys: &str,
    ) -> Result<(), SourceError> {
        let graph = self.inner.graph();
        let root = graph.root(entity).expect("it is an entity of the graph");
        // Values that the planner cannot see: it plans as for any keys.
        let mut unknown = keys.to_owned();
        for at in 1..=graph.node(root).key.len() {
            unknown = unknown.replace(&format!("${at}::text[]"), "(select null::text[])");
        }
        let sql = format!(
            "explain (format json, verbose) {}",
            template.expand(&unknown, "transaction_timestamp()")
        );
        let row = match self.session.client().query_one(&sql, &[]).await {
            Ok(row) => row,
            Err(error) => {
                let error = source_error(&format!("plan {file}"), error);
                self.refuse(error.to_string(), "correct the query, or grant what it needs");
                return Ok(());
            }
        };
        let plan: Value = row.get(0);
        let mut scans = Vec::new();
        collect_scans(&plan, &mut scans);
        let known: BTreeSet<u32> = std::iter::once(&root)
            .chain(graph.reads(entity))
            .filter_map(|id| catalogue.relation(*id))
            .map(|relation| relation.oid)
            .collect();
        for scan in scans {
            let found = self
                .session
                .client()
                .query_opt(
                    "select coalesce(pg_partition_root(c.oid)::oid, c.oid), c.reltuples::float8
                     from pg_class c where c.oid = to_regclass(format('%I.%I', $1::text, $2::text))",
                    &[&scan.schema, &scan.relation],
                )
                .await
                .map_err(|error| source_error("look at a plan", error))?;
            let Some(found) = found else { continue };
            let name = format!("{}.{}", scan.schema, scan.relation);
            if !known.contains(&found.get(0)) {
                self.refuse(
                    format!("{file} reads {name}, which is not among the nodes that {entity} reads: its changes would not be heard"),
                    format!("add it as a node, and to the `reads` of entity {entity}"),
                );
            }
            if scan.whole && found.get::<_, f64>(1) > MANY_ROWS {
                self.add(
                    Severity::Warning,
                    format!("{file} reads all of {name} for a batch of keys"),
                    "index the columns that it is joined by, or write the join so that an index serves",
                );
            }
        }
        Ok(())
    }
}

struct Scan {
    schema: String,
    relation: String,
    whole: bool,
}

fn collect_scans(plan: &Value, scans: &mut Vec<Scan>) {
    match plan {
        Value::Array(parts) => parts.iter().for_each(|part| collect_scans(part, scans)),
        Value::Object(node) => {
            let text = |name: &str| node.get(name).and_then(Value::as_str).map(str::to_owned);
            if let (Some(schema), Some(relation)) = (text("Schema"), text("Relation Name")) {
                scans.push(Scan {
                    schema,
                    relation,
                    whole: text("Node Type").as_deref() == Some("Seq Scan"),
                });
            }
            node.values().for_each(|value| collect_scans(value, scans));
        }
        _ => {}
    }
}

fn columns(key: &[KeyColumn]) -> String {
    key.iter().map(|column| quote(&column.name)).collect::<Vec<_>>().join(", ")
}

/// The clock functions that a query names outside of strings, quoted names and comments.
fn clocks(sql: &str) -> Vec<&'static str> {
    let mut words = BTreeSet::new();
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let skip = match c {
            '\'' | '"' => rest[1..].find(c).map_or(rest.len(), |end| end + 2),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            c if c.is_alphabetic() || c == '_' => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let called = rest[end..].trim_start().starts_with('(');
                let word = rest[..end].to_lowercase();
                if word != "now" || called {
                    words.insert(word);
                }
                end
            }
            c => c.len_utf8(),
        };
        rest = &rest[skip..];
    }
    CLOCKS.into_iter().filter(|clock| words.contains(*clock)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_found_where_they_are_called() {
        assert_eq!(
            clocks("select NOW(), x.now, 'now()' -- current_date\n, current_date"),
            ["now", "current_date"]
        );
        assert!(clocks("select a.\"current_date\" /* now() */ from t").is_empty());
    }
}
