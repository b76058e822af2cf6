//! What the source's catalogue says of the graph's nodes.

use std::collections::HashMap;

use tiberius::Row;
use wattle_core::{EntityGraph, KeyType, NodeId, SourceError};

use crate::connect::{Session, literal};
use crate::dialect::quote;
use crate::value::{integer, text};

/// The tables behind the nodes, by the nodes' indexes.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    tables: Vec<Option<Table>>,
}

/// One table or view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Table {
    pub(crate) schema: String,
    pub(crate) name: String,
    object_id: i64,
    /// Is it a table, and not a view or a synonym?
    pub(crate) is_table: bool,
    pub(crate) row_count: u64,
    /// In their order in the table.
    pub(crate) columns: Vec<Column>,
    pub(crate) indexes: Vec<Index>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// As declared, without collation: `varchar(12)`, `decimal(9,2)`.
    pub(crate) column_type: String,
    pub(crate) nullable: bool,
    pub(crate) collation: Option<String>,
}

/// One index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) primary: bool,
    /// Its key columns, in order.
    pub(crate) columns: Vec<String>,
}

impl Column {
    /// The type and collation to declare a key as, so that an index serves.
    pub(crate) fn key_type(&self) -> String {
        match &self.collation {
            Some(collation) => format!("{} collate {collation}", self.column_type),
            None => self.column_type.clone(),
        }
    }

    /// May it hold a key of that type?
    pub(crate) fn fits(&self, key_type: KeyType) -> bool {
        let base = self.column_type.split('(').next().unwrap_or_default();
        match key_type {
            KeyType::Integer => matches!(base, "tinyint" | "smallint" | "int" | "bigint"),
            KeyType::Text => {
                matches!(base, "char" | "varchar" | "nchar" | "nvarchar")
                    && !self.column_type.ends_with("(max)")
            }
            KeyType::Uuid => base == "uniqueidentifier",
            KeyType::Decimal => matches!(base, "decimal" | "numeric"),
            KeyType::Date => base == "date",
        }
    }
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| same(&column.name, name))
    }

    /// Its name as SQL writes it.
    pub(crate) fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }

    /// The columns of the primary key.
    pub(crate) fn primary_key(&self) -> &[String] {
        self.indexes.iter().find(|index| index.primary).map_or(&[], |index| &index.columns)
    }
}

/// Are these one name? Whether the database's collation minds case or not, no retailer names two columns so.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

const DOING: &str = "read the source's catalogue";

const TABLE: &str = "select {ord} as ord, s.name, t.name, t.object_id, t.type, \
     (select sum(p.rows) from sys.partitions p where p.object_id = t.object_id and p.index_id in (0, 1)) \
     from sys.objects t join sys.schemas s on s.schema_id = t.schema_id where t.object_id = object_id({relation})";

impl Catalogue {
    pub(crate) async fn read(session: &mut Session, graph: &EntityGraph) -> Result<Self, SourceError> {
        let each: Vec<String> = graph
            .node_ids()
            .map(|node| {
                let relation = literal(&graph.node(node).relation);
                TABLE.replace("{ord}", &node.index().to_string()).replace("{relation}", &relation)
            })
            .collect();
        let mut tables = vec![None; each.len()];
        let mut places: HashMap<i64, Vec<usize>> = HashMap::new();
        for row in session.rows(DOING, &each.join(" union all ")).await? {
            let at = integer(&row, 0).and_then(|at| usize::try_from(at).ok()).filter(|at| *at < tables.len());
            let (Some(at), Some(object_id)) = (at, integer(&row, 3)) else {
                return Err(SourceError::Bug { what: "a query of the catalogue lacks columns".into() });
            };
            places.entry(object_id).or_default().push(at);
            tables[at] = Some(Table {
                schema: text(&row, 1).unwrap_or_default(),
                name: text(&row, 2).unwrap_or_default(),
                object_id,
                is_table: text(&row, 4).is_some_and(|kind| kind.trim() == "U"),
                row_count: integer(&row, 5).and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
                ..Table::default()
            });
        }
        let mut catalogue = Self { tables };
        if !places.is_empty() {
            let ids = places.keys().map(i64::to_string).collect::<Vec<_>>().join(", ");
            catalogue.read_columns(session, &places, &ids).await?;
            catalogue.read_indexes(session, &places, &ids).await?;
        }
        Ok(catalogue)
    }

    async fn read_columns(
        &mut self,
        session: &mut Session,
        places: &HashMap<i64, Vec<usize>>,
        ids: &str,
    ) -> Result<(), SourceError> {
        let asked = format!(
            "select c.object_id, c.name, ty.name, c.max_length, c.precision, c.scale, c.is_nullable, c.collation_name \
             from sys.columns c join sys.types ty on ty.user_type_id = c.system_type_id \
             where c.object_id in ({ids}) order by c.object_id, c.column_id"
        );
        for row in session.rows(DOING, &asked).await? {
            let column = Column {
                name: text(&row, 1).unwrap_or_default(),
                column_type: declared(&row),
                nullable: text(&row, 6).as_deref() == Some("true"),
                collation: text(&row, 7),
            };
            self.each(places, &row, |table| table.columns.push(column.clone()));
        }
        Ok(())
    }

