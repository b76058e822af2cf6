//! Tenants: unknown ones, bad names, and what production asks for.

use anyhow::{Result, ensure};
use tempfile::TempDir;
use wattle_testbed::{Launch, Postgres, Wattle};

use crate::refuses;
use crate::scene::{MASTER_SECRET, PATIENCE};

/// Just a target.
struct Target {
    database: wattle_testbed::Database,
    folder: TempDir,
}

impl Target {
    /// In a database whose name begins with `label`.
    async fn create(label: &str) -> Result<Self> {
        let database = Postgres::shared().await?.database(label).await?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("master.secret"), MASTER_SECRET)?;
        Ok(Self { database, folder })
    }

    fn wattle(&self, args: &[&str]) -> Launch {
        Wattle::at(env!("CARGO_BIN_EXE_wattle"))
            .args(args)
            .cwd(self.folder.path())
            .env("WATTLE_TARGET_URL", self.database.url())
            .env("WATTLE_MASTER_SECRET", "file:master.secret")
    }

    async fn run(&self, args: &[&str]) -> Result<String> {
        self.wattle(args).run(PATIENCE).await?.success()
    }

    async fn refuses(&self, args: &[&str], words: &[&str]) -> Result<()> {
        refuses(self.wattle(args), words).await.map(drop)
    }

    async fn has(&self, tenants: &[&str]) -> Result<()> {
        let rows = self.database.psql("select tenant_id from wattle.tenant order by 1").await?;
        let found: Vec<String> = rows.into_iter().flatten().flatten().collect();
        ensure!(found == tenants, "there are {found:?}");
        let schemas = self.database.psql("select nspname from pg_namespace where nspname ~ '^t_' order by 1");
        ensure!(
            schemas.await?.len() == tenants.len(),
            "a tenant's schema is there, or not, without the tenant"
        );
        Ok(())
    }
}

#[tokio::test]
async fn unknown_tenants_and_tenants_without_a_source() -> Result<()> {
    let target = Target::create("wattle").await?;
    target.run(&["migrate"]).await?;
    let empty = target.run(&["status"]).await?;
    ensure!(empty.contains("no tenants; `wattle tenant add` onboards one"), "{empty}");
    for verb in [
        &["tenant", "show", "correa"][..],
        &["check", "correa"],
        &["graph", "correa"],
        &["hydrate", "correa"],
        &["sync", "--tenant", "correa"],
        &["status", "correa"],
        &["token", "correa", "--customer", "1"],
    ] {
        target
            .refuses(verb, &["there is no tenant correa", "`wattle tenant list`", "`wattle tenant add`"])
            .await?;
    }
    target.run(&["tenant", "add", "correa"]).await?;
    for verb in [&["check", "correa"][..], &["graph", "correa"], &["hydrate", "correa"]] {
        let words = ["tenant correa has no source", "`wattle tenant add correa --adapter … --source …`"];
        target.refuses(verb, &words).await?;
    }
    for verb in [&["sync", "--tenant", "correa"][..], &["sync", "--tenant", "correa", "--until-idle"]] {
        target.refuses(verb, &["tenant correa has no source", "wattle tenant add correa"]).await?;
    }
    Ok(())
}

#[tokio::test]
async fn bad_names() -> Result<()> {
    let target = Target::create("wattle").await?;
    target.run(&["migrate"]).await?;
    let long = "a".repeat(31);
    for name in ["Correa!", "a", "1st", "a-b", &long] {
        let said = format!("`{name}` is not a tenant name");
        target.refuses(&["tenant", "add", name], &[&said, "2 to 30 of a-z, 0-9 and _"]).await?;
        target.refuses(&["check", name], &[&said, "beginning with a letter"]).await?;
    }
    let source = ["--adapter", "correa", "--source", "postgres://h/d", "--source-name", "Main!"];
    target
        .refuses(
            &[&["tenant", "add", "correa"], &source[..]].concat(),
            &["`Main!` is not a source name", "a-z"],
        )
        .await?;
    target.refuses(&["tenant", "add", "correa", "--adapter", "correa"], &["--source <SOURCE>"]).await?;
    target.refuses(&["tenant", "add", "correa", "--mode", "test"], &["development, production"]).await?;
    target
        .refuses(&["hydrate", "correa", "--entity", "bill"], &["`bill` is not an entity", "invoice"])
        .await?;
    target.has(&[]).await
}

