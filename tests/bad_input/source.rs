//! The source: what its administrator has yet to grant or set, and what of it is dangerous.

use anyhow::{Result, ensure};
use serde_json::json;
use wattle_testbed::{Postgres, Stop, eventually};

use crate::scene::PATIENCE;
use crate::{Shop, refuses};

#[tokio::test]
async fn a_login_that_may_do_nothing() -> Result<()> {
    let shop = Shop::open(Postgres::shared().await?).await?;
    let words =
        ["may not replicate", "may not look into the schemas", "may not read", "no publication \"wattle\""];
    refuses(shop.wattle("check", &[]), &words).await?;
    // One finding each, however many tables there are.
    let (findings, _) = shop.check().await?;
    ensure!(findings.len() == words.len(), "{findings:#?}");
    ensure!(findings.iter().all(|finding| finding.severity == "refused"), "{findings:#?}");
    // All that is missing is told at once: one script, and the source passes.
    shop.do_as_check_says().await?;
    shop.passes().await
}

/// What is done at the source, and what the check then says; the script that it prints undoes it.
struct Mishap {
    done: &'static str,
    severity: &'static str,
    words: &'static [&'static str],
    fix: &'static str,
}

const fn mishap(
    done: &'static str,
    severity: &'static str,
    words: &'static [&'static str],
    fix: &'static str,
) -> Mishap {
    Mishap { done, severity, words, fix }
}

/// `READER` is the login's name.
const MISHAPS: &[Mishap] = &[
    mishap("alter role READER noreplication", "refused", &["the login \"READER\" may not replicate"], "alter role \"READER\" replication;"),
    mishap("revoke usage on schema billing, crm from READER", "refused", &["may not look into the schemas crm, billing"], "grant usage on schema crm, billing to \"READER\";"),
    mishap(
        "revoke select on crm.party, crm.contact, billing.ledger from READER",
        "refused",
        &["the login may not read crm.party, crm.contact, billing.ledger"],
        "grant select on crm.party, crm.contact, billing.ledger to \"READER\";",
    ),
    mishap(
        "grant insert on crm.party to READER; grant truncate, delete on billing.bill to READER",
        "warning",
        &["the login may write to crm.party, billing.bill", "safer"],
        "revoke insert, update, delete, truncate on crm.party, billing.bill from \"READER\";",
    ),
    mishap(
        "alter table crm.account enable row level security; create policy own on crm.account using (account_no = 'none');
         alter table crm.party enable row level security",
        "refused",
        &["row policies hide rows of crm.party, crm.account", "look deleted"],
        "alter role \"READER\" bypassrls;",
    ),
    mishap("alter table product.fee set unlogged", "refused", &["product.fee is unlogged", "in no log"], "alter table product.fee set logged;"),
];

