//! What the file's schema says of the graph's tables.

use wattle_core::{EntityGraph, KeyType, NodeId, SourceError};
use wattle_sql::SourceValue;

use crate::session::Session;

/// The tables behind the nodes, by the nodes' indexes.
#[derive(Debug)]
pub(crate) struct Catalogue {
    tables: Vec<Option<Table>>,
}

/// One table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) is_view: bool,
    /// The statement that made it, as altered since.
    pub(crate) sql: String,
    /// The page it begins at: a table that was built anew begins at another.
    pub(crate) page: i64,
    pub(crate) columns: Vec<Column>,
    /// Sets of columns of which no two rows are equal, and which of them hold no NULL.
    pub(crate) unique: Vec<Unique>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) declared: String,
    pub(crate) nullable: bool,
}

/// A primary key or unique index over columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Unique {
    pub(crate) columns: Vec<String>,
    collations: Vec<String>,
}

impl Unique {
    /// Is it over just these columns, in whatever order?
    pub(crate) fn is_over(&self, names: &[String]) -> bool {
        self.columns.len() == names.len() && names.iter().all(|name| same_all(&self.columns, name))
    }
}

fn same_all(names: &[String], name: &str) -> bool {
    names.iter().any(|other| same(other, name))
}

/// SQLite's names differ by more than ASCII letter case.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| same(&column.name, name))
    }
}

/// What a column makes of the values that are put into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

impl Column {
    /// SQLite's own rules, in their order.
    fn affinity(&self) -> Affinity {
        let declared = self.declared.to_ascii_uppercase();
        let has = |part: &str| declared.contains(part);
        if has("INT") {
            Affinity::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Affinity::Text
        } else if declared.is_empty() || has("BLOB") {
            Affinity::Blob
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Affinity::Real
        } else {
            Affinity::Numeric
        }
    }

    /// May it hold a key of that type? A number kept as text, or text that turns into a number, could not be found
    /// again by its canonical form.
    pub(crate) fn fits(&self, key_type: KeyType) -> bool {
        match key_type {
            KeyType::Integer => matches!(self.affinity(), Affinity::Integer | Affinity::Numeric),
            KeyType::Text => self.affinity() == Affinity::Text,
            KeyType::Uuid | KeyType::Date => matches!(self.affinity(), Affinity::Text | Affinity::Numeric),
            KeyType::Decimal => false,
        }
    }
}

const COLUMNS: &str = "select s.type, s.name, s.sql, c.name, c.type, c.pk,
           c.\"notnull\" or (c.pk > 0 and s.sql like '%without%rowid%')
               or (c.pk = 1 and upper(c.type) = 'INTEGER' and s.type = 'table'
                   and not exists (select 1 from pragma_index_list(s.name) i where i.origin = 'pk')),
           s.rootpage
    from sqlite_schema s join pragma_table_xinfo(s.name) c
    where s.type in ('table', 'view') and s.name = ?1 collate nocase order by c.cid";

const UNIQUE: &str = "select i.name, c.name, c.coll
    from pragma_index_list(?1) i join pragma_index_xinfo(i.name) c
    where i.\"unique\" = 1 and i.partial = 0 and c.key = 1 order by i.seq, c.seqno";

fn text(value: &SourceValue) -> String {
    value.plain_text().unwrap_or_default()
}

impl Catalogue {
    pub(crate) async fn read(session: &mut Session, graph: &EntityGraph) -> Result<Self, SourceError> {
        let mut tables = Vec::new();
        for id in graph.node_ids() {
            tables.push(table(session, table_name(&graph.node(id).relation)).await?);
        }
        Ok(Self { tables })
    }

    pub(crate) fn table(&self, node: NodeId) -> Option<&Table> {
        self.tables[node.index()].as_ref()
    }

    pub(crate) fn known(&self, graph: &EntityGraph, node: NodeId) -> Result<&Table, SourceError> {
        self.table(node).ok_or_else(|| SourceError::Config {
            what: format!("the source has no table {}", graph.node(node).relation),
            fix: format!(
                "name the relation of node `{}` in graph.toml as the source has it",
                graph.node(node).name
            ),
        })
    }

    /// Without the tables whose key is not as graph.toml gives it: of those nothing can be heard, as if they were not there.
    pub(crate) fn heard(mut self, graph: &EntityGraph) -> Self {
        for node in graph.node_ids() {
            if self.key_types(graph, node).is_err() {
                self.tables[node.index()] = None;
            }
        }
        self
    }

