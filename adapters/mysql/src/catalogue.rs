//! What the source's catalogue says of the graph's nodes.

use wattle_core::{EntityGraph, KeyType, NodeId, SourceError};

use crate::connect::{Session, literal};

/// The tables behind the nodes, by the nodes' indexes.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    tables: Vec<Option<Table>>,
    /// Schema and name of each, whether it is there or not.
    names: Vec<(String, String)>,
    /// Does the server take `Bill` and `bill` for one table?
    pub(crate) folds_names: bool,
}

/// One table or view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// The storage engine; none for a view.
    pub(crate) engine: Option<String>,
    pub(crate) row_count: u64,
    /// In their order in the table.
    pub(crate) columns: Vec<Column>,
    pub(crate) indexes: Vec<Index>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Without length: `varchar`.
    pub(crate) data_type: String,
    /// As declared: `varchar(12)`, `int(10) unsigned`.
    pub(crate) column_type: String,
    pub(crate) nullable: bool,
    pub(crate) charset: Option<String>,
    pub(crate) collation: Option<String>,
}

/// One index, over whole columns or the beginnings of some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) unique: bool,
    pub(crate) columns: Vec<String>,
    pub(crate) prefixes: bool,
}

impl Column {
    pub(crate) fn is_unsigned(&self) -> bool {
        self.column_type.contains("unsigned")
    }

    /// The type, character set and collation to declare a key as, so that an index serves.
    pub(crate) fn key_type(&self) -> String {
        match self.data_type.as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => {
                format!("{}{}", self.data_type, if self.is_unsigned() { " unsigned" } else { "" })
            }
            "year" => "smallint unsigned".to_owned(),
            "decimal" => self.column_type.replace(" zerofill", "").replace(" unsigned", ""),
            "char" | "varchar" => match (&self.charset, &self.collation) {
                (Some(charset), Some(collation)) => {
                    format!("{} character set {charset} collate {collation}", self.column_type)
                }
                _ => self.column_type.clone(),
            },
            _ => self.column_type.clone(),
        }
    }

    /// May it hold a key of that type?
    pub(crate) fn fits(&self, key_type: KeyType) -> bool {
        let data_type = self.data_type.as_str();
        match key_type {
            KeyType::Integer => {
                matches!(data_type, "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year")
            }
            KeyType::Text => matches!(data_type, "char" | "varchar"),
            KeyType::Uuid => data_type == "uuid" || self.column_type == "binary(16)",
            KeyType::Decimal => data_type == "decimal",
            KeyType::Date => data_type == "date",
        }
    }
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Its name as SQL writes it.
    pub(crate) fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }

    /// The columns of the primary key.
    pub(crate) fn primary_key(&self) -> &[String] {
        self.indexes.iter().find(|index| index.name == "PRIMARY").map_or(&[], |index| &index.columns)
    }
}

/// An identifier, quoted as MySQL has it whatever its `sql_mode`.
pub(crate) fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

impl Catalogue {
    pub(crate) async fn read(session: &mut Session, graph: &EntityGraph) -> Result<Self, SourceError> {
        let doing = "read the source's catalogue";
        let rows = session.rows(doing, "select coalesce(database(), ''), @@lower_case_table_names").await?;
        let settings = rows.first().cloned().unwrap_or_default();
        let text = |at: usize| settings.get(at).cloned().flatten().unwrap_or_default();
        let (database, folds_names) = (text(0), text(1) != "0");
        let names: Vec<(String, String)> = graph
            .node_ids()
            .map(|id| name_parts(&graph.node(id).relation))
            .map(|(schema, name)| (schema.unwrap_or_else(|| database.clone()), name))
            .collect();
        let mut tables = vec![None; names.len()];
        for row in session.rows(doing, &each(&names, TABLES)).await? {
            let [at, schema, name, engine, row_count] = fields(row)?;
            let row_count = row_count.and_then(|count| count.parse().ok()).unwrap_or(0);
            let (schema, name) = (schema.unwrap_or_default(), name.unwrap_or_default());
            let table = Table { schema, name, engine, row_count, columns: Vec::new(), indexes: Vec::new() };
            *place(&mut tables, at)? = Some(table);
        }
        for row in session.rows(doing, &each(&names, COLUMNS)).await? {
            let [at, name, data_type, column_type, nullable, charset, collation] = fields(row)?;
            let Some(table) = place(&mut tables, at)? else { continue };
            table.columns.push(Column {
                name: name.unwrap_or_default(),
                data_type: data_type.unwrap_or_default().to_lowercase(),
                column_type: column_type.unwrap_or_default().to_lowercase(),
                nullable: nullable.as_deref() == Some("YES"),
                charset,
                collation,
            });
        }
        for row in session.rows(doing, &each(&names, INDEXES)).await? {
            let [at, name, non_unique, column, prefix] = fields(row)?;
            let Some(table) = place(&mut tables, at)? else { continue };
            let name = name.unwrap_or_default();
            if table.indexes.last().is_none_or(|index| index.name != name) {
                let unique = non_unique.as_deref() == Some("0");
                table.indexes.push(Index { name, unique, ..Index::default() });
            }
            let index = table.indexes.last_mut().expect("it was just pushed");
            index.prefixes |= prefix.is_some();
            index.columns.extend(column);
        }
        Ok(Self { tables, names, folds_names })
    }

    pub(crate) fn table(&self, node: NodeId) -> Option<&Table> {
        self.tables[node.index()].as_ref()
    }

    /// How SQL writes a node's table whatever the session's database is, be it there or not.
    pub(crate) fn named(&self, node: NodeId) -> String {
        let (schema, name) = &self.names[node.index()];
        format!("{}.{}", quote(schema), quote(name))
    }

