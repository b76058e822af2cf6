//! Snapshots: consistent reads that provably include what was heard.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tiberius::{Column, Row};
use tokio::sync::OwnedSemaphorePermit;
use wattle_core::{
    Entity, EntityGraph, Fence, Fetched, Key, KeyPage, NodeId, PathId, SourceError, SourceSnapshot,
};
use wattle_sql::{Assembler, Mapping, PackError, PageQuery, Template};

use crate::connect::{BEGIN, Session};
use crate::dialect::{NOW, TSql, keys_json, keys_relation};
use crate::position::TrackedPosition;
use crate::value::text;
use crate::{Inner, identity_mismatch, value};

/// First wait for a snapshot that includes the fence; doubled up to the second.
const FENCE_WAIT: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(200));

pub(crate) struct SqlServerSnapshot {
    inner: Arc<Inner>,
    /// Taken when the snapshot is dropped.
    session: Option<Session>,
    permit: Option<OwnedSemaphorePermit>,
    /// Its time, in the retailer's zone.
    now: String,
}

impl Drop for SqlServerSnapshot {
    /// Ends the transaction and keeps the session; where there is no runtime to do so, the connection just closes.
    fn drop(&mut self) {
        let (Some(mut session), permit) = (self.session.take(), self.permit.take()) else { return };
        let inner = self.inner.clone();
        if let (true, Ok(runtime)) = (session.is_usable(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                if session.batch("end a snapshot", END).await.is_ok() {
                    inner.keep(session).await;
                }
                drop(permit);
            });
        }
    }
}

/// The time, where [`Capture::standing_query`](crate::Capture::standing_query) has it.
const CLOCK: &str = "select null, null, sysutcdatetime()";

const END: &str = "if @@trancount > 0 rollback";

