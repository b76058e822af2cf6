//! Section 10: no statement by one tenant's session, whatever it sets or names, reads or changes another's data.

use anyhow::{Context, Result, ensure};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use wattle_core::TenantId;
use wattle_tenants::{Secrets, TenantSession, Tenants};
use wattle_testbed::{Database, Engine, Postgres, Target};

use crate::mini::onboard;

const OURS: &str = "banksia";
const THEIRS: &str = "correa";

/// A target with two tenants, each with one row in every table that a row can be put into without more.
struct TwoTenants {
    target: Database,
    /// Logged in as the first.
    session: Client,
}

impl TwoTenants {
    async fn start() -> Result<Self> {
        let target = Postgres::shared().await?.database("isolation").await?;
        let secrets = Secrets::new(&[7; 32])?;
        for name in [OURS, THEIRS] {
            onboard(&target.url(), &secrets, name).await?;
            target
                .psql(&format!(
                    "insert into wattle.account values ('{name}', 'main', 'A', 'OPEN', '[]', '{{}}', '{{}}');
                     insert into wattle.invoice values ('{name}', 'main', '1', 'A', '2026-01-01', '{{}}');
                     insert into wattle.marker values ('{name}', 'main', 'live', 1, 1, 'p');
                     insert into wattle.source values ('{name}', 'main', 'postgres', 'env:SECRET_ADDRESS', '{{}}')"
                ))
                .await?;
            let session = log_in(&target, name).await?;
            session
                .batch_execute(&format!(
                    "select wattle.ensure_stream_day(current_date);
                     insert into stream_event values ('{name}', 'main', 'live', 1, 1, current_date, now(), '[]')"
                ))
                .await?;
        }
        let session = log_in(&target, OURS).await?;
        Ok(Self { target, session })
    }

    /// Every table that holds tenants' data, partitions of the other tenant included, by their full names.
    async fn their_tables(&self) -> Result<Vec<String>> {
        let sql = format!(
            "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = 't_{THEIRS}' and c.relkind in ('r', 'p')"
        );
        let tables: Vec<String> = self.target.psql(&sql).await?.into_iter().flatten().flatten().collect();
        ensure!(tables.len() > 15, "the other tenant has only {tables:?}");
        Ok(tables)
    }

    async fn parents(&self) -> Result<Vec<String>> {
        let sql = "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where n.nspname = 'wattle' and c.relkind in ('r', 'p')";
        Ok(self.target.psql(sql).await?.into_iter().flatten().flatten().collect())
    }

    /// Runs statements in one session, one after the other; the error of the last, or the rows it gave.
    async fn attempt(&self, statements: &[&str]) -> Result<Result<Vec<String>, String>> {
        let (last, before) = statements.split_last().context("there is a statement")?;
        for statement in before {
            // Whether a setting is taken or refused, the last statement must come to nothing.
            let _ = self.session.simple_query(statement).await;
        }
        let answer = self.session.simple_query(last).await;
        self.session.simple_query("rollback; reset all; reset role").await?;
        let rows = |messages: Vec<SimpleQueryMessage>| {
            let values = messages.into_iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            });
            values.collect()
        };
        let code = |error: tokio_postgres::Error| {
            error.code().map(|code| code.code().to_owned()).unwrap_or_default()
        };
        Ok(answer.map(rows).map_err(code))
    }

    /// The statement is refused for lack of a privilege.
    async fn refused(&self, statements: &[&str]) -> Result<()> {
        let answer = self.attempt(statements).await?;
        ensure!(answer == Err("42501".to_owned()), "{statements:?} gave {answer:?}");
        Ok(())
    }
}

/// A session with the tenant's own login.
async fn log_in(target: &Database, tenant: &str) -> Result<Client> {
    let role = role_of(target, tenant).await?;
    target.psql(&format!("alter role {role} password 'known'")).await?;
    let (session, connection) = tokio_postgres::connect(&target.url_as(&role, "known"), NoTls).await?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(session)
}

async fn role_of(target: &Database, tenant: &str) -> Result<String> {
    let sql = format!("select login_role from wattle.tenant where tenant_id = '{tenant}'");
    target.value(&sql).await?.context("the tenant has a role")
}

