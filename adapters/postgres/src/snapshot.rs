//! Snapshots: one consistent, read-only view that provably includes a fence.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::OwnedSemaphorePermit;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use wattle_core::{
    Entity, EntityGraph, Fence, Fetched, Key, KeyPage, KeyType, NodeId, PathId, SourceError, SourceSnapshot,
};
use wattle_sql::{Assembler, Dialect, Mapping, PackError, PageQuery, Template, key_names, key_values};

use crate::connect::Session;
use crate::error::source_error;
use crate::position::{PgPosition, Visibility, parse_lsn};
use crate::{Inner, identity_mismatch, value};

/// First wait for a snapshot that includes the fence; doubled up to the second.
const FENCE_WAIT: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(200));

/// The snapshot's time, as the pack's `{now}`.
const NOW: &str = "transaction_timestamp()";

/// How PostgreSQL writes the shared queries.
struct Postgres;

impl Dialect for Postgres {
    fn text(&self, value: &str) -> String {
        format!("{value}::text")
    }

    fn is_key(&self, value: &str, key_type: KeyType) -> String {
        match key_type {
            KeyType::Date => format!("{value} between '0001-01-01' and '9999-12-31'"),
            KeyType::Decimal => format!("{value} > '-Infinity' and {value} < 'Infinity'"),
            KeyType::Integer | KeyType::Text | KeyType::Uuid => format!("{value} is not null"),
        }
    }

    fn parameter(&self, number: usize, key_type: &str) -> String {
        format!("${number}::text::{key_type}")
    }
}

pub(crate) struct PgSnapshot {
    inner: Arc<Inner>,
    /// Taken when the snapshot is dropped.
    session: Option<Session>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for PgSnapshot {
    /// Ends the transaction and keeps the session; where there is no runtime to do so, the connection just closes.
    fn drop(&mut self) {
        let (Some(session), permit) = (self.session.take(), self.permit.take()) else { return };
        let inner = self.inner.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if session.is_open() && session.client().batch_execute("commit").await.is_ok() {
                    inner.keep(session).await;
                }
                drop(permit);
            });
        }
    }
}

impl PgSnapshot {
    pub(crate) async fn open(
        inner: Arc<Inner>,
        permit: OwnedSemaphorePermit,
        fence: &Fence,
    ) -> Result<Self, SourceError> {
        let mut positions: Vec<PgPosition> =
            fence.positions().iter().map(PgPosition::decode).collect::<Result<_, _>>()?;
        positions.retain(|position| !inner.options.was(position.identity));
        let session = inner.session().await?;
        if let Some(other) = positions.iter().find(|position| position.identity != session.identity()) {
            return Err(identity_mismatch(other.identity, session.identity()));
        }
        let deadline = Instant::now() + inner.options.fence_timeout();
        let mut wait = FENCE_WAIT.0;
        loop {
            let missing = try_open(&inner, &session, &positions).await?;
            let Some(missing) = missing else {
                return Ok(Self { inner, session: Some(session), permit: Some(permit) });
            };
            if Instant::now() + wait > deadline {
                return Err(SourceError::Behind { what: missing });
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(FENCE_WAIT.1);
        }
    }

    /// A page of the keys of a node, in the source's order.
    pub(crate) async fn keys(
        &mut self,
        node: NodeId,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<KeyPage, SourceError> {
        let inner = self.inner.clone();
        let graph = inner.graph();
        let types = inner.catalogue(self.session()).await?.key_types(graph, node);
        let types = self.spoil(types).await?;
        let page = PageQuery { types: &types, after: after.is_some(), limit };
        let sql = page.of_node(&Postgres, graph, node);
        let values = after.map(Key::values).unwrap_or_default();
        let parameters: Vec<&(dyn ToSql + Sync)> =
            values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let rows = self
            .session()
            .client()
            .query(&sql, &parameters)
            .await
            .map_err(|error| source_error(&format!("scan the keys of {}", graph.node(node).name), error));
        page.page(graph, node, self.spoil(rows).await?.iter().map(texts))
    }

    fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("the session is only taken when the snapshot is dropped")
    }

    /// After an error the transaction is of no use: the session is closed with it.
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

    fn open_session(&mut self) -> Result<(), SourceError> {
        if self.session.is_some() {
            return Ok(());
        }
        Err(SourceError::Unavailable { what: "the snapshot ended with an earlier error".into(), cause: None })
    }

    async fn fetch_all(&mut self, entity: Entity, keys: &[Key]) -> Result<Vec<Fetched>, SourceError> {
        let inner = self.inner.clone();
        let queries = inner.pack.queries(entity).ok_or_else(|| SourceError::Bug {
            what: format!("{entity} was asked of a source that does not feed it"),
        })?;
        let root = inner.graph().root(entity).expect("the pack has queries for it");
        // Nothing is heard of a table without its key, and what was read from it would be stale.
        let catalogue = inner.catalogue(self.session()).await?;
        for node in inner.graph().captured_for(entity) {
            catalogue.key_types(inner.graph(), node)?;
        }
        let parameters = key_columns(inner.graph(), root, keys)?;
        let mut assembler = Assembler::new(&inner.pack, entity, keys);
        for (at, array) in queries.arrays.iter().enumerate() {
            let (rows, mapping) = self.run(entity, Some(at), &array.template, &parameters).await?;
            assembler.array(at, &mapping, rows)?;
        }
        let (rows, mapping) = self.run(entity, None, &queries.main, &parameters).await?;
        assembler.main(&mapping, rows)
    }

    async fn run(
        &mut self,
        entity: Entity,
        array: Option<usize>,
        template: &Template,
        parameters: &[Vec<String>],
    ) -> Result<(Vec<wattle_sql::Row>, Arc<Mapping>), SourceError> {
        let (statement, mapping) = self.prepared(entity, array, template).await?;
        let pack = &self.inner.clone().pack;
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|list| list as &(dyn ToSql + Sync)).collect();
        let rows = self
            .session()
            .client()
            .query(&statement, &parameters)
            .await
            .map_err(|error| source_error(&pack.doing(entity, array), error))?;
        Ok((rows.iter().map(value::row).collect(), mapping))
    }

