//! The archive as an operator has it: settings, the environment, and `wattle replay`.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use wattle_testbed::Launch;

use crate::s3::S3;
use crate::scene::{PATIENCE, Place, Scene};

const TENANT: &str = "dianella";

async fn scene() -> Result<Scene> {
    let scene = Scene::create(Place::InFiles, Place::InFiles, 5, 1).await?;
    scene.onboard(TENANT, &scene.retailer).await?;
    Ok(scene)
}

fn replay(scene: &Scene, more: &[&str]) -> Launch {
    let today = chrono::Utc::now().date_naive();
    let (from, to) = ((today - chrono::Days::new(1)).to_string(), today.to_string());
    let mut args = vec!["replay", TENANT, "--from", &from, "--to", &to, "--json"];
    args.extend(more);
    scene.wattle(&args)
}

#[tokio::test]
async fn the_archive_is_in_the_targets_folder_and_can_be_replayed() -> Result<()> {
    let scene = scene().await?;
    scene.run(&["hydrate", TENANT]).await?;
    let synced = scene.wattle(&["sync", "--until-idle"]).run(PATIENCE).await?;
    ensure!(synced.stderr.contains("archives what it hears"), "{}", synced.stderr);
    synced.success()?;
    let previewed: Value =
        serde_json::from_str(&replay(&scene, &["--dry-run"]).run(PATIENCE).await?.success()?)?;
    let preview = &previewed[0]["preview"];
    ensure!(
        preview["distinct_keys"].as_u64() > Some(5) && preview["damaged"] == serde_json::json!([]),
        "{preview}"
    );

    let replayed: Value =
        serde_json::from_str(&replay(&scene, &["--entity", "account"]).run(PATIENCE).await?.success()?)?;
    ensure!(replayed[0]["job"]["state"] == "done" && replayed[0]["job"]["kind"] == "replay", "{replayed}");

    // Every file is found in the folder, and one of them is broken.
    let wattle_testbed::Target::Sqlite(target) = &scene.target else { anyhow::bail!("it is a folder") };
    let source = target.path().join(format!("target/archive/tenant={TENANT}/source=main"));
    let day = std::fs::read_dir(&source)?.next().context("it has a day")??.path();
    let mut files: Vec<_> = std::fs::read_dir(&day)?.collect::<Result<_, _>>()?;
    files.sort_by_key(std::fs::DirEntry::path);
    let data =
        files.iter().map(std::fs::DirEntry::path).find(|path| path.extension().is_some_and(|e| e == "zst"));
    let data = data.context("it has a file")?;
    std::fs::write(&data, "broken")?;
    let refused = replay(&scene, &[]).run(PATIENCE).await?;
    ensure!(!refused.status.success(), "a damaged file was replayed");
    let name = data.file_name().context("it has a name")?.to_string_lossy();
    ensure!(refused.stdout.contains(&*name) && !refused.stdout.contains("\"job\""), "{}", refused.stdout);
    let skipped = replay(&scene, &["--skip-damaged"]).run(PATIENCE).await?.success()?;
    ensure!(skipped.contains(&*name) && skipped.contains("\"job\""), "{skipped}");
    Ok(())
}

#[tokio::test]
async fn credentials_come_from_the_environment_and_none_turns_it_off() -> Result<()> {
    let scene = scene().await?;
    let server = S3::start().await?;
    let with = |launch: Launch, url: &str| {
        let launch = launch.env("WATTLE_ARCHIVE_URL", url);
        server.variables().into_iter().fold(launch, |launch, (name, value)| launch.env(name, value))
    };
    let synced = with(scene.wattle(&["sync", "--until-idle"]), "none").run(PATIENCE).await?;
    ensure!(synced.stderr.contains("archives nothing"), "{}", synced.stderr);
    synced.success()?;
    let url = S3::url("wattle");
    let synced = with(scene.wattle(&["sync", "--until-idle"]), &url).run(PATIENCE).await?;
    ensure!(synced.stderr.contains(&url) && !synced.stderr.contains("secret"), "{}", synced.stderr);
    synced.success()?;
    scene.run(&["hydrate", TENANT]).await?;
    with(scene.wattle(&["sync", "--until-idle"]), &url).run(PATIENCE).await?.success()?;
    let preview = with(replay(&scene, &["--dry-run"]), &url).run(PATIENCE).await?.success()?;
    let preview: Value = serde_json::from_str(&preview)?;
    ensure!(preview[0]["preview"]["changes"].as_u64() > Some(5), "{preview}");
    Ok(())
}

#[tokio::test]
async fn an_address_of_no_use_is_refused_at_the_start() -> Result<()> {
    let scene = scene().await?;
    for (url, words) in [("ftp://x", "archive.url"), ("s3://KEY:SECRET@bucket", "environment")] {
        let refused =
            scene.wattle(&["sync", "--until-idle"]).env("WATTLE_ARCHIVE_URL", url).run(PATIENCE).await?;
        ensure!(!refused.status.success() && refused.stderr.contains(words), "{}", refused.stderr);
        ensure!(!refused.stderr.contains("SECRET"), "{}", refused.stderr);
    }
    Ok(())
}
