//! Records: upsert with an unchanged-row guard, delete, and pages of what is there.

use std::collections::HashSet;

use chrono::DateTime;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, QueryResult};
use serde_json::Value as Json;
use wattle_core::entity::{account_list_shape, customer_basic_shape, pick};
use wattle_core::{Entity, Key, Record};
use wattle_tenants::dialect::given;

use super::{Scope, execute, query, texts};

/// A column beyond the key: its name, and the type that its text is cast to.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) cast: &'static str,
}

const fn column(name: &'static str) -> Column {
    Column { name, cast: "text" }
}

/// The columns of an entity's table, in the order of [`values`].
pub(super) fn columns(entity: Entity) -> &'static [Column] {
    match entity {
        Entity::Customer => const { &[column("body"), column("detail")] },
        Entity::Plan => const { &[column("body")] },
        Entity::Account => {
            const { &[column("open_status"), column("plan_ids"), column("body"), column("detail")] }
        }
        Entity::Holding => {
            const {
                &[
                    column("customer_id"),
                    column("account_id"),
                    column("role"),
                    Column { name: "shareable", cast: "boolean" },
                ]
            }
        }
        Entity::Balance => const { &[column("account_id"), column("balance")] },
        Entity::PaymentSchedule | Entity::Concession => const { &[column("account_id"), column("body")] },
        Entity::Invoice => {
            const { &[column("account_id"), Column { name: "issue_date", cast: "date" }, column("body")] }
        }
        Entity::BillingTransaction => {
            const { &[column("account_id"), Column { name: "executed_at", cast: "timestamptz" }, column("body")] }
        }
    }
}

/// The column that names an owner.
fn owner_column(owner: Entity) -> String {
    format!("{owner}_id")
}

pub(super) fn values(record: &Record) -> Vec<String> {
    let owner = |at: usize| record.owners[at].as_str().to_owned();
    let field = |name: &str| match &record.body[name] {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let body = record.body.to_string();
    match record.entity {
        Entity::Customer => vec![pick(customer_basic_shape(), &record.body).to_string(), body],
        Entity::Plan => vec![body],
        Entity::Account => {
            let open = record.body.get("openStatus").and_then(Json::as_str).unwrap_or("OPEN");
            let plans = serde_json::to_string(&record.plan_ids()).expect("a list of texts");
            vec![open.to_owned(), plans, pick(account_list_shape(), &record.body).to_string(), body]
        }
        // As both engines read it.
        Entity::Holding => {
            let shareable = if field("shareable") == "true" { "1" } else { "0" };
            vec![owner(0), owner(1), field("role"), shareable.to_owned()]
        }
        Entity::Balance => vec![owner(0), field("balance")],
        Entity::PaymentSchedule | Entity::Concession => vec![owner(0), body],
        Entity::Invoice => vec![owner(0), field("issueDate"), body],
        Entity::BillingTransaction => {
            // In UTC, in which texts are ordered as the times are.
            let text = field("executionDateTime");
            let at = DateTime::parse_from_rfc3339(&text).map_or(text, |at| at.to_utc().to_rfc3339());
            vec![owner(0), at, body]
        }
    }
}

/// What became of an upsert.
#[derive(Debug, Default)]
pub(crate) struct Upserted {
    /// Records that were not there before.
    pub(crate) inserted: Vec<String>,
    /// Records that were skipped because an owner is absent.
    pub(crate) orphans: Vec<String>,
    /// Rows written: inserted or changed.
    pub(crate) written: u64,
}

/// Writes records whose owners are all present; an unchanged row is left alone.
pub(crate) async fn upsert(
    work: &DatabaseTransaction,
    scope: &Scope,
    entity: Entity,
    records: &[&Record],
) -> Result<Upserted, DbErr> {
    let backend = work.get_database_backend();
    let mut upserted = look(work, scope, entity, records).await?;
    let orphans: HashSet<&str> = upserted.orphans.iter().map(String::as_str).collect();
    let columns = columns(entity);
    let mut lists: Vec<Vec<String>> = vec![Vec::with_capacity(records.len()); columns.len() + 1];
    for record in records.iter().filter(|record| !orphans.contains(record.key.as_str())) {
        lists[0].push(record.key.as_str().to_owned());
        for (list, value) in lists[1..].iter_mut().zip(values(record)) {
            list.push(value);
        }
    }
    if lists[0].is_empty() {
        return Ok(upserted);
    }
    let mut names = vec!["source_id"];
    names.extend(columns.iter().map(|column| column.name));
    let mut parameters = vec![scope.tenant.as_str().into(), scope.source.as_str().into()];
    let given = given(backend, "g", &names, lists, &mut parameters);
    let join = |render: &dyn Fn(&Column) -> String| columns.iter().map(render).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "insert into {entity} as t (tenant_id, source_system, source_id, {names})
         select $1, $2, g.source_id, {casts} from {given} where true
         on conflict (tenant_id, source_system, source_id) do update set {sets}
         where ({current}) is distinct from ({excluded})",
        names = join(&|c| c.name.to_owned()),
        casts = join(&|c| format!("g.{}::{}", c.name, c.cast)),
        sets = join(&|c| format!("{0} = excluded.{0}", c.name)),
        current = join(&|c| format!("t.{}", c.name)),
        excluded = join(&|c| format!("excluded.{}", c.name)),
    );
    if backend == DbBackend::Sqlite {
        upserted.written = execute(work, &sql, parameters).await?.rows_affected();
        return Ok(upserted);
    }
    // A row version that replaces another one has its transaction in `xmax`.
    let sql = format!("{sql} returning t.source_id, xmax = 0 as inserted");
    for row in query(work, &sql, parameters).await? {
        upserted.written += 1;
        if row.try_get("", "inserted")? {
            upserted.inserted.push(row.try_get("", "source_id")?);
        }
    }
    Ok(upserted)
}

