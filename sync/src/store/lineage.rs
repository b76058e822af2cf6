//! Lineage: the captured rows that records were built from.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, QueryResult};
use wattle_core::{Entity, EntityGraph, Key, NodeId, Record};
use wattle_tenants::dialect::given;

use super::{Scope, execute, query, records_of, texts};

/// The records that these rows used to feed, up to a limit.
pub(crate) async fn look_up(
    db: &impl ConnectionTrait,
    scope: &Scope,
    node: &str,
    keys: &[Key],
    limit: usize,
) -> Result<Vec<(Entity, Key)>, DbErr> {
    let rows = query(
        db,
        "select distinct entity, source_id from lineage
         where tenant_id = $5 and source_system = $1 and node = $2 and node_key = any ($3) limit $4",
        vec![
            scope.source.as_str().into(),
            node.into(),
            texts(keys.iter().map(Key::as_str)),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
            scope.tenant.as_str().into(),
        ],
    )
    .await?;
    records_of(&rows)
}

/// A page of the records that any of these rows used to feed, or any row of the node, after a record.
pub(crate) async fn page(
    db: &impl ConnectionTrait,
    scope: &Scope,
    node: &str,
    keys: Option<&[Key]>,
    after: Option<(&str, &str)>,
    limit: usize,
) -> Result<Vec<(Entity, Key)>, DbErr> {
    let (after_entity, after_id) = after.unwrap_or(("", ""));
    let rows = query(
        db,
        "select distinct entity, source_id from lineage
         where tenant_id = $8 and source_system = $1 and node = $2 and ($3 or node_key = any ($4)) and (entity, source_id) > ($5, $6)
         order by entity, source_id limit $7",
        vec![
            scope.source.as_str().into(),
            node.into(),
            keys.is_none().into(),
            texts(keys.unwrap_or_default().iter().map(Key::as_str)),
            after_entity.into(),
            after_id.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
            scope.tenant.as_str().into(),
        ],
    )
    .await?;
    records_of(&rows)
}

/// A record's id, and the node and key of a row that it was built from.
pub(crate) type Row<'a> = (&'a str, NodeId, &'a str);

fn rows_of<'a>(records: &[&'a Record]) -> Vec<Row<'a>> {
    let rows = |record: &'a Record| {
        record.lineage.iter().map(|(node, key)| (record.key.as_str(), *node, key.as_str()))
    };
    records.iter().copied().flat_map(rows).collect()
}

const COLUMNS: [&str; 3] = ["source_id", "node", "node_key"];

fn columns(graph: &EntityGraph, rows: &[Row<'_>]) -> Vec<Vec<String>> {
    vec![
        rows.iter().map(|(id, _, _)| (*id).to_owned()).collect(),
        rows.iter().map(|(_, node, _)| graph.node(*node).name.clone()).collect(),
        rows.iter().map(|(_, _, key)| (*key).to_owned()).collect(),
    ]
}

/// What is stored of the records `$3` of the entity `$2`, of the source `$1`.
///
/// On PostgreSQL each record is looked up by itself. A table that was never analysed is thought to have next to no rows
/// of a source and an entity: an array of ids would filter what is found by those two, which is all that was hydrated
/// so far.
fn stored(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => {
            "(select of_record.* from unnest($3::text[]) as asked (id) cross join lateral (
                  select source_id, node, node_key from lineage
                  where source_system = $1 and entity = $2 and source_id = asked.id offset 0) as of_record)"
        }
        _ => {
            "(select source_id, node, node_key from lineage
              where source_system = $1 and entity = $2 and source_id = any ($3))"
        }
    }
}

