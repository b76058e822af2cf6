//! Snapshots: consistent reads that provably include what was heard.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use mysql_async::Row;
use tokio::sync::OwnedSemaphorePermit;
use wattle_core::{
    Entity, EntityGraph, Fence, Fetched, Key, KeyPage, NodeId, PathId, SourceError, SourceSnapshot,
};
use wattle_sql::{Assembler, Mapping, PackError, PageQuery, Template};

use crate::connect::{Prepared, Session};
use crate::dialect::{MySql, NOW, keys_json, keys_relation};
use crate::position::BinlogPosition;
use crate::server::{self, end_of_log};
use crate::{Inner, identity_mismatch, value};

/// First wait for a snapshot that includes the fence; doubled up to the second.
const FENCE_WAIT: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(200));

pub(crate) struct MySqlSnapshot {
    inner: Arc<Inner>,
    /// Taken when the snapshot is dropped.
    session: Option<Session>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for MySqlSnapshot {
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

impl MySqlSnapshot {
    pub(crate) async fn open(
        inner: Arc<Inner>,
        permit: OwnedSemaphorePermit,
        fence: &Fence,
    ) -> Result<Self, SourceError> {
        let mut positions: Vec<BinlogPosition> =
            fence.positions().iter().map(BinlogPosition::decode).collect::<Result<_, _>>()?;
        positions.retain(|position| !inner.options.was(&position.identity));
        let mut session = inner.session().await?;
        if let Some(other) = positions.iter().find(|position| position.identity != *session.identity()) {
            return Err(identity_mismatch(&other.identity, session.identity()));
        }
        let deadline = Instant::now() + inner.options.fence_timeout();
        let mut wait = FENCE_WAIT.0;
        loop {
            let missing = if session.identity().is_mariadb() {
                open_mariadb(&mut session, &positions).await?
            } else {
                open_mysql(&mut session, &positions).await?
            };
            let Some(missing) = missing else { break };
            if Instant::now() + wait > deadline {
                return Err(SourceError::Behind { what: missing });
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(FENCE_WAIT.1);
        }
        tell_time(&inner, &mut session).await?;
        Ok(Self { inner, session: Some(session), permit: Some(permit) })
    }

    /// A page of the keys of a node, in the source's order.
    pub(crate) async fn keys(
        &mut self,
        node: NodeId,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<KeyPage, SourceError> {
        let inner = self.inner.clone();
        let session = self.session()?;
        let types = inner.catalogue(session).await?.key_types(inner.graph(), node);
        let types = self.spoil(types).await?;
        let session = self.session()?;
        let page = PageQuery { types: &types, after: after.is_some(), limit };
        let sql = page.of_node(&MySql::after(after), inner.graph(), node);
        let doing = format!("scan the keys of {}", inner.graph().node(node).name);
        let rows = session.execute(&doing, &sql, "", 0).await;
        let rows = self.spoil(rows).await?;
        page_of(&inner, node, &page, &rows)
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
        let types = catalogue.key_types(inner.graph(), root)?;
        let asked = keys_json(inner.graph(), root, &types, keys)?;
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
        let inner = self.inner.clone();
        let session = self.session()?;
        let place = (entity, array.map_or(0, |at| at + 1));
        if !session.statements.contains_key(&place) {
            let prepared = prepare(&inner, session, entity, array, template, &doing).await?;
            session.statements.insert(place, prepared);
        }
        let Prepared { sql, mapping, keys_count } = session.statements[&place].clone();
        let rows = session.execute(&doing, &sql, keys, keys_count).await?;
        Ok((rows.iter().map(value::row).collect(), mapping))
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
        let types = catalogue.key_types(graph, way.from)?;
        let relation = keys_relation(graph, way.from, &types);
        let sql = page.of_path(&MySql::after(after), graph, way, &relation, 1);
        let doing = format!("follow {} to {}", graph.node(way.from).name, way.entity);
        let asked = keys_json(graph, way.from, &types, keys)?;
        let rows = session.execute(&doing, &sql, &asked, 1).await?;
        page_of(&inner, root, &page, &rows)
    }
}

/// Begins a transaction whose snapshot includes all positions; otherwise ends it and says what is missing. MariaDB says
/// which place in its binlog a snapshot stands for, and commits become visible in the order of the log.
async fn open_mariadb(
    session: &mut Session,
    positions: &[BinlogPosition],
) -> Result<Option<String>, SourceError> {
    let doing = "open a snapshot";
    session.run(doing, "start transaction with consistent snapshot, read only").await?;
    if positions.is_empty() {
        return Ok(None);
    }
    let here = server::snapshot_position(session).await?;
    let mut missing: Vec<&BinlogPosition> =
        positions.iter().filter(|position| position.place() > here.place()).collect();
    if !missing.is_empty() {
        // Where its log has not come to, the server was set back, and what was heard there is no more: the feed finds
        // that out, and every record is compared again.
        let end = end_of_log(session).await?;
        missing.retain(|position| position.place() <= end.place());
    }
    let Some(last) = missing.into_iter().max_by_key(|position| position.place()) else { return Ok(None) };
    session.run(doing, "rollback").await?;
    Ok(Some(format!(
        "the binlog was heard up to {} in {}, and the snapshot stands at {} in {}",
        last.offset, last.file, here.offset, here.file
    )))
}

/// A transaction is among those executed once it is visible, so that a snapshot that is opened afterwards includes it.
async fn open_mysql(
    session: &mut Session,
    positions: &[BinlogPosition],
) -> Result<Option<String>, SourceError> {
    let doing = "open a snapshot";
    if !positions.is_empty() {
        let executed = server::executed(session).await?;
        for position in positions {
            let gtid = position.gtid.as_deref().ok_or_else(server::without_gtid)?;
            let asked = format!("select gtid_subset('{gtid}', '{executed}')");
            if session.text(doing, &asked).await?.as_deref() != Some("1") {
                let end = end_of_log(session).await?;
                if end.place() < position.place() {
                    continue;
                }
                return Ok(Some(format!("transaction {gtid} was heard and has not been executed yet")));
            }
        }
    }
    session.run(doing, "start transaction with consistent snapshot, read only").await?;
    Ok(None)
}

/// Tells the session the snapshot's time, in the retailer's zone.
async fn tell_time(inner: &Inner, session: &mut Session) -> Result<(), SourceError> {
    let doing = "tell the snapshot's time";
    let utc = session.text(doing, "select utc_timestamp(6)").await?.unwrap_or_default();
    let utc = chrono::NaiveDateTime::parse_from_str(&utc, "%Y-%m-%d %H:%M:%S%.f")
        .map_err(|_| SourceError::Bug { what: "utc_timestamp() has an unknown form".into() })?;
    let local = utc.and_utc().with_timezone(&inner.pack.zone()).naive_local();
    session.run(doing, &format!("set @wattle_now = '{}'", local.format("%Y-%m-%d %H:%M:%S%.6f"))).await
}

async fn prepare(
    inner: &Inner,
    session: &mut Session,
    entity: Entity,
    array: Option<usize>,
    template: &Template,
    doing: &str,
) -> Result<Prepared, SourceError> {
    let graph = inner.graph();
    let root = graph.root(entity).expect("the pack has queries for it");
    let types = inner.catalogue(session).await?.key_types(graph, root)?;
    let relation = keys_relation(graph, root, &types);
    let sql = template.expand(&relation, NOW);
    let statement = session.prepare(doing, &sql).await?;
    let mapping =
        mapping(inner, entity, array, &statement.columns()).map_err(|errors| SourceError::Config {
            what: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            fix: "correct the pack's aliases".into(),
        })?;
    let keys_count = sql.matches(&relation).count();
    Ok(Prepared { sql, mapping: Arc::new(mapping), keys_count })
}

/// Understands the columns of a prepared query, and refuses types that could not be read exactly.
pub(crate) fn mapping(
    inner: &Inner,
    entity: Entity,
    array: Option<usize>,
    columns: &[mysql_async::Column],
) -> Result<Mapping, Vec<PackError>> {
    let names: Vec<String> = columns.iter().map(|column| column.name_str().into_owned()).collect();
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
            what: format!("selects \"{}\" as a type that is not exact: {fix}", column.name_str()),
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
impl SourceSnapshot for MySqlSnapshot {
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
