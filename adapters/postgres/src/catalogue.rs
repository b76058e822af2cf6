//! What the source's catalogue says of the graph's nodes.

use wattle_core::{EntityGraph, KeyType, NodeId, SourceError};

use crate::connect::Session;
use crate::error::source_error;

/// The relations behind the nodes, by the nodes' indexes.
#[derive(Debug)]
pub(crate) struct Catalogue {
    relations: Vec<Option<Relation>>,
}

/// One relation.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    pub(crate) oid: u32,
    pub(crate) kind: char,
    pub(crate) persistence: char,
    pub(crate) replica_identity: char,
    pub(crate) columns: Vec<Column>,
    /// Columns of the replica identity.
    pub(crate) identity: Vec<String>,
    /// Columns of the primary key.
    pub(crate) primary_key: Vec<String>,
}

/// One column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Schema-qualified and quoted, without length: safe to cast to.
    pub(crate) type_name: String,
    /// The type's own name, domains resolved.
    pub(crate) base_type: String,
    /// May it be null?
    pub(crate) nullable: bool,
}

impl Catalogue {
    pub(crate) async fn read(session: &Session, graph: &EntityGraph) -> Result<Self, SourceError> {
        let (schemas, names): (Vec<Option<String>>, Vec<String>) =
            graph.node_ids().map(|id| name_parts(&graph.node(id).relation)).unzip();
        let failed = |error| source_error("read the source's catalogue", error);
        let rows = session
            .client()
            .query(include_str!("sql/relations.sql"), &[&schemas, &names])
            .await
            .map_err(failed)?;
        let mut relations: Vec<Option<Relation>> = vec![None; names.len()];
        for row in &rows {
            let letter = |at| row.get::<_, i8>(at) as u8 as char;
            let at = usize::try_from(row.get::<_, i64>(0) - 1).expect("ordinality counts from one");
            let relation = relations[at].get_or_insert_with(|| Relation {
                oid: row.get(1),
                kind: letter(2),
                persistence: letter(3),
                replica_identity: letter(4),
                columns: Vec::new(),
                identity: Vec::new(),
                primary_key: Vec::new(),
            });
            let name: String = row.get(5);
            if row.get(8) {
                relation.identity.push(name.clone());
            }
            if row.get(9) {
                relation.primary_key.push(name.clone());
            }
            relation.columns.push(Column {
                name,
                type_name: row.get(6),
                base_type: row.get(7),
                nullable: row.get(10),
            });
        }
        Ok(Self { relations })
    }

    pub(crate) fn relation(&self, node: NodeId) -> Option<&Relation> {
        self.relations[node.index()].as_ref()
    }

    /// The types of a node's key columns, to cast keys to.
    pub(crate) fn key_types(&self, graph: &EntityGraph, node: NodeId) -> Result<Vec<String>, SourceError> {
        let relation = self.known(graph, node)?;
        let node = graph.node(node);
        let found = node.key.iter().map(|key| {
            let what = match relation.columns.iter().find(|column| column.name == key.name) {
                None => format!("{} has no column {}", node.relation, key.name),
                Some(column) if !key_type_fits(key.key_type, &column.base_type) => format!(
                    "{}.{} is {}, and graph.toml says {}",
                    node.relation,
                    key.name,
                    column.base_type,
                    key.key_type.name()
                ),
                Some(column) => return Ok(column.type_name.clone()),
            };
            let fix = format!("give the key of node `{}` in graph.toml as the table has it", node.name);
            Err(SourceError::Config { what, fix })
        });
        found.collect()
    }

    /// Without the tables whose key is not as graph.toml gives it: of those nothing can be heard, as if they were not there.
    pub(crate) fn heard(mut self, graph: &EntityGraph) -> Self {
        for node in graph.node_ids() {
            if self.key_types(graph, node).is_err() {
                self.relations[node.index()] = None;
            }
        }
        self
    }

    pub(crate) fn known(&self, graph: &EntityGraph, node: NodeId) -> Result<&Relation, SourceError> {
        self.relation(node).ok_or_else(|| SourceError::Config {
            what: format!("the source has no relation {}", graph.node(node).relation),
            fix: format!(
                "name the relation of node `{}` in graph.toml as the source has it",
                graph.node(node).name
            ),
        })
    }
}

/// May a column of this type hold a key of that type?
pub(crate) fn key_type_fits(key_type: KeyType, base_type: &str) -> bool {
    match key_type {
        KeyType::Integer => matches!(base_type, "int2" | "int4" | "int8"),
        KeyType::Text => matches!(base_type, "text" | "varchar" | "bpchar" | "name" | "citext"),
        KeyType::Uuid => base_type == "uuid",
        KeyType::Decimal => base_type == "numeric",
        KeyType::Date => base_type == "date",
    }
}

/// The schema, if one is given, and the name of a relation as SQL writes it: `billing.bill`, `"Billing"."Bill"`.
fn name_parts(relation: &str) -> (Option<String>, String) {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in relation.chars() {
        let part = parts.last_mut().expect("there is always one");
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            _ if quoted => part.push(c),
            _ => part.extend(c.to_lowercase()),
        }
    }
    let name = parts.pop().unwrap_or_default();
    (parts.pop(), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_sql_reads_them() {
        let parts = |name: &str| name_parts(name);
        let of = |schema: &str, name: &str| (Some(schema.to_owned()), name.to_owned());
        assert_eq!(parts("billing.Bill"), of("billing", "bill"));
        assert_eq!(parts("\"Billing\".\"Bill.2\""), of("Billing", "Bill.2"));
        assert_eq!(parts("bill"), (None, "bill".to_owned()));
    }
}
