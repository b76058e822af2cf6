//! A position that the source no longer has is found, said in plain words, and made up for; a source that is another
//! one is refused.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use rstest::rstest;
use rstest_reuse::apply;
use wattle_core::{Entity, Position, SourceAdapter, SourceError};
use wattle_sync::Report;
use wattle_testbed::{Engine, MariaDb, Postgres, eventually};

use crate::engines::two_sources;
use crate::mini::recorder::{Call, Recorder};
use crate::mini::{Mini, PATIENCE, Running, Setup};

const BEFORE: &str = "
insert into crm.account (account_no, display_name) values ('A', 'Old'), ('B', 'B');
insert into billing.bill (bill_id, account_no) values (1, 'A'), (2, 'B'), (3, 'A');";

/// What nobody hears of: an update, an insert, a delete with all that is owned, a delete of something owned.
const GAP: &str = "
update crm.account set display_name = 'New' where account_no = 'A';
insert into crm.account (account_no) values ('C');
delete from crm.account where account_no = 'B';
delete from billing.bill where bill_id = 3;";

async fn the_gap_is_closed(mini: &Mini) -> Result<()> {
    mini.settled().await?;
    mini.says(&["running"]).await?;
    mini.expect(Entity::Account, &["A", "C"]).await?;
    mini.expect(Entity::Invoice, &["1"]).await?;
    ensure!(mini.names().await?["A"] == "New", "{:?}", mini.names().await?);
    let last = mini.value("select kind || ' ' || state from job order by created_at desc limit 1").await?;
    ensure!(last.as_deref() == Some("repair done"), "the last job is {last:?}");
    Ok(())
}

/// What the adapter says when it is asked to go on from where capture left off.
async fn loss(mini: &Mini) -> Result<String> {
    let position = Position::new(mini.position().await?.context("capture has begun")?);
    match mini.another_adapter()?.changes(&position).await {
        Err(SourceError::LostPosition { what }) => Ok(what),
        Err(other) => bail!("it says {other}"),
        Ok(_) => bail!("it goes on as if nothing had happened"),
    }
}

#[tokio::test]
async fn a_slot_dropped_while_nobody_listens_is_made_up_for() -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql(BEFORE).await?;
    mini.run_and_hydrate().await?.stop().await?;
    mini.sql(&format!("select pg_drop_replication_slot('{}')", mini.slot())).await?;
    mini.sql(GAP).await?;
    let said = loss(&mini).await?;
    ensure!(said.contains(&mini.slot()) && said.contains("is gone"), "{said}");
    let _running = mini.run();
    the_gap_is_closed(&mini).await
}

#[tokio::test]
async fn a_slot_dropped_under_a_running_capture_is_made_up_for() -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql(BEFORE).await?;
    let _running = mini.run_and_hydrate().await?;
    // Kept out for a moment, so that the slot is free to be dropped and nobody hears of the gap.
    mini.sql(&format!("alter role {} nologin", mini.reader())).await?;
    let slot = mini.slot();
    eventually(PATIENCE, async || {
        mini.sql(&format!(
            "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '{slot}'"
        ))
        .await?;
        mini.sql(&format!("select pg_drop_replication_slot('{slot}')")).await
    })
    .await?;
    mini.sql(GAP).await?;
    mini.sql(&format!("alter role {} login", mini.reader())).await?;
    the_gap_is_closed(&mini).await
}

/// Of what cannot be read just then nobody knows how much of it is missing: it is compared when it can be read again.
#[rstest]
#[tokio::test]
async fn a_slot_dropped_while_an_entity_is_paused_is_made_up_for(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Postgres, target).await?;
    mini.sql(BEFORE).await?;
    let running = mini.run_and_hydrate().await?;
    mini.sql(
        "alter table billing.bill rename usage to consumption; update billing.bill set bill_id = bill_id",
    )
    .await?;
    mini.says(&["running", "invoice is paused", "usage"]).await?;
    running.stop().await?;
    mini.sql(&format!("select pg_drop_replication_slot('{}')", mini.slot())).await?;
    mini.sql(GAP).await?;
    mini.sql("insert into billing.bill (bill_id, account_no) values (4, 'A')").await?;
    let _running = mini.run();
    // All else is compared meanwhile, what comes after invoices too.
    eventually(PATIENCE, async || {
        mini.expect(Entity::Account, &["A", "C"]).await?;
        let at = mini.value("select error from job where kind = 'repair' and state = 'running'").await?;
        ensure!(at.as_ref().is_some_and(|why| why.contains("invoice") && why.contains("usage")), "{at:?}");
        Ok(())
    })
    .await?;
    mini.sql("alter table billing.bill rename consumption to usage").await?;
    mini.settled().await?;
    mini.says(&["running"]).await?;
    mini.expect(Entity::Invoice, &["1", "4"]).await
}