#[tokio::test]
async fn a_session_sees_its_own_rows_by_plain_names() -> Result<()> {
    let scene = TwoTenants::start().await?;
    for table in ["account", "invoice", "marker", "stream_event"] {
        let found = scene.attempt(&[&format!("select tenant_id from {table}")]).await?;
        ensure!(found == Ok(vec![OURS.to_owned()]), "{table}: {found:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_session_cannot_name_what_is_not_its_own() -> Result<()> {
    let scene = TwoTenants::start().await?;
    let mut tables = scene.their_tables().await?;
    tables.extend(scene.parents().await?);
    for table in tables {
        for statement in [
            format!("select count(*) from {table}"),
            format!("explain select * from {table}"),
            format!("copy {table} to stdout"),
            format!("delete from {table}"),
            format!("truncate {table}"),
            format!("begin; lock table {table}"),
        ] {
            scene.refused(&[&statement]).await?;
        }
    }
    Ok(())
}

/// Whatever is set before, the other tenant's rows stay out of reach.
#[tokio::test]
async fn no_setting_brings_another_tenants_rows_within_reach() -> Result<()> {
    let scene = TwoTenants::start().await?;
    let theirs = role_of(&scene.target, THEIRS).await?;
    let settings = [
        format!("set search_path = t_{THEIRS}"),
        "set search_path = wattle".to_owned(),
        format!("set role {theirs}"),
        "set role postgres".to_owned(),
        format!("set session authorization {theirs}"),
        format!("set wattle.tenant_id = '{THEIRS}'"),
        format!("set app.tenant = '{THEIRS}'"),
        "set row_security = off".to_owned(),
        "set session_replication_role = replica".to_owned(),
        "begin; set transaction read write".to_owned(),
    ];
    for setting in &settings {
        for statement in [
            "select string_agg(tenant_id, ',') from account",
            &format!("select string_agg(tenant_id, ',') from t_{THEIRS}.account"),
        ] {
            match scene.attempt(&[setting, statement]).await? {
                Err(_) => {}
                Ok(found) => ensure!(
                    found.iter().all(|tenant| tenant == OURS),
                    "after `{setting}`, `{statement}` gave {found:?}"
                ),
            }
        }
    }
    for setting in &settings[2..5] {
        scene.refused(&[setting]).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_session_writes_nowhere_but_in_its_own_tables() -> Result<()> {
    let scene = TwoTenants::start().await?;
    let row = "'main', 'X', 'OPEN', '[]', '{}', '{}'";
    scene.refused(&[&format!("insert into t_{THEIRS}.account values ('{THEIRS}', {row})")]).await?;
    scene.refused(&[&format!("insert into wattle.account values ('{THEIRS}', {row})")]).await?;
    // Its own table takes no row of another tenant: the policy, and behind it the partition's bounds.
    let foreign = scene.attempt(&[&format!("insert into account values ('{THEIRS}', {row})")]).await?;
    ensure!(foreign.is_err(), "it took a row of another tenant");
    let moved = scene.attempt(&[&format!("update account set tenant_id = '{THEIRS}'")]).await?;
    ensure!(moved.is_err(), "it gave a row to another tenant");
    for place in ["public".to_owned(), "wattle".to_owned(), format!("t_{OURS}"), format!("t_{THEIRS}")] {
        scene.refused(&[&format!("create table {place}.mine (a int)")]).await?;
    }
    let day = format!(
        "select max(inhrelid::regclass::text) from pg_inherits where inhparent = 't_{OURS}.stream_event'::regclass"
    );
    let day = scene.target.value(&day).await?.context("the day has a partition")?;
    for statement in [
        "create schema mine".to_owned(),
        format!("select wattle.attach_tenant('{THEIRS}')"),
        format!("alter table t_{OURS}.account disable row level security"),
        format!("drop policy tenant on t_{OURS}.account"),
        format!("alter table t_{OURS}.stream_event detach partition {day}"),
        format!("select * from {day}"),
        "create role mine".to_owned(),
        "select pg_read_file('postgresql.conf')".to_owned(),
    ] {
        scene.refused(&[&statement]).await?;
    }
    // PostgreSQL only warns of a grant that is not the session's to give.
    let _ = scene.attempt(&[&format!("grant select on t_{OURS}.account to public")]).await?;
    let public = format!(
        "select count(*) from information_schema.table_privileges where table_schema = 't_{OURS}' and grantee = 'PUBLIC'"
    );
    ensure!(scene.target.value(&public).await?.as_deref() == Some("0"), "it gave its rows to everyone");
    let kept =
        format!("select count(*) from wattle.account where tenant_id = '{THEIRS}' and source_id = 'A'");
    ensure!(scene.target.value(&kept).await?.as_deref() == Some("1"));
    Ok(())
}

/// The stream's partition of a day is made for the tenant that asks, whatever it has set.
#[tokio::test]
async fn a_session_makes_stream_partitions_for_itself_only() -> Result<()> {
    let scene = TwoTenants::start().await?;
    let made = scene
        .attempt(&[
            &format!("set search_path = t_{THEIRS}"),
            "select wattle.ensure_stream_day(current_date + 1)",
        ])
        .await?;
    ensure!(made.is_ok(), "{made:?}");
    for (tenant, wanted) in [(OURS, "2"), (THEIRS, "1")] {
        let sql =
            format!("select count(*) from pg_inherits where inhparent = 't_{tenant}.stream_event'::regclass");
        let count = scene.target.value(&sql).await?;
        ensure!(count.as_deref() == Some(wanted), "{tenant} has {count:?} days instead of {wanted}");
    }
    Ok(())
}

/// The second line: an administrator's mistaken grant still shows no row, and takes none.
#[tokio::test]
async fn a_mistaken_grant_is_still_stopped_by_the_policies() -> Result<()> {
    let scene = TwoTenants::start().await?;
    let role = role_of(&scene.target, OURS).await?;
    scene
        .target
        .psql(&format!(
            "grant usage on schema t_{THEIRS} to {role}; grant select, insert, update, delete on all tables in schema t_{THEIRS} to {role}"
        ))
        .await?;
    for table in scene.their_tables().await? {
        let found = scene.attempt(&[&format!("select count(*) from {table}")]).await?;
        ensure!(found == Ok(vec!["0".to_owned()]), "{table} shows {found:?}");
        let found = scene
            .attempt(&[&format!("with gone as (delete from {table} returning 1) select count(*) from gone")])
            .await?;
        ensure!(found == Ok(vec!["0".to_owned()]), "{table} lost {found:?}");
    }
    let row = "'main', 'X', 'OPEN', '[]', '{}', '{}'";
    scene.refused(&[&format!("insert into t_{THEIRS}.account values ('{THEIRS}', {row})")]).await
}

/// On SQLite the file is the partition. Whatever is asked by name, by whichever tenant's session, comes from that
/// tenant's own file, and no session has another one open.
#[tokio::test]
async fn a_session_has_no_file_open_but_its_own() -> Result<()> {
    let target = Target::new(Engine::Sqlite, "isolation").await?;
    let secrets = Secrets::new(&[7; 32])?;
    onboard(&target.url(), &secrets, OURS).await?;
    // One process for both, as in use.
    let (tenants, _) = onboard(&target.url(), &secrets, THEIRS).await?;
    let sessions = [session(&tenants, OURS).await?, session(&tenants, THEIRS).await?];
    for session in &sessions {
        let row = format!("'{}', 'main', 'A', 'OPEN', '[]', '{{}}', '{{}}'", session.tenant());
        session.db().execute_unprepared(&format!("insert into account values ({row})")).await?;
    }
    for session in &sessions {
        for (sql, answer) in [
            ("select group_concat(name, ' ') as v from pragma_database_list", "main".to_owned()),
            ("select group_concat(tenant_id, ' ') as v from account", session.tenant().to_string()),
            ("select group_concat(tenant_id, ' ') as v from tenant", session.tenant().to_string()),
        ] {
            let found = ask(session, sql).await?;
            ensure!(found == answer, "{sql} answers {found} to {}", session.tenant());
        }
        let file = ask(session, "select file as v from pragma_database_list").await?;
        ensure!(file.ends_with(&format!("/target/{}.db", session.tenant())), "{file}");
        for other in [OURS, THEIRS] {
            for schema in [other.to_owned(), format!("t_{other}"), "wattle".to_owned()] {
                let named = ask(session, &format!("select tenant_id as v from {schema}.account")).await;
                ensure!(named.is_err(), "{schema}.account answers {named:?} to {}", session.tenant());
            }
        }
    }
    sessions[0].db().execute_unprepared("delete from account").await?;
    ensure!(ask(&sessions[0], "select count(*) || '' as v from account").await? == "0");
    ensure!(ask(&sessions[1], "select count(*) || '' as v from account").await? == "1");
    Ok(())
}

async fn session(tenants: &Tenants, name: &str) -> Result<TenantSession> {
    let tenant = tenants.tenant(&TenantId::parse(name)?).await?.context("it was added")?;
    Ok(tenants.session(&tenant).await?)
}

async fn ask(session: &TenantSession, sql: &str) -> Result<String> {
    let row = session.db().query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
    Ok(row.context("it answers with a row")?.try_get("", "v")?)
}
