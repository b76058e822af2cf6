//! Reconcile finds what no event announces, by whole records and on both sides, and only ever touches.

use anyhow::{Context, Result, ensure};
use rstest::rstest;
use rstest_reuse::apply;
use wattle_core::{Entity, SourceAdapter};
use wattle_sync::{JobKind, JobState, JobView, request_reconcile, status};
use wattle_testbed::{Engine, eventually};

use crate::engines::every_source;
use crate::mini::pack::numbers;
use crate::mini::recorder::Call;
use crate::mini::{Mini, PATIENCE, system};

const BEFORE: &str = "
insert into crm.account (account_no, display_name) values ('A', 'a'), ('B', 'b');
insert into crm.contact (contact_id, account_no, last_name) values (1, 'A', 'Nguyen');
insert into billing.bill (bill_id, account_no) values (1, 'A'), (2, 'B'), (3, 'B');
insert into billing.bill_line (bill_id, line_no, label, amount) values (1, 1, 'Usage', 5), (2, 1, 'Usage', 6);
insert into billing.balance (account_no, amount) values ('A', 10);";

/// One of each: changed, missing, extra, and one whose lineage alone is wrong.
const DAMAGE: &str = r#"
update account set detail = '{"displayName": "x"}' where source_id = 'B';
delete from invoice where source_id = '2';
insert into invoice (tenant_id, source_system, source_id, account_id, issue_date, body)
    select tenant_id, source_system, '9', account_id, issue_date, body from invoice where source_id = '1';
update balance set balance = '11.00';
delete from lineage where entity = 'account' and source_id = 'A';"#;

/// Runs a job of this kind to its end.
pub(crate) async fn reconciled(mini: &Mini, kind: JobKind) -> Result<JobView> {
    let session = mini.tenants.session(&mini.tenant).await?;
    let id = request_reconcile(&session, &system(), mini.adapter.graph(), kind, &[], None).await?;
    eventually(PATIENCE, async || {
        let job = status::job(&session, id).await?.context("it was recorded")?;
        ensure!(
            matches!(job.state, JobState::Done | JobState::Failed),
            "the job is {:?} at {:?}; the source is {}",
            job.state,
            job.current,
            mini.state().await?
        );
        Ok(job)
    })
    .await
}

async fn damaged(source: Engine, target: Engine) -> Result<(Mini, crate::mini::Running)> {
    let mini = Mini::on(source, target).await?;
    mini.sql(BEFORE).await?;
    let running = mini.run_and_hydrate().await?;
    mini.execute(DAMAGE).await?;
    Ok((mini, running))
}