    async fn read_indexes(
        &mut self,
        session: &mut Session,
        places: &HashMap<i64, Vec<usize>>,
        ids: &str,
    ) -> Result<(), SourceError> {
        let asked = format!(
            "select i.object_id, i.name, i.is_primary_key, c.name from sys.indexes i \
             join sys.index_columns ic on ic.object_id = i.object_id and ic.index_id = i.index_id \
             join sys.columns c on c.object_id = ic.object_id and c.column_id = ic.column_id \
             where i.object_id in ({ids}) and ic.key_ordinal > 0 order by i.object_id, i.index_id, ic.key_ordinal"
        );
        for row in session.rows(DOING, &asked).await? {
            let name = text(&row, 1).unwrap_or_default();
            let primary = text(&row, 2).as_deref() == Some("true");
            let column = text(&row, 3).unwrap_or_default();
            self.each(places, &row, |table| match table.indexes.last_mut() {
                Some(index) if index.name == name => index.columns.push(column.clone()),
                Some(_) | None => {
                    let columns = vec![column.clone()];
                    table.indexes.push(Index { name: name.clone(), primary, columns });
                }
            });
        }
        Ok(())
    }

    /// The table that a row of the catalogue is about, for each node that it is behind.
    fn each(&mut self, places: &HashMap<i64, Vec<usize>>, row: &Row, mut take: impl FnMut(&mut Table)) {
        let object_id = integer(row, 0).unwrap_or_default();
        for at in places.get(&object_id).into_iter().flatten() {
            if let Some(table) = &mut self.tables[*at] {
                take(table);
            }
        }
    }

    pub(crate) fn table(&self, node: NodeId) -> Option<&Table> {
        self.tables[node.index()].as_ref()
    }

    /// The types of a node's key columns, to declare keys as.
    pub(crate) fn key_types(&self, graph: &EntityGraph, node: NodeId) -> Result<Vec<String>, SourceError> {
        let table = self.known(graph, node)?;
        let node = graph.node(node);
        let found = node.key.iter().map(|key| {
            let what = match table.column(&key.name) {
                None => format!("{} has no column {}", node.relation, key.name),
                Some(column) if !column.fits(key.key_type) => format!(
                    "{}.{} is {}, and graph.toml says {}",
                    node.relation,
                    key.name,
                    column.column_type,
                    key.key_type.name()
                ),
                Some(column) => return Ok(column.key_type()),
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
                self.tables[node.index()] = None;
            }
        }
        self
    }

    pub(crate) fn known(&self, graph: &EntityGraph, node: NodeId) -> Result<&Table, SourceError> {
        self.table(node).ok_or_else(|| SourceError::Config {
            what: format!("the source has no table {}, or the login may not see it", graph.node(node).relation),
            fix: format!(
                "run `wattle check`, which prints the grant; or name the relation of node `{}` in graph.toml as the source has it",
                graph.node(node).name
            ),
        })
    }
}

/// A column's type with what belongs to it: lengths are in bytes there, and -1 for `max`.
fn declared(row: &Row) -> String {
    let name = text(row, 2).unwrap_or_default();
    let number = |at| integer(row, at).unwrap_or_default();
    declared_as(&name, number(3), number(4), number(5))
}

fn declared_as(name: &str, bytes: i64, precision: i64, scale: i64) -> String {
    match name {
        "char" | "varchar" | "nchar" | "nvarchar" | "binary" | "varbinary" if bytes < 0 => {
            format!("{name}(max)")
        }
        "nchar" | "nvarchar" => format!("{name}({})", bytes / 2),
        "char" | "varchar" | "binary" | "varbinary" => format!("{name}({bytes})"),
        "decimal" | "numeric" => format!("{name}({precision},{scale})"),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(column_type: &str, collation: Option<&str>) -> Column {
        let collation = collation.map(str::to_owned);
        Column { name: "c".into(), column_type: column_type.into(), nullable: false, collation }
    }

    #[test]
    fn keys_are_declared_as_their_columns_are() {
        assert_eq!(declared_as("nvarchar", 40, 0, 0), "nvarchar(20)");
        assert_eq!(declared_as("varchar", -1, 0, 0), "varchar(max)");
        assert_eq!(declared_as("decimal", 5, 9, 2), "decimal(9,2)");
        assert_eq!(declared_as("int", 4, 10, 0), "int");
        let latin = column("varchar(20)", Some("Latin1_General_CI_AS"));
        assert_eq!(latin.key_type(), "varchar(20) collate Latin1_General_CI_AS");
    }

    #[test]
    fn a_key_fits_a_column_that_keeps_its_canonical_form() {
        assert!(column("uniqueidentifier", None).fits(KeyType::Uuid));
        assert!(!column("varchar(max)", None).fits(KeyType::Text), "no index is over it");
        assert!(
            !column("float", None).fits(KeyType::Decimal) && !column("money", None).fits(KeyType::Decimal)
        );
        assert!(!column("datetime2", None).fits(KeyType::Date));
    }
}