#[tokio::test]
async fn names_that_are_too_long_together() -> Result<()> {
    let target = Target::create(&"d".repeat(40)).await?;
    target.run(&["migrate"]).await?;
    let long = "t".repeat(30);
    let words = ["longer than the 63 characters", "shorter database or tenant name"];
    target.refuses(&["tenant", "add", &long], &words).await?;
    target.has(&[]).await?;
    // The slot's name is made of the tenant's and the source's.
    let target = Target::create("wattle").await?;
    target.run(&["migrate"]).await?;
    let source = ["--adapter", "correa", "--source", "postgres://h/d", "--source-name", &long];
    let words = ["takes no replication slot of the name `wattle_ttt", "option `slot`"];
    target.refuses(&[&["tenant", "add", &long], &source[..]].concat(), &words).await?;
    target.has(&[]).await?;
    let target = Target::create(&"d".repeat(58)).await?;
    target.refuses(&["migrate"], &["_runtime is longer than the 63 characters"]).await?;
    let schema = "select count(*) from pg_namespace where nspname = 'wattle'";
    ensure!(target.database.value(schema).await?.as_deref() == Some("0"), "a half-made schema is left");
    Ok(())
}

#[tokio::test]
async fn a_production_tenant() -> Result<()> {
    let target = Target::create("wattle").await?;
    target.run(&["migrate"]).await?;
    let write = |name: &str, text: &str| std::fs::write(target.folder.path().join(name), text);
    write(
        "keys.json",
        r#"{"keys": [{"kty": "EC", "crv": "P-256", "kid": "1", "alg": "ES256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#,
    )?;
    write("empty.json", r#"{"keys": []}"#)?;
    write("broken.json", "no keys")?;
    write("source.url", "postgres://h/d")?;
    let add = |base: &'static str, keys: &'static str, source: &'static str| {
        let tenant = [
            "tenant",
            "add",
            "correa",
            "--mode",
            "production",
            "--issuer",
            "https://as",
            "--audience",
            "https://rs",
        ];
        let rest = ["--public-base-url", base, "--jwks", keys, "--adapter", "correa", "--source", source];
        [&tenant[..], &rest].concat()
    };
    let (base, source) = ("https://rs", "file:source.url");
    let flags = ["a production tenant needs --issuer, --audience, --jwks and --public-base-url"];
    target.refuses(&["tenant", "add", "correa", "--mode", "production"], &flags).await?;
    target
        .refuses(&["tenant", "add", "correa", "--mode", "production", "--issuer", "https://as"], &flags)
        .await?;
    let cases: [(Vec<&str>, &[&str]); 6] = [
        (add("http://rs", "keys.json", source), &["--public-base-url must begin with https://"]),
        (add(base, "lost.json", source), &["lost.json cannot be read", "No such file"]),
        (add(base, "broken.json", source), &["broken.json is not a JSON Web Key Set"]),
        (add(base, "empty.json", source), &["key set of the issuer is empty", "JSON Web Key Set"]),
        (add(base, "keys.json", "postgres://h/d"), &["given by reference", "env:NAME or file:PATH"]),
        (add(base, "keys.json", "file:lost.url"), &["lost.url cannot be read"]),
    ];
    for (args, words) in cases {
        target.refuses(&args, words).await?;
    }
    target.has(&[]).await?;
    target.run(&add(base, "keys.json", source)).await?;
    // What only a development tenant may have, it does not get by a command that leaves something out.
    target
        .refuses(&["tenant", "add", "correa"], &["correa is a production tenant", "--mode production"])
        .await?;
    let shown = target.run(&["tenant", "show", "correa"]).await?;
    ensure!(shown.contains("mode          production") && shown.contains("https://as"), "{shown}");
    let token = ["token", "correa", "--customer", "1"];
    target.refuses(&token, &["correa is a production tenant", "its own authorisation server"]).await?;
    target
        .refuses(
            &["tenant", "add", "banksia", "--jwks", "keys.json"],
            &["leave --jwks out", "--mode production"],
        )
        .await?;
    target
        .refuses(
            &["tenant", "add", "banksia", "--public-base-url", "rs"],
            &["--public-base-url must begin with http"],
        )
        .await?;
    target.has(&["correa"]).await
}

