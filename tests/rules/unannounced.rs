//! Rule 8: changes that no event announces are refused beforehand, or stored as what they are; and what cannot be
//! looked at is not gone.

use anyhow::{Result, ensure};
use rstest::rstest;
use rstest_reuse::apply;
use wattle_core::Entity;
use wattle_testbed::Engine;

use crate::engines::every_source;
use crate::mini::pack::{FILES, INVOICE, on};
use crate::mini::{Mini, Setup, pack_with, refused};

/// What `check` refuses when some files of the pack are others.
async fn refusals(mini: &Mini, engine: Engine, files: &[(&'static str, String)]) -> Result<Vec<String>> {
    let adapter = mini.retailer().adapter(&pack_with(engine, files)?, Default::default())?;
    Ok(refused(&*adapter).await?.into_iter().map(|finding| finding.what).collect())
}

fn file(path: &str) -> &'static str {
    FILES.iter().find(|(name, _)| *name == path).expect("the pack has it").1
}

#[rstest]
#[tokio::test]
async fn check_refuses_a_fetch_that_reads_a_relation_outside_its_paths(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) -> Result<()> {
    let mini = Mini::on(engine, engine).await?;
    let hidden = INVOICE.replace(
        "cast(b.bill_id as text) as \"invoiceNumber\"",
        "(select max(c.last_name) from crm.contact c where c.account_no = b.account_no) as \"invoiceNumber\"",
    );
    let found = refusals(&mini, engine, &[("fetch/invoice.sql", hidden)]).await?;
    let words = on(engine, "fetch/invoice.sql reads crm.contact");
    ensure!(found.len() == 1 && found[0].contains(&words), "{found:?}");
    // A view is looked through.
    mini.sql("create view billing.billed as select b.*, a.opened_on from billing.bill b join crm.account a using (account_no)")
        .await?;
    may_be_read(&mini, engine, "billing.billed").await?;
    let viewed = INVOICE.replace("billing.bill b", "billing.billed b").replace("b.issued_on", "b.opened_on");
    let found = refusals(&mini, engine, &[("fetch/invoice.sql", viewed)]).await?;
    let words = on(engine, "fetch/invoice.sql reads crm.account");
    ensure!(found.len() == 1 && found[0].contains(&words), "{found:?}");
    Ok(())
}

async fn may_be_read(mini: &Mini, engine: Engine, relation: &str) -> Result<()> {
    match engine {
        Engine::Postgres => mini.sql(&format!("grant select on {relation} to {}", mini.reader())).await,
        Engine::Sqlite | Engine::MariaDb | Engine::SqlServer => Ok(()),
    }
}

#[rstest]
#[case(Engine::Postgres, &["now()", "current_date", "localtimestamp", "statement_timestamp()"], "a view that asks the clock (current_date)")]
#[case(Engine::Sqlite, &["date('now')", "current_date", "datetime()", "julianday()"], "asks the clock (current_date(0))")]
#[tokio::test]
async fn check_refuses_a_fetch_that_asks_the_clock(
    #[case] engine: Engine,
    #[case] clocks: &[&str],
    #[case] in_view: &str,
) -> Result<()> {
    let mini = Mini::on(engine, engine).await?;
    for clock in clocks {
        let sql = format!("{} and a.opened_on <= {clock}", file("fetch/account.sql"));
        let found = refusals(&mini, engine, &[("fetch/account.sql", sql)]).await?;
        ensure!(found.len() == 1 && found[0].contains("asks the clock"), "{clock}: {found:?}");
    }
    mini.sql("create view crm.open_account as select * from crm.account where opened_on <= current_date")
        .await?;
    may_be_read(&mini, engine, "crm.open_account").await?;
    let viewed = file("fetch/account.sql").replace("crm.account a", "crm.open_account a");
    let found = refusals(&mini, engine, &[("fetch/account.sql", viewed)]).await?;
    ensure!(found.len() == 1 && found[0].contains(in_view), "{found:?}");
    let asked = format!("{} and a.opened_on <= {{now}}", file("fetch/account.sql"));
    let found = refusals(&mini, engine, &[("fetch/account.sql", asked)]).await?;
    ensure!(found.is_empty(), "{found:?}");
    Ok(())
}

#[tokio::test]
async fn check_refuses_an_unlogged_table() -> Result<()> {
    let mini = Mini::start().await?;
    mini.sql("alter publication wattle drop table billing.balance").await?;
    mini.sql("alter table billing.balance set unlogged").await?;
    let found = refusals(&mini, Engine::Postgres, &[]).await?;
    ensure!(found.iter().any(|what| what.contains("billing.balance is unlogged")), "{found:?}");
    Ok(())
}

#[apply(every_source)]
#[tokio::test]
async fn a_truncated_table_leaves_what_came_after(source: Engine, target: Engine) -> Result<()> {
    let mini = Mini::on(source, target).await?;
    mini.sql(
        "insert into crm.account (account_no) values ('A'), ('B');
         insert into billing.bill (bill_id, account_no) values (1, 'A'), (2, 'A'), (3, 'B')",
    )
    .await?;
    let _running = mini.run_and_hydrate().await?;
    mini.expect(Entity::Invoice, &["1", "2", "3"]).await?;
    let emptied = mini.retailer().emptied(&["billing.bill", "billing.bill_line"]);
    mini.sql(&format!("{emptied} insert into billing.bill (bill_id, account_no) values (3, 'A'), (4, 'B')"))
        .await?;
    mini.settled().await?;
    mini.expect(Entity::Invoice, &["3", "4"]).await?;
    mini.expect(Entity::Account, &["A", "B"]).await?;
    mini.sql(&mini.retailer().emptied(&["crm.account"])).await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &[]).await?;
    mini.expect(Entity::Invoice, &[]).await
}

