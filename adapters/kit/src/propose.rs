//! A pack proposed from a source's catalogue: what can be known is written, and what cannot is listed.
//!
//! A table with a primary key that can be one is a node. A foreign key is an edge: it owns where a row without its
//! predecessor means nothing, as far as the catalogue can tell. Tables are taken for entities by their names, and only
//! as far as the graph of them is valid.

mod entity;
mod graph;
mod query;

use wattle_core::{Entity, KeyType};

use graph::Draft;

use crate::SqlDialect;

/// A table of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// As SQL writes it: `billing.bill`.
    pub relation: String,
    /// In order.
    pub columns: Vec<TableColumn>,
    /// The names of the primary key's columns, in order.
    pub primary_key: Vec<String>,
    /// What it points at.
    pub foreign_keys: Vec<ForeignKey>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name, unquoted.
    pub name: String,
    /// Its type, in lower case and the engine's notation.
    pub sql_type: String,
    /// May it be NULL?
    pub nullable: bool,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// This table's columns.
    pub columns: Vec<String>,
    /// The relation that they point at.
    pub relation: String,
    /// That relation's columns, in the same order.
    pub referenced: Vec<String>,
    /// Does a row go with the one that it points at?
    pub cascades: bool,
}

/// A proposed pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its files by their paths, and their texts.
    pub files: Vec<(String, String)>,
    /// What an engineer has to decide, each in a sentence.
    pub undecided: Vec<String>,
}

/// Proposes a pack for these tables, whose dates and times without a zone are local to `zone`. Its queries are written in
/// the dialect.
pub fn propose(tables: &[Table], dialect: SqlDialect, zone: &str) -> Proposal {
    let mut draft = Draft::of(tables);
    draft.choose_entities();
    let mut files = vec![("graph.toml".to_owned(), draft.graph_file(zone))];
    for entity in Entity::ALL {
        if let Some(text) = query::skeleton(&draft, dialect, entity) {
            files.push((format!("fetch/{entity}.sql"), text));
        }
    }
    Proposal { files, undecided: draft.undecided }
}

/// The key type of a column of this type, if keys may be of it.
pub(crate) fn key_type(sql_type: &str) -> Option<KeyType> {
    let base = sql_type.split('(').next().unwrap_or_default().trim().to_lowercase();
    match base.as_str() {
        "date" => Some(KeyType::Date),
        "uuid" | "uniqueidentifier" => Some(KeyType::Uuid),
        "binary" if sql_type == "binary(16)" => Some(KeyType::Uuid),
        "numeric" | "decimal" => Some(KeyType::Decimal),
        _ if base.contains("int") && !base.contains("interval") && !base.contains("point") => {
            Some(KeyType::Integer)
        }
        _ if ["char", "citext", "name"].iter().any(|it| base.contains(it)) || base == "text" => {
            Some(KeyType::Text)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