/// What is told to anyone has the standard's form, or is not taken.
#[tokio::test]
async fn statuses_and_outages_that_cannot_be() -> Result<()> {
    let target = Target::create("wattle").await?;
    target.run(&["migrate"]).await?;
    target.run(&["tenant", "add", "correa"]).await?;
    let status = ["tenant", "status", "correa"];
    let says = async |more: &[&str]| target.run(&[&status[..], more].concat()).await;
    ensure!(says(&[]).await?.contains("\"status\": \"OK\""));
    for (more, words) in [
        (&["--set", "DOWN"][..], &["OK, PARTIAL_FAILURE, UNAVAILABLE, SCHEDULED_OUTAGE"][..]),
        (&["--explanation", "x"], &["--set"]),
        (&["--set", "UNAVAILABLE"], &["needs an explanation", "--explanation"]),
        (&["--set", "OK", "--explanation", "x"], &["an explanation is of an outage"]),
        (
            &["--set", "SCHEDULED_OUTAGE", "--explanation", "x", "--detected", "2026-11-01T00:00:00Z"],
            &["nothing was detected", "--detected"],
        ),
        (
            &["--set", "UNAVAILABLE", "--explanation", "x", "--detected", "2026-11-01 00:00"],
            &["`2026-11-01 00:00` is not a time with its offset", "2026-12-06T01:00:00+11:00"],
        ),
        (
            &["--set", "UNAVAILABLE", "--explanation", "x", "--resolved-by", "2020-11-01T00:00:00Z"],
            &["cannot have passed", "lies ahead"],
        ),
    ] {
        target.refuses(&[&status[..], more].concat(), words).await?;
    }
    ensure!(says(&[]).await?.contains("\"status\": \"OK\""), "what is refused changes nothing");
    says(&["--set", "PARTIAL_FAILURE", "--explanation", "Billing is slow"]).await?;
    let shown = says(&[]).await?;
    ensure!(shown.contains("PARTIAL_FAILURE") && shown.contains("Billing is slow"), "{shown}");

    let (add, at) = (["tenant", "outage", "add", "correa", "--at"], "2126-12-06T01:00:00+11:00");
    for (more, words) in [
        (&["tomorrow", "--duration", "PT2H", "--explanation", "x"][..], &["`tomorrow` is not a time"][..]),
        (&[at, "--duration", "2h", "--explanation", "x"], &["`2h` is not how long", "PT2H30M"]),
        (&[at, "--duration", "P1M", "--explanation", "x"], &["`P1M` is not how long"]),
        (&[at, "--duration", "PT2H", "--explanation", " "], &["needs an explanation"]),
        (&["2020-01-01T00:00:00Z", "--duration", "PT2H", "--explanation", "x"], &["would be over already"]),
    ] {
        target.refuses(&[&add[..], more].concat(), words).await?;
    }
    let list = ["tenant", "outage", "list", "correa"];
    ensure!(target.run(&list).await?.contains("no outages"), "what is refused announces nothing");
    let announced = [&add[..], &[at, "--duration", "PT2H", "--explanation", "Upgrade", "--partial"]].concat();
    target.run(&announced).await?;
    target.refuses(&announced, &["there is an outage at", "remove that one first"]).await?;
    let listed = target.run(&list).await?;
    ensure!(listed.contains(at) && listed.contains("partial") && listed.contains("Upgrade"), "{listed}");
    let remove = ["tenant", "outage", "remove", "correa", "--at", at];
    target.run(&remove).await?;
    target.refuses(&remove, &["there is no outage at", "`wattle tenant outage list`"]).await?;
    target.refuses(&["tenant", "status", "nobody"], &["there is no tenant nobody"]).await?;
    let of_nobody = ["tenant", "status", "nobody", "--set", "OK"];
    target.refuses(&of_nobody, &["there is no tenant nobody"]).await
}

/// A block that misses would be taken for one that holds.
#[tokio::test]
async fn blocks_that_would_miss() -> Result<()> {
    let target = Target::create("wattle").await?;
    target.run(&["migrate"]).await?;
    target.run(&["tenant", "add", "correa"]).await?;
    let add = ["tenant", "block", "add", "correa", "17"];
    target.refuses(&add, &["--reason"]).await?;
    target.refuses(&[&add[..], &["--reason", " "]].concat(), &["a block needs a --reason"]).await?;
    let unknown = [&add[..], &["--reason", "an order"]].concat();
    target.refuses(&unknown, &["no account with the key 17 in source main", "not by the number"]).await?;
    let remove = ["tenant", "block", "remove", "correa", "17"];
    target.refuses(&remove, &["account 17 of tenant correa is not blocked", "block list correa"]).await?;
    target.refuses(&["tenant", "block", "list", "nobody"], &["there is no tenant nobody"]).await?;
    ensure!(target.run(&["tenant", "block", "list", "correa"]).await?.contains("no account is blocked"));
    ensure!(target.run(&["tenant", "block", "list", "correa", "--json"]).await?.trim() == "[]");
    Ok(())
}