/// No record is rooted in these tables; accounts were built from their rows.
#[apply(every_source)]
#[tokio::test]
async fn a_truncated_table_that_fed_other_records_leaves_them_without(
    source: Engine,
    target: Engine,
) -> Result<()> {
    const ADDRESS: &str = "0f0e0d0c-0000-4000-8000-000000000001";
    let mini = Mini::on(source, target).await?;
    mini.sql(&format!(
        "insert into crm.address values ('{ADDRESS}', 'Fitzroy');
         insert into crm.account (account_no, address_id) values ('A', '{ADDRESS}'), ('B', null);
         insert into crm.contact values (1, 'A', 'Nguyen'), (2, 'B', 'Smith')"
    ))
    .await?;
    let _running = mini.run_and_hydrate().await?;
    ensure!(mini.names().await?["A"] == "Home, Fitzroy", "{:?}", mini.names().await?);
    ensure!(mini.contacts("B").await? == ["Smith"], "{:?}", mini.contacts("B").await?);
    mini.sql(&mini.retailer().emptied(&["crm.address", "crm.contact"])).await?;
    mini.settled().await?;
    ensure!(mini.names().await?["A"] == "Home", "{:?}", mini.names().await?);
    for account in ["A", "B"] {
        ensure!(mini.contacts(account).await?.is_empty(), "{account}: {:?}", mini.contacts(account).await?);
    }
    Ok(())
}

/// Rows are hidden or forbidden while some of them change: nothing is deleted, the operator is told why, and all is
/// made up for when the rows can be read again.
async fn rows_out_of_sight_are_not_gone(
    mini: Mini,
    hide: &str,
    change: &str,
    words: &[&str],
    show: &str,
) -> Result<()> {
    mini.sql(
        "insert into crm.account (account_no, display_name) values ('A', 'Old'), ('B', 'B');
         insert into billing.bill (bill_id, account_no) values (1, 'A')",
    )
    .await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql(hide).await?;
    mini.sql(change).await?;
    mini.says(words).await?;
    mini.expect(Entity::Account, &["A", "B"]).await?;
    mini.expect(Entity::Invoice, &["1"]).await?;
    mini.sql(show).await?;
    mini.settled().await?;
    mini.says(&["running"]).await?;
    mini.expect(Entity::Account, &["A"]).await?;
    mini.expect(Entity::Invoice, &["1"]).await?;
    ensure!(mini.names().await?["A"] == "New", "{:?}", mini.names().await?);
    Ok(())
}

