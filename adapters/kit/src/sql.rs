//! Writes derived from the graph and the catalogue, for any SQL database.
//!
//! A row is copied from one that exists, so that it keeps whatever rules the table has; only its key and its other
//! unique columns get values of their own. A value is changed to that of another row, for the same reason. What the
//! database refuses all the same is not possible, with its reason.

mod dialect;
mod fresh;
mod kind;
mod put;
pub(crate) mod review;
mod schema;

use std::collections::HashMap;

use async_trait::async_trait;
use wattle_core::{EntityGraph, Key, KeyType, NodeId};

use crate::bench::{Bench, BenchError, End, Held, Probe, Review, Work};

use dialect::Counter;
pub use dialect::SqlDialect;
pub use schema::tables;

/// A session with the database, as one that may write. Not the adapter's own.
#[async_trait]
pub trait SqlSession: Send {
    /// Whose SQL it takes.
    fn dialect(&self) -> SqlDialect;

    /// Runs one statement and answers its rows as text; none for one that returns nothing.
    ///
    /// # Errors
    /// The database's message, without values of rows.
    async fn rows(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, String>;
}

/// A column of a table, from the catalogue.
#[derive(Debug, Clone)]
struct Column {
    name: String,
    /// The type, in lower case and the engine's notation.
    sql_type: String,
    generated: bool,
    /// Has it to be said that a value is given, though the database would make one?
    identity: bool,
    unique: bool,
}

/// A [`Bench`] over a session.
pub struct SqlBench<S> {
    session: S,
    graph: EntityGraph,
    /// The adapter's own login, where it is known.
    login: Option<String>,
    /// May a table be renamed for a moment?
    alters: bool,
    /// Statements that the bench itself has sent.
    sent: u64,
    columns: HashMap<NodeId, Vec<Column>>,
    /// Per node, the column that an update changes.
    updated: HashMap<NodeId, String>,
    /// Rows that were copied along with another, which goes under them, and go with it.
    companions: HashMap<(NodeId, Key), (NodeId, Key)>,
}

impl<S: SqlSession> SqlBench<S> {
    /// A bench for the tables of a graph.
    pub fn new(session: S, graph: EntityGraph) -> Self {
        let (columns, updated, companions) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { session, graph, login: None, alters: false, sent: 0, columns, updated, companions }
    }

    /// Names the adapter's own login, by which its connections are found where the engine tells nothing better. Those of
    /// others that are opened later by the same login are taken for its own.
    #[must_use]
    pub fn with_login(self, login: Option<String>) -> Self {
        Self { login, ..self }
    }

    /// Allows a table to be renamed for a moment, to see what comes of it.
    #[must_use]
    pub fn altering(self, alters: bool) -> Self {
        Self { alters, ..self }
    }