#[apply(every_source)]
#[tokio::test]
async fn what_differs_is_found_on_both_sides_and_repaired(source: Engine, target: Engine) -> Result<()> {
    let (mini, _running) = damaged(source, target).await?;
    let job = reconciled(&mini, JobKind::Reconcile).await?;
    let report = job.report.context("it compared")?;
    let of = |entity: Entity| {
        let found = &report.entities[&entity];
        (found.missing, found.extra, found.changed)
    };
    ensure!(of(Entity::Account) == (0, 0, 2), "{report:?}");
    ensure!(of(Entity::Invoice) == (1, 1, 0), "{report:?}");
    ensure!(of(Entity::Balance) == (0, 0, 1), "{report:?}");
    ensure!(report.differing() == 5 && !report.agrees(), "{report:?}");
    ensure!(job.touched == 5, "{} keys were touched", job.touched);
    let fields = &report.entities[&Entity::Account].fields;
    ensure!(fields.contains_key("displayName") && fields.contains_key("creationDate"), "{fields:?}");
    mini.settled().await?;
    mini.expect(Entity::Invoice, &["1", "2", "3"]).await?;
    ensure!(mini.account("B").await?["displayName"] == "b", "{}", mini.account("B").await?);
    ensure!(mini.value("select balance from balance").await?.as_deref() == Some("10.00"));
    // The lineage is there again: a change of the contact changes the account.
    mini.sql("update crm.contact set last_name = 'Tran'").await?;
    mini.settled().await?;
    ensure!(mini.contacts("A").await? == ["Tran"], "{:?}", mini.contacts("A").await?);

    let again = reconciled(&mini, JobKind::Reconcile).await?;
    let report = again.report.context("it compared")?;
    ensure!(report.agrees() && again.touched == 0, "{report:?}");
    let beats = 3;
    ensure!(report.compared() == 6 + beats, "{report:?}");
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_dry_run_finds_the_same_and_touches_nothing(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let (mini, _running) = damaged(Engine::Postgres, target).await?;
    let head = mini.number("select last_seq from stream_head where lane = 'backfill'").await?;
    let job = reconciled(&mini, JobKind::Compare).await?;
    ensure!(job.report.context("it compared")?.differing() == 5);
    ensure!(mini.number("select last_seq from stream_head where lane = 'backfill'").await? == head);
    mini.expect(Entity::Invoice, &["1", "3", "9"]).await
}

/// PostgreSQL tells of an altered table with its next change only. Until then nobody but a comparison reads it.
#[rstest]
#[tokio::test]
async fn what_cannot_be_read_is_paused_and_never_found_to_agree(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
    #[values(JobKind::Reconcile, JobKind::Compare)] kind: JobKind,
) -> Result<()> {
    let (mini, _running) = damaged(Engine::Postgres, target).await?;
    mini.sql("alter table billing.bill rename usage to consumption").await?;
    let report = reconciled(&mini, kind).await?.report.context("it compared")?;
    let skipped = report.entities[&Entity::Invoice].skipped.as_deref();
    ensure!(skipped.is_some_and(|why| why.contains("usage")) && !report.agrees(), "{report:?}");
    ensure!(report.entities[&Entity::Account].changed == 2, "{report:?}");
    mini.says(&["running", "invoice is paused", "usage"]).await?;
    mini.sql("alter table billing.bill rename consumption to usage").await?;
    mini.settled().await?;
    let report = reconciled(&mini, JobKind::Compare).await?.report.context("it compared")?;
    let found = &report.entities[&Entity::Invoice];
    ensure!((found.missing, found.extra, &found.skipped) == (1, 1, &None), "{report:?}");
    Ok(())
}

/// What a hydration is about to bring is no difference, and were it thousands.
#[rstest]
#[tokio::test]
async fn what_is_being_brought_is_no_difference(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Postgres, target).await?;
    mini.sql(BEFORE).await?;
    mini.sql("insert into billing.bill (bill_id, account_no) select n, 'A' from generate_series(4, 1500) n")
        .await?;
    let mut accounts = mini.adapter.hold(|call| matches!(call, Call::Fetch(Entity::Account, _)));
    mini.hydrate(&[]).await?;
    let _running = mini.run();
    accounts.reached().await?;
    let session = mini.tenants.session(&mini.tenant).await?;
    let graph = mini.adapter.graph();
    let id = request_reconcile(&session, &system(), graph, JobKind::Reconcile, &[], None).await?;
    eventually(PATIENCE, async || {
        let job = status::job(&session, id).await?.context("it was recorded")?;
        let why = job.error.unwrap_or_default();
        ensure!(job.state == JobState::Waiting && why.contains("waits for the hydrate"), "{why:?}");
        Ok(())
    })
    .await?;
    accounts.go_on();
    mini.settled().await?;
    let job = status::job(&session, id).await?.context("it was recorded")?;
    let report = job.report.context("it compared")?;
    let invoices = report.entities[&Entity::Invoice].compared;
    ensure!(job.state == JobState::Done && report.agrees() && invoices == 1_500, "{report:?}");
    Ok(())
}

/// A hydration that waits for a pause may wait for days.
#[rstest]
#[tokio::test]
async fn a_hydration_that_does_not_get_on_keeps_nothing_from_being_compared(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let (mini, _running) = damaged(Engine::Postgres, target).await?;
    mini.sql(
        "alter table billing.bill rename usage to consumption; update billing.bill set bill_id = bill_id",
    )
    .await?;
    mini.says(&["running", "invoice is paused", "usage"]).await?;
    mini.hydrate(&[Entity::Invoice]).await?;
    let report = reconciled(&mini, JobKind::Compare).await?.report.context("it compared")?;
    ensure!(report.entities[&Entity::Invoice].skipped.is_some(), "{report:?}");
    ensure!(report.entities[&Entity::Account].changed == 2, "{report:?}");
    let why = mini.value("select error from job where kind = 'hydrate' and state <> 'done'").await?;
    ensure!(why.as_ref().is_some_and(|why| why.starts_with("invoice is paused")), "{why:?}");
    mini.sql("alter table billing.bill rename consumption to usage").await?;
    mini.settled().await
}

