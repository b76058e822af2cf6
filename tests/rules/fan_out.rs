//! Rule 9: what one change affects is bounded per batch, the rest becomes touches; and what all share is not copied.

use anyhow::{Result, ensure};
use rstest_reuse::apply;
use wattle_core::Entity;
use wattle_testbed::Engine;

use crate::engines::two_sources;
use crate::mini::pack::numbers;
use crate::mini::{Mini, Setup};

const ADDRESS: &str = "0f0e0d0c-0000-4000-8000-000000000001";
const ACCOUNTS: i64 = 2_500;

#[apply(two_sources)]
#[tokio::test]
async fn an_address_of_thousands_of_accounts_is_spread_over_batches(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(&format!(
        "insert into crm.address values ('{ADDRESS}', 'Fitzroy');
         {} insert into crm.account (account_no, address_id) select 'A' || n, '{ADDRESS}' from numbers",
        numbers(ACCOUNTS)
    ))
    .await?;
    let _running = mini.run_and_hydrate().await?;
    let called =
        |name: &str| format!("select count(*) from account where body::json ->> 'displayName' = '{name}'");
    ensure!(mini.number(&called("Home, Fitzroy")).await? == ACCOUNTS);
    mini.adapter.forget();
    mini.sql("update crm.address set suburb = 'Carlton'").await?;
    mini.settled().await?;
    let updated = mini.number(&called("Home, Carlton")).await?;
    ensure!(updated == ACCOUNTS, "{updated} of {ACCOUNTS} accounts have the new suburb");
    let fetches = mini.adapter.fetches(Entity::Account);
    ensure!(fetches.iter().all(|keys| *keys <= 1_000), "a batch fetched more than its share: {fetches:?}");
    // The lineage knows the accounts, and so does the path from the address.
    let jobs = mini.number("select count(*) from job where kind = 'fan_out' and state = 'done'").await?;
    ensure!(jobs == 2, "{jobs} jobs were made");
    mini.sql("delete from crm.address").await?;
    mini.settled().await?;
    let without = mini.number(&called("Home")).await?;
    ensure!(without == ACCOUNTS, "{without} of {ACCOUNTS} accounts have lost the suburb");
    Ok(())
}

/// An owner that comes late owns more than a batch holds.
#[apply(two_sources)]
#[tokio::test]
async fn a_new_owner_of_thousands_of_records_is_spread_over_batches(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(&format!(
        "{} insert into billing.bill (bill_id, account_no) select n, 'A' from numbers",
        numbers(ACCOUNTS)
    ))
    .await?;
    let _running = mini.run_and_hydrate().await?;
    mini.expect(Entity::Invoice, &[]).await?;
    mini.adapter.forget();
    mini.sql("insert into crm.account (account_no) values ('A')").await?;
    mini.settled().await?;
    let found = mini.number("select count(*) from invoice").await?;
    ensure!(found == ACCOUNTS, "{found} of {ACCOUNTS} invoices came");
    let fetches = mini.adapter.fetches(Entity::Invoice);
    ensure!(fetches.iter().all(|keys| *keys <= 1_000), "a batch fetched more than its share: {fetches:?}");
    Ok(())
}

/// Every account is on one plan. The plan is a record of its own, and accounts only name it.
#[apply(two_sources)]
#[tokio::test]
async fn a_plan_that_changes_is_read_once_and_no_account_with_it(
    source: Engine,
    target: Engine,
) -> Result<()> {
    let plans = r#"select k.ord as "$ord", a.plan_code as "$plan", '{}'::text[] as "servicePointIds",
                          a.opened_on as "planOverview.startDate", c.contact_id as "$from.contact"
                   from {keys} k join crm.account a on a.account_no = k.account_no
                   left join crm.contact c on c.account_no = k.account_no"#;
    let files = vec![("fetch/account.plans.sql", plans.to_owned())];
    let sql = "alter table crm.account add plan_code text not null default 'P'".to_owned();
    let mini = Mini::of(Setup { source, target, files, sql, ..Setup::default() }).await?;
    mini.sql(&format!(
        "insert into billing.plan (plan_code, name) values ('P', 'Old');
         {} insert into crm.account (account_no) select 'A' || n from numbers",
        numbers(ACCOUNTS)
    ))
    .await?;
    let _running = mini.run_and_hydrate().await?;
    mini.adapter.forget();
    mini.sql("update billing.plan set name = 'New' where plan_code = 'P'").await?;
    mini.settled().await?;
    let name = "select body::json ->> 'displayName' from plan where source_id = 'P'";
    ensure!(mini.value(name).await?.as_deref() == Some("New"));
    ensure!(
        mini.adapter.fetches(Entity::Account).is_empty(),
        "accounts were read: {:?}",
        mini.adapter.calls()
    );
    let plan = &mini.account("A1").await?["plans"][0];
    ensure!(plan["planDetail"]["$planDetail"] == "P", "the plan was copied: {plan}");
    ensure!(plan["planOverview"]["displayName"]["$planName"] == "P", "the plan's name was copied: {plan}");
    Ok(())
}