    /// The types of a node's key columns, as a cast and the collation in which they are equal.
    pub(crate) fn key_types(&self, graph: &EntityGraph, node: NodeId) -> Result<Vec<String>, SourceError> {
        let table = self.known(graph, node)?;
        let key = &graph.node(node).key;
        let names: Vec<String> = key.iter().map(|column| column.name.clone()).collect();
        let unique = table.unique.iter().find(|unique| unique.is_over(&names));
        let types = key.iter().map(|column| {
            let relation = &graph.node(node).relation;
            let wrong = match table.column(&column.name) {
                None => Some(format!("{relation} has no column {}", column.name)),
                Some(found) if !found.fits(column.key_type) => Some(format!(
                    "{relation}.{} is declared {}, and graph.toml says {}",
                    column.name,
                    found.declared,
                    column.key_type.name()
                )),
                Some(_) => None,
            };
            if let Some(what) = wrong {
                let node = &graph.node(node).name;
                let fix = format!("give the key of node `{node}` in graph.toml as the table has it");
                return Err(SourceError::Config { what, fix });
            }
            if column.key_type == KeyType::Integer {
                return Ok("integer".to_owned());
            }
            let collation = unique.and_then(|unique| {
                let at = unique.columns.iter().position(|name| same(name, &column.name))?;
                unique.collations.get(at)
            });
            Ok(collation.map_or_else(|| "text".to_owned(), |name| format!("text collate \"{name}\"")))
        });
        types.collect()
    }
}

async fn table(session: &mut Session, name: String) -> Result<Option<Table>, SourceError> {
    let doing = "read the schema";
    let rows = session.rows(doing, COLUMNS, &[&name]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let mut table = Table {
        name: text(&first[1]),
        is_view: text(&first[0]) == "view",
        sql: text(&first[2]),
        page: if let SourceValue::Integer(page) = first[7] { page } else { 0 },
        columns: Vec::new(),
        unique: Vec::new(),
    };
    let mut primary = Unique::default();
    for row in &rows {
        let column = Column {
            name: text(&row[3]),
            declared: text(&row[4]),
            nullable: row[6] != SourceValue::Integer(1),
        };
        if row[5] != SourceValue::Integer(0) {
            primary.columns.push(column.name.clone());
        }
        table.columns.push(column);
    }
    let mut last = String::new();
    for row in session.rows(doing, UNIQUE, &[&table.name]).await? {
        if text(&row[0]) != last {
            last = text(&row[0]);
            table.unique.push(Unique::default());
        }
        let unique = table.unique.last_mut().expect("it was just pushed");
        unique.columns.push(text(&row[1]));
        unique.collations.push(text(&row[2]));
    }
    // An expression has no name; and the row's own number has no index.
    table.unique.retain(|unique| unique.columns.iter().all(|name| !name.is_empty()));
    if !primary.columns.is_empty() && !table.unique.iter().any(|unique| unique.is_over(&primary.columns)) {
        table.unique.push(primary);
    }
    Ok(Some(table))
}

/// The table's name in a relation as SQL writes it: `bill`, `"Bill"`, `main.bill`.
fn table_name(relation: &str) -> String {
    let name = relation.strip_prefix("main.").unwrap_or(relation);
    let unquoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    unquoted.map_or_else(|| name.to_owned(), |name| name.replace("\"\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_are_read_as_sql_reads_them() {
        assert_eq!(table_name("bill"), "bill");
        assert_eq!(table_name("main.\"Bill \"\"2\"\"\""), "Bill \"2\"");
    }

    #[test]
    fn a_key_fits_a_column_that_keeps_its_canonical_form() {
        let column = |declared: &str| Column { name: "c".into(), declared: declared.into(), nullable: false };
        assert!(column("bigint").fits(KeyType::Integer) && !column("varchar(9)").fits(KeyType::Integer));
        assert!(column("varchar(9)").fits(KeyType::Text), "CHAR");
        assert!(!column("string").fits(KeyType::Text), "NUMERIC turns '007' into 7");
        assert!(column("date").fits(KeyType::Date) && column("uuid").fits(KeyType::Uuid));
        assert!(!column("").fits(KeyType::Text) && !column("decimal").fits(KeyType::Decimal));
    }
}
