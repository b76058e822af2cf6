//! Section 9: a record that cannot be read or written is found by halving, put aside alone, and tried again.

use anyhow::{Result, ensure};
use rstest_reuse::apply;
use wattle_core::Entity;
use wattle_sync::operate::{QuarantineFilter, discard, quarantined};
use wattle_sync::request_retry;
use wattle_testbed::{Engine, Target};

use crate::engines::{every_source, two_sources};
use crate::mini::{Mini, Setup, TENANT, system};

const POISON: [&str; 3] = ["7", "500", "993"];

/// Plans whose names are numbers, or cannot be read.
fn plan_sql(source: Engine) -> (&'static str, String) {
    let name = match source {
        Engine::Postgres => "cast(cast(p.name as integer) as text)",
        Engine::Sqlite => "cast(json(p.name) as text)",
        // A cast only warns; a number beyond any type is an error.
        Engine::MariaDb => "cast(9223372036854775807 + (p.name not regexp '^[0-9]+$') as char)",
        Engine::SqlServer => "cast(cast(p.name as int) as nvarchar(20))",
    };
    let sql = format!(
        r#"select k.ord as "$ord", p.plan_code as "$key", {name} as "displayName", p.detail as "planDetail"
           from {{keys}} k join billing.plan p on p.plan_code = k.plan_code"#
    );
    ("fetch/plan.sql", sql)
}

fn thousand_plans() -> String {
    let rows: Vec<String> = (1..=1_000).map(|number| format!("('{number}', '1')")).collect();
    format!("insert into billing.plan (plan_code, name) values {};", rows.join(", "))
}

fn poisoned(name: &str) -> String {
    format!("update billing.plan set name = '{name}' where plan_code in ('{}');", POISON.join("', '"))
}

async fn quarantine(mini: &Mini) -> Result<Vec<String>> {
    let sql = "select entity || ' ' || source_id || ' ' || error as v from quarantine order by 1";
    Ok(mini.list(sql).await?.into_iter().flatten().collect())
}

async fn plans(mini: &Mini) -> Result<i64> {
    mini.number("select count(*) from plan where source_id not like 'BEAT%'").await
}

async fn retry(mini: &Mini, entity: Entity) -> Result<()> {
    let session = mini.tenants.session(&mini.tenant).await?;
    request_retry(&session, &system(), Some(entity), None).await?;
    mini.settled().await
}

/// 997 are there and 3 are put aside, each with an error that holds these words and no value.
async fn three_are_put_aside(mini: &Mini, words: &str) -> Result<()> {
    mini.settled().await?;
    ensure!(plans(mini).await? == 997, "{} plans", plans(mini).await?);
    let found = quarantine(mini).await?;
    ensure!(found.len() == 3, "{found:?}");
    for key in POISON {
        let named = format!("plan {key} the record: ");
        ensure!(found.iter().any(|error| error.starts_with(&named)), "{key} is not in {found:?}");
    }
    ensure!(found.iter().all(|error| error.contains(words) && !error.contains("poison")), "{found:?}");
    mini.says(&["running"]).await?;
    Ok(())
}

#[apply(every_source)]
#[tokio::test]
async fn three_records_that_the_source_cannot_read_are_found_among_a_thousand(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::of(Setup { source, target, files: vec![plan_sql(source)], ..Setup::default() }).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql(&format!("{} {}", thousand_plans(), poisoned("poison"))).await?;
    three_are_put_aside(&mini, "out of range or malformed").await?;
    mini.sql(&poisoned("2")).await?;
    mini.settled().await?;
    ensure!(plans(&mini).await? == 1_000 && quarantine(&mini).await?.is_empty());
    Ok(())
}

/// Statements are counted where a server counts them: halving asks for each record at fault ten times over, and twice
/// because it looks at both halves; all else is asked once.
#[tokio::test]
async fn halving_takes_few_statements() -> Result<()> {
    let mini = Mini::of(Setup { files: vec![plan_sql(Engine::Postgres)], ..Setup::default() }).await?;
    let _running = mini.run_and_hydrate().await?;
    for (poison, most) in [("1", 2), ("poison", 2 * 10 * 3 + 2)] {
        // One small batch is held up at the marker while the large one gathers behind it.
        let locked = mini.holding(&format!("select from t_{TENANT}.marker for update")).await?;
        let heard = mini.heard().await?;
        mini.sql("insert into billing.balance (account_no, amount) values ('Z', 1) on conflict (account_no) do update set amount = 2")
            .await?;
        mini.blocked().await?;
        mini.sql(&format!(
            "delete from billing.plan where plan_code not like 'BEAT%'; {} {}",
            thousand_plans(),
            poisoned(poison)
        ))
        .await?;
        mini.has_heard(heard + 1_001).await?;
        mini.source().reset_statements().await?;
        locked.release().await?;
        mini.settled().await?;
        let statements = mini.source().statements().await?;
        let fetches: i64 = statements
            .iter()
            .filter(|statement| statement.query.contains("billing.plan p on p.plan_code"))
            .map(|statement| statement.calls)
            .sum();
        // The plan that shows that the target has settled comes on top, with more batches where capture came in parts.
        ensure!(fetches <= most + 4, "{fetches} fetches of a thousand plans, {poison}");
        ensure!(plans(&mini).await? == 1_000, "what was there before stays");
        ensure!(quarantine(&mini).await?.len() == if poison == "1" { 0 } else { 3 });
    }
    Ok(())
}

