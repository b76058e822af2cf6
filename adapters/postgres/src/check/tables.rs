//! Tables: are they there, may they be read, does their log say what Wattle needs to hear?

use wattle_core::{KeyColumn, Node, NodeId, QueryPlan, Severity, SourceError};
use wattle_sql::{quote, words};

use super::Check;
use super::publication::{Published, in_one_transaction};
use crate::catalogue::{Catalogue, Relation, key_type_fits};
use crate::error::source_error;

/// What the login may do, gathered over the tables: one statement grants them all.
#[derive(Default)]
struct Rights {
    closed_schemas: Vec<String>,
    unread: Vec<String>,
    /// Written to by a grant to the login itself, which can be taken back.
    written: Vec<String>,
    /// Written to as their owner, as anyone, or as a member of some role.
    inherited: Vec<String>,
    hiding: Vec<String>,
}

impl Check<'_> {
    /// Looks at every table of the graph; false when some cannot be read.
    pub(super) async fn tables(
        &mut self,
        catalogue: &Catalogue,
        published: Option<&Published>,
    ) -> Result<bool, SourceError> {
        let graph = self.inner.graph();
        let (mut rights, mut known) = (Rights::default(), true);
        for id in graph.node_ids() {
            let node = graph.node(id);
            let Some(relation) = catalogue.relation(id) else {
                known = false;
                self.findings.refuse(
                    format!("the source has no relation {} (node `{}`)", node.relation, node.name),
                    words(format!(
                        "name the relation of node `{}` in graph.toml as the source has it",
                        node.name
                    )),
                );
                continue;
            };
            self.rights(&node.relation, relation, &mut rights).await?;
            if graph.captured().any(|captured| captured == id) {
                self.heard(id, relation, published).await?;
            } else {
                self.key_columns(id, relation);
                self.in_the_log(&node.relation, relation);
            }
        }
        let readable =
            known && rights.closed_schemas.is_empty() && rights.unread.is_empty() && rights.hiding.is_empty();
        self.tell_rights(rights);
        Ok(readable)
    }

    /// Looks at what must hold for a captured table's changes to be heard with their keys.
    pub(super) async fn heard(
        &mut self,
        id: NodeId,
        relation: &Relation,
        published: Option<&Published>,
    ) -> Result<(), SourceError> {
        self.key_columns(id, relation);
        self.replica_identity(id, relation, published).await?;
        self.in_the_log(&self.inner.graph().node(id).relation, relation);
        Ok(())
    }

    fn in_the_log(&mut self, name: &str, relation: &Relation) {
        if relation.persistence == 'u' {
            self.findings.refuse(
                format!("{name} is unlogged: its changes are in no log"),
                format!("alter table {name} set logged;"),
            );
        }
    }

    fn key_columns(&mut self, id: NodeId, relation: &Relation) {
        let Node { name: node, relation: name, key, .. } = self.inner.graph().node(id);
        for column in key {
            match relation.columns.iter().find(|found| found.name == column.name) {
                None => self.findings.refuse(
                    format!("{name} has no column {}", column.name),
                    words(format!("give the key of node `{node}` in graph.toml as the table has it")),
                ),
                Some(found) if !key_type_fits(column.key_type, &found.base_type) => self.findings.refuse(
                    format!(
                        "{name}.{} is {}, and graph.toml says {}",
                        column.name,
                        found.base_type,
                        column.key_type.name()
                    ),
                    words(format!(
                        "write the key of node `{node}` with the type that fits {}",
                        found.base_type
                    )),
                ),
                Some(found) if found.nullable && matches!(relation.kind, 'r' | 'p') => self.findings.add(
                    Severity::Warning,
                    format!("{name}.{} may be null, and a row without its key is left out", column.name),
                    format!("alter table {name} alter column {} set not null;", quote(&column.name)),
                ),
                Some(_) => {}
            }
        }
    }

    async fn rights(
        &mut self,
        name: &str,
        relation: &Relation,
        rights: &mut Rights,
    ) -> Result<(), SourceError> {
        let row = self
            .session
            .client()
            .query_one(include_str!("../sql/rights.sql"), &[&relation.oid])
            .await
            .map_err(|error| source_error("look at privileges", error))?;
        let schema: String = row.get(0);
        if !row.get::<_, bool>(1) && !rights.closed_schemas.contains(&schema) {
            rights.closed_schemas.push(schema);
        }
        let [readable, writable, inherited, hiding] = [2, 3, 4, 5].map(|at| row.get::<_, bool>(at));
        if !readable {
            rights.unread.push(name.to_owned());
        }
        // A superuser may write anywhere, which is told of the login.
        if writable && !self.superuser {
            let lists = if inherited { &mut rights.inherited } else { &mut rights.written };
            lists.push(name.to_owned());
        }
        if hiding {
            rights.hiding.push(name.to_owned());
        }
        Ok(())
    }

    fn tell_rights(&mut self, rights: Rights) {
        let role = self.role.clone();
        let Rights { closed_schemas, unread, written, inherited, hiding } = rights;
        if !closed_schemas.is_empty() {
            let schemas = closed_schemas.join(", ");
            self.findings.refuse(
                format!("the login may not look into the schemas {schemas}"),
                format!("grant usage on schema {schemas} to {role};"),
            );
        }
        if !unread.is_empty() {
            let tables = unread.join(", ");
            self.findings.refuse(
                format!("the login may not read {tables}"),
                format!("grant select on {tables} to {role};"),
            );
        }
        if !hiding.is_empty() {
            self.findings.refuse(
                format!(
                    "row policies hide rows of {} from the login: hidden rows would look deleted",
                    hiding.join(", ")
                ),
                format!("alter role {role} bypassrls;"),
            );
        }
        let may_write =
            |tables: &str| format!("the login may write to {tables}; a login that cannot is safer");
        if !written.is_empty() {
            let tables = written.join(", ");
            self.findings.add(
                Severity::Warning,
                may_write(&tables),
                format!("revoke insert, update, delete, truncate on {tables} from {role};"),
            );
        }
        if !inherited.is_empty() {
            self.findings.add(
                Severity::Warning,
                may_write(&inherited.join(", ")),
                words(format!(
                    "make a login for Wattle alone: {role} has this right as the owner, as everyone (PUBLIC), or from a role that it belongs to"
                )),
            );
        }
    }

    /// UPDATE and DELETE on a published table fail without a replica identity, and Wattle needs the key in it.
    async fn replica_identity(
        &mut self,
        node: NodeId,
        relation: &Relation,
        published: Option<&Published>,
    ) -> Result<(), SourceError> {
        let name = self.inner.graph().node(node).relation.clone();
        if !matches!(relation.kind, 'r' | 'p') {
            self.findings.refuse(
                format!("{name} is not a table: its changes are in no log"),
                words("name the tables behind it as nodes; a fetch query may still read it"),
            );
            return Ok(());
        }
        let key = &self.inner.graph().node(node).key;
        if let Some(repaired) = repaired_identity(&name, key, relation) {
            let missing = columns(key.iter().filter(|column| !relation.identity.contains(&column.name)));
            let what = if relation.identity.is_empty() {
                let when = if published.is_some_and(|published| published.carries(relation.oid)) {
                    "the retailer's own UPDATE and DELETE on it fail now"
                } else {
                    "once published, the retailer's own UPDATE and DELETE on it would fail"
                };
                format!("{name} has no replica identity: {when}")
            } else {
                format!("the replica identity of {name} lacks {missing}: deletes would come without the key")
            };
            let fix = match published.filter(|published| published.lists_columns(relation.oid)) {
                // It would have to be set on each partition, and on those to come.
                _ if relation.kind == 'p' && repaired.relation.replica_identity == 'f' => {
                    words(format!("give the primary key of {name} as the node's key in graph.toml"))
                }
                None => repaired.sql,
                Some(_) => {
                    let publication = quote(&self.inner.options.publication);
                    let entry = self.publication_entry(node, &repaired.relation);
                    in_one_transaction(&[
                        format!("alter publication {publication} drop table {name};"),
                        repaired.sql,
                        format!("alter publication {publication} add table {entry};"),
                    ])
                }
            };
            self.findings.refuse(what, fix);
        }
        if relation.kind == 'p' {
            self.partitions(&name, relation).await?;
        }
        Ok(())
    }

    /// Rows are logged by the partition they are in, and by its replica identity.
    async fn partitions(&mut self, name: &str, relation: &Relation) -> Result<(), SourceError> {
        let rows = self
            .session
            .client()
            .query(
                "select c.oid::regclass::text, c.relkind, c.relpersistence, c.relreplident
                 from pg_partition_tree($1::oid::regclass) t join pg_class c on c.oid = t.relid
                 where t.isleaf and c.relkind <> 'p' order by 1",
                &[&relation.oid],
            )
            .await
            .map_err(|error| source_error("look at partitions", error))?;
        let [mut foreign, mut unlogged, mut others] = [const { Vec::new() }; 3];
        for row in &rows {
            let partition: String = row.get(0);
            let [kind, persistence, identity] = [1, 2, 3].map(|at| row.get::<_, i8>(at) as u8);
            if kind == b'f' {
                foreign.push(partition);
                continue;
            }
            if persistence == b'u' {
                unlogged.push(partition.clone());
            }
            if identity != b'd' {
                others.push(partition);
            }
        }
        let each = |partitions: &[String], set: &str| {
            let set = |partition: &String| format!("alter table {partition} {set};");
            partitions.iter().map(set).collect::<Vec<_>>().join(" ")
        };
        if !foreign.is_empty() {
            self.findings.refuse(
                format!("the partitions {} of {name} are on another server: their changes are not in this one's log", foreign.join(", ")),
                words(format!("hold the rows of {name} in partitions of this server, or detach those")),
            );
        }
        if !unlogged.is_empty() {
            self.findings.refuse(
                format!(
                    "the partitions {} of {name} are unlogged: their changes are in no log",
                    unlogged.join(", ")
                ),
                each(&unlogged, "set logged"),
            );
        }
        if !others.is_empty() {
            self.findings.refuse(
                format!("the partitions {} do not have the replica identity of {name}", others.join(", ")),
                each(&others, "replica identity default"),
            );
        }
        Ok(())
    }

    /// A changed row is followed to its records through these columns: without an index that reads the whole table.
    pub(super) async fn edges(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let graph = self.inner.graph();
        for edge in graph.edges() {
            let (child, predecessor) = (graph.node(edge.child), graph.node(edge.predecessor));
            let Some(relation) = catalogue.relation(edge.child) else { continue };
            let listed = edge.columns.iter().map(|c| quote(c)).collect::<Vec<_>>().join(", ");
            let same = edge.columns.iter().zip(&predecessor.key);
            let on: Vec<String> =
                same.map(|(by, key)| format!("c.{} = p.{}", quote(by), quote(&key.name))).collect();
            let join = format!(
                "select from {} c join {} p on {}",
                child.relation,
                predecessor.relation,
                on.join(" and ")
            );
            if let Err(error) = self.session.client().prepare(&join).await {
                let doing = format!("follow node `{}` to `{}` by {listed}", child.name, predecessor.name);
                let fix = format!(
                    "give `by` of node `{}` in graph.toml: the columns of {} that hold the key of `{}`",
                    child.name, child.relation, predecessor.name
                );
                self.findings.refuse_error(source_error(&doing, error), fix)?;
                continue;
            }
            let row = self
                .session
                .client()
                .query_one(
                    "select c.reltuples::bigint, exists (
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
            if u64::try_from(row.get::<_, i64>(0)).is_ok_and(|rows| rows > QueryPlan::MANY_ROWS)
                && !row.get::<_, bool>(1)
            {
                self.findings.add(
                    Severity::Warning,
                    format!(
                        "{} has no index on ({listed}), by which its rows are found from `{}`",
                        child.relation, predecessor.name
                    ),
                    format!("create index concurrently on {} ({listed});", child.relation),
                );
            }
        }
        Ok(())
    }
}