impl SqlServerSnapshot {
    pub(crate) async fn open(
        inner: Arc<Inner>,
        permit: OwnedSemaphorePermit,
        fence: &Fence,
    ) -> Result<Self, SourceError> {
        let mut positions: Vec<TrackedPosition> =
            fence.positions().iter().map(TrackedPosition::decode).collect::<Result<_, _>>()?;
        positions.retain(|position| !inner.options.was(&position.identity.broker));
        let mut session = inner.session().await?;
        let here = session.identity().clone();
        if let Some(other) = positions.iter().find(|position| position.identity.broker != here.broker) {
            return Err(identity_mismatch(&other.identity, &here));
        }
        // What was heard in another life of the database, or in another way, is no more: the feed finds that out, and every
        // record is compared again.
        let capture = inner.options.capture;
        positions.retain(|position| position.identity.is_same(&here) && position.mark.capture() == capture);
        let wanted = positions.iter().map(|position| position.mark).max();
        // Without a fence, keys can be scanned where nothing is told yet.
        let standing = if wanted.is_some() { capture.standing_query() } else { CLOCK };
        let deadline = Instant::now() + inner.options.fence_timeout();
        let mut wait = FENCE_WAIT.0;
        let now = loop {
            let doing = "open a snapshot";
            let answers = session.batch(doing, &format!("{BEGIN}; {standing}")).await?;
            let rows = answers.into_iter().next().unwrap_or_default();
            let Some(wanted) = wanted else { break local_now(&inner, &rows)? };
            let end = capture.standing_of(&rows)?.end;
            if end >= wanted {
                break local_now(&inner, &rows)?;
            }
            session.batch(doing, END).await?;
            if Instant::now() + wait > deadline {
                return Err(SourceError::Behind {
                    what: format!("changes were heard up to {wanted}, and the snapshot stands at {end}"),
                });
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(FENCE_WAIT.1);
        };
        Ok(Self { inner, session: Some(session), permit: Some(permit), now })
    }

    /// A page of the keys of a node, in the source's order.
    pub(crate) async fn keys(
        &mut self,
        node: NodeId,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<KeyPage, SourceError> {
        let page = self.keys_page(node, after, limit).await;
        self.spoil(page).await
    }

    async fn keys_page(
        &mut self,
        node: NodeId,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<KeyPage, SourceError> {
        let inner = self.inner.clone();
        let session = self.session()?;
        let types = inner.catalogue(session).await?.key_types(inner.graph(), node)?;
        let page = PageQuery { types: &types, after: after.is_some(), limit };
        let sql = page.of_node(&TSql, inner.graph(), node);
        let values = after.map(Key::values).unwrap_or_default();
        let parameters: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
        let doing = format!("scan the keys of {}", inner.graph().node(node).name);
        let answer = session.query(&doing, &sql, &parameters).await?;
        page_of(&inner, node, &page, &answer.rows)
    }

    fn session(&mut self) -> Result<&mut Session, SourceError> {
        self.session.as_mut().ok_or_else(|| SourceError::Unavailable {
            what: "the snapshot ended with an earlier error".into(),
            cause: None,
        })
    }

    /// After an error the session is closed, and its transaction with it.
    async fn spoil<T>(&mut self, result: Result<T, SourceError>) -> Result<T, SourceError> {
        if let Err(error) = &result {
            self.session = None;
            if matches!(error, SourceError::Record { .. } | SourceError::Config { .. }) {
                // A key that its column's type cannot hold, or a column that is gone: the table may be another by now.
                self.inner.forget_schema().await;
            }
        }
        result
    }

    async fn fetch_all(&mut self, entity: Entity, keys: &[Key]) -> Result<Vec<Fetched>, SourceError> {
        let inner = self.inner.clone();
        let queries = inner.pack.queries(entity).ok_or_else(|| SourceError::Bug {
            what: format!("{entity} was asked of a source that does not feed it"),
        })?;
        let root = inner.graph().root(entity).expect("the pack has queries for it");
        let session = self.session()?;
        let catalogue = inner.catalogue(session).await?;
        // Nothing is heard of a table without its key, and what was read from it would be stale.
        for node in inner.graph().captured_for(entity) {
            catalogue.key_types(inner.graph(), node)?;
        }
        let asked = keys_json(inner.graph(), root, keys)?;
        let mut assembler = Assembler::new(&inner.pack, entity, keys);
        for (at, array) in queries.arrays.iter().enumerate() {
            let (rows, mapping) = self.query(entity, Some(at), &array.template, &asked).await?;
            assembler.array(at, &mapping, rows)?;
        }
        let (rows, mapping) = self.query(entity, None, &queries.main, &asked).await?;
        assembler.main(&mapping, rows)
    }

    async fn query(
        &mut self,
        entity: Entity,
        array: Option<usize>,
        template: &Template,
        keys: &str,
    ) -> Result<(Vec<wattle_sql::Row>, Arc<Mapping>), SourceError> {
        let doing = self.inner.pack.doing(entity, array);
        let (inner, now) = (self.inner.clone(), self.now.clone());
        let session = self.session()?;
        let graph = inner.graph();
        let root = graph.root(entity).expect("the pack has queries for it");
        let types = inner.catalogue(session).await?.key_types(graph, root)?;
        let sql = template.expand(&keys_relation(graph, root, &types), NOW);
        let answer = session.query(&doing, &sql, &[keys, &now]).await?;
        let place = (entity, array.map_or(0, |at| at + 1));
        let mapping = match session.mappings.get(&place) {
            Some(known) => known.clone(),
            None => {
                let read = mapping(&inner, entity, array, &answer.columns);
                let read = Arc::new(read.map_err(|errors| SourceError::Config {
                    what: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
                    fix: "correct the pack's aliases".into(),
                })?);
                session.mappings.insert(place, read.clone());
                read
            }
        };
        Ok((answer.rows.iter().map(value::row).collect(), mapping))
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
        let session = self.session()?;
        let catalogue = inner.catalogue(session).await?;
        let root_types = catalogue.key_types(graph, root)?;
        let page = PageQuery { types: &root_types, after: after.is_some(), limit };
        let relation = keys_relation(graph, way.from, &catalogue.key_types(graph, way.from)?);
        let sql = page.of_path(&TSql, graph, way, &relation, 2);
        let doing = format!("follow {} to {}", graph.node(way.from).name, way.entity);
        let asked = keys_json(graph, way.from, keys)?;
        let cursor = after.map(Key::values).unwrap_or_default();
        let parameters: Vec<&str> =
            std::iter::once(asked.as_str()).chain(cursor.iter().map(AsRef::as_ref)).collect();
        let answer = session.query(&doing, &sql, &parameters).await?;
        page_of(&inner, root, &page, &answer.rows)
    }
}

/// The snapshot's time in the retailer's zone.
fn local_now(inner: &Inner, rows: &[Row]) -> Result<String, SourceError> {
    let utc = rows.first().and_then(|row| text(row, 2)).unwrap_or_default();
    let utc = chrono::NaiveDateTime::parse_from_str(&utc, "%Y-%m-%dT%H:%M:%S%.f")
        .map_err(|_| SourceError::Bug { what: "sysutcdatetime() has an unknown form".into() })?;
    let local = utc.and_utc().with_timezone(&inner.pack.zone()).naive_local();
    Ok(local.format("%Y-%m-%dT%H:%M:%S%.6f").to_string())
}

/// Understands the columns of a query, and refuses types that could not be read exactly.
pub(crate) fn mapping(
    inner: &Inner,
    entity: Entity,
    array: Option<usize>,
    columns: &[Column],
) -> Result<Mapping, Vec<PackError>> {
    let names: Vec<String> = columns.iter().map(|column| column.name().to_owned()).collect();
    let mapping = match array {
        None => Mapping::of_main(&inner.pack, entity, &names),
        Some(at) => Mapping::of_array(&inner.pack, entity, at, &names),
    };
    let file = || inner.pack.queries(entity).map_or_else(String::new, |queries| queries.file(entity, array));
    let inexact: Vec<PackError> = columns
        .iter()
        .filter_map(|column| Some((column, value::require_exact(column).err()?)))
        .map(|(column, fix)| PackError {
            file: file(),
            what: format!("selects \"{}\" as a type that is not exact: {fix}", column.name()),
        })
        .collect();
    if inexact.is_empty() {
        return mapping;
    }
    Err(mapping.err().into_iter().flatten().chain(inexact).collect())
}

fn page_of(inner: &Inner, node: NodeId, page: &PageQuery<'_>, rows: &[Row]) -> Result<KeyPage, SourceError> {
    let graph: &EntityGraph = inner.graph();
    let texts = rows.iter().map(|row| {
        let values: Option<Vec<String>> = value::row(row).iter().map(|value| value.plain_text()).collect();
        values.ok_or_else(|| SourceError::Config {
            what: format!("a key of {} is of a type that a key cannot have", graph.node(node).name),
            fix: "run `wattle check`, which names the column".into(),
        })
    });
    let texts: Vec<Vec<String>> = texts.collect::<Result<_, _>>()?;
    page.page(graph, node, texts.into_iter())
}

#[async_trait]
impl SourceSnapshot for SqlServerSnapshot {
    async fn fetch(&mut self, entity: Entity, keys: &[Key]) -> Result<Vec<Fetched>, SourceError> {
        let fetched = self.fetch_all(entity, keys).await;
        self.spoil(fetched).await
    }

    async fn resolve(
        &mut self,
        path: PathId,
        keys: &[Key],
        after: Option<&Key>,
        limit: usize,
    ) -> Result<KeyPage, SourceError> {
        let page = self.resolve_page(path, keys, after, limit).await;
        self.spoil(page).await
    }
}
