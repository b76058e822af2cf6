//! Snapshots: one read transaction, in which the outbox shows every position of the fence.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::OwnedSemaphorePermit;
use wattle_core::{
    Entity, EntityGraph, Fence, Fetched, Key, KeyPage, NodeId, PathId, SourceError, SourceSnapshot,
};
use wattle_sql::{Assembler, Dialect, Mapping, PageQuery, Row, Template, key_names, key_values};

use crate::catalogue::Catalogue;
use crate::feed::key;
use crate::position::OutboxPosition;
use crate::session::Session;
use crate::{Inner, outbox};

/// The snapshot's time, as the pack's `{now}`.
pub(crate) const NOW: &str = "?2";

/// How SQLite writes the shared queries. A key column's type is a cast and a collation. Keys are read as the values
/// they are, so that one of another type than the graph says is told from its text.
pub(crate) struct Sqlite;

impl Dialect for Sqlite {
    fn text(&self, value: &str) -> String {
        value.to_owned()
    }

    fn parameter(&self, number: usize, key_type: &str) -> String {
        typed(&format!("?{number}"), key_type)
    }
}

fn typed(value: &str, key_type: &str) -> String {
    let (cast, collation) = key_type.split_once(' ').unwrap_or((key_type, ""));
    format!("cast({value} as {cast}) {collation}").trim_end().to_owned()
}

/// The relation that `{keys}` stands for: a JSON list of keys, a list of texts each, as values of the key columns' own
/// types and collations, so that indexes serve.
pub(crate) fn keys_relation(graph: &EntityGraph, node: NodeId, types: &[String]) -> String {
    let names = key_names(&Sqlite, graph, node);
    let columns = names.iter().zip(types).enumerate();
    let columns: Vec<String> = columns
        .map(|(at, (name, key_type))| format!("{} as {name}", typed(&format!("value ->> {at}"), key_type)))
        .collect();
    format!("(select {}, key as ord from json_each(?1))", columns.join(", "))
}

pub(crate) struct SqliteSnapshot {
    inner: Arc<Inner>,
    /// Taken when the snapshot is dropped.
    session: Option<Session>,
    permit: Option<OwnedSemaphorePermit>,
    catalogue: Arc<Catalogue>,
    now: String,
}

impl Drop for SqliteSnapshot {
    /// Ends the transaction and keeps the session; where there is no runtime to do so, the connection just closes.
    fn drop(&mut self) {
        let (Some(mut session), permit) = (self.session.take(), self.permit.take()) else { return };
        let inner = self.inner.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if session.run("end a snapshot", "rollback").await.is_ok() {
                    inner.keep(session).await;
                }
                drop(permit);
            });
        }
    }
}

impl SqliteSnapshot {
    pub(crate) async fn open(
        inner: Arc<Inner>,
        permit: OwnedSemaphorePermit,
        fence: &Fence,
    ) -> Result<Self, SourceError> {
        let positions: Vec<OutboxPosition> =
            fence.positions().iter().map(OutboxPosition::decode).collect::<Result<_, _>>()?;
        let mut session = inner.session().await?;
        let doing = "open a snapshot";
        session.run(doing, "begin").await?;
        // The first look at the file is what the transaction sees until its end.
        let schema = session.integer(doing, "select schema_version from pragma_schema_version").await?;
        for position in &positions {
            let head = outbox::require(&mut session, position).await?;
            // Rows before the first are removed once they are durable; they came before what is seen here.
            let is_there = position.seq < head.first || outbox::holds(&mut session, position).await?;
            if !is_there {
                return Err(outbox::lost(&format!(
                    "{} does not have the changes that were already heard: it was set back to an older copy",
                    session.file().display()
                )));
            }
        }
        let catalogue = match &session.catalogue {
            Some((known, catalogue)) if *known == schema => catalogue.clone(),
            _ => {
                let read = Arc::new(Catalogue::read(&mut session, inner.graph()).await?);
                session.mappings.clear();
                session.catalogue = Some((schema, read.clone()));
                read
            }
        };
        let now = session.rows(doing, "select datetime('now')", &[]).await?;
        let now = now.first().and_then(|row| row[0].plain_text()).unwrap_or_default();
        Ok(Self { inner, session: Some(session), permit: Some(permit), catalogue, now })
    }