/// It goes on where it was put off: nothing is compared twice, and nothing is left out.
#[tokio::test]
async fn a_comparison_goes_on_where_a_pause_has_stopped_it() -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql(BEFORE).await?;
    mini.sql("insert into billing.bill (bill_id, account_no) select n, 'A' from generate_series(4, 1000) n")
        .await?;
    mini.run_and_hydrate().await?.stop().await?;
    mini.sql(&format!("select pg_drop_replication_slot('{}')", mini.slot())).await?;
    mini.sql("delete from billing.bill where bill_id in (4, 999)").await?;
    let mut first_page =
        mini.adapter.hold(|call| matches!(call, Call::Fetch(Entity::Invoice, keys) if *keys > 100));
    let _running = mini.run();
    first_page.reached().await?;
    // No table is read in it yet, so that one can be altered.
    let mut second_page = mini.adapter.hold(|call| *call == Call::Snapshot);
    first_page.go_on();
    second_page.reached().await?;
    mini.sql(
        "alter table billing.bill rename usage to consumption; update billing.bill set bill_id = bill_id where bill_id = 1",
    )
    .await?;
    mini.says(&["running", "invoice is paused", "usage"]).await?;
    second_page.go_on();
    let job = "select error from job where kind = 'repair' and state = 'running'";
    eventually(PATIENCE, async || {
        let why = mini.value(job).await?;
        ensure!(why.as_ref().is_some_and(|why| why.starts_with("invoice is paused")), "{why:?}");
        Ok(())
    })
    .await?;
    mini.sql("alter table billing.bill rename consumption to usage").await?;
    mini.settled().await?;
    let of = async |which: &str| mini.number(&format!("select count(*) from invoice where {which}")).await;
    ensure!(of("true").await? == 998 && of("source_id in ('4', '999')").await? == 0);
    let report = mini.value("select report from job where kind = 'repair'").await?.context("it has one")?;
    let report: Report = serde_json::from_str(&report)?;
    let found = &report.entities[&Entity::Invoice];
    ensure!((found.compared, found.extra) == (1_000, 2), "{found:?}");
    Ok(())
}

#[tokio::test]
async fn a_slot_that_needed_more_log_than_it_may_keep_is_made_up_for() -> Result<()> {
    let server = Postgres::builder().setting("max_slot_wal_keep_size", "1MB").start().await?;
    let mini = Mini::of(Setup { server: Some(server), ..Setup::default() }).await?;
    mini.sql(BEFORE).await?;
    mini.run_and_hydrate().await?.stop().await?;
    mini.sql(GAP).await?;
    let status = format!("select wal_status from pg_replication_slots where slot_name = '{}'", mini.slot());
    eventually(PATIENCE, async || {
        mini.sql("create table if not exists filler (); drop table filler; select pg_switch_wal()").await?;
        mini.sql("checkpoint").await?;
        let status = mini.source().value(&status).await?;
        ensure!(status.as_deref() == Some("lost"), "the slot is {status:?}");
        Ok(())
    })
    .await?;
    let said = loss(&mini).await?;
    ensure!(said.contains(&mini.slot()) && said.contains("max_slot_wal_keep_size"), "{said}");
    let _running = mini.run();
    the_gap_is_closed(&mini).await
}

#[tokio::test]
async fn a_log_of_mariadb_purged_while_nobody_listens_is_made_up_for() -> Result<()> {
    let mariadb = Some(MariaDb::start().await?);
    let mini = Mini::of(Setup { source: Engine::MariaDb, mariadb, ..Setup::default() }).await?;
    mini.sql(BEFORE).await?;
    mini.run_and_hydrate().await?.stop().await?;
    mini.sql(GAP).await?;
    let database = mini.retailer().mariadb();
    database.sql("flush binary logs").await?;
    let files = database.sql("show binary logs").await?;
    let last = files.last().and_then(|row| row[0].clone()).context("there is a log")?;
    // It stays as long as the session that read it is there.
    eventually(PATIENCE, async || {
        database.sql(&format!("purge binary logs to '{last}'")).await?;
        let first = database.sql("show binary logs").await?.remove(0).swap_remove(0);
        ensure!(first.as_ref() == Some(&last), "{first:?} is still there");
        Ok(())
    })
    .await?;
    let said = loss(&mini).await?;
    ensure!(said.contains("purged"), "{said}");
    let _running = mini.run();
    the_gap_is_closed(&mini).await
}

/// A log that was begun anew within the second, and is as long as the old one: only where it is read shows that the
/// place lies within an event.
#[tokio::test]
async fn a_place_that_is_found_lost_only_while_it_is_read_is_made_up_for() -> Result<()> {
    let mariadb = Some(MariaDb::start().await?);
    let mini = Mini::of(Setup { source: Engine::MariaDb, mariadb, ..Setup::default() }).await?;
    mini.sql(BEFORE).await?;
    mini.run_and_hydrate().await?.stop().await?;
    let position = mini.position().await?.context("capture has begun")?;
    let parts: Vec<&str> = position.split(' ').collect();
    let [identity, offset, created, _, file] = parts[..] else { bail!("{position} has other parts") };
    mini.sql(GAP).await?;
    let within = offset.parse::<u64>()? + 1;
    let lost = format!("{identity} {within} {created} - {file}");
    mini.execute(&format!("update source_state set position = '{lost}'")).await?;
    let mut feed = mini.another_adapter()?.changes(&Position::new(lost)).await?;
    let read = feed.next().await;
    ensure!(matches!(read, Err(SourceError::LostPosition { .. })), "{read:?}");
    let _running = mini.run();
    the_gap_is_closed(&mini).await
}

