//! Packs: what an integration engineer gets wrong in `graph.toml` and the queries.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tempfile::TempDir;
use wattle_testbed::Postgres;

use crate::scene::PATIENCE;
use crate::{Shop, all_of, psql, refuses, says};

/// A mistake: in this file of the pack, this text is replaced by that.
struct Mistake {
    file: &'static str,
    right: &'static str,
    wrong: &'static str,
    /// What has to be said.
    words: &'static [&'static str],
}

const fn mistake(
    file: &'static str,
    right: &'static str,
    wrong: &'static str,
    words: &'static [&'static str],
) -> Mistake {
    Mistake { file, right, wrong, words }
}

const GRAPH: &str = "graph.toml";
const INVOICE: &str = "fetch/invoice.sql";
const ACCOUNT: &str = "fetch/account.sql";
const HOLDING: &str = "fetch/holding.sql";

/// Found when the source is added, without a database.
const WITHOUT_A_SOURCE: &[Mistake] = &[
    mistake(GRAPH, "[node.party]", "[node.party", &["graph.toml: ", "line", "[node.party"]),
    mistake(
        GRAPH,
        "relation = \"crm.party\"",
        "relation = \"crm.party\"\ncolour = 1",
        &["graph.toml", "unknown field `colour`", "`relation`"],
    ),
    mistake(
        GRAPH,
        "key = [\"bill_id integer\"]",
        "key = [\"bill_id bigint\"]",
        &["`bill_id bigint` is not a key column", "integer, text, uuid"],
    ),
    mistake(GRAPH, "key = [\"bill_id integer\"]", "key = []", &["node `bill` has no key", "key = ["]),
    mistake(
        GRAPH,
        "zone = \"Australia/Melbourne\"",
        "zone = \"Melbourne\"",
        &["`Melbourne` is not a time zone", "Australia/Melbourne"],
    ),
    mistake(
        GRAPH,
        "key = [\"address_id uuid\"]",
        "key = [\"address_id uuid\"]\nrefers_to = [{ node = \"account\", by = [\"account_no\"] }]",
        &["account -> address -> account form a cycle", "remove one of the edges"],
    ),
    mistake(
        GRAPH,
        "{ node = \"party\", by = [\"party_id\"] }, {",
        "{ node = \"person\", by = [\"party_id\"] }, {",
        &["node `holding`", "predecessor `person` that is not in the graph"],
    ),
    mistake(
        GRAPH,
        "by = [\"entry_id\", \"posted_on\"], moves",
        "by = [\"entry_id\"], moves",
        &["node `ledger_usage`", "`ledger` by 1 columns, but its key has 2"],
    ),
    mistake(
        GRAPH,
        "by = [\"bill_id\"], moves = false,",
        "by = [\"bill_id\"],",
        &["node `bill_line` cannot be folded into `bill`", "say moves = false"],
    ),
    mistake(
        GRAPH,
        "root = \"bill\"\nreads = [\"bill_line\"]",
        "root = \"bill\"",
        &["node `bill_line` roots no entity and no entity reads it", "`reads`"],
    ),
    mistake(
        GRAPH,
        "reads = [\"bill_line\"]",
        "reads = [\"bill_lines\"]",
        &["entity `invoice` names a node `bill_lines`"],
    ),
    mistake(
        GRAPH,
        "reads = [\"bill_line\"]",
        "reads = [\"bill_line\", \"rate\"]",
        &["entity `invoice` reads `rate`, which no walk from its root `bill` reaches"],
    ),
    mistake(
        GRAPH,
        "[entity.invoice]",
        "[entity.invoices]",
        &["`invoices` is not an entity", "billing_transaction"],
    ),
    mistake(
        GRAPH,
        "P = \"PAID\"",
        "P = \"SETTLED\"",
        &["paymentStatus maps to `SETTLED`", "PAID, PARTIALLY_PAID, NOT_PAID"],
    ),
    mistake(GRAPH, "P = \"PAID\"", "P = 1", &["[map.invoice] paymentStatus", "as text"]),
    mistake(
        GRAPH,
        "paymentStatus = {",
        "paidStatus = {",
        &["names `paidStatus`, which is not a field of invoice"],
    ),
    mistake(
        INVOICE,
        "from {keys} k",
        "from crm.account k",
        &["fetch/invoice.sql: has no {keys} placeholder", "`{keys} k`"],
    ),
    mistake(
        INVOICE,
        "b.gst ",
        "{today} ",
        &["fetch/invoice.sql: has an unknown placeholder {today}", "{now}"],
    ),
];