    /// A page of the keys of a node, in the source's order.
    pub(crate) async fn keys(
        &mut self,
        node: NodeId,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<KeyPage, SourceError> {
        let inner = self.inner.clone();
        let types = self.catalogue.key_types(inner.graph(), node)?;
        let page = PageQuery { types: &types, after: after.is_some(), limit };
        let sql = page.of_node(&Sqlite, inner.graph(), node);
        let doing = format!("scan the keys of {}", inner.graph().node(node).name);
        let after = after.map(Key::values).unwrap_or_default();
        let parameters: Vec<&str> = after.iter().map(AsRef::as_ref).collect();
        let rows = self.session()?.rows(&doing, &sql, &parameters).await;
        let rows = self.spoil(rows)?;
        self.page(node, &page, rows)
    }

    fn session(&mut self) -> Result<&mut Session, SourceError> {
        self.session.as_mut().ok_or_else(|| SourceError::Unavailable {
            what: "the snapshot ended with an earlier error".into(),
            cause: None,
        })
    }

    /// After an error the session is closed, and its transaction with it.
    fn spoil<T>(&mut self, result: Result<T, SourceError>) -> Result<T, SourceError> {
        if result.is_err() {
            self.session = None;
        }
        result
    }

    fn page(&self, node: NodeId, page: &PageQuery<'_>, rows: Vec<Row>) -> Result<KeyPage, SourceError> {
        let keys: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                key(&self.inner, node, row).map(|key| key.values().into_iter().map(Into::into).collect())
            })
            .collect::<Result<_, _>>()?;
        page.page(self.inner.graph(), node, keys.into_iter())
    }

    async fn fetch_all(&mut self, entity: Entity, keys: &[Key]) -> Result<Vec<Fetched>, SourceError> {
        let inner = self.inner.clone();
        let queries = inner.pack.queries(entity).ok_or_else(|| SourceError::Bug {
            what: format!("{entity} was asked of a source that does not feed it"),
        })?;
        let root = inner.graph().root(entity).expect("the pack has queries for it");
        // Nothing is heard of a table without its key, and what was read from it would be stale.
        for node in inner.graph().captured_for(entity) {
            self.catalogue.key_types(inner.graph(), node)?;
        }
        let relation = keys_relation(inner.graph(), root, &self.catalogue.key_types(inner.graph(), root)?);
        let keys_text = json(inner.graph(), root, keys)?;
        let mut assembler = Assembler::new(&inner.pack, entity, keys);
        for (at, array) in queries.arrays.iter().enumerate() {
            let (rows, mapping) =
                self.query(entity, Some(at), &array.template, &relation, &keys_text).await?;
            assembler.array(at, &mapping, rows)?;
        }
        let (rows, mapping) = self.query(entity, None, &queries.main, &relation, &keys_text).await?;
        assembler.main(&mapping, rows)
    }

    async fn query(
        &mut self,
        entity: Entity,
        array: Option<usize>,
        template: &Template,
        relation: &str,
        keys: &str,
    ) -> Result<(Vec<Row>, Arc<Mapping>), SourceError> {
        let inner = self.inner.clone();
        let doing = inner.pack.doing(entity, array);
        let now = self.now.clone();
        let sql = template.expand(relation, NOW);
        let session = self.session()?;
        let mapping = match session.mappings.get(&(entity, array)) {
            Some(known) => known.clone(),
            None => {
                let names = session.columns(&doing, &sql).await?;
                let read = match array {
                    None => Mapping::of_main(&inner.pack, entity, &names),
                    Some(at) => Mapping::of_array(&inner.pack, entity, at, &names),
                };
                let read = Arc::new(read.map_err(|errors| SourceError::Config {
                    what: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
                    fix: "correct the pack's aliases".into(),
                })?);
                session.mappings.insert((entity, array), read.clone());
                read
            }
        };
        Ok((session.rows(&doing, &sql, &[keys, &now]).await?, mapping))
    }

    async fn resolve_page(
        &mut self,
        path: PathId,
        keys: &[Key],
        after: Option<&Key>,
        limit: usize,
    ) -> Result<KeyPage, SourceError> {
        let inner = self.inner.clone();
        let graph = inner.graph();
        let way = graph.path(path);
        let root = graph.root(way.entity).expect("a path ends at a root");
        let root_types = self.catalogue.key_types(graph, root)?;
        let page = PageQuery { types: &root_types, after: after.is_some(), limit };
        let relation = keys_relation(graph, way.from, &self.catalogue.key_types(graph, way.from)?);
        let sql = page.of_path(&Sqlite, graph, way, &relation, 2);
        let doing = format!("follow {} to {}", graph.node(way.from).name, way.entity);
        let keys = json(graph, way.from, keys)?;
        let after = after.map(Key::values).unwrap_or_default();
        let parameters: Vec<&str> =
            std::iter::once(keys.as_str()).chain(after.iter().map(AsRef::as_ref)).collect();
        let rows = self.session()?.rows(&doing, &sql, &parameters).await?;
        self.page(root, &page, rows)
    }
}

fn json(graph: &EntityGraph, node: NodeId, keys: &[Key]) -> Result<String, SourceError> {
    let values = key_values(graph, node, keys)?;
    Ok(serde_json::to_string(&values).expect("lists of texts are JSON"))
}

#[async_trait]
impl SourceSnapshot for SqliteSnapshot {
    async fn fetch(&mut self, entity: Entity, keys: &[Key]) -> Result<Vec<Fetched>, SourceError> {
        let fetched = self.fetch_all(entity, keys).await;
        self.spoil(fetched)
    }

    async fn resolve(
        &mut self,
        path: PathId,
        keys: &[Key],
        after: Option<&Key>,
        limit: usize,
    ) -> Result<KeyPage, SourceError> {
        let page = self.resolve_page(path, keys, after, limit).await;
        self.spoil(page)
    }
}