#[tokio::test]
async fn changes_that_sql_server_has_forgotten_are_made_up_for() -> Result<()> {
    let mini = Mini::on(Engine::SqlServer, Engine::Postgres).await?;
    mini.sql(BEFORE).await?;
    mini.run_and_hydrate().await?.stop().await?;
    mini.sql(GAP).await?;
    let database = mini.retailer().sqlserver();
    let version = "select cast(change_tracking_current_version() as nvarchar(20))";
    let version = database.value(version).await?.context("the database tracks changes")?.parse()?;
    let tracked = "select s.name + '.' + o.name from sys.change_tracking_tables t
                   join sys.objects o on o.object_id = t.object_id join sys.schemas s on s.schema_id = o.schema_id";
    for mut row in database.sql(tracked).await? {
        database.forget_changes(&row.swap_remove(0).context("a table has a name")?, version).await?;
    }
    let _running = mini.run();
    the_gap_is_closed(&mini).await
}

/// Put back on the quiet, while nobody listens. What changes from then on is in the outbox of the copy, and was never
/// heard of.
#[rstest]
#[tokio::test]
async fn a_file_set_back_while_nobody_listens_is_made_up_for(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Sqlite, target).await?;
    let running = set_back_later(&mini).await?;
    running.stop().await?;
    mini.retailer().replace_with(&mini.retailer().file().with_extension("copy"))?;
    mini.sql(GAP).await?;
    let said = loss(&mini).await?;
    ensure!(said.contains("mini.db was set back to an older copy"), "{said}");
    let _running = mini.run();
    the_gap_is_closed(&mini).await
}

#[rstest]
#[tokio::test]
async fn a_file_set_back_under_a_running_capture_is_made_up_for(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Sqlite, target).await?;
    let _running = set_back_later(&mini).await?;
    // The capture that begins again finds the copy as the gap has left it.
    let mut feed = mini.adapter.hold(|call| matches!(call, Call::Changes(_)));
    mini.retailer().replace_with(&mini.retailer().file().with_extension("copy"))?;
    feed.reached().await?;
    mini.sql(GAP).await?;
    feed.go_on();
    the_gap_is_closed(&mini).await
}

/// A running sync that has heard of more than a copy of the file knows.
async fn set_back_later(mini: &Mini) -> Result<Running> {
    mini.sql(BEFORE).await?;
    let running = mini.run_and_hydrate().await?;
    mini.retailer().copy().await?;
    mini.sql(
        "update crm.account set display_name = 'Later'; insert into crm.account (account_no) values ('D')",
    )
    .await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A", "B", "D"]).await?;
    Ok(running)
}

/// Two sources alike but for their identity: the second answers at the first one's address, so to speak. It holds
/// other accounts, and none of those in the target.
#[apply(two_sources)]
#[tokio::test]
async fn another_source_is_refused_with_everything_kept(source: Engine, target: Engine) -> Result<()> {
    let is_server = source == Engine::Postgres;
    let server = if is_server { Some(Postgres::start().await?) } else { None };
    let mini = Mini::of(Setup { source, target, server, ..Setup::default() }).await?;
    mini.sql(BEFORE).await?;
    let running = mini.run();
    mini.hydrate(&[]).await?;
    // Nothing but touches is ever applied: no live change has left its position at the marker.
    let done = "select count(*) from job where state = 'done'";
    eventually(PATIENCE, async || {
        ensure!(mini.number(done).await? == 1, "the hydration is not done");
        Ok(())
    })
    .await?;
    running.stop().await?;

    let other = if is_server { Some(Postgres::builder().own_identity().start().await?) } else { None };
    let impostor = Mini::of(Setup { source, target, server: other, ..Setup::default() }).await?;
    impostor.sql("insert into crm.account (account_no) values ('Z')").await?;
    let adapter = Arc::new(Recorder::new(impostor.another_adapter()?));
    // A file that nobody ever synced has no outbox, and would be refused for that.
    if !is_server {
        adapter.begin().await?;
    }
    mini.count_anew().await?;
    mini.hydrate(&[]).await?;
    let running = mini.run_on(adapter.clone());
    mini.says(&["paused", "another database than before"]).await?;
    mini.has_asked("from job where", 3, async || Ok(mini.number(done).await? == 2)).await?;
    mini.expect(Entity::Account, &["A", "B"]).await?;
    mini.expect(Entity::Invoice, &["1", "2", "3"]).await?;
    running.stop().await?;
    let _running = mini.run();
    mini.settled().await?;
    mini.expect(Entity::Account, &["A", "B"]).await
}