/// A relation whose replica identity was put right, and how.
pub(super) struct Repaired {
    pub(super) relation: Relation,
    sql: String,
}

/// What to do about a replica identity that does not hold the key; nothing when it does.
pub(super) fn repaired_identity(name: &str, key: &[KeyColumn], relation: &Relation) -> Option<Repaired> {
    let holds = |columns: &[String]| key.iter().all(|column| columns.contains(&column.name));
    if !relation.identity.is_empty() && holds(&relation.identity) {
        return None;
    }
    let mut after = relation.clone();
    let sql = if !relation.primary_key.is_empty() && holds(&relation.primary_key) {
        after.replica_identity = 'd';
        after.identity.clone_from(&relation.primary_key);
        format!("alter table {name} replica identity default;")
    } else if relation.primary_key.is_empty() {
        after.replica_identity = 'd';
        after.identity = key.iter().map(|column| column.name.clone()).collect();
        let set = if relation.replica_identity == 'd' { "" } else { ", replica identity default" };
        format!("alter table {name} add primary key ({}){set};", columns(key.iter()))
    } else {
        after.replica_identity = 'f';
        after.identity = relation.columns.iter().map(|column| column.name.clone()).collect();
        format!("alter table {name} replica identity full;")
    };
    Some(Repaired { relation: after, sql })
}

fn columns<'a>(key: impl Iterator<Item = &'a KeyColumn>) -> String {
    key.map(|column| quote(&column.name)).collect::<Vec<_>>().join(", ")
}
