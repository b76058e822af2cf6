//! The SQL of sync, one statement a function, written as PostgreSQL reads it and translated for SQLite. Table names are
//! the tenant's own: every statement runs in a tenant's session.

pub(crate) mod archive;
pub(crate) mod compare;
pub(crate) mod due;
pub(crate) mod entity_pause;
pub(crate) mod jobs;
pub(crate) mod lineage;
pub(crate) mod marker;
pub(crate) mod quarantine;
pub(crate) mod records;
pub(crate) mod retention;
pub(crate) mod segment;
pub(crate) mod source_state;
pub(crate) mod sources;
pub(crate) mod stream;

use sea_orm::{ConnectionTrait, DbErr, ExecResult, QueryResult, Value};
use wattle_core::{Entity, Key, SourceSystem, TenantId};
use wattle_tenants::dialect::statement;

/// Whose rows: every tenant table begins with these.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) tenant: String,
    pub(crate) source: String,
}

impl Scope {
    pub(crate) fn new(tenant: &TenantId, source: &SourceSystem) -> Self {
        Self { tenant: tenant.to_string(), source: source.to_string() }
    }

    /// Whose rows, by their types.
    pub(crate) fn ids(&self) -> (TenantId, SourceSystem) {
        let tenant = TenantId::parse(&self.tenant).expect("it was made from one");
        (tenant, SourceSystem::parse(&self.source).expect("it was made from one"))
    }
}

pub(crate) async fn execute(
    db: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<ExecResult, DbErr> {
    db.execute_raw(statement(db.get_database_backend(), sql, values)).await
}

pub(crate) async fn query(
    db: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<QueryResult>, DbErr> {
    db.query_all_raw(statement(db.get_database_backend(), sql, values)).await
}

/// The entity and key of each row. An entity that this release does not know has no records either.
pub(crate) fn records_of(rows: &[QueryResult]) -> Result<Vec<(Entity, Key)>, DbErr> {
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(entity) = Entity::from_name(&row.try_get::<String>("", "entity")?) {
            found.push((entity, Key::from_canonical(row.try_get::<String>("", "source_id")?)));
        }
    }
    Ok(found)
}

/// A text array parameter.
pub(crate) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Value {
    texts.into_iter().map(str::to_owned).collect::<Vec<String>>().into()
}