/// Which of these records have no owner to belong to, and on SQLite, which of the others are new. PostgreSQL says that
/// itself when they are written; before it has statistics it would read the whole table to find out.
pub(super) async fn look(
    work: &impl ConnectionTrait,
    scope: &Scope,
    entity: Entity,
    records: &[&Record],
) -> Result<Upserted, DbErr> {
    let sqlite = work.get_database_backend() == DbBackend::Sqlite;
    if !sqlite && entity.owners().is_empty() {
        return Ok(Upserted::default());
    }
    let owners: Vec<String> = entity.owners().iter().map(|owner| owner_column(*owner)).collect();
    let mut names = vec!["source_id"];
    names.extend(owners.iter().map(String::as_str));
    let mut lists = vec![records.iter().map(|record| record.key.as_str().to_owned()).collect::<Vec<_>>()];
    lists.extend(
        (0..owners.len())
            .map(|at| records.iter().map(|record| record.owners[at].as_str().to_owned()).collect()),
    );
    let mut parameters = vec![scope.tenant.as_str().into(), scope.source.as_str().into()];
    let given = given(work.get_database_backend(), "g", &names, lists, &mut parameters);
    let has = |table: Entity, column: &str| {
        format!(
            "exists (select 1 from {table} o
                     where o.tenant_id = $1 and o.source_system = $2 and o.source_id = g.{column})"
        )
    };
    let mut owned: Vec<String> =
        entity.owners().iter().zip(&owners).map(|(owner, column)| has(*owner, column)).collect();
    owned.push("true".to_owned());
    let sql = format!(
        "select source_id, owned from (
             select g.source_id, {owned} as owned, {known} as known from {given}) as seen
         where not owned or not known",
        owned = owned.join(" and "),
        known = if sqlite { has(entity, "source_id") } else { "true".to_owned() },
    );
    let mut upserted = Upserted::default();
    for row in query(work, &sql, parameters).await? {
        let id: String = row.try_get("", "source_id")?;
        let list = if row.try_get("", "owned")? { &mut upserted.inserted } else { &mut upserted.orphans };
        list.push(id);
    }
    Ok(upserted)
}

/// Deletes records by id and returns those that were there, each with the id of its owner of this kind.
pub(crate) async fn delete(
    work: &DatabaseTransaction,
    scope: &Scope,
    entity: Entity,
    owner: Option<Entity>,
    ids: &[String],
) -> Result<Vec<(String, Option<String>)>, DbErr> {
    let owner = owner.map_or("null".to_owned(), owner_column);
    let sql = format!(
        "delete from {entity} where tenant_id = $1 and source_system = $2 and source_id = any ($3)
         returning source_id, {owner} as owner_id"
    );
    deleted(work, scope, &sql, ids, |row| Ok((row.try_get("", "source_id")?, row.try_get("", "owner_id")?)))
        .await
}

/// Deletes the records of an entity that these owners own and returns them.
pub(crate) async fn delete_owned(
    work: &DatabaseTransaction,
    scope: &Scope,
    entity: Entity,
    owner: Entity,
    owner_ids: &[String],
) -> Result<Vec<String>, DbErr> {
    let sql = format!(
        "delete from {entity} where tenant_id = $1 and source_system = $2 and {} = any ($3) returning source_id",
        owner_column(owner)
    );
    deleted(work, scope, &sql, owner_ids, |row| row.try_get("", "source_id")).await
}

async fn deleted<T>(
    work: &DatabaseTransaction,
    scope: &Scope,
    sql: &str,
    ids: &[String],
    read: impl FnMut(&QueryResult) -> Result<T, DbErr>,
) -> Result<Vec<T>, DbErr> {
    let parameters = vec![
        scope.tenant.as_str().into(),
        scope.source.as_str().into(),
        texts(ids.iter().map(String::as_str)),
    ];
    query(work, sql, parameters).await?.iter().map(read).collect()
}

/// The first and the last records of an entity by their ids, as many of each, but for some.
pub(crate) async fn ends(
    db: &impl ConnectionTrait,
    scope: &Scope,
    entity: Entity,
    but: &[Key],
    each: usize,
) -> Result<Vec<Key>, DbErr> {
    let end = |order: &str| {
        format!(
            "select source_id from (
                 select source_id from {entity}
                 where tenant_id = $1 and source_system = $2 and not (source_id = any ($3))
                 order by source_id {order} limit $4) as end_{order}"
        )
    };
    let rows = query(
        db,
        &format!("{} union {}", end("asc"), end("desc")),
        vec![
            scope.tenant.as_str().into(),
            scope.source.as_str().into(),
            texts(but.iter().map(Key::as_str)),
            i64::try_from(each).unwrap_or(i64::MAX).into(),
        ],
    )
    .await?;
    rows.iter().map(|row| Ok(Key::from_canonical(row.try_get::<String>("", "source_id")?))).collect()
}

/// A page of the ids of an entity's records.
pub(crate) async fn page(
    db: &impl ConnectionTrait,
    scope: &Scope,
    entity: Entity,
    after: Option<&Key>,
    limit: usize,
) -> Result<Vec<Key>, DbErr> {
    let sql = format!(
        "select source_id from {entity} where tenant_id = $1 and source_system = $2 and source_id > $3
         order by source_id limit $4"
    );
    let rows = query(
        db,
        &sql,
        vec![
            scope.tenant.as_str().into(),
            scope.source.as_str().into(),
            after.map_or("", Key::as_str).into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await?;
    rows.iter().map(|row| Ok(Key::from_canonical(row.try_get::<String>("", "source_id")?))).collect()
}
