//! The archive equals what was captured, change by change.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use chrono::{TimeDelta, Utc};
use sea_orm::ConnectionTrait;
use serde_json::Value;
use wattle_core::{SourceSystem, TenantId};
use wattle_sync::Archive;
use wattle_sync::archive::reader::Reader;
use wattle_tenants::dialect::statement;

use crate::scene::Scene;

/// Lane, position, source position, kind, node and key of a change.
type Entry = (String, i64, String, String, String, String);

/// Reads all that was archived of a tenant's source and all that its stream has, and compares. Answers how many changes
/// there are.
pub(crate) async fn assert_equal_to_the_stream(scene: &Scene, tenant: &str) -> Result<usize> {
    let archive = Arc::new(Archive::open(&scene.archive().display().to_string())?);
    let today = Utc::now().date_naive();
    let (tenant_id, system) = (TenantId::parse(tenant)?, SourceSystem::parse("main")?);
    let reader = Reader::open(archive, &tenant_id, &system, today - TimeDelta::days(1), today).await?;
    ensure!(reader.gaps().is_empty(), "the archive has gaps: {:?}", reader.gaps());
    let mut archived = Vec::new();
    for file in reader.files() {
        let whole = reader.read(*file).await?;
        let lane = whole.manifest().lane.clone();
        for change in whole.changes() {
            let change = change?;
            archived.push((lane.clone(), change.seq, change.position, change.kind, change.node, change.key));
        }
    }
    archived.sort();
    let mut captured = captured(scene, tenant).await?;
    captured.sort();
    ensure!(
        archived.len() == captured.len(),
        "{} of {} changes are archived",
        archived.len(),
        captured.len()
    );
    for (archived, captured) in archived.iter().zip(&captured) {
        ensure!(archived == captured, "{captured:?} is archived as {archived:?}");
    }
    Ok(archived.len())
}

async fn captured(scene: &Scene, tenant: &str) -> Result<Vec<Entry>> {
    let session = scene.session(tenant).await?;
    let sql = "select lane, first_seq, changes from stream_event";
    let rows =
        session.db().query_all_raw(statement(session.db().get_database_backend(), sql, vec![])).await?;
    let mut captured = Vec::new();
    for row in rows {
        let (lane, first): (String, i64) = (row.try_get("", "lane")?, row.try_get("", "first_seq")?);
        let groups: Vec<Value> = serde_json::from_str(&row.try_get::<String>("", "changes")?)?;
        let mut seq = first;
        for group in groups {
            let position = text(&group["p"])?;
            for change in group["c"].as_array().context("changes are a list")? {
                let [kind, node, key] = [&change[0], &change[1], &change[2]].map(text);
                captured.push((lane.clone(), seq, position.clone(), kind?, node?, key?));
                seq += 1;
            }
        }
    }
    Ok(captured)
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().context("it is a text")?.to_owned())
}
