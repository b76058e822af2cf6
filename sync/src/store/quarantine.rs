//! Keys that could not be applied, each with its error.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, Value};
use serde::Serialize;
use wattle_core::{Entity, RecordError};
use wattle_tenants::dialect::given;

use super::{Scope, execute, query, texts};

/// How many there are.
pub(crate) async fn count(db: &impl ConnectionTrait, scope: &Scope) -> Result<i64, DbErr> {
    let rows = query(
        db,
        "select count(*) as count from quarantine where source_system = $1",
        vec![scope.source.as_str().into()],
    )
    .await?;
    rows.first().map_or(Ok(0), |row| row.try_get("", "count"))
}

/// Which of the keys in quarantine.
#[derive(Debug, Clone, Copy, Default)]
pub struct QuarantineFilter<'a> {
    /// Of this entity only.
    pub entity: Option<Entity>,
    /// This key only.
    pub key: Option<&'a str>,
    /// Those that were discarded, too.
    pub discarded: bool,
}

impl QuarantineFilter<'_> {
    /// As a condition on a row, with four parameters from this one on.
    fn condition(first: usize) -> String {
        let [a, b, c, d] = [first, first + 1, first + 2, first + 3];
        format!("(${a} = '' or entity = ${a}) and (${b} or source_id = ${c}) and (${d} or not discarded)")
    }

    fn values(&self) -> [Value; 4] {
        [
            self.entity.map_or("", Entity::name).into(),
            self.key.is_none().into(),
            self.key.unwrap_or_default().into(),
            self.discarded.into(),
        ]
    }
}

/// A key in quarantine.
#[derive(Debug, Clone, Serialize)]
pub struct Quarantined {
    /// The record's kind.
    pub entity: Entity,
    /// Its key at the source.
    pub source_id: String,
    /// The field at fault and the rule that it breaks, never the value.
    pub error: String,
    /// The position of the source at which it was last tried.
    pub position: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was put here.
    pub first_at: DateTime<Utc>,
    /// When it was last tried.
    pub last_at: DateTime<Utc>,
    /// Does nobody want to be reminded of it?
    pub discarded: bool,
}

/// A page of what is in quarantine, after a record.
pub(crate) async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: QuarantineFilter<'_>,
    after: Option<(&str, &str)>,
    limit: usize,
) -> Result<Vec<Quarantined>, DbErr> {
    let (after_entity, after_id) = after.unwrap_or(("", ""));
    let sql = format!(
        "select entity, source_id, error, position, attempts, first_at, last_at, discarded from quarantine
         where source_system = $1 and (entity, source_id) > ($2, $3) and {}
         order by entity, source_id limit $4",
        QuarantineFilter::condition(5)
    );
    let mut values: Vec<Value> = vec![
        scope.source.as_str().into(),
        after_entity.into(),
        after_id.into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    values.extend(filter.values());
    let mut found = Vec::new();
    for row in query(db, &sql, values).await? {
        // An entity that this release does not know has no records either.
        let Some(entity) = Entity::from_name(&row.try_get::<String>("", "entity")?) else { continue };
        found.push(Quarantined {
            entity,
            source_id: row.try_get("", "source_id")?,
            error: row.try_get("", "error")?,
            position: row.try_get("", "position")?,
            attempts: row.try_get("", "attempts")?,
            first_at: row.try_get("", "first_at")?,
            last_at: row.try_get("", "last_at")?,
            discarded: row.try_get("", "discarded")?,
        });
    }
    Ok(found)
}

/// Marks keys as discarded, and returns how many were not before.
pub(crate) async fn discard(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: QuarantineFilter<'_>,
) -> Result<u64, DbErr> {
    let sql = format!(
        "update quarantine set discarded = true where source_system = $1 and not discarded and {}",
        QuarantineFilter::condition(2)
    );
    let mut values: Vec<Value> = vec![scope.source.as_str().into()];
    values.extend(filter.values());
    Ok(execute(db, &sql, values).await?.rows_affected())
}

/// Puts records in, or counts another attempt, and returns how many were not there before.
pub(crate) async fn put(
    work: &DatabaseTransaction,
    scope: &Scope,
    errors: &[&RecordError],
    position: &str,
) -> Result<u64, DbErr> {
    let before = count(work, scope).await?;
    let mut values = vec![scope.tenant.as_str().into(), scope.source.as_str().into(), position.into()];
    // Two forms of one key may both have been asked for.
    let distinct: BTreeMap<(Entity, &str), String> = errors
        .iter()
        .map(|error| ((error.entity, error.key.as_str()), format!("{}: {}", error.field, error.rule)))
        .collect();
    let mut columns = vec![Vec::new(); 3];
    for ((entity, key), error) in distinct {
        for (column, text) in columns.iter_mut().zip([entity.name(), key, &error]) {
            column.push(text.to_owned());
        }
    }
    let given =
        given(work.get_database_backend(), "q", &["entity", "source_id", "error"], columns, &mut values);
    let sql = format!(
        "insert into quarantine (tenant_id, source_system, entity, source_id, error, position)
         select $1, $2, q.entity, q.source_id, q.error, $3 from {given} where true
         on conflict (tenant_id, source_system, entity, source_id) do update
         set discarded = quarantine.discarded and quarantine.error = excluded.error, error = excluded.error,
             position = excluded.position, attempts = quarantine.attempts + 1, last_at = now()"
    );
    execute(work, &sql, values).await?;
    Ok(u64::try_from(count(work, scope).await? - before).unwrap_or(0))
}

/// Takes records out that were applied, or are gone.
pub(crate) async fn release<'a>(
    work: &DatabaseTransaction,
    scope: &Scope,
    entity: Entity,
    keys: impl Iterator<Item = &'a str>,
) -> Result<(), DbErr> {
    execute(
        work,
        "delete from quarantine where source_system = $1 and entity = $2 and source_id = any ($3)",
        vec![scope.source.as_str().into(), entity.name().into(), texts(keys)],
    )
    .await?;
    Ok(())
}