#[tokio::test]
async fn mishaps_at_the_source() -> Result<()> {
    let shop = Shop::ready(Postgres::shared().await?).await?;
    for mishap in MISHAPS {
        let of_reader = |text: &str| text.replace("READER", &shop.reader);
        shop.scene.source().psql(&of_reader(mishap.done)).await?;
        let words: Vec<String> = mishap.words.iter().map(|word| of_reader(word)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let found = shop.finds(mishap.severity, &words).await?;
        ensure!(found.fix == of_reader(mishap.fix), "the fix is {}", found.fix);
        shop.do_as_check_says().await?;
        shop.passes().await?;
    }
    Ok(())
}

#[tokio::test]
async fn rights_that_cannot_be_taken_back_from_the_login() -> Result<()> {
    let shop = Shop::ready(Postgres::shared().await?).await?;
    shop.scene.source().psql("grant insert on crm.party to public").await?;
    let found = shop.finds("warning", &["may write to crm.party"]).await?;
    ensure!(
        found.fix.starts_with("-- make a login for Wattle alone") && found.fix.contains("PUBLIC"),
        "{}",
        found.fix
    );
    // A superuser could do anything; it is said once, and following the script makes no role by accident.
    shop.scene.source().psql("revoke insert on crm.party from public").await?;
    shop.set_source("correa", &shop.scene.source().url(), &json!({})).await?.success()?;
    let found = shop.finds("warning", &["the login \"postgres\" is a superuser"]).await?;
    ensure!(found.fix.starts_with("-- make a login for Wattle alone"), "{}", found.fix);
    shop.do_as_check_says().await?;
    let made = "select count(*) from pg_roles where rolname = 'wattle_reader'";
    ensure!(shop.scene.source().value(made).await?.as_deref() == Some("0"));
    Ok(())
}

#[tokio::test]
async fn tables_whose_log_says_too_little() -> Result<()> {
    let shop = Shop::ready(Postgres::shared().await?).await?;
    let cases = [
        (
            "alter table billing.account_balance drop constraint account_balance_pkey",
            "billing.account_balance has no replica identity: the retailer's own UPDATE and DELETE on it fail now",
            "update billing.account_balance set balance = balance",
        ),
        (
            "alter table crm.contact replica identity nothing",
            "crm.contact has no replica identity: the retailer's own UPDATE and DELETE on it fail now",
            "update crm.contact set title = title",
        ),
        (
            "alter table billing.ledger_rest replica identity nothing;
             insert into billing.ledger select (jsonb_populate_record(l, '{\"entry_id\": -1, \"posted_on\": \"1999-01-01\"}')).* from billing.ledger l limit 1",
            "the partitions billing.ledger_rest do not have the replica identity of billing.ledger",
            "update billing.ledger_rest set posted_on = posted_on",
        ),
        (
            "alter table billing.bill replica identity using index bill_bill_no_key",
            "the publication \"wattle\" leaves out",
            "update billing.bill set bill_no = bill_no",
        ),
    ];
    for (done, what, write) in cases {
        shop.scene.source().psql(done).await?;
        ensure!(
            shop.scene.source().psql(write).await.is_err(),
            "the retailer's own write does not fail: {write}"
        );
        if what.contains("leaves out") {
            shop.finds("refused", &["the replica identity of billing.bill lacks \"bill_id\""]).await?;
        } else {
            shop.finds("refused", &[what]).await?;
        }
        shop.do_as_check_says().await?;
        shop.passes().await?;
        shop.scene.source().psql(write).await?;
    }
    // Before anything is published, nothing fails yet.
    shop.scene
        .source()
        .psql(
            "drop publication wattle; alter table billing.bill_line drop constraint bill_line_pkey;
        alter table crm.account_holding drop constraint account_holding_pkey",
        )
        .await?;
    let words = ["crm.account_holding has no replica identity: once published", "no publication"];
    refuses(shop.wattle("check", &[]), &words).await?;
    shop.do_as_check_says().await?;
    shop.passes().await
}

#[tokio::test]
async fn a_source_that_does_not_let_us_in() -> Result<()> {
    let shop = Shop::open(Postgres::shared().await?).await?;
    let source = shop.scene.source();
    let right = "correct the address: the database, the login or its password; of a tenant's source with `wattle tenant add`";
    let no_database = shop.reader_url().replace(source.name(), "nowhere");
    let cases = [
        (
            source.url_as(&shop.reader, "wrong"),
            format!("password authentication failed for user \"{}\"", shop.reader),
        ),
        (no_database, "database \"nowhere\" does not exist".to_owned()),
    ];
    for (url, why) in cases {
        shop.set_source("correa", &url, &json!({})).await?.success()?;
        let address = source.server().address().to_string();
        let said = refuses(shop.wattle("check", &[]), &["source main", &address, &why, right]).await?;
        ensure!(!said.contains("wrong"), "it tells the password:\n{said}");
        refuses(shop.wattle("hydrate", &[]), &[&why, right]).await?;
        let sync = shop.scene.wattle(&["sync"]).start()?;
        let paused = sync.line("does not get on", PATIENCE).await?;
        ensure!(paused.contains("paused") && paused.contains("tenant add"), "{paused}");
        sync.terminate()?;
        ensure!(sync.exit(PATIENCE).await?.success());
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_set_for_it() -> Result<()> {
    let builder = Postgres::builder().setting("wal_level", "replica").setting("max_slot_wal_keep_size", "-1");
    let server = builder.start().await?;
    let shop = Shop::open(&server).await?;
    let words = ["wal_level is replica", "max_slot_wal_keep_size is unlimited", "fill the disk"];
    refuses(shop.wattle("check", &[]), &words).await?;
    let (findings, _) = shop.check().await?;
    // What an administrator may decide otherwise is still said.
    shop.set_source("correa", &shop.reader_url(), &json!({ "allow_unlimited_slot": true }))
        .await?
        .success()?;
    let (allowed, _) = shop.check().await?;
    let severity = |findings: &[crate::Finding]| {
        findings
            .iter()
            .find(|finding| finding.what.contains("unlimited"))
            .map(|finding| finding.severity.clone())
    };
    ensure!(severity(&findings).as_deref() == Some("refused"), "{findings:#?}");
    ensure!(severity(&allowed).as_deref() == Some("warning"), "{allowed:#?}");
    shop.set_source("correa", &shop.reader_url(), &json!({})).await?.success()?;

    // A hydration that was asked for too early says what is missing, and goes on when it is there.
    let grants: Vec<_> = findings.iter().filter(|finding| !finding.fix.contains("alter system")).collect();
    for finding in grants {
        crate::psql(&shop.scene.source().url(), &finding.fix).await?;
    }
    let hydrate = shop.wattle("hydrate", &[]).start()?;
    let paused = hydrate.line("does not get on", PATIENCE).await?;
    ensure!(paused.contains("paused") && paused.contains("wal_level = replica"), "{paused}");
    ensure!(paused.contains("alter system set wal_level = 'logical'"), "{paused}");
    shop.do_as_check_says().await?;
    server.restart(Stop::Fast).await?;
    eventually(PATIENCE, async || shop.passes().await).await?;
    ensure!(hydrate.exit(PATIENCE).await?.success(), "{:?}", hydrate.lines());
    Ok(())
}
