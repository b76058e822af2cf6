//! Records: upsert with an unchanged-row guard, delete, and pages of what is there.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use serde_json::Value as Json;
use wattle_core::entity::{account_list_shape, pick};
use wattle_core::{Entity, Key, Record};

use super::{Scope, query, texts};

/// A column beyond the key: its name, and the type that its text is cast to.
struct Column {
    name: &'static str,
    cast: &'static str,
}

const fn column(name: &'static str) -> Column {
    Column { name, cast: "text" }
}

/// The columns of an entity's table, in the order of [`values`].
fn columns(entity: Entity) -> &'static [Column] {
    match entity {
        Entity::Customer | Entity::Plan => const { &[column("body")] },
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

fn values(record: &Record) -> Vec<String> {
    let owner = |at: usize| record.owners[at].as_str().to_owned();
    let field = |name: &str| match &record.body[name] {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let body = record.body.to_string();
    match record.entity {
        Entity::Customer | Entity::Plan => vec![body],
        Entity::Account => {
            let open = record.body.get("openStatus").and_then(Json::as_str).unwrap_or("OPEN");
            let plans = serde_json::to_string(&record.plan_ids()).expect("a list of texts");
            vec![open.to_owned(), plans, pick(account_list_shape(), &record.body).to_string(), body]
        }
        Entity::Holding => vec![owner(0), owner(1), field("role"), field("shareable")],
        Entity::Balance => vec![owner(0), field("balance")],
        Entity::Invoice => vec![owner(0), field("issueDate"), body],
        Entity::BillingTransaction => vec![owner(0), field("executionDateTime"), body],
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
    let columns = columns(entity);
    let mut lists: Vec<Vec<String>> = vec![Vec::with_capacity(records.len()); columns.len() + 1];
    for record in records {
        lists[0].push(record.key.as_str().to_owned());
        for (list, value) in lists[1..].iter_mut().zip(values(record)) {
            list.push(value);
        }
    }
    let mut parameters = vec![scope.tenant.as_str().into(), scope.source.as_str().into()];
    parameters.extend(lists.into_iter().map(sea_orm::Value::from));
    let rows = query(work, &upsert_sql(entity, columns), parameters).await?;
    let mut upserted = Upserted::default();
    for row in rows {
        let id: String = row.try_get("", "source_id")?;
        match row.try_get::<String>("", "outcome")?.as_str() {
            "orphan" => upserted.orphans.push(id),
            "inserted" => {
                upserted.inserted.push(id);
                upserted.written += 1;
            }
            _ => upserted.written += 1,
        }
    }
    Ok(upserted)
}

fn upsert_sql(entity: Entity, columns: &[Column]) -> String {
    let join = |render: &dyn Fn(&Column) -> String| columns.iter().map(render).collect::<Vec<_>>().join(", ");
    let names = join(&|c| c.name.to_owned());
    let arrays: Vec<String> = (0..=columns.len()).map(|at| format!("${}::text[]", at + 3)).collect();
    let present: Vec<String> = entity
        .owners()
        .iter()
        .map(|owner| {
            format!(
                "exists (select from {owner} o where o.tenant_id = $1 and o.source_system = $2 and o.source_id = g.{})",
                owner_column(*owner)
            )
        })
        .collect();
    let present = if present.is_empty() { "true".to_owned() } else { present.join(" and ") };
    format!(
        "with given as (select g.*, {present} as owned from unnest({arrays}) as g (source_id, {names})),
         written as (
             insert into {entity} as t (tenant_id, source_system, source_id, {names})
             select $1, $2, g.source_id, {casts} from given g where g.owned
             on conflict (tenant_id, source_system, source_id) do update set {sets}
             where ({current}) is distinct from ({excluded})
             returning t.source_id, xmax = 0 as inserted)
         select source_id, case when inserted then 'inserted' else 'updated' end as outcome from written
         union all select source_id, 'orphan' from given where not owned",
        arrays = arrays.join(", "),
        casts = join(&|c| format!("g.{}::{}", c.name, c.cast)),
        sets = join(&|c| format!("{0} = excluded.{0}", c.name)),
        current = join(&|c| format!("t.{}", c.name)),
        excluded = join(&|c| format!("excluded.{}", c.name)),
    )
}

/// Deletes records by id and returns those that were there.
pub(crate) async fn delete(
    work: &DatabaseTransaction,
    scope: &Scope,
    entity: Entity,
    ids: &[String],
) -> Result<Vec<String>, DbErr> {
    let sql = format!(
        "delete from {entity} where tenant_id = $1 and source_system = $2 and source_id = any ($3) returning source_id"
    );
    deleted(work, scope, &sql, ids).await
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
    deleted(work, scope, &sql, owner_ids).await
}

async fn deleted(
    work: &DatabaseTransaction,
    scope: &Scope,
    sql: &str,
    ids: &[String],
) -> Result<Vec<String>, DbErr> {
    let parameters = vec![
        scope.tenant.as_str().into(),
        scope.source.as_str().into(),
        texts(ids.iter().map(String::as_str)),
    ];
    let rows = query(work, sql, parameters).await?;
    rows.iter().map(|row| row.try_get("", "source_id")).collect()
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