    /// The nodes whose table this is, there or not.
    pub(crate) fn nodes_of(&self, graph: &EntityGraph, schema: &str, name: &str) -> Vec<NodeId> {
        let is_it = |node: &NodeId| {
            let (its_schema, its_name) = &self.names[node.index()];
            self.same(its_schema, schema) && self.same(its_name, name)
        };
        graph.node_ids().filter(is_it).collect()
    }

    /// The nodes whose tables are in a schema.
    pub(crate) fn nodes_in(&self, graph: &EntityGraph, schema: &str) -> Vec<NodeId> {
        graph.node_ids().filter(|node| self.same(&self.names[node.index()].0, schema)).collect()
    }

    /// Are these one name to the server?
    pub(crate) fn same(&self, one: &str, other: &str) -> bool {
        if self.folds_names { one.to_lowercase() == other.to_lowercase() } else { one == other }
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
            what: format!("the source has no table {}, or the login may not read it", graph.node(node).relation),
            fix: format!(
                "run `wattle check`, which prints the grant; or name the relation of node `{}` in graph.toml as the source has it",
                graph.node(node).name
            ),
        })
    }
}

const TABLES: &str = "select {ord} as ord, table_schema, table_name, engine, table_rows
    from information_schema.tables where table_schema = {schema} and table_name = {name}";

const COLUMNS: &str =
    "select {ord} as ord, column_name, data_type, column_type, is_nullable, character_set_name, collation_name, ordinal_position as place
     from information_schema.columns where table_schema = {schema} and table_name = {name}";

const INDEXES: &str =
    "select {ord} as ord, index_name, non_unique, column_name, sub_part, seq_in_index as place
     from information_schema.statistics where table_schema = {schema} and table_name = {name}";

/// A query for each table, in one statement: the server looks a table up by constants, and would open every one of them
/// for a join.
fn each(names: &[(String, String)], query: &str) -> String {
    let queries: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(at, (schema, name))| {
            query
                .replace("{ord}", &at.to_string())
                .replace("{schema}", &literal(schema))
                .replace("{name}", &literal(name))
        })
        .collect();
    let order = match query {
        INDEXES => " order by ord, index_name, place",
        COLUMNS => " order by ord, place",
        _ => " order by ord",
    };
    queries.join("\nunion all ") + order
}

fn fields<const N: usize>(row: Vec<Option<String>>) -> Result<[Option<String>; N], SourceError> {
    let mut row = row;
    row.truncate(N);
    row.try_into().map_err(|_| SourceError::Bug { what: "a query of the catalogue lacks columns".into() })
}

fn place(tables: &mut [Option<Table>], at: Option<String>) -> Result<&mut Option<Table>, SourceError> {
    let at = at.and_then(|at| at.parse::<usize>().ok());
    at.and_then(|at| tables.get_mut(at))
        .ok_or_else(|| SourceError::Bug { what: "a query of the catalogue numbers tables wrongly".into() })
}

/// The schema, if one is given, and the name of a relation as SQL writes it: `bill`, `billing.bill`, `` `Bill` ``.
pub(crate) fn name_parts(relation: &str) -> (Option<String>, String) {
    let mut parts = vec![String::new()];
    let mut quoted = None;
    for c in relation.chars() {
        let part = parts.last_mut().expect("there is always one");
        match c {
            '`' | '"' if quoted == Some(c) => quoted = None,
            '`' | '"' if quoted.is_none() => quoted = Some(c),
            '.' if quoted.is_none() => parts.push(String::new()),
            _ => part.push(c),
        }
    }
    let name = parts.pop().unwrap_or_default();
    (parts.pop(), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(data_type: &str, column_type: &str) -> Column {
        Column {
            name: "c".into(),
            data_type: data_type.into(),
            column_type: column_type.into(),
            nullable: false,
            charset: (data_type == "varchar").then(|| "latin1".to_owned()),
            collation: (data_type == "varchar").then(|| "latin1_general_ci".to_owned()),
        }
    }

    #[test]
    fn names_are_read_as_sql_reads_them() {
        let of = |schema: &str, name: &str| (Some(schema.to_owned()), name.to_owned());
        assert_eq!(name_parts("billing.Bill"), of("billing", "Bill"));
        assert_eq!(name_parts("`Billing`.`Bill.2`"), of("Billing", "Bill.2"));
        assert_eq!(name_parts("bill"), (None, "bill".to_owned()));
    }

    #[test]
    fn keys_are_declared_as_their_columns_are() {
        assert_eq!(column("int", "int(10) unsigned zerofill").key_type(), "int unsigned");
        assert_eq!(column("decimal", "decimal(8,2) unsigned").key_type(), "decimal(8,2)");
        assert_eq!(
            column("varchar", "varchar(12)").key_type(),
            "varchar(12) character set latin1 collate latin1_general_ci"
        );
        assert_eq!(column("uuid", "uuid").key_type(), "uuid");
    }

    #[test]
    fn a_key_fits_a_column_that_keeps_its_canonical_form() {
        assert!(column("binary", "binary(16)").fits(KeyType::Uuid));
        assert!(!column("binary", "binary(20)").fits(KeyType::Uuid));
        assert!(column("uuid", "uuid").fits(KeyType::Uuid) && !column("uuid", "uuid").fits(KeyType::Text));
        assert!(!column("enum", "enum('a')").fits(KeyType::Text), "its order in the log is a number");
        assert!(!column("float", "float").fits(KeyType::Decimal));
    }
}