    async fn prepared(
        &mut self,
        entity: Entity,
        array: Option<usize>,
        template: &Template,
    ) -> Result<(Statement, Arc<Mapping>), SourceError> {
        let place = (entity, array.map_or(0, |at| at + 1));
        if let Some(known) = self.session().statements.get(&place) {
            return Ok(known.clone());
        }
        let inner = self.inner.clone();
        let session = self.session();
        let catalogue = inner.catalogue(session).await?;
        let root = inner.graph().root(entity).expect("the pack has queries for it");
        let types = catalogue.key_types(inner.graph(), root)?;
        let sql = template.expand(&keys_relation(inner.graph(), root, &types), NOW);
        let statement = session
            .client()
            .prepare(&sql)
            .await
            .map_err(|error| source_error(&inner.pack.doing(entity, array), error))?;
        let mapping = mapping(&inner, entity, array, &statement).map_err(|errors| SourceError::Config {
            what: errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            fix: "correct the pack's aliases".into(),
        })?;
        let mapping = Arc::new(mapping);
        session.statements.insert(place, (statement.clone(), mapping.clone()));
        Ok((statement, mapping))
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
        let catalogue = inner.catalogue(self.session()).await?;
        let types = catalogue.key_types(graph, way.from)?;
        let root_types = catalogue.key_types(graph, root)?;
        let page = PageQuery { types: &root_types, after: after.is_some(), limit };
        let relation = keys_relation(graph, way.from, &types);
        let sql = page.of_path(&Postgres, graph, way, &relation, types.len() + 1);
        let after_values = after.map(Key::values).unwrap_or_default();
        let doing = || format!("follow {} to {}", graph.node(way.from).name, way.entity);
        let columns = key_columns(graph, way.from, keys)?;
        let mut parameters: Vec<&(dyn ToSql + Sync)> =
            columns.iter().map(|list| list as &(dyn ToSql + Sync)).collect();
        parameters.extend(after_values.iter().map(|value| value as &(dyn ToSql + Sync)));
        let session = self.session();
        let statement = session.prepared(&sql).await.map_err(|error| source_error(&doing(), error))?;
        let rows = session
            .client()
            .query(&statement, &parameters)
            .await
            .map_err(|error| source_error(&doing(), error))?;
        page.page(graph, root, rows.iter().map(texts))
    }
}

