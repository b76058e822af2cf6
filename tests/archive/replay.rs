//! What the archive has is applied again.

use std::sync::Arc;

use anyhow::{Result, ensure};
use rstest::rstest;
use wattle_core::Entity;
use wattle_sync::archive::Archive;
use wattle_sync::{ReplayDays, request_replay};
use wattle_testbed::{Engine, eventually};

use crate::mini::{Mini, PATIENCE, TENANT, system};
use crate::{archived, days, folder, read};

/// What a mistake in a mapping might have left.
const DAMAGE: &str = "
update account set body = '{}', detail = '{}';
delete from invoice where source_id = '2'";

/// Asks for a replay of all that there is.
async fn replay(mini: &Mini, entities: &[Entity], skip_damaged: bool) -> Result<()> {
    let session = mini.tenants.session(&mini.tenant).await?;
    let (from, through) = days();
    let days = ReplayDays { from, through };
    request_replay(&session, &system(), days, entities, skip_damaged, None).await?;
    Ok(())
}

async fn filled(target: Engine, archive: &Arc<Archive>) -> Result<(Mini, crate::mini::Running)> {
    let mini = Mini::on(Engine::Sqlite, target).await?;
    let running = mini.run_archiving(archive);
    mini.settled().await?;
    mini.sql(
        "insert into crm.account (account_no, display_name) values ('A', 'a'), ('B', 'b');
         insert into billing.bill (bill_id, account_no) values (1, 'A'), (2, 'B')",
    )
    .await?;
    mini.settled().await?;
    archived(&mini).await?;
    Ok((mini, running))
}

#[rstest]
#[tokio::test]
async fn a_replay_repairs_what_the_stream_no_longer_has(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let (_scratch, archive) = folder()?;
    let (mini, _running) = filled(target, &archive).await?;
    mini.execute("delete from stream_event").await?;
    mini.execute(DAMAGE).await?;
    replay(&mini, &[Entity::Invoice], false).await?;
    mini.settled().await?;
    mini.expect(Entity::Invoice, &["1", "2"]).await?;
    ensure!(mini.account("A").await?.get("displayName").is_none(), "accounts were not asked for");
    replay(&mini, &[], false).await?;
    mini.settled().await?;
    ensure!(mini.account("A").await?["displayName"] == "a", "{}", mini.account("A").await?);
    ensure!(mini.account("B").await?["displayName"] == "b", "{}", mini.account("B").await?);
    Ok(())
}

/// Not one row of the records, their lineage or their times is another version afterwards: the server says so by each
/// row's place and the transaction that wrote it.
#[tokio::test]
async fn a_replay_onto_a_target_that_is_right_writes_no_row() -> Result<()> {
    let (_scratch, archive) = folder()?;
    let (mini, _running) = filled(Engine::Postgres, &archive).await?;
    mini.sql("insert into crm.contact (contact_id, account_no, last_name) values (1, 'A', 'Nguyen')").await?;
    mini.settled().await?;
    archived(&mini).await?;
    // What shows that the target has settled is written each time.
    let versions = async || -> Result<Vec<String>> {
        let mut found = Vec::new();
        for table in ["customer", "plan", "account", "holding", "balance", "invoice", "lineage", "due"] {
            let sql = format!(
                "select string_agg(ctid::text || ' ' || xmin::text, ', ' order by ctid) from t_{TENANT}.{table}
                 where source_id not like 'BEAT%'"
            );
            found.push(format!("{table} {:?}", mini.target().value(&sql).await?));
        }
        Ok(found)
    };
    let before = versions().await?;
    ensure!(before.iter().any(|table| table.starts_with("lineage Some")), "{before:?}");
    replay(&mini, &[], false).await?;
    mini.settled().await?;
    let touched =
        mini.number("select max(touched) from job where kind = 'replay' and state = 'done'").await?;
    ensure!(touched >= 5, "{touched} keys were read again");
    let after = versions().await?;
    ensure!(before == after, "{before:#?} became {after:#?}");
    Ok(())
}

#[tokio::test]
async fn a_damaged_file_stops_a_replay_unless_it_is_to_be_left_out() -> Result<()> {
    let (scratch, archive) = folder()?;
    let (mini, _running) = filled(Engine::Sqlite, &archive).await?;
    mini.sql("update crm.account set display_name = 'b2' where account_no = 'B'").await?;
    mini.settled().await?;
    archived(&mini).await?;
    let files = read(&archive).await?;
    let (damaged, _) = files.first().expect("it has files");
    let path = scratch.path().join(format!("archive/tenant=mini/source=main/{damaged}"));
    std::fs::write(&path, "broken")?;
    mini.execute(DAMAGE).await?;

    replay(&mini, &[], false).await?;
    let failed = "select error from job where kind = 'replay' and state = 'failed'";
    let error = eventually(PATIENCE, async || {
        mini.value(failed).await?.ok_or_else(|| anyhow::anyhow!("the job has not failed"))
    })
    .await?;
    ensure!(error.contains(&damaged.to_string()), "{error}");

    replay(&mini, &[], true).await?;
    mini.settled().await?;
    ensure!(mini.account("B").await?["displayName"] == "b2", "{}", mini.account("B").await?);
    Ok(())
}