    async fn rows(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, BenchError> {
        let refused = |what| BenchError::NotPossible(format!("the database refused it: {what}"));
        self.sent += 1;
        self.session.rows(sql).await.map_err(refused)
    }

    fn quote(&self, name: &str) -> String {
        self.session.dialect().quote(name)
    }

    async fn columns(&mut self, node: NodeId) -> Result<Vec<Column>, BenchError> {
        if let Some(columns) = self.columns.get(&node) {
            return Ok(columns.clone());
        }
        let relation = self.graph.node(node).relation.clone();
        let dialect = self.session.dialect();
        let unique: Vec<String> = self
            .rows(&dialect.unique(&relation))
            .await?
            .into_iter()
            .filter_map(|row| row.into_iter().next()?)
            .collect();
        let mut columns = Vec::new();
        for row in self.rows(&dialect.columns(&relation)).await? {
            let [Some(name), Some(sql_type), made] = &row[..] else { continue };
            columns.push(Column {
                name: name.clone(),
                sql_type: sql_type.to_lowercase(),
                generated: made.as_deref() == Some("1"),
                identity: made.as_deref() == Some("2"),
                unique: unique.contains(name),
            });
        }
        if columns.is_empty() {
            return Err(BenchError::NotPossible(format!("{relation} has no columns in the catalogue")));
        }
        self.columns.insert(node, columns.clone());
        Ok(columns)
    }

    /// The condition that a row has this key.
    async fn at(&mut self, node: NodeId, key: &Key) -> Result<String, BenchError> {
        let columns = self.columns(node).await?;
        let keyed: Vec<(String, String)> = self
            .graph
            .node(node)
            .key
            .iter()
            .zip(key.values())
            .map(|(column, value)| (column.name.clone(), value.to_string()))
            .collect();
        let dialect = self.session.dialect();
        let equal = |(name, value): &(String, String)| {
            let sql_type =
                columns.iter().find(|it| it.name.eq_ignore_ascii_case(name)).map_or("", |it| &it.sql_type);
            format!("{} = {}", dialect.quote(name), dialect.literal(value, sql_type))
        };
        Ok(keyed.iter().map(equal).collect::<Vec<_>>().join(" and "))
    }

    /// A column's type in the catalogue.
    async fn sql_type(&mut self, node: NodeId, name: &str) -> Result<String, BenchError> {
        let columns = self.columns(node).await?;
        let found = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        found.map(|column| column.sql_type.clone()).ok_or_else(|| {
            BenchError::NotPossible(format!("{} has no column {name}", self.graph.node(node).relation))
        })
    }

    async fn copy(&mut self, node: NodeId, of: &Key) -> Result<Key, BenchError> {
        let mut companion = None;
        let mut changed = match self.fresh_key(node, of).await {
            Ok(changed) => changed,
            Err(refused) => {
                let edge = self.keyed_edge(node).ok_or(refused)?;
                self.under_a_copy(node, of, edge, &mut companion).await?
            }
        };
        if let Some(edge) = self.unique_edge(node).await? {
            // A row that says who belongs to whom, under a key of its own.
            changed.extend(match self.other_predecessor(node, of, edge).await {
                Ok(other) => other,
                Err(_) => self.under_a_copy(node, of, edge, &mut companion).await?,
            });
        }
        for column in self.columns(node).await? {
            let own = self.is_structure(node, &column.name);
            if column.unique && !own && !column.generated {
                let value = self.fresh_unique(node, &column, of).await?;
                changed.extend(value.map(|value| (column.name.clone(), value)));
            }
        }
        let dialect = self.session.dialect();
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for column in self.columns(node).await?.iter().filter(|column| !column.generated) {
            names.push(dialect.quote(&column.name));
            let value = changed.iter().find(|(name, _)| name.eq_ignore_ascii_case(&column.name));
            values.push(match value {
                Some((_, value)) => dialect.typed(value, &column.sql_type),
                None => dialect.quote(&column.name),
            });
        }
        let relation = self.graph.node(node).relation.clone();
        let at = self.at(node, of).await?;
        let (names, values) = (names.join(", "), values.join(", "));
        let overriding = dialect.overriding();
        let insert = format!(
            "insert into {relation} ({names}){overriding} select {values} from {relation} where {at}"
        );
        let identity = self.columns(node).await?.iter().any(|column| column.identity);
        if identity {
            let inserted = self.rows(&dialect.with_identity(&relation, &insert)).await;
            if inserted.is_err() {
                // What ends a batch leaves it on, and no other table could have it then.
                let _ = self.rows(&format!("set identity_insert {relation} off")).await;
            }
            inserted?;
        } else {
            self.rows(&insert).await?;
        }
        let key = self.key_with(node, of, &changed)?;
        self.companions.extend(companion.map(|companion| ((node, key.clone()), companion)));
        Ok(key)
    }

    /// An edge within the key.
    fn keyed_edge(&self, node: NodeId) -> Option<usize> {
        let key = &self.graph.node(node).key;
        let is_keyed = |name: &String| key.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        self.graph.edges().iter().position(|edge| edge.child == node && edge.columns.iter().all(is_keyed))
    }

    /// The columns of an edge, pointing at a copy of the predecessor: where there is one row for each, none is free.
    async fn under_a_copy(
        &mut self,
        node: NodeId,
        of: &Key,
        edge: usize,
        companion: &mut Option<(NodeId, Key)>,
    ) -> Result<Vec<(String, String)>, BenchError> {
        let edge = self.graph.edges()[edge].clone();
        let points_at = self.present(node, of, &edge.columns).await?;
        let points_at =
            points_at.ok_or_else(|| BenchError::NotPossible("the row points at nothing".into()))?;
        let types: Vec<KeyType> = self.graph.key_types(edge.predecessor).collect();
        let values = points_at.iter().zip(&types).map(|(value, key_type)| fresh::tidy(*key_type, value));
        let values: Vec<String> = values.collect();
        let key = Key::new(types.into_iter(), values.iter().map(String::as_str))
            .map_err(|error| BenchError::Failed(error.to_string()))?;
        let copy = Box::pin(self.copy(edge.predecessor, &key)).await?;
        let pointing =
            edge.columns.iter().cloned().zip(copy.values().iter().map(ToString::to_string)).collect();
        *companion = Some((edge.predecessor, copy));
        Ok(pointing)
    }

    /// An edge outside the key whose columns are in a unique index.
    async fn unique_edge(&mut self, node: NodeId) -> Result<Option<usize>, BenchError> {
        let columns = self.columns(node).await?;
        let is = |name: &str, column: &str| name.eq_ignore_ascii_case(column);
        let unique = |name: &String| columns.iter().any(|column| column.unique && is(&column.name, name));
        let keyed = |name: &String| self.graph.node(node).key.iter().any(|key| is(&key.name, name));
        Ok(self.graph.edges().iter().position(|edge| {
            edge.child == node && edge.columns.iter().all(|name| unique(name) && !keyed(name))
        }))
    }

    /// Sets columns of a row, and answers its key.
    async fn set(&mut self, node: NodeId, key: &Key, values: &[(String, String)]) -> Result<Key, BenchError> {
        let mut sets = Vec::new();
        for (name, value) in values {
            let sql_type = self.sql_type(node, name).await?;
            let dialect = self.session.dialect();
            sets.push(format!("{} = {}", dialect.quote(name), dialect.typed(value, &sql_type)));
        }
        let at = self.at(node, key).await?;
        let relation = self.graph.node(node).relation.clone();
        self.rows(&format!("update {relation} set {} where {at}", sets.join(", "))).await?;
        let now = self.key_with(node, key, values)?;
        if let Some(companion) = self.companions.remove(&(node, key.clone())) {
            self.companions.insert((node, now.clone()), companion);
        }
        Ok(now)
    }

    /// Changes a value to that of another row, in the first column where the database lets it.
    async fn update(&mut self, node: NodeId, key: &Key) -> Result<(), BenchError> {
        let column = self.updated.get(&node).cloned().ok_or_else(|| {
            BenchError::NotPossible(
                "no column outside keys and edges has two values that the table allows".into(),
            )
        })?;
        let sql = self.update_sql(node, key, &column).await?;
        self.rows(&sql).await.map(drop)
    }

    async fn update_sql(&mut self, node: NodeId, key: &Key, column: &str) -> Result<String, BenchError> {
        let (relation, at) = (self.graph.node(node).relation.clone(), self.at(node, key).await?);
        let name = self.quote(column);
        let other = format!(
            "from {relation} where {name} is not null and not exists (
                 select 1 from {relation} wattle_now where {at} and wattle_now.{name} = {relation_column})",
            relation_column = format_args!("{}.{name}", last_part(&relation)),
        );
        let first = self.session.dialect().first(&name, &other);
        Ok(format!("update {relation} set {name} = (select {name} from ({first}) wattle_other) where {at}"))
    }

