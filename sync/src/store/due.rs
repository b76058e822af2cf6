//! Records that change at a known time without an event.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use wattle_core::{Entity, Key, Record};
use wattle_tenants::dialect::given;

use super::{Scope, execute, query, records_of, texts};

/// How far the source's clock may be behind ours, generously.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::hours(1);
/// How long until a record is read again whose time has come by our clock, and by the source's not yet.
const AGAIN_IN: TimeDelta = TimeDelta::minutes(1);

/// When a record is to be read again. One that says it will change at a time long past has nothing left to wait for,
/// and would be read over and over.
pub(crate) fn after(record: &Record, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let at = record.changes_at.filter(|at| *at > now - CLOCKS_DIFFER)?;
    Some(if at > now { at } else { now + AGAIN_IN })
}

/// Those of these records of which another time is known than was fetched.
pub(crate) async fn differing(
    db: &impl ConnectionTrait,
    scope: &Scope,
    entity: Entity,
    records: &[&Record],
) -> Result<Vec<String>, DbErr> {
    let rows = query(
        db,
        "select source_id, due_at from due where source_system = $1 and entity = $2 and source_id = any ($3)",
        vec![
            scope.source.as_str().into(),
            entity.name().into(),
            texts(records.iter().map(|record| record.key.as_str())),
        ],
    )
    .await?;
    let mut known: HashMap<String, DateTime<Utc>> = HashMap::new();
    for row in rows {
        known.insert(row.try_get("", "source_id")?, row.try_get("", "due_at")?);
    }
    let now = Utc::now();
    let differs = |record: &&&Record| {
        let known = known.get(record.key.as_str());
        match record.changes_at {
            // It has just been taken, or is about to be.
            Some(at) if at <= now => false,
            // Times are stored to the microsecond.
            at => known.map(DateTime::timestamp_micros) != at.map(|at| at.timestamp_micros()),
        }
    };
    Ok(records.iter().filter(differs).map(|record| record.key.as_str().to_owned()).collect())
}

/// The entities that have any.
pub(crate) async fn entities(db: &impl ConnectionTrait, scope: &Scope) -> Result<BTreeSet<Entity>, DbErr> {
    let rows = query(
        db,
        "select distinct entity from due where source_system = $1",
        vec![scope.source.as_str().into()],
    )
    .await?;
    rows.iter()
        .map(|row| row.try_get::<String>("", "entity"))
        .map(|name| Ok(Entity::from_name(&name?)))
        .filter_map(Result::transpose)
        .collect()
}

/// Sets when these records change, and forgets it for those that no longer do.
pub(crate) async fn rewrite<'a>(
    work: &DatabaseTransaction,
    scope: &Scope,
    entity: Entity,
    all: impl Iterator<Item = &'a str>,
    due: &[(&'a str, DateTime<Utc>)],
) -> Result<(), DbErr> {
    let ids: Vec<String> = due.iter().map(|(id, _)| (*id).to_owned()).collect();
    let times = due.iter().map(|(_, at)| at.to_rfc3339()).collect();
    let known: HashSet<&str> = due.iter().map(|(id, _)| *id).collect();
    let others = texts(all.filter(|id| !known.contains(id)));
    execute(
        work,
        "delete from due where source_system = $1 and entity = $2 and source_id = any ($3)",
        vec![scope.source.as_str().into(), entity.name().into(), others],
    )
    .await?;
    let mut values = vec![scope.tenant.as_str().into(), scope.source.as_str().into(), entity.name().into()];
    let backend = work.get_database_backend();
    let given = given(backend, "d", &["source_id", "due_at"], vec![ids, times], &mut values);
    let sql = format!(
        "insert into due (tenant_id, source_system, entity, source_id, due_at)
         select $1, $2, $3, d.source_id, d.due_at::timestamptz from {given} where true
         on conflict (tenant_id, source_system, entity, source_id) do update set due_at = excluded.due_at
         where due.due_at <> excluded.due_at"
    );
    execute(work, &sql, values).await?;
    Ok(())
}

/// Has the time of any record come?
pub(crate) async fn any(db: &impl ConnectionTrait, scope: &Scope) -> Result<bool, DbErr> {
    let sql = "select 1 as due from due where source_system = $1 and due_at <= now() limit 1";
    Ok(!query(db, sql, vec![scope.source.as_str().into()]).await?.is_empty())
}

/// Takes up to a page of the records whose time has come.
pub(crate) async fn take(
    work: &DatabaseTransaction,
    scope: &Scope,
    limit: i64,
) -> Result<Vec<(Entity, Key)>, DbErr> {
    let rows = query(
        work,
        "delete from due where (tenant_id, source_system, entity, source_id) in (
             select tenant_id, source_system, entity, source_id from due
             where source_system = $1 and due_at <= now() order by due_at limit $2)
         returning entity, source_id",
        vec![scope.source.as_str().into(), limit.into()],
    )
    .await?;
    records_of(&rows)
}
