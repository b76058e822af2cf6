//! A target as the first release left it.

use anyhow::{Context, Result};
use sea_orm::{ConnectOptions, ConnectionTrait, Database as Connection};
use wattle_migrations::dialect::translated;
use wattle_migrations::{Migrator, MigratorTrait};
use wattle_tenants::Secrets;
use wattle_testbed::{Engine, Target};

use super::{TENANT, onboard};

/// A tenant of the first schema, with an account `OLD` that the source has as well, and changes that were applied.
const TENANT_OF_IT: &str = "
insert into account (tenant_id, source_system, source_id, open_status, plan_ids, body, detail)
    values ('mini', 'main', 'OLD', 'OPEN', '[]', '{\"displayName\":\"Before\"}', '{}');
insert into stream_head (tenant_id, source_system, lane, last_seq) values ('mini', 'main', 'live', 7), ('mini', 'main', 'backfill', 0);
insert into marker (tenant_id, source_system, lane, seq) values ('mini', 'main', 'live', 7), ('mini', 'main', 'backfill', 0);
insert into source_state (tenant_id, source_system, state) values ('mini', 'main', 'stopped');";

/// Makes the target of a tenant that was onboarded with the first schema.
pub(super) async fn make(target: &Target, secrets: &Secrets) -> Result<()> {
    // How a master secret is told from another is Wattle's own affair: another target with the same one tells.
    let other = Target::new(Engine::Sqlite, "other").await?;
    onboard(&other.url(), secrets, TENANT).await?;
    let other = Connection::connect(format!("{}/{TENANT}.db", other.url())).await?;
    let check = other.query_one_raw(sea_orm::Statement::from_string(
        other.get_database_backend(),
        "select secret_check from tenant",
    ));
    let check: String = check.await?.context("it has a tenant")?.try_get("", "secret_check")?;
    let (db, login, schema) = match target {
        Target::Postgres(database) => {
            let mut options = ConnectOptions::new(target.url());
            options.set_schema_search_path("wattle");
            let db = Connection::connect(options).await?;
            let login = format!("{}_t_{TENANT}", database.name());
            db.execute_unprepared(&format!("create schema wattle; create role {login}")).await?;
            (db, format!("'{login}'"), "wattle.")
        }
        Target::Sqlite(folder) => {
            let path = folder.path().join("target");
            std::fs::create_dir(&path)?;
            let url = format!("sqlite:{}?mode=rwc", path.join(format!("{TENANT}.db")).display());
            (Connection::connect(url).await?, "null".to_owned(), "")
        }
    };
    Migrator::up(&db, Some(1)).await?;
    let registry = format!(
        "insert into {schema}tenant (tenant_id, login_role, secret_check, display_name, mode, issuer, audience, jwks, public_base_url)
         values ('{TENANT}', {login}, '{check}', 'Mini', 'development', 'urn:test', 'urn:test', '{{\"keys\":[]}}', 'http://127.0.0.1')"
    );
    db.execute_unprepared(&registry).await?;
    if let Target::Postgres(_) = target {
        db.execute_unprepared(&format!(
            "select wattle.attach_tenant('{TENANT}'); set search_path = t_{TENANT}; {TENANT_OF_IT}"
        ))
        .await?;
    } else {
        db.execute_unprepared(&translated(db.get_database_backend(), TENANT_OF_IT)).await?;
    }
    Ok(db.close().await?)
}