async fn refuse(mini: &Mini, target: &Target) -> Result<()> {
    let keys = POISON.join("', '");
    match target {
        Target::Postgres(database) => {
            let sql = format!(
                "alter table t_{TENANT}.plan add constraint is_sound check (source_id not in ('{keys}'))"
            );
            database.psql(&sql).await.map(drop)
        }
        Target::Sqlite(_) => {
            let sql = format!(
                "create trigger is_sound before insert on plan when new.source_id in ('{keys}')
                 begin select raise(abort, 'poison'); end"
            );
            mini.execute(&sql).await
        }
    }
}

#[apply(two_sources)]
#[tokio::test]
async fn three_records_that_the_target_refuses_are_found_among_a_thousand(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    refuse(&mini, mini.target_of_either()).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql(&thousand_plans()).await?;
    three_are_put_aside(&mini, "the target refuses it").await?;

    // Nothing at the source says that the target takes them now.
    match mini.target_of_either() {
        Target::Postgres(database) => {
            database.psql(&format!("alter table t_{TENANT}.plan drop constraint is_sound")).await?;
        }
        Target::Sqlite(_) => mini.execute("drop trigger is_sound").await?,
    }
    retry(&mini, Entity::Plan).await?;
    ensure!(plans(&mini).await? == 1_000 && quarantine(&mini).await?.is_empty());
    Ok(())
}

/// Errors that name their keys need no halving.
#[tokio::test]
async fn three_records_that_break_a_rule_are_put_aside_at_once() -> Result<()> {
    let mini = Mini::start().await?;
    // A process takes whole batches once it has seen how large records are.
    mini.sql(&thousand_plans()).await?;
    let _running = mini.run_and_hydrate().await?;
    let locked = mini.holding(&format!("select from t_{TENANT}.marker for update")).await?;
    let heard = mini.heard().await?;
    mini.sql("insert into billing.plan (plan_code, name) values ('P', 'Plan')").await?;
    mini.blocked().await?;
    mini.sql(
        "insert into crm.person (person_id, kind) select n, case when n in (7, 500, 993) then 'X' else 'P' end
         from generate_series(1, 1000) n",
    )
    .await?;
    mini.has_heard(heard + 1_001).await?;
    mini.source().reset_statements().await?;
    locked.release().await?;
    mini.settled().await?;
    ensure!(mini.ids(Entity::Customer).await?.len() == 997);
    ensure!(quarantine(&mini).await?.len() == 3, "{:?}", quarantine(&mini).await?);
    let statements = mini.source().statements().await?;
    let fetches: i64 = statements
        .iter()
        .filter(|statement| statement.query.contains("crm.person p on p.person_id"))
        .map(|statement| statement.calls)
        .sum();
    ensure!(fetches <= 3, "{fetches} fetches of a thousand persons");
    Ok(())
}

#[apply(every_source)]
#[tokio::test]
async fn a_discarded_key_is_out_of_sight_until_its_error_changes(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("insert into crm.person (person_id, kind) values (1, 'X'), (2, 'X')").await?;
    mini.settled().await?;
    let session = mini.tenants.session(&mini.tenant).await?;
    let all = QuarantineFilter::default();
    let one = QuarantineFilter { entity: Some(Entity::Customer), key: Some("1"), ..all };
    ensure!(discard(&session, &system(), one).await? == 1);
    let listed = async |filter| -> Result<Vec<String>> {
        let page = quarantined(&session, &system(), filter, None, 10).await?;
        Ok(page.quarantined.into_iter().map(|found| found.source_id).collect())
    };
    ensure!(listed(all).await? == ["2"], "{:?}", listed(all).await?);
    // What is out of sight is still in quarantine, and stays out of sight while nothing is new about it.
    ensure!(listed(QuarantineFilter { discarded: true, ..all }).await? == ["1", "2"]);
    retry(&mini, Entity::Customer).await?;
    mini.sql("update crm.person set kind = 'Y'").await?;
    mini.settled().await?;
    ensure!(listed(all).await? == ["2"], "{:?}", listed(all).await?);
    mini.sql("update crm.person set kind = 'P' where person_id = 1").await?;
    mini.settled().await?;
    ensure!(listed(QuarantineFilter { discarded: true, ..all }).await? == ["2"]);
    mini.expect(Entity::Customer, &["1"]).await
}