const CHANGE: &str = "update crm.account set display_name = 'New' where account_no = 'A';
                      delete from crm.account where account_no = 'B'";

#[rstest]
#[tokio::test]
async fn rows_that_may_no_longer_be_read_are_not_gone(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::Postgres, target).await?;
    let hide = format!("revoke select on crm.account from {}", mini.reader());
    let show = format!("grant select on crm.account to {}", mini.reader());
    let words = ["paused", "permission denied for table account", "wattle check"];
    rows_out_of_sight_are_not_gone(mini, &hide, CHANGE, &words, &show).await
}

#[rstest]
#[tokio::test]
async fn rows_that_may_no_longer_be_read_on_mariadb_are_not_gone(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::on(Engine::MariaDb, target).await?;
    let hide = format!("revoke select on account from {}@'%'", mini.reader());
    let show = format!("grant select on account to {}@'%'", mini.reader());
    let words = ["paused", "account", "the login may not read it", "wattle check"];
    rows_out_of_sight_are_not_gone(mini, &hide, CHANGE, &words, &show).await
}

#[rstest]
#[tokio::test]
async fn rows_of_a_table_with_another_name_on_mariadb_are_not_gone(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    rows_out_of_sight_are_not_gone(
        Mini::on(Engine::MariaDb, target).await?,
        "alter table account rename to hidden",
        &CHANGE.replace("crm.account", "hidden"),
        &["paused", "account"],
        "alter table hidden rename to account",
    )
    .await
}

/// A foreign key takes rows along, and the log has no word of it.
#[rstest]
#[tokio::test]
async fn rows_that_a_cascade_takes_are_gone(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    const ADDRESS: &str = "0f0e0d0c-0000-4000-8000-000000000001";
    let sql = "alter table account add foreign key (address_id) references address (address_id) on delete set null;
         alter table contact add foreign key (account_no) references account (account_no) on update cascade on delete cascade;
         alter table bill add foreign key (account_no) references account (account_no) on update cascade on delete cascade";
    let setup = Setup { source: Engine::MariaDb, target, sql: sql.to_owned(), ..Setup::default() };
    let mini = Mini::of(setup).await?;
    mini.sql(&format!(
        "insert into crm.address values ('{ADDRESS}', 'Fitzroy');
         insert into crm.account (account_no, address_id) values ('A', '{ADDRESS}'), ('B', null);
         insert into crm.contact values (1, 'A', 'Nguyen'), (2, 'B', 'Smith');
         insert into billing.bill (bill_id, account_no) values (1, 'A'), (2, 'B')"
    ))
    .await?;
    let _running = mini.run_and_hydrate().await?;
    mini.sql("update crm.account set account_no = 'C' where account_no = 'A'; delete from crm.account where account_no = 'B'")
        .await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["C"]).await?;
    mini.expect(Entity::Invoice, &["1"]).await?;
    ensure!(mini.contacts("C").await? == ["Nguyen"], "{:?}", mini.contacts("C").await?);
    ensure!(mini.names().await?["C"] == "Home, Fitzroy", "{:?}", mini.names().await?);
    mini.sql("delete from crm.address").await?;
    mini.settled().await?;
    ensure!(mini.names().await?["C"] == "Home", "{:?}", mini.names().await?);
    Ok(())
}

#[rstest]
#[tokio::test]
async fn rows_that_a_policy_hides_are_not_gone(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    rows_out_of_sight_are_not_gone(
        Mini::on(Engine::Postgres, target).await?,
        "create policy hides on crm.account using (account_no = 'B'); alter table crm.account enable row level security",
        CHANGE,
        &["paused", "row-level security", "account"],
        "alter table crm.account disable row level security",
    )
    .await
}

/// What hides a table of a file is another name. Its triggers go with it, and speak of its rows.
#[rstest]
#[tokio::test]
async fn rows_of_a_table_with_another_name_are_not_gone(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    rows_out_of_sight_are_not_gone(
        Mini::on(Engine::Sqlite, target).await?,
        "alter table account rename to hidden",
        &CHANGE.replace("crm.account", "hidden"),
        &["paused", "the source has no table account", "graph.toml"],
        "alter table hidden rename to account",
    )
    .await
}