/// Found by `check`, with the source's tables before it.
const WITH_A_SOURCE: &[Mistake] = &[
    mistake(
        INVOICE,
        "\"invoiceNumber\"",
        "\"invoiceNo\"",
        &["fetch/invoice.sql: has the alias \"invoiceNo\"", "not a field of invoice"],
    ),
    mistake(
        "fetch/account.plans.sql",
        "\"nickname\"",
        "\"nickName\"",
        &["fetch/account.plans.sql: has the alias \"nickName\"", "not a field of account.plans"],
    ),
    mistake(
        INVOICE,
        "\"electricity.totalOnceOffDiscounts\"",
        "\"electricity.totalOnceOffDiscountsAndAllThatAnyoneEverTookOffThisBill\"",
        &["\"electricity.totalOnceOffDiscountsAndAllThatAnyoneEverTookOffThi\"", "may have cut it off"],
    ),
    mistake(
        INVOICE,
        "k.ord           as \"$ord\",",
        "",
        &["fetch/invoice.sql: has no \"$ord\"", "select k.ord as \"$ord\""],
    ),
    mistake(
        INVOICE,
        "b.bill_id       as \"$key\",",
        "",
        &["fetch/invoice.sql: has no \"$key\"", "key columns bill_id"],
    ),
    mistake(
        HOLDING,
        "\"$key.party_id\"",
        "\"$key.party\"",
        &["fetch/holding.sql: has the alias \"$key.party\"", "\"$key.party_id\", \"$key.account_no\""],
    ),
    mistake(
        HOLDING,
        "h.party_id   as \"$owner.customer\",",
        "",
        &["fetch/holding.sql: has no \"$owner.customer\"", "key columns party_id"],
    ),
    mistake(
        HOLDING,
        "\"$owner.customer\"",
        "\"$owner.customers\"",
        &["fetch/holding.sql", "\"$owner.customers\"", "not an owner of holding"],
    ),
    mistake(
        ACCOUNT,
        "\"$from.address#mail\"",
        "\"$from.adress#mail\"",
        &["fetch/account.sql", "the graph has no node `adress`"],
    ),
    mistake(
        ACCOUNT,
        "\"$from.address#mail\"",
        "\"$from.address.id#mail\"",
        &["fetch/account.sql: has the alias \"$from.address.id#mail\"", "\"$from.address.address_id#mail\""],
    ),
    mistake(
        ACCOUNT,
        "\"$from.address#mail\"",
        "\"$form.address#mail\"",
        &["fetch/account.sql: has an unknown reserved alias \"$form.address#mail\""],
    ),
    mistake(
        "fetch/account.plans.authorisedContacts.sql",
        "\"$from.contact\"",
        "\"$ord2\"",
        &["unknown reserved alias \"$ord2\""],
    ),
    mistake(
        INVOICE,
        "b.total         as",
        "b.total::float8 as",
        &["fetch/invoice.sql: selects \"invoiceAmount\" as float8", "not exact", "numeric"],
    ),
    mistake(
        INVOICE,
        "b.total         as",
        "b.totall as",
        &["could not prepare fetch/invoice.sql", "column b.totall does not exist"],
    ),
    mistake(
        INVOICE,
        "join billing.bill b",
        "join billing.bills b",
        &["could not prepare fetch/invoice.sql", "relation \"billing.bills\" does not exist"],
    ),
    mistake(
        INVOICE,
        "select k.ord",
        "selekt k.ord",
        &["could not prepare fetch/invoice.sql", "syntax error at or near \"selekt\""],
    ),
    mistake(
        INVOICE,
        "b.gst           as",
        "(select sum(l.amount) from billing.ledger l where l.account_no = b.account_no) as",
        &[
            "fetch/invoice.sql reads billing.ledger, which is not among the nodes that invoice reads",
            "would not be heard",
        ],
    ),
    mistake(
        INVOICE,
        "b.due_on        as",
        "current_date as",
        &["fetch/invoice.sql asks the clock (current_date)", "without an event"],
    ),
    mistake(
        INVOICE,
        "b.due_on        as",
        "date 'Today' as",
        &["fetch/invoice.sql asks the clock ('today')", "without an event"],
    ),
    mistake(
        INVOICE,
        "b.due_on        as",
        "b.due_on - extract(day from age(b.due_on))::int as",
        &["fetch/invoice.sql asks the clock (age)", "without an event"],
    ),
    mistake(
        GRAPH,
        "key = [\"bill_id integer\"]",
        "key = [\"bill_id text\"]",
        &["billing.bill.bill_id is int8, and graph.toml says text"],
    ),
    mistake(
        GRAPH,
        "key = [\"contact_id integer\"]",
        "key = [\"contact_no integer\"]",
        &["crm.contact has no column contact_no"],
    ),
    mistake(
        GRAPH,
        "relation = \"crm.contact\"",
        "relation = \"crm.contacts\"",
        &["the source has no relation crm.contacts (node `contact`)"],
    ),
    mistake(
        GRAPH,
        "relation = \"crm.contact\"",
        "relation = \"crm contact\"",
        &["the source has no relation crm contact (node `contact`)"],
    ),
    mistake(
        GRAPH,
        "by = [\"mail_address_id\"]",
        "by = [\"post_address_id\"]",
        &["follow node `account` to `address`", "c.post_address_id does not exist"],
    ),
    mistake(
        GRAPH,
        "by = [\"mail_address_id\"]",
        "by = [\"status\"]",
        &["follow node `account` to `address`", "operator does not exist: character = uuid"],
    ),
];

