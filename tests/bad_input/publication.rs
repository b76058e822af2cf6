//! The publication: made by the retailer's administrator, and easy to make wrong.

use anyhow::{Result, ensure};
use wattle_testbed::Postgres;

use crate::Shop;

/// What is done to the publication, how bad it is, what is said of it, and a write of the retailer's that fails then.
type Case = (&'static str, &'static str, &'static [&'static str], Option<&'static str>);

const CASES: &[Case] = &[
    ("drop publication wattle", "refused", &["there is no publication \"wattle\""], None),
    (
        "alter publication wattle drop table billing.bill",
        "refused",
        &["\"wattle\" does not carry billing.bill"],
        None,
    ),
    (
        "alter publication wattle set table billing.bill (bill_id) where (bill_id > 5)",
        "refused",
        &[
            "\"wattle\" filters the rows of billing.bill",
            "changes would be missed",
            "does not carry crm.party",
        ],
        None,
    ),
    (
        "alter publication wattle drop table crm.account_holding;
         alter publication wattle add table crm.account_holding (party_id, may_share)",
        "refused",
        &[
            "leaves out part of the replica identity of crm.account_holding",
            "UPDATE and DELETE on it fail now",
        ],
        Some("update crm.account_holding set may_share = may_share"),
    ),
    (
        "alter publication wattle set (publish = 'insert, update')",
        "refused",
        &["leaves out some kinds of change"],
        None,
    ),
    (
        "alter publication wattle drop table crm.party; alter publication wattle add table crm.party",
        "advice",
        &["carries every column of crm.party", "only its key is needed"],
        None,
    ),
    (
        "drop publication wattle; create publication wattle for all tables with (publish_via_partition_root = true)",
        "warning",
        &["\"wattle\" is for all tables", "every write of theirs is streamed"],
        None,
    ),
    (
        "drop publication wattle; create publication wattle for tables in schema crm with (publish_via_partition_root = true)",
        "refused",
        &["all of a schema", "does not carry all that is captured"],
        None,
    ),
];

#[tokio::test]
async fn publications_that_are_wrong() -> Result<()> {
    let shop = Shop::ready(Postgres::shared().await?).await?;
    for (done, severity, words, write) in CASES {
        shop.scene.source().psql(done).await?;
        if let Some(write) = write {
            ensure!(
                shop.scene.source().psql(write).await.is_err(),
                "the retailer's own write does not fail: {write}"
            );
        }
        let (findings, passes) = shop.check().await?;
        ensure!(passes == (*severity != "refused"), "{findings:#?}");
        ensure!(findings.iter().all(|finding| finding.severity == *severity), "{findings:#?}");
        for word in *words {
            ensure!(findings.iter().any(|finding| finding.what.contains(word)), "no {word} in {findings:#?}");
        }
        shop.do_as_check_says().await?;
        shop.passes().await?;
        if let Some(write) = write {
            shop.scene.source().psql(write).await?;
        }
    }
    Ok(())
}
