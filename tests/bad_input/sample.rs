//! The sample retailer's database.

use anyhow::{Result, ensure};
use wattle_testbed::Postgres;

use crate::{bare, refuses};

#[tokio::test]
async fn sample_databases() -> Result<()> {
    let server = Postgres::shared().await?;
    let database = server.database("correa").await?;
    database.psql("create table kept (id int); insert into kept values (7)").await?;
    let folder = tempfile::tempdir()?;
    let url = database.url();
    let sample = |verb: &str, url: &str, rest: &[&str]| {
        bare(folder.path(), &[&["sample", verb, "correa", "--url", url], rest].concat())
    };
    refuses(sample("create", &url, &[]), &["the database is not empty", "public.kept", "create a new one"])
        .await?;
    ensure!(database.value("select id from kept").await?.as_deref() == Some("7"));
    ensure!(
        database.value("select count(*) from pg_namespace where nspname = 'crm'").await?.as_deref()
            == Some("0")
    );
    refuses(sample("work", &url, &[]), &["holds no sample of correa", "`wattle sample create correa"])
        .await?;
    for verb in ["create", "work"] {
        refuses(sample(verb, "localhost:5432/correa", &[]), &["cannot be read", "postgres://user:password@"])
            .await?;
        refuses(
            sample(verb, "postgres://a@127.0.0.1:1/correa", &[]),
            &["sample database", "Connection refused"],
        )
        .await?;
        refuses(sample(verb, &server.url("nowhere"), &[]), &["database \"nowhere\" does not exist"]).await?;
        refuses(
            sample(verb, &database.url_as("postgres", "wrong"), &[]),
            &["password authentication failed"],
        )
        .await?;
    }
    refuses(sample("create", &url, &["--customers", "0"]), &["--customers", "1..=5000000"]).await?;
    refuses(sample("work", &url, &["--rate", "4000000000"]), &["--rate", "1..=10000"]).await?;
    refuses(sample("work", &url, &["--seconds", "18446744073709551615"]), &["--seconds"]).await?;
    refuses(bare(folder.path(), &["sample", "create", "waratah", "--url", &url]), &["waratah", "correa"])
        .await?;
    Ok(())
}