/// The pack of the sample retailer in a folder, with this mistake in it.
fn write_pack(mistake: Option<&Mistake>) -> Result<TempDir> {
    let mut files: BTreeMap<&str, String> =
        wattle_correa::PACK.iter().map(|(path, text)| (*path, (*text).to_owned())).collect();
    if let Some(Mistake { file, right, wrong, .. }) = mistake {
        let text = files.get_mut(file).with_context(|| format!("the pack has no {file}"))?;
        ensure!(text.contains(right), "{file} has no {right}");
        *text = text.replacen(right, wrong, 1);
    }
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join("fetch"))?;
    for (path, text) in files {
        std::fs::write(folder.path().join(path), text)?;
    }
    Ok(folder)
}

fn options(folder: &Path) -> serde_json::Value {
    json!({ "pack": folder })
}

#[tokio::test]
async fn mistakes_that_need_no_source() -> Result<()> {
    let shop = Shop::open(Postgres::shared().await?).await?;
    let before = shop.scene.run(&["tenant", "show", &shop.tenant, "--json"]).await?;
    for mistake in WITHOUT_A_SOURCE {
        let folder = write_pack(Some(mistake))?;
        refuses_to_add(&shop, folder.path(), mistake.words).await?;
    }
    let folder = write_pack(None)?;
    for (file, words) in [
        ("fetch/invoice.sql", ["fetch/invoice.sql: is missing", "{keys}"]),
        ("fetch/account.plans.sql", ["is inside the array `plans`", "no query fetch/account.plans.sql"]),
        ("graph.toml", ["graph.toml: cannot be read", "No such file"]),
    ] {
        std::fs::rename(folder.path().join(file), folder.path().join("away"))?;
        refuses_to_add(&shop, folder.path(), &words).await?;
        std::fs::rename(folder.path().join("away"), folder.path().join(file))?;
    }
    std::fs::write(folder.path().join("fetch/invoices.sql"), "select 1 from {keys}")?;
    refuses_to_add(&shop, folder.path(), &["fetch/invoices.sql: `invoices` is not an entity"]).await?;
    std::fs::remove_dir_all(folder.path().join("fetch"))?;
    refuses_to_add(&shop, folder.path(), &["fetch: cannot be read", "No such file"]).await?;
    ensure!(
        shop.scene.run(&["tenant", "show", &shop.tenant, "--json"]).await? == before,
        "the source changed"
    );
    Ok(())
}

async fn refuses_to_add(shop: &Shop, folder: &Path, words: &[&str]) -> Result<()> {
    let ended = shop.set_source("postgres", &shop.reader_url(), &options(folder)).await?;
    ensure!(ended.status.code() == Some(1), "{}", all_of(&ended));
    says(&ended.stderr, &[&["the pack has mistakes"], words].concat())
}

#[tokio::test]
async fn mistakes_that_the_check_finds() -> Result<()> {
    let shop = Shop::ready(Postgres::shared().await?).await?;
    for mistake in WITH_A_SOURCE {
        let folder = write_pack(Some(mistake))?;
        shop.set_source("postgres", &shop.reader_url(), &options(folder.path())).await?.success()?;
        let printed = shop.wattle("check", &["--sql"]).run(PATIENCE).await?;
        ensure!(printed.status.code() == Some(1), "{}", all_of(&printed));
        says(&printed.stdout, &[&["-- refused: "], mistake.words].concat())?;
        // Words among the statements are comments: the whole is a script.
        psql(&shop.scene.source().url(), &printed.stdout).await?;
    }
    // A mistake in the pack is found before the retailer's administrator has done a thing.
    shop.scene.source().psql("drop publication wattle").await?;
    let mistake = &WITH_A_SOURCE[0];
    let folder = write_pack(Some(mistake))?;
    shop.set_source("postgres", &shop.reader_url(), &options(folder.path())).await?.success()?;
    refuses(shop.wattle("check", &[]), &[&["there is no publication"], mistake.words].concat()).await?;
    // With the pack put right the same command passes.
    let folder = write_pack(None)?;
    shop.set_source("postgres", &shop.reader_url(), &options(folder.path())).await?.success()?;
    shop.do_as_check_says().await?;
    shop.passes().await
}