    /// Finds the column that an update of a node changes, by trying and rolling back.
    async fn find_updated(&mut self, node: NodeId, key: &Key) -> Result<(), BenchError> {
        for column in self.columns(node).await? {
            let structure = column.unique || column.generated || self.is_structure(node, &column.name);
            if structure || !dialect::is_plain(&column.sql_type) {
                continue;
            }
            let at = self.at(node, key).await?;
            let (relation, name) = (self.graph.node(node).relation.clone(), self.quote(&column.name));
            let value = format!("select {name} from {relation} where {at}");
            let sql = self.update_sql(node, key, &column.name).await?;
            self.begin().await?;
            let changed = async {
                let before = self.rows(&value).await?;
                self.rows(&sql).await?;
                Ok::<_, BenchError>(self.rows(&value).await? != before)
            };
            let changed = changed.await;
            self.end(End::Rollback).await?;
            if changed == Ok(true) {
                self.updated.insert(node, column.name);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Is it part of the key, or of an edge?
    fn is_structure(&self, node: NodeId, column: &str) -> bool {
        let is = |name: &String| name.eq_ignore_ascii_case(column);
        self.graph.node(node).key.iter().any(|key| is(&key.name))
            || self.graph.edges().iter().any(|edge| edge.child == node && edge.columns.iter().any(is))
    }

    /// A key with some of its columns replaced.
    fn key_with(&self, node: NodeId, key: &Key, changed: &[(String, String)]) -> Result<Key, BenchError> {
        let columns = self.graph.node(node).key.iter().zip(key.values());
        let values: Vec<String> = columns
            .map(|(column, value)| {
                let new = changed.iter().find(|(name, _)| name.eq_ignore_ascii_case(&column.name));
                new.map_or_else(|| value.to_string(), |(_, new)| new.clone())
            })
            .collect();
        Key::new(self.graph.key_types(node), values.iter().map(String::as_str))
            .map_err(|error| BenchError::Failed(error.to_string()))
    }

    async fn begin(&mut self) -> Result<(), BenchError> {
        let sql = self.session.dialect().begin();
        self.session.rows(sql).await.map(drop).map_err(BenchError::Failed)
    }

    async fn end(&mut self, end: End) -> Result<(), BenchError> {
        let sql = self.session.dialect().end(end);
        match (self.session.rows(sql).await, end) {
            // An error may have ended the transaction already.
            (Ok(_), _) | (Err(_), End::Rollback) => Ok(()),
            (Err(what), End::Commit) => {
                Err(BenchError::NotPossible(format!("the database refused to commit: {what}")))
            }
        }
    }

    async fn one(&mut self, work: &Work) -> Result<Key, BenchError> {
        match work {
            Work::Copy { node, of } => self.copy(*node, of).await,
            Work::Update { node, key } => {
                self.update(*node, key).await?;
                Ok(key.clone())
            }
            Work::Rekey { node, key } => {
                let changed = self.fresh_key(*node, key).await?;
                self.set(*node, key, &changed).await
            }
            Work::Move { node, key, edge } => {
                let changed = self.other_predecessor(*node, key, *edge).await?;
                self.set(*node, key, &changed).await
            }
            Work::Delete { node, key } => {
                let (relation, at) = (self.graph.node(*node).relation.clone(), self.at(*node, key).await?);
                self.rows(&format!("delete from {relation} where {at}")).await?;
                if let Some((node, key)) = self.companions.remove(&(*node, key.clone())) {
                    Box::pin(self.one(&Work::Delete { node, key })).await?;
                }
                Ok(key.clone())
            }
        }
    }
}

/// Another name for a table, in the same schema.
fn aside(relation: &str) -> String {
    match relation.chars().last() {
        Some(quote @ ('"' | '`' | ']')) => {
            format!("{}_wattle_aside{quote}", &relation[..relation.len() - quote.len_utf8()])
        }
        _ => format!("{relation}_wattle_aside"),
    }
}

/// The last part of a name as it is written, by which the columns of a relation can be told. A dot within quotes is part of
/// the name.
fn last_part(relation: &str) -> &str {
    let (mut start, mut quoted) = (0, None);
    for (at, c) in relation.char_indices() {
        match (quoted, c) {
            (Some(end), c) if c == end => quoted = None,
            (None, '"' | '`') => quoted = Some(c),
            // The second of a doubled one goes on with what the first has closed.
            (None, '[' | ']') => quoted = Some(']'),
            (None, '.') => start = at + 1,
            _ => {}
        }
    }
    &relation[start..]
}

#[async_trait]
impl<S: SqlSession> Bench for SqlBench<S> {
    async fn run(&mut self, work: &[Work], end: End) -> Result<Vec<Key>, BenchError> {
        for work in work {
            if let Work::Update { node, key } = work
                && !self.updated.contains_key(node)
            {
                self.find_updated(*node, key).await?;
            }
        }
        self.begin().await?;
        let mut keys = Vec::with_capacity(work.len());
        for work in work {
            match self.one(work).await {
                Ok(key) => keys.push(key),
                Err(error) => {
                    self.end(End::Rollback).await?;
                    return Err(error);
                }
            }
        }
        if let ([Work::Copy { node, .. }], [key]) = (work, &keys[..])
            && !self.finds(*node, key).await?
        {
            // It could not be removed again.
            self.end(End::Rollback).await?;
            return Err(BenchError::NotPossible("the database gives a copied row a key of its own".into()));
        }
        self.end(end).await?;
        Ok(keys)
    }

    async fn finds(&mut self, node: NodeId, key: &Key) -> Result<bool, BenchError> {
        let (relation, at) = (self.graph.node(node).relation.clone(), self.at(node, key).await?);
        Ok(!self.rows(&format!("select 1 from {relation} where {at}")).await?.is_empty())
    }

    async fn statement_count(&mut self) -> Result<u64, BenchError> {
        let reason = match self.session.dialect() {
            SqlDialect::PostgreSql => "create the extension pg_stat_statements in this database, on the copy",
            SqlDialect::Sqlite => "SQLite runs within its users' own processes",
            SqlDialect::MySql | SqlDialect::SqlServer => {
                "the bench's login may not see the server's counters"
            }
        };
        let none = || BenchError::NotPossible(format!("not measured: {reason}"));
        let Counter { sql, counts_own } = self.session.dialect().counter().ok_or_else(none)?;
        let rows = self.rows(sql).await.map_err(|_| none())?;
        let count: u64 =
            rows.first().and_then(|row| row.last()?.as_deref()?.parse().ok()).ok_or_else(none)?;
        Ok(if counts_own { count.saturating_sub(self.sent) } else { count })
    }

    async fn cut(&mut self) -> Result<(), BenchError> {
        let dialect = self.session.dialect();
        let asked = dialect.connections(self.login.as_deref()).ok_or_else(|| {
            let reason = match dialect {
                SqlDialect::Sqlite => "a file has no connections to cut",
                _ => "the adapter's connections cannot be told from others, which must not be cut",
            };
            BenchError::NotPossible(reason.into())
        })?;
        let connections: Vec<String> =
            self.rows(&asked).await?.into_iter().filter_map(|row| row.into_iter().next()?).collect();
        let mut cut = 0;
        for connection in connections {
            // One that has ended by itself is not there any more.
            cut += usize::from(self.rows(&dialect.kill(&connection)).await.is_ok());
        }
        if cut == 0 {
            return Err(BenchError::NotPossible(
                "the adapter's connections were not found, or may not be cut: the bench's login needs the rights for both, such as `process` and `connection admin` on MariaDB".into(),
            ));
        }
        Ok(())
    }

    async fn review(&mut self) -> Result<Review, BenchError> {
        self.reviewed().await
    }

    async fn free_columns(&mut self, node: NodeId) -> Result<Vec<String>, BenchError> {
        let columns = self.columns(node).await?;
        let free = columns
            .into_iter()
            .filter(|column| !column.unique && !column.generated && !self.is_structure(node, &column.name));
        Ok(free.map(|column| column.name).collect())
    }

    async fn put(&mut self, node: NodeId, key: &Key, column: &str, probe: Probe) -> Result<Held, BenchError> {
        self.put_value(node, key, column, probe).await
    }

    async fn alter(&mut self, node: NodeId) -> Result<(), BenchError> {
        if !self.alters {
            let reason = "not run: it renames a table for a moment, and that was not allowed";
            return Err(BenchError::NotPossible(reason.into()));
        }
        let dialect = self.session.dialect();
        self.rows(dialect.bounded_locks()).await?;
        let relation = self.graph.node(node).relation.clone();
        self.rows(&dialect.rename(&relation, &aside(&relation))).await.map(drop)
    }

    async fn restore(&mut self, node: NodeId) -> Result<(), BenchError> {
        let relation = self.graph.node(node).relation.clone();
        let aside = aside(&relation);
        let sql = self.session.dialect().rename(&aside, &relation);
        self.rows(&sql).await.map(drop).map_err(|error| {
            BenchError::Failed(format!("{aside} must be renamed to {relation} by hand: {error}"))
        })
    }
}

/// How key types rank for a fresh value: those whose next value is surely allowed come first.
fn ease(key_type: KeyType) -> u8 {
    match key_type {
        KeyType::Integer => 0,
        KeyType::Uuid => 1,
        KeyType::Text => 2,
        KeyType::Decimal => 3,
        KeyType::Date => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_quotes_and_what_is_in_them() {
        let names = ["account", "crm.Account", "\"crm\".\"odd.name\"", "[dbo].[Odd ]].name]"];
        assert_eq!(names.map(last_part), ["account", "Account", "\"odd.name\"", "[Odd ]].name]"]);
        // Without quotes PostgreSQL folds both names alike.
        let back = SqlDialect::PostgreSql.rename(&aside("crm.Account"), "crm.Account");
        assert_eq!(back, "alter table crm.Account_wattle_aside rename to Account");
        let renamed = SqlDialect::SqlServer.rename("[dbo].[Odd ]].name]", &aside("[dbo].[Odd ]].name]"));
        assert_eq!(renamed, "exec sp_rename '[dbo].[Odd ]].name]', 'Odd ].name_wattle_aside'");
    }
}
