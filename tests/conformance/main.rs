//! Every answer about every account of every sample retailer, against the OpenAPI document that is served, against the
//! World, and against the standard's own OpenAPI documents and what those leave out.
//!
//! The standard's documents are not part of this repository. Without them what needs them says so and is left out;
//! `make conformance CDS=DIR` runs it with a copy in that folder.

#[path = "../oracles/answers.rs"]
mod answers;
#[path = "../scene/mod.rs"]
mod scene;

mod official;
mod ours;
mod rules;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use official::Official;
use ours::Ours;
use scene::workload::{Workload, work};
use scene::{Place, Scene};
use wattle_api::endpoints::{Access, served};
use wattle_sqlserver::Capture;
use wattle_tds_simulator::SqlServer;
use wattle_testbed::{MariaDb, Postgres};

/// Enough that every kind of account is among them.
const CUSTOMERS: u32 = 120;
/// Things that happen before anything is asked.
const STEPS: u64 = 60;

#[actix_web::test]
async fn what_correa_serves_is_the_standards() -> Result<()> {
    let server = Postgres::start().await?;
    conform(Place::On(&server), Place::On(&server)).await
}

#[actix_web::test]
async fn what_dianella_serves_is_the_standards() -> Result<()> {
    conform(Place::InFiles, Place::InFiles).await
}

#[actix_web::test]
async fn what_banksia_serves_is_the_standards() -> Result<()> {
    let server = MariaDb::start().await?;
    conform(Place::OnMariaDb(&server), Place::InFiles).await
}

#[actix_web::test]
async fn what_acacia_serves_is_the_standards() -> Result<()> {
    let server = SqlServer::start().await?;
    conform(Place::OnSqlServer(&server, Capture::ChangeTracking), Place::InFiles).await
}

async fn conform(source: Place<'_>, target: Place<'_>) -> Result<()> {
    let (ours, official) = (Ours::new()?, Official::read()?);
    let scene = Scene::create(source, target, CUSTOMERS, 7).await?;
    let mut workload = Workload::open(&scene.retailer).await?;
    work(&mut workload, STEPS).await?;
    let tenant = scene.retailer.name();
    scene.onboard(tenant, &scene.retailer).await?;
    scene.run(&["hydrate", tenant]).await?;

    let mut checked: BTreeMap<String, usize> = BTreeMap::new();
    let mut check = |operation: &str, body: &serde_json::Value| {
        *checked.entry(operation.to_owned()).or_default() += 1;
        ours.check(operation, body)?;
        official.as_ref().map_or(Ok(()), |official| official.check(operation, body))
    };
    let compared = answers::assert_equal_to_the_world(&scene, tenant, &workload, &mut check).await?;
    ensure!(compared > 1_000, "only {compared} values were compared");
    for endpoint in served().filter(|endpoint| endpoint.access != Access::Public) {
        let count = checked.get(endpoint.operation_id).copied().unwrap_or_default();
        ensure!(count > 0, "{} was never asked", endpoint.operation_id);
    }
    Ok(())
}

/// What the standard has of each served endpoint, it has in our document too: parameters, and answers by status.
#[test]
fn our_document_has_what_the_official_one_has() -> Result<()> {
    let Some(official) = Official::read()? else { return Ok(()) };
    let ours = wattle_api::openapi::document();
    for endpoint in served() {
        let theirs = official.operation(endpoint.operation_id).context(endpoint.operation_id)?;
        let method = endpoint.method.as_str().to_ascii_lowercase();
        let ours = &ours["paths"][endpoint.path][method];
        let names = |operation: &serde_json::Value| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let mut names: Vec<String> = parameters
                .map(|parameter| official.resolved(parameter))
                .map(|parameter| format!("{} in {}", parameter["name"], parameter["in"]))
                .collect();
            names.sort();
            names
        };
        ensure!(
            names(ours) == names(theirs),
            "{}: {:?}, and officially {:?}",
            endpoint.operation_id,
            names(ours),
            names(theirs)
        );
        for status in theirs["responses"].as_object().context("responses")?.keys() {
            if ours["responses"].get(status).is_none() {
                bail!("{}: {status} is missing", endpoint.operation_id);
            }
        }
    }
    Ok(())
}
