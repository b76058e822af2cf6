//! Rule 7: only the source decides which keys are equal; a record is stored once, under the form that it has there.

use anyhow::{Result, ensure};
use rstest::rstest;
use wattle_core::Entity;
use wattle_testbed::Engine;

use crate::mini::pack::{GRAPH, INVOICE, built_anew};
use crate::mini::{Mini, Setup};

const CITEXT: &str = "
create extension citext;
alter table crm.account alter account_no type citext;
alter table crm.contact alter account_no type citext;
alter table crm.holding alter account_no type citext;
alter table billing.balance alter account_no type citext;
alter table billing.bill alter account_no type citext;";

const CASELESS_COLLATION: &str = "
create collation caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
alter table crm.account alter account_no type text collate caseless;
alter table crm.contact alter account_no type text collate caseless;
alter table crm.holding alter account_no type text collate caseless;
alter table billing.balance alter account_no type text collate caseless;
alter table billing.bill alter account_no type text collate caseless;";

const PADDED: &str = "
alter table crm.account alter account_no type char(8);
alter table crm.contact alter account_no type char(8);
alter table crm.holding alter account_no type char(8);
alter table billing.balance alter account_no type char(8);
alter table billing.bill alter account_no type char(8);";

/// A bill may spell its account otherwise than the account does: the fetch takes the account's own spelling.
fn caseless(source: Engine, target: Engine, sql: String) -> Setup {
    let graph = GRAPH.replace("reads = [\"bill_line\"]", "reads = [\"bill_line\", \"account\"]");
    let invoice = INVOICE.replace(
        "b.account_no as \"$owner.account\"",
        "a.account_no as \"$owner.account\", a.account_no as \"$from.account\"",
    ) + " left join crm.account a on a.account_no = b.account_no";
    Setup {
        source,
        target,
        files: vec![("graph.toml", graph), ("fetch/invoice.sql", invoice)],
        sql,
        ..Setup::default()
    }
}

async fn a_change_of_letter_case_is_one_record(setup: Setup) -> Result<()> {
    let mini = Mini::of(setup).await?;
    mini.sql(
        "insert into crm.account (account_no) values ('ab1'); insert into billing.bill (bill_id, account_no) values (1, 'Ab1')",
    )
    .await?;
    let _running = mini.run_and_hydrate().await?;
    mini.expect(Entity::Account, &["ab1"]).await?;
    mini.expect(Entity::Invoice, &["1"]).await?;
    // Only the account changes; its bill and the new contact keep their own spelling.
    mini.sql("update crm.account set account_no = 'AB1'").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["AB1"]).await?;
    mini.sql("insert into crm.contact values (1, 'aB1', 'Nguyen')").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["AB1"]).await?;
    mini.expect(Entity::Invoice, &["1"]).await?;
    ensure!(mini.contacts("AB1").await? == ["Nguyen"], "{:?}", mini.contacts("AB1").await?);
    mini.hydrate(&[]).await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["AB1"]).await?;
    mini.sql("delete from crm.account where account_no = 'ab1'").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &[]).await?;
    mini.expect(Entity::Invoice, &[]).await
}

#[rstest]
#[tokio::test]
async fn a_citext_key_that_changes_its_letter_case_is_one_record(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    a_change_of_letter_case_is_one_record(caseless(Engine::Postgres, target, CITEXT.to_owned())).await
}

#[rstest]
#[tokio::test]
async fn a_key_of_a_caseless_collation_that_changes_its_letter_case_is_one_record(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    a_change_of_letter_case_is_one_record(caseless(Engine::Postgres, target, CASELESS_COLLATION.to_owned()))
        .await
}

#[rstest]
#[tokio::test]
async fn a_nocase_key_that_changes_its_letter_case_is_one_record(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let tables = ["crm.account", "crm.contact", "crm.holding", "billing.balance", "billing.bill"];
    let sql = built_anew(&tables).replace("account_no text", "account_no text collate nocase");
    a_change_of_letter_case_is_one_record(caseless(Engine::Sqlite, target, sql)).await
}

#[rstest]
#[tokio::test]
async fn blanks_that_pad_a_key_are_no_part_of_it(
    #[values(Engine::Postgres, Engine::Sqlite)] target: Engine,
) -> Result<()> {
    let mini = Mini::of(Setup { target, sql: PADDED.to_owned(), ..Setup::default() }).await?;
    mini.sql(
        "insert into crm.account (account_no) values ('A1'); insert into billing.bill (bill_id, account_no) values (1, 'A1');
         insert into crm.person (person_id) values (1); insert into crm.holding (person_id, account_no) values (1, 'A1')",
    )
    .await?;
    let _running = mini.run_and_hydrate().await?;
    mini.expect(Entity::Account, &["A1"]).await?;
    mini.sql("insert into crm.account (account_no) values ('A2'); insert into billing.bill (bill_id, account_no) values (2, 'A2')")
        .await?;
    mini.sql("insert into crm.contact values (1, 'A1', 'Nguyen'); update crm.holding set role = 'J'").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A1", "A2"]).await?;
    mini.expect(Entity::Holding, &["1|A1"]).await?;
    mini.expect(Entity::Invoice, &["1", "2"]).await?;
    ensure!(mini.contacts("A1").await? == ["Nguyen"], "{:?}", mini.contacts("A1").await?);
    mini.sql("delete from crm.account where account_no = 'A1'").await?;
    mini.settled().await?;
    mini.expect(Entity::Account, &["A2"]).await?;
    mini.expect(Entity::Holding, &[]).await?;
    mini.expect(Entity::Invoice, &["2"]).await
}