/// A line that changes without its bill: no event will ever tell.
#[apply(every_source)]
#[tokio::test]
async fn a_folded_row_that_changed_by_itself_is_found_and_said(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(BEFORE).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("update billing.bill_line set amount = 7 where bill_id = 2").await?;
    mini.settled().await?;
    let job = reconciled(&mini, JobKind::Reconcile).await?;
    let report = job.report.context("it compared")?;
    let found = &report.entities[&Entity::Invoice];
    ensure!(found.changed == 1 && found.examples == ["2"], "{found:?}");
    ensure!(found.fields.contains_key("electricity.otherCharges"), "{found:?}");
    ensure!(found.suspect_folds.iter().eq(["bill_line"]), "{found:?}");
    mini.settled().await?;
    let body = mini.value("select body from invoice where source_id = '2'").await?.unwrap_or_default();
    ensure!(body.contains("7.00"), "{body}");
    Ok(())
}

/// What changes while it is compared is no difference, and is not touched.
#[apply(every_source)]
#[tokio::test]
async fn what_changes_meanwhile_is_no_difference(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(BEFORE).await?;
    let _running = mini.run_and_hydrate().await?;
    // The consumer is held at its fetch of the change while the job compares what is not applied yet.
    let mut held = mini.adapter.hold(|call| matches!(call, Call::Fetch(Entity::Balance, _)));
    mini.sql("update billing.balance set amount = 12").await?;
    held.reached().await?;
    let session = mini.tenants.session(&mini.tenant).await?;
    let id = request_reconcile(
        &session,
        &system(),
        mini.adapter.graph(),
        JobKind::Reconcile,
        &[Entity::Balance],
        None,
    )
    .await?;
    let mut compared = mini.adapter.hold(|call| matches!(call, Call::Fetch(Entity::Balance, _)));
    compared.reached().await?;
    compared.go_on();
    held.go_on();
    mini.settled().await?;
    let job = status::job(&session, id).await?.context("it was recorded")?;
    ensure!(job.report.as_ref().context("it compared")?.agrees() && job.touched == 0, "{job:?}");
    Ok(())
}

/// A line that changes without its bill, and does so again while it is compared: nobody can say yet what differs.
#[apply(every_source)]
#[tokio::test]
async fn what_reads_differently_each_time_is_neither_equal_nor_a_difference(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(BEFORE).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("update billing.bill_line set amount = 7 where bill_id = 1").await?;
    // Three are read as a page; one of them differs, and is read twice more.
    let mut first = mini.adapter.hold(|call| matches!(call, Call::Fetch(Entity::Invoice, 1)));
    let (job, changed) = tokio::join!(reconciled(&mini, JobKind::Reconcile), async {
        first.reached().await?;
        mini.sql("update billing.bill_line set amount = 8 where bill_id = 1").await?;
        first.go_on();
        anyhow::Ok(())
    });
    changed?;
    let job = job?;
    let report = job.report.context("it compared")?;
    let found = &report.entities[&Entity::Invoice];
    ensure!((found.unsettled, found.differing()) == (1, 0) && !report.agrees(), "{report:?}");
    ensure!(job.touched == 1, "{} keys were touched", job.touched);
    mini.settled().await?;
    ensure!(reconciled(&mini, JobKind::Reconcile).await?.report.context("it compared")?.agrees());
    Ok(())
}

#[rstest]
#[tokio::test]
async fn a_reconcile_gives_up_when_too_much_differs_unless_that_is_accepted(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Postgres, target).await?;
    let numbers = numbers(5_000);
    mini.sql(&format!("{numbers} insert into crm.person (person_id) select n from numbers")).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.execute("update customer set body = '{}'").await?;
    let job = reconciled(&mini, JobKind::Reconcile).await?;
    ensure!(job.state == JobState::Failed, "{job:?}");
    let error = job.error.unwrap_or_default();
    ensure!(error.contains("--accept-differences"), "{error}");
    mini.settled().await?;
    let broken = "select count(*) from customer where body = '{}'";
    ensure!(mini.number(broken).await? >= 2_000, "it went on all the same");
    let job = reconciled(&mini, JobKind::Repair).await?;
    ensure!(job.state == JobState::Done, "{job:?}");
    ensure!(mini.number(broken).await? == 0);
    Ok(())
}