#[tokio::test]
async fn a_row_that_no_query_names() -> Result<()> {
    let shop = Shop::ready(Postgres::shared().await?).await?;
    let folder = write_pack(Some(&mistake(
        "fetch/account.plans.authorisedContacts.sql",
        "c.contact_id",
        "-- c.contact_id",
        &[],
    )))?;
    shop.set_source("postgres", &shop.reader_url(), &options(folder.path())).await?.success()?;
    shop.finds("refused", &["reads `contact`, but no query of account names its row", "\"$from.contact\""])
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_key_that_is_not_the_primary_key() -> Result<()> {
    let shop = Shop::ready(Postgres::shared().await?).await?;
    let folder = write_pack(Some(&mistake(
        GRAPH,
        "key = [\"contact_id integer\"]",
        "key = [\"last_name text\", \"contact_id integer\"]",
        &[],
    )))?;
    let query = folder.path().join("fetch/account.plans.authorisedContacts.sql");
    let text = std::fs::read_to_string(&query)?;
    let both = "c.last_name as \"$from.contact.last_name\", c.contact_id as \"$from.contact.contact_id\"";
    let (before, after) = text.split_once("c.contact_id").context("it selects the key")?;
    let (_, after) = after.split_once("\"$from.contact\"").context("it names the row")?;
    std::fs::write(&query, format!("{before}{both}{after}"))?;
    shop.set_source("postgres", &shop.reader_url(), &options(folder.path())).await?.success()?;
    let lacking = "the replica identity of crm.contact lacks \"last_name\"";
    shop.finds("refused", &[lacking, "deletes would come without the key"]).await?;
    shop.do_as_check_says().await?;
    shop.passes().await?;
    // The retailer's own writes go on all the same.
    shop.scene
        .source()
        .psql("update crm.contact set last_name = last_name || ' '; delete from crm.contact")
        .await?;
    Ok(())
}

#[tokio::test]
async fn adapters_and_options() -> Result<()> {
    let shop = Shop::open(Postgres::shared().await?).await?;
    let url = shop.reader_url();
    let before = shop.scene.run(&["tenant", "show", &shop.tenant, "--json"]).await?;
    let cases: [(&str, &str, serde_json::Value, &[&str]); 13] = [
        (
            "corea",
            &url,
            json!({}),
            &[
                "there is no adapter `corea`",
                "acacia, banksia, correa, dianella, mysql, postgres, sqlite, sqlserver",
            ],
        ),
        ("postgres", &url, json!({}), &["needs the option `pack`", "folder"]),
        ("postgres", &url, json!({ "pack": 1 }), &["needs the option `pack`"]),
        ("correa", &url, json!({ "pack": "." }), &["brings its own pack", "leave the option `pack` out"]),
        ("postgres", &url, json!({ "pack": "nowhere" }), &["nowhere/graph.toml: cannot be read"]),
        ("correa", &url, json!({ "slots": 1 }), &["unknown field `slots`", "`publication`, `slot`"]),
        ("correa", &url, json!({ "publication": 1 }), &["options cannot be read", "expected a string"]),
        ("correa", &url, json!([]), &["options are not a JSON object"]),
        (
            "correa",
            &url,
            json!({ "slot": "Wattle-1" }),
            &["no replication slot of the name `Wattle-1`", "a-z, 0-9 and _"],
        ),
        ("correa", &url, json!({ "max_sessions": 0 }), &["`max_sessions` is 0", "at least"]),
        (
            "correa",
            "localhost:5432/d",
            json!({}),
            &["source's address cannot be read", "postgres://user:password@"],
        ),
        ("correa", "postgres:///d", json!({}), &["names no host"]),
        ("correa", "env:WATTLE_LOST", json!({}), &["variable WATTLE_LOST is not set"]),
    ];
    for (adapter, url, options, words) in cases {
        let ended = shop.set_source(adapter, url, &options).await?;
        ensure!(ended.status.code() == Some(1), "{}", all_of(&ended));
        says(&ended.stderr, words)?;
    }
    let add = ["tenant", "add", &shop.tenant, "--adapter", "correa", "--source", &url, "--options", "{"];
    refuses(shop.scene.wattle(&add), &["--options is not JSON"]).await?;
    ensure!(
        shop.scene.run(&["tenant", "show", &shop.tenant, "--json"]).await? == before,
        "the source changed"
    );
    Ok(())
}