/// Understands the columns of a prepared query, and refuses types that could not be read exactly.
pub(crate) fn mapping(
    inner: &Inner,
    entity: Entity,
    array: Option<usize>,
    statement: &Statement,
) -> Result<Mapping, Vec<PackError>> {
    let names: Vec<String> = statement.columns().iter().map(|column| column.name().to_owned()).collect();
    let mut mapping = match array {
        None => Mapping::of_main(&inner.pack, entity, &names),
        Some(at) => Mapping::of_array(&inner.pack, entity, at, &names),
    };
    for column in statement.columns() {
        if let Err(fix) = value::require_exact(column.type_()) {
            let queries = inner.pack.queries(entity).expect("the statement is one of its queries");
            let file = queries.file(entity, array);
            let what = format!("selects \"{}\" as {}: {fix}", column.name(), column.type_());
            let mut errors = mapping.err().unwrap_or_default();
            errors.push(PackError { file, what });
            mapping = Err(errors);
        }
    }
    mapping
}

/// Begins a transaction whose snapshot includes all positions; otherwise ends it and says what is missing.
async fn try_open(
    inner: &Inner,
    session: &Session,
    positions: &[PgPosition],
) -> Result<Option<String>, SourceError> {
    let failed = |error| source_error("open a snapshot", error);
    if inner.options.read_url.is_some() {
        // The replica must have replayed past the positions before the snapshot is taken.
        let row = session
            .client()
            .query_one("select coalesce(pg_last_wal_replay_lsn(), pg_current_wal_lsn())::text", &[])
            .await
            .map_err(failed)?;
        let replayed = parse_lsn(row.get(0))?;
        // A transaction's position is where its commit begins: a replica that stands there has not replayed it.
        let missing = |p: &PgPosition| p.lsn > replayed || (p.xid.is_some() && p.lsn == replayed);
        if positions.iter().any(missing) {
            return Ok(Some("the replica has not replayed it yet".into()));
        }
    }
    session
        .client()
        .batch_execute("begin isolation level repeatable read read only")
        .await
        .map_err(failed)?;
    let row = session
        .client()
        .query_one(
            "select pg_current_snapshot()::text,
                    case when not pg_is_in_recovery() then pg_current_wal_insert_lsn()::text end",
            &[],
        )
        .await
        .map_err(failed)?;
    let visibility = Visibility::parse(row.get(0))
        .ok_or_else(|| SourceError::Bug { what: "pg_current_snapshot() has an unknown form".into() })?;
    // Where its log has not come to, the server was set back, and what was heard there is no more: the feed finds that
    // out, and every record is compared again.
    let end = row.get::<_, Option<&str>>(1).map(parse_lsn).transpose()?;
    let heard_here = positions.iter().filter(|position| end.is_none_or(|end| position.lsn <= end));
    let unseen = heard_here.filter_map(|position| position.xid).find(|xid| !visibility.includes(*xid));
    let Some(xid) = unseen else { return Ok(None) };
    session.client().batch_execute("rollback").await.map_err(failed)?;
    Ok(Some(format!(
        "transaction {xid} was heard and is not visible yet (a synchronous standby may be keeping it waiting)"
    )))
}

/// The relation that `{keys}` stands for: text arrays cast to the key columns' own types.
pub(crate) fn keys_relation(graph: &EntityGraph, node: NodeId, types: &[String]) -> String {
    let names = key_names(&Postgres, graph, node).join(", ");
    let arrays: Vec<String> = types
        .iter()
        .enumerate()
        .map(|(at, type_name)| format!("${}::text[]::{type_name}[]", at + 1))
        .collect();
    format!(
        "(select {names}, ord - 1 as ord from unnest({}) with ordinality as u({names}, ord))",
        arrays.join(", ")
    )
}

/// The keys, column by column, as the arrays that [`keys_relation`] takes.
fn key_columns(graph: &EntityGraph, node: NodeId, keys: &[Key]) -> Result<Vec<Vec<String>>, SourceError> {
    let mut columns = vec![Vec::with_capacity(keys.len()); graph.node(node).key.len()];
    for values in key_values(graph, node, keys)? {
        for (column, value) in columns.iter_mut().zip(values) {
            column.push(value);
        }
    }
    Ok(columns)
}

fn texts(row: &Row) -> Vec<String> {
    (0..row.len()).map(|at| row.get(at)).collect()
}

#[async_trait]
impl SourceSnapshot for PgSnapshot {
    async fn fetch(&mut self, entity: Entity, keys: &[Key]) -> Result<Vec<Fetched>, SourceError> {
        self.open_session()?;
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
        self.open_session()?;
        let page = self.resolve_page(path, keys, after, limit).await;
        self.spoil(page).await
    }
}
