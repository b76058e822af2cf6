//! The publication: every captured table with its key, no more columns than needed, and no rows left out.

use std::collections::HashMap;

use wattle_core::{NodeId, Severity, SourceError};
use wattle_sql::quote;

use super::Check;
use super::tables::repaired_identity;
use crate::catalogue::{Catalogue, Relation};
use crate::error::source_error;

/// The publication as the source has it.
pub(super) struct Published {
    /// All kinds of change, and partitions under their root's name.
    complete: bool,
    /// Its tables are not listed: all there are, or all of a schema.
    sweeping: bool,
    tables: HashMap<u32, PublishedTable>,
}

#[derive(Default)]
struct PublishedTable {
    filtered: bool,
    /// The columns, where they are listed.
    columns: Option<Vec<String>>,
}

impl Published {
    pub(super) fn carries(&self, oid: u32) -> bool {
        self.tables.contains_key(&oid)
    }

    pub(super) fn lists_columns(&self, oid: u32) -> bool {
        self.tables.get(&oid).is_some_and(|table| table.columns.is_some())
    }
}

/// Statements between which no change may be written: it would be left out, or refused.
pub(super) fn in_one_transaction(statements: &[String]) -> String {
    format!("begin; {} commit;", statements.join(" "))
}

/// What was left out so far was not heard.
const HYDRATE_AGAIN: &str = "  -- and hydrate again if sync has run before";

impl Check<'_> {
    pub(super) async fn published(&self) -> Result<Option<Published>, SourceError> {
        let name = &self.inner.options.publication;
        let failed = |error| source_error("look at the publication", error);
        let client = self.session.client();
        let row = client
            .query_opt(
                "select pubinsert and pubupdate and pubdelete and pubtruncate and pubviaroot,
                        puballtables or exists (select from pg_publication_namespace n where n.pnpubid = p.oid)
                 from pg_publication p where pubname = $1",
                &[name],
            )
            .await
            .map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let (complete, sweeping) = (row.get(0), row.get(1));
        let tables = if sweeping {
            "select c.oid, false, null::text[] from pg_publication_tables t
             join pg_namespace s on s.nspname = t.schemaname
             join pg_class c on c.relname = t.tablename and c.relnamespace = s.oid where t.pubname = $1"
        } else {
            "select r.prrelid, r.prqual is not null, case when r.prattrs is not null then array(
                        select a.attname::text from pg_attribute a
                        where a.attrelid = r.prrelid and a.attnum = any (r.prattrs::int2[])) end
             from pg_publication_rel r join pg_publication p on p.oid = r.prpubid where p.pubname = $1"
        };
        let rows = client.query(tables, &[name]).await.map_err(failed)?;
        let table = |row: &tokio_postgres::Row| {
            (row.get(0), PublishedTable { filtered: row.get(1), columns: row.get(2) })
        };
        Ok(Some(Published { complete, sweeping, tables: rows.iter().map(table).collect() }))
    }

    pub(super) fn publication(&mut self, catalogue: &Catalogue, published: Option<&Published>) {
        let inner = self.inner;
        let captured: Vec<(NodeId, &Relation)> = inner
            .graph()
            .captured()
            .filter_map(|id| Some((id, catalogue.relation(id)?)))
            .filter(|(_, relation)| matches!(relation.kind, 'r' | 'p'))
            .collect();
        let publication = quote(&inner.options.publication);
        let entries: Vec<String> =
            captured.iter().map(|(id, relation)| self.publication_entry(*id, relation)).collect();
        let create = format!(
            "create publication {publication} for table {} with (publish_via_partition_root = true);",
            entries.join(", ")
        );
        let Some(published) = published else {
            self.findings.refuse(format!("there is no publication {publication}"), create);
            return;
        };
        if published.sweeping {
            self.sweeping(published, &captured, create);
            return;
        }
        if !published.complete {
            self.findings.refuse(
                format!("the publication {publication} leaves out some kinds of change, or publishes partitions by their own names"),
                format!("alter publication {publication} set (publish = 'insert, update, delete, truncate', publish_via_partition_root = true);{HYDRATE_AGAIN}"),
            );
        }
        for ((id, relation), entry) in captured.iter().zip(entries) {
            let name = &inner.graph().node(*id).relation;
            match published.tables.get(&relation.oid) {
                None => self.findings.refuse(
                    format!("the publication {publication} does not carry {name}"),
                    format!("alter publication {publication} add table {entry};{HYDRATE_AGAIN}"),
                ),
                // Its replica identity is wrong, and the fix for that sets the columns right too.
                Some(table)
                    if table.columns.is_some()
                        && repaired_identity(name, &inner.graph().node(*id).key, relation).is_some() => {}
                Some(table) => self.published_table(*id, relation, table, &entry),
            }
        }
    }

    fn sweeping(&mut self, published: &Published, captured: &[(NodeId, &Relation)], create: String) {
        let publication = quote(&self.inner.options.publication);
        let missing: Vec<&str> = captured
            .iter()
            .filter(|(_, relation)| !published.carries(relation.oid))
            .map(|(id, _)| self.inner.graph().node(*id).relation.as_str())
            .collect();
        let mut what = format!(
            "the publication {publication} is for all tables, or all of a schema: every write of theirs is streamed, and those without a primary key refuse UPDATE and DELETE"
        );
        let severity = if missing.is_empty() && published.complete {
            Severity::Warning
        } else {
            what += "; and it leaves out kinds of change, publishes partitions by their own names, or does not carry all that is captured";
            Severity::Refused
        };
        let replace = in_one_transaction(&[format!("drop publication {publication};"), create]);
        self.findings.add(severity, what, replace);
    }

    fn published_table(&mut self, id: NodeId, relation: &Relation, table: &PublishedTable, entry: &str) {
        let publication = quote(&self.inner.options.publication);
        let name = self.inner.graph().node(id).relation.clone();
        let again = in_one_transaction(&[
            format!("alter publication {publication} drop table {name};"),
            format!("alter publication {publication} add table {entry};"),
        ]);
        if table.filtered {
            self.findings.refuse(
                format!("the publication {publication} filters the rows of {name}: changes would be missed"),
                again + HYDRATE_AGAIN,
            );
            return;
        }
        let Some(listed) = &table.columns else {
            if relation.replica_identity != 'f' {
                self.findings.add(
                    Severity::Advice,
                    format!("the publication {publication} carries every column of {name}, though only its key is needed"),
                    again,
                );
            }
            return;
        };
        let lacks = |columns: &[String]| columns.iter().any(|column| !listed.contains(column));
        if lacks(&relation.identity) {
            self.findings.refuse(
                format!("the publication {publication} leaves out part of the replica identity of {name}: the retailer's own UPDATE and DELETE on it fail now"),
                again,
            );
        }
    }

    /// What the publication is to carry of a table: its key and its replica identity, which is as it will be when it
    /// is put right; or all columns, where all are the replica identity.
    pub(super) fn publication_entry(&self, id: NodeId, relation: &Relation) -> String {
        let node = self.inner.graph().node(id);
        let repaired = repaired_identity(&node.relation, &node.key, relation);
        let relation = repaired.as_ref().map_or(relation, |repaired| &repaired.relation);
        if relation.replica_identity == 'f' {
            return node.relation.clone();
        }
        let columns = relation.identity.iter().map(|column| quote(column)).collect::<Vec<_>>();
        format!("{} ({})", node.relation, columns.join(", "))
    }
}
