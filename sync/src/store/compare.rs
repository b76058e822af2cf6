//! Comparing fetched records with what the target has of them: the same columns and casts as an upsert, and no write.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbErr};
use serde_json::Value as Json;
use wattle_core::{Entity, EntityGraph, Key, Record};
use wattle_tenants::dialect::given;

use super::records::{columns, look, values};
use super::{Scope, due, lineage, query, texts};

/// How a record differs from what the target has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    /// The source has it, and its owners are there; the target lacks it.
    Missing,
    /// The target has it, and should not.
    Extra,
    /// Both have it, and not alike.
    Changed,
}

/// Those of these records that the target does not have as they are.
pub(crate) async fn differing(
    db: &impl ConnectionTrait,
    scope: &Scope,
    graph: &EntityGraph,
    entity: Entity,
    records: &[&Record],
) -> Result<BTreeMap<Key, Difference>, DbErr> {
    if records.is_empty() {
        return Ok(BTreeMap::new());
    }
    let orphans: BTreeSet<String> = look(db, scope, entity, records).await?.orphans.into_iter().collect();
    let columns = columns(entity);
    let mut lists: Vec<Vec<String>> = vec![Vec::with_capacity(records.len()); columns.len() + 1];
    for record in records {
        lists[0].push(record.key.as_str().to_owned());
        for (list, value) in lists[1..].iter_mut().zip(values(record)) {
            list.push(value);
        }
    }
    let mut names = vec!["source_id"];
    names.extend(columns.iter().map(|column| column.name));
    let mut parameters = vec![scope.tenant.as_str().into(), scope.source.as_str().into()];
    let given = given(db.get_database_backend(), "g", &names, lists, &mut parameters);
    let join = |render: &dyn Fn(&str, &str) -> String| {
        columns.iter().map(|column| render(column.name, column.cast)).collect::<Vec<_>>().join(", ")
    };
    let sql = format!(
        "select g.source_id, t.source_id is null as missing, ({current}) is distinct from ({fetched}) as differs
         from {given}
         left join {entity} t on t.tenant_id = $1 and t.source_system = $2 and t.source_id = g.source_id",
        current = join(&|name, _| format!("t.{name}")),
        fetched = join(&|name, cast| format!("g.{name}::{cast}")),
    );
    let mut differing = BTreeMap::new();
    for row in query(db, &sql, parameters).await? {
        let id: String = row.try_get("", "source_id")?;
        let (missing, orphan) = (row.try_get("", "missing")?, orphans.contains(&id));
        let difference = match (missing, orphan) {
            (true, true) => continue,
            (true, false) => Difference::Missing,
            (false, true) => Difference::Extra,
            (false, false) if row.try_get("", "differs")? => Difference::Changed,
            (false, false) => continue,
        };
        differing.insert(Key::from_canonical(id), difference);
    }
    let there: Vec<&Record> =
        records.iter().copied().filter(|record| !orphans.contains(record.key.as_str())).collect();
    let mut beside = due::differing(db, scope, entity, &there).await?;
    if !graph.reads(entity).is_empty() {
        beside.extend(lineage::differing(db, scope, graph, entity, &there).await?);
    }
    for id in beside {
        differing.entry(Key::from_canonical(id)).or_insert(Difference::Changed);
    }
    Ok(differing)
}

/// Those of these keys that the target has records of.
pub(crate) async fn there(
    db: &impl ConnectionTrait,
    scope: &Scope,
    entity: Entity,
    keys: &[Key],
) -> Result<BTreeSet<Key>, DbErr> {
    ids_of(db, scope, &format!("from {entity} where true"), keys).await
}

/// Those of these keys that are in quarantine.
pub(crate) async fn quarantined(
    db: &impl ConnectionTrait,
    scope: &Scope,
    entity: Entity,
    keys: &[Key],
) -> Result<BTreeSet<Key>, DbErr> {
    ids_of(db, scope, &format!("from quarantine where entity = '{entity}'"), keys).await
}

async fn ids_of(
    db: &impl ConnectionTrait,
    scope: &Scope,
    from: &str,
    keys: &[Key],
) -> Result<BTreeSet<Key>, DbErr> {
    let sql =
        format!("select source_id {from} and tenant_id = $1 and source_system = $2 and source_id = any ($3)");
    let rows = query(
        db,
        &sql,
        vec![scope.tenant.as_str().into(), scope.source.as_str().into(), texts(keys.iter().map(Key::as_str))],
    )
    .await?;
    rows.iter().map(|row| Ok(Key::from_canonical(row.try_get::<String>("", "source_id")?))).collect()
}

/// The body that the target has of a record, whole, for entities that have one.
pub(crate) async fn body(
    db: &impl ConnectionTrait,
    scope: &Scope,
    entity: Entity,
    key: &Key,
) -> Result<Option<Json>, DbErr> {
    let column = match entity {
        Entity::Customer | Entity::Account => "detail",
        Entity::Plan
        | Entity::Invoice
        | Entity::BillingTransaction
        | Entity::PaymentSchedule
        | Entity::Concession => "body",
        Entity::Holding | Entity::Balance => return Ok(None),
    };
    let sql = format!(
        "select {column} as body from {entity} where tenant_id = $1 and source_system = $2 and source_id = $3"
    );
    let values = vec![scope.tenant.as_str().into(), scope.source.as_str().into(), key.as_str().into()];
    let rows = query(db, &sql, values).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let text: String = row.try_get("", "body")?;
    Ok(serde_json::from_str(&text).ok())
}