/// Rewrites the lineage of records that were fetched. Mostly it is as before, and nothing is written.
pub(crate) async fn rewrite(
    work: &DatabaseTransaction,
    scope: &Scope,
    graph: &EntityGraph,
    entity: Entity,
    records: &[&Record],
) -> Result<(), DbErr> {
    let rows = rows_of(records);
    let ids = texts(records.iter().map(|record| record.key.as_str()));
    let mut values = vec![scope.source.as_str().into(), entity.name().into(), ids];
    let given = given(work.get_database_backend(), "g", &COLUMNS, columns(graph, &rows), &mut values);
    let sql = format!(
        "select source_id, node, node_key from {} as stored
         where (source_id, node, node_key) not in (select g.source_id, g.node, g.node_key from {given})",
        stored(work.get_database_backend())
    );
    let outdated = query(work, &sql, values).await?;
    if !outdated.is_empty() {
        remove(work, scope, entity, &outdated).await?;
    }
    add(work, scope, graph, entity, &rows).await
}

/// Removes stored lineage, as it was read.
async fn remove(
    work: &DatabaseTransaction,
    scope: &Scope,
    entity: Entity,
    outdated: &[QueryResult],
) -> Result<(), DbErr> {
    let column = |name: &str| outdated.iter().map(|row| row.try_get::<String>("", name)).collect();
    let columns: Vec<Vec<String>> = COLUMNS.into_iter().map(column).collect::<Result<_, _>>()?;
    let mut values = vec![scope.source.as_str().into(), entity.name().into()];
    let given = given(work.get_database_backend(), "g", &COLUMNS, columns, &mut values);
    let sql = format!(
        "delete from lineage where source_system = $1 and entity = $2
             and (source_id, node, node_key) in (select g.source_id, g.node, g.node_key from {given})"
    );
    execute(work, &sql, values).await?;
    Ok(())
}

/// Adds to the lineage of records.
pub(crate) async fn add(
    work: &DatabaseTransaction,
    scope: &Scope,
    graph: &EntityGraph,
    entity: Entity,
    rows: &[Row<'_>],
) -> Result<(), DbErr> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut values = vec![scope.tenant.as_str().into(), scope.source.as_str().into(), entity.name().into()];
    let given = given(work.get_database_backend(), "g", &COLUMNS, columns(graph, rows), &mut values);
    let sql = format!(
        "insert into lineage (tenant_id, source_system, node, node_key, entity, source_id)
         select $1, $2, g.node, g.node_key, $3, g.source_id from {given} where true on conflict do nothing"
    );
    execute(work, &sql, values).await?;
    Ok(())
}

/// Those of these records whose lineage is another one than was fetched.
pub(crate) async fn differing(
    db: &impl ConnectionTrait,
    scope: &Scope,
    graph: &EntityGraph,
    entity: Entity,
    records: &[&Record],
) -> Result<Vec<String>, DbErr> {
    let rows = rows_of(records);
    let ids = texts(records.iter().map(|record| record.key.as_str()));
    let mut values = vec![scope.source.as_str().into(), entity.name().into(), ids];
    let given = given(db.get_database_backend(), "g", &COLUMNS, columns(graph, &rows), &mut values);
    let sql = format!(
        "with fetched as (select distinct g.source_id, g.node, g.node_key from {given}),
              stored as (select source_id, node, node_key from {} as stored)
         select distinct source_id from (
             select * from (select * from fetched except select * from stored) as unknown
             union all
             select * from (select * from stored except select * from fetched) as outdated) as differing",
        stored(db.get_database_backend())
    );
    query(db, &sql, values).await?.iter().map(|row| row.try_get("", "source_id")).collect()
}

/// Forgets the lineage of records that are gone.
pub(crate) async fn forget(
    work: &DatabaseTransaction,
    scope: &Scope,
    entity: Entity,
    ids: &[String],
) -> Result<(), DbErr> {
    execute(
        work,
        "delete from lineage where source_system = $1 and entity = $2 and source_id = any ($3)",
        vec![scope.source.as_str().into(), entity.name().into(), texts(ids.iter().map(String::as_str))],
    )
    .await?;
    Ok(())
}
