//! What is heard: every change, both keys of one that changes them, and nothing lost between two positions.

use std::time::Duration;

use sqlx::Connection;

use crate::retailer::{Retailer, open, run};
use wattle_core::{Change, Entity, FeedEvent, Fence, SourceAdapter, SourceError};
use wattle_sqlite::Options;

#[tokio::test]
async fn every_write_is_heard_once_it_is_committed_and_in_order() {
    for journal in ["wal", "delete"] {
        let mut retailer = Retailer::with(journal, Options::default()).await;
        let (_, mut feed) = retailer.begin().await;
        retailer.run("insert into person values (1, 'P'), (2, 'P')").await;
        retailer.run("begin; update person set kind = 'O' where person_id = 1; rollback").await;
        retailer.run("update person set person_id = 3 where person_id = 2").await;
        retailer.run("insert into holding values (1, 'A|1', 'H')").await;
        retailer.run("insert into bill_line values (1, 1, 'folded', 1)").await;
        retailer.run("delete from person").await;
        assert_eq!(
            retailer.heard(&mut feed).await,
            [
                "person 1 Insert",
                "person 2 Insert",
                "person 2 Delete",
                "person 3 Update",
                "holding 1|A\\|1 Insert",
                "person 1 Delete",
                "person 3 Delete",
            ],
            "{journal}"
        );
        assert_eq!(retailer.heard(&mut feed).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_change_of_letter_case_yields_both_keys_and_the_source_decides_what_they_are() {
    let mut retailer = Retailer::new().await;
    retailer.run("insert into account (account_no) values ('ab1')").await;
    let (_, mut feed) = retailer.begin().await;
    retailer.run("update account set account_no = 'AB1'").await;
    assert_eq!(retailer.heard(&mut feed).await, ["account ab1 Delete", "account AB1 Update"]);
    let fetched = retailer.fetch(Entity::Account, &["ab1"]).await.unwrap();
    assert_eq!(fetched[0].record.as_ref().unwrap().key.as_str(), "AB1");
}

#[tokio::test]
async fn what_replace_removes_is_heard() {
    let mut retailer = Retailer::new().await;
    let (_, mut feed) = retailer.begin().await;
    retailer
        .run("insert into account (account_no, email) values ('A', 'a@x'), ('B', 'b@x'), ('C', 'c@x')")
        .await;
    retailer.heard(&mut feed).await;
    retailer.run("insert or replace into account (account_no, email) values ('D', 'a@x')").await;
    retailer.run("update or replace account set email = 'b@x' where account_no = 'C'").await;
    retailer.run("update account set email = 'd@x' where account_no = 'D'").await;
    assert_eq!(
        retailer.heard(&mut feed).await,
        ["account A Delete", "account D Insert", "account B Delete", "account C Update", "account D Update"]
    );
}

#[tokio::test]
async fn rows_without_a_key_and_odd_keys_do_not_stop_the_retailer() {
    let mut retailer = Retailer::new().await;
    let (_, mut feed) = retailer.begin().await;
    retailer.run("insert into account (account_no) values (null), ('it''s | \\ \"1\"')").await;
    retailer.run("update account set opened_on = '2025-01-01'").await;
    let key = "it's \\| \\\\ \"1\"";
    assert_eq!(
        retailer.heard(&mut feed).await,
        [format!("account {key} Insert"), format!("account {key} Update")]
    );
    assert_eq!(retailer.fetch(Entity::Account, &[key]).await.unwrap().len(), 1);
    retailer.run("insert into account (account_no) values (x'00ff')").await;
    assert_eq!(retailer.heard(&mut feed).await, ["account whole"]);
    let account = retailer.adapter.graph().node_named("account").unwrap();
    let error = retailer.adapter.keys(account, None, 10).await.unwrap_err();
    assert!(matches!(error, SourceError::Config { .. }), "a blob as a key is no miss: {error}");
    retailer.run("delete from account where account_no = x'00ff'").await;
    assert_eq!(retailer.heard(&mut feed).await, ["account whole"], "and holds nothing up once it is gone");
    assert_eq!(retailer.adapter.keys(account, None, 10).await.unwrap().keys.len(), 1);
}

#[tokio::test]
async fn a_big_transaction_is_heard_whole_and_the_outbox_is_pruned() {
    let mut retailer = Retailer::new().await;
    let (_, mut feed) = retailer.begin().await;
    let many = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) insert into person select i, 'P' from n";
    retailer.run(many).await;
    let before = retailer.adapter.retained_bytes().await.unwrap().unwrap();
    assert_eq!(retailer.heard(&mut feed).await.len(), 20_000);
    while retailer.adapter.retained_bytes().await.unwrap().unwrap() > before / 1_000 {
        let _ = tokio::time::timeout(Duration::from_millis(20), feed.next()).await;
    }
    retailer.run("update person set kind = 'O' where person_id = 7").await;
    assert_eq!(retailer.heard(&mut feed).await, ["person 7 Update"]);
}

#[tokio::test]
async fn a_caller_that_gives_up_loses_nothing_and_may_start_again_where_it_was() {
    let mut retailer = Retailer::new().await;
    let (start, mut feed) = retailer.begin().await;
    let mut heard = Vec::new();
    for id in 1..=40 {
        retailer.run(&format!("insert into person values ({id}, 'P')")).await;
        for _ in 0..4 {
            if let Ok(event) = tokio::time::timeout(Duration::from_micros(300), feed.next()).await
                && let FeedEvent::Change(change, _) = event.unwrap()
            {
                heard.push(change);
            }
        }
    }
    retailer.run("insert into person values (41, 'P')").await;
    let rest = retailer.heard(&mut feed).await;
    assert_eq!(heard.len() + rest.len(), 41);
    let mut again = retailer.adapter.changes(&start).await.unwrap();
    assert_eq!(retailer.heard(&mut again).await.len(), 41, "nothing was acknowledged past the start");
}

#[tokio::test]
async fn a_table_that_is_built_anew_is_read_again_and_heard_again() {
    let mut retailer = Retailer::new().await;
    let (_, mut feed) = retailer.begin().await;
    retailer.heard(&mut feed).await;
    retailer
        .run(
            "begin; create table person_new (person_id integer primary key, kind text not null, note text);
             insert into person_new select person_id, kind, null from person; drop table person;
             alter table person_new rename to person; insert into person values (9, 'P', null); commit",
        )
        .await;
    let mut heard = Vec::new();
    while !heard.iter().any(|event| event == "person whole") {
        heard.extend(retailer.heard(&mut feed).await);
    }
    assert!(heard.contains(&"person altered".to_owned()), "{heard:?}");
    retailer.run("insert into person values (10, 'P', null)").await;
    assert_eq!(retailer.heard(&mut feed).await, ["person 10 Insert"]);
}

#[tokio::test]
async fn triggers_that_were_dropped_while_nobody_listened_are_made_again() {
    let mut retailer = Retailer::new().await;
    let (position, feed) = retailer.begin().await;
    drop(feed);
    retailer
        .run("drop trigger wattle_bill_update; insert into bill (bill_id, account_no) values (1, 'A')")
        .await;
    retailer.run("update bill set usage = '1'").await;
    let mut feed = retailer.adapter.changes(&position).await.unwrap();
    assert_eq!(retailer.heard(&mut feed).await, ["bill 1 Insert", "bill whole"]);
    retailer.run("update bill set usage = '2'").await;
    assert_eq!(retailer.heard(&mut feed).await, ["bill 1 Update"]);
}

#[tokio::test]
async fn a_tool_that_puts_the_triggers_back_is_seen_through() {
    let mut retailer = Retailer::new().await;
    let (position, mut feed) = retailer.begin().await;
    retailer.heard(&mut feed).await;
    drop(feed);
    retailer.run("begin; create temp table saved as select sql from sqlite_schema where tbl_name = 'person' and type = 'trigger'").await;
    let triggers: Vec<String> =
        sqlx::query_scalar("select sql from saved").fetch_all(&mut retailer.connection).await.unwrap();
    retailer
        .run(
            "create table built (person_id integer primary key, kind text not null default 'P');
             insert into built values (5, 'P'); drop table person; alter table built rename to person",
        )
        .await;
    for trigger in triggers {
        retailer.run(&trigger).await;
    }
    retailer.run("commit").await;
    let mut feed = retailer.adapter.changes(&position).await.unwrap();
    assert_eq!(retailer.heard(&mut feed).await, ["person whole"]);
    let (position, _) = retailer.begin().await;
    let mut feed = retailer.adapter.changes(&position).await.unwrap();
    assert_eq!(retailer.heard(&mut feed).await, Vec::<String>::new(), "once");
}

#[tokio::test]
async fn a_file_that_nobody_has_open_can_be_read_and_heard() {
    let mut retailer = Retailer::new().await;
    retailer.begin().await;
    retailer.run("insert into person values (1, 'P')").await;
    let position = retailer.adapter.now().await.unwrap();
    let other = open(&retailer.folder.path().join("other.db"), "wal").await;
    std::mem::replace(&mut retailer.connection, other).close().await.unwrap();
    let retailer = retailer.reopened();
    assert_eq!(retailer.fetch(Entity::Customer, &["1"]).await.unwrap().len(), 1);
    assert!(retailer.adapter.changes(&position).await.is_ok());
}

#[tokio::test]
async fn the_retailer_may_alter_its_tables() {
    let mut retailer = Retailer::new().await;
    retailer
        .run("create unique index kinds on person (kind, person_id); insert into person values (1, 'P')")
        .await;
    let (_, mut feed) = retailer.begin().await;
    retailer.run("drop index kinds; alter table person add column note text").await;
    let heard = retailer.heard(&mut feed).await;
    assert_eq!(heard, ["person altered", "person whole"], "the trigger over the index is gone");
    retailer
        .run("alter table person rename column note to remark; alter table person drop column kind")
        .await;
    retailer.run("update person set remark = 'x'").await;
    assert_eq!(retailer.heard(&mut feed).await.last().unwrap(), "person 1 Update");
}

#[tokio::test]
async fn a_table_that_is_gone_is_said_and_not_read_as_empty() {
    let mut retailer = Retailer::new().await;
    let (position, mut feed) = retailer.begin().await;
    retailer.heard(&mut feed).await;
    retailer.run("alter table bill rename to bills").await;
    let graph = retailer.adapter.graph();
    let bill = graph.node_named("bill").unwrap();
    let altered =
        |event| matches!(event, FeedEvent::Change(Change::SchemaChanged { node }, _) if node == bill);
    while !altered(feed.next().await.unwrap()) {}
    // Whoever begins to listen now is told as well; who has never heard of it does not begin.
    let mut again = retailer.adapter.changes(&position).await.unwrap();
    while !altered(again.next().await.unwrap()) {}
    let error = retailer.adapter.begin().await.unwrap_err();
    assert!(error.to_string().contains("has no table bill"), "{error}");
    let error = retailer.fetch(Entity::Invoice, &["1"]).await.unwrap_err();
    assert!(matches!(error, SourceError::Config { .. }), "{error}");
}

#[tokio::test]
async fn an_older_copy_of_the_file_is_told_from_the_one_that_was_heard() {
    let mut retailer = Retailer::new().await;
    let (_, mut feed) = retailer.begin().await;
    retailer.run("insert into person values (1, 'P')").await;
    retailer.heard(&mut feed).await;
    let copy = retailer.folder.path().join("copy.db");
    retailer.run(&format!("vacuum into '{}'", copy.display())).await;
    retailer.run("insert into person values (2, 'P')").await;
    retailer.heard(&mut feed).await;
    let position = retailer.adapter.now().await.unwrap();
    // Set back, and written to until its numbers are the same again.
    let mut restored = open(&copy, "wal").await;
    run(&mut restored, "insert into person values (3, 'P')").await;
    run(&mut restored, "pragma wal_checkpoint(truncate)").await;
    drop(restored);
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", retailer.file().display()));
    }
    std::fs::rename(&copy, retailer.file()).unwrap();
    let error = loop {
        match feed.next().await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, SourceError::Unavailable { what, .. } if what.contains("replaced")), "{error}");
    let fence = Fence::new([position.clone()]);
    let error = retailer.fetch_behind(&fence, Entity::Customer, &["2"]).await.unwrap_err();
    assert!(matches!(error, SourceError::LostPosition { .. }), "never a miss: {error}");
    let error = retailer.adapter.changes(&position).await.err().unwrap();
    assert!(matches!(error, SourceError::LostPosition { .. }), "{error}");
    // Capture starts anew: what was told of the lost history does not hold it up.
    let anew = retailer.adapter.begin().await.unwrap();
    assert!(retailer.adapter.reached(&anew, &position));
    let fetched = retailer.fetch_behind(&fence, Entity::Customer, &["2", "3"]).await.unwrap();
    assert_eq!(fetched.iter().map(|f| f.ordinal).collect::<Vec<_>>(), [1]);
    assert!(retailer.adapter.changes(&anew).await.is_ok());
}

#[tokio::test]
async fn another_file_a_missing_one_and_garbage_are_told_apart() {
    let retailer = Retailer::new().await;
    let (position, _feed) = retailer.begin().await;
    let other = Retailer::new().await;
    other.begin().await;
    let error = other.adapter.changes(&position).await.err().unwrap();
    assert!(matches!(error, SourceError::ChangedServer { .. }), "{error}");
    let error =
        other.fetch_behind(&Fence::new([position.clone()]), Entity::Customer, &["1"]).await.unwrap_err();
    assert!(matches!(error, SourceError::ChangedServer { .. }), "{error}");
    assert!(!other.adapter.reached(&position, &other.adapter.now().await.unwrap()));
    let file = retailer.file();
    for suffix in ["", "-wal", "-shm"] {
        std::fs::remove_file(format!("{}{suffix}", file.display())).unwrap();
    }
    for content in [None, Some("this is not a database, and far longer than a header is: ".repeat(20))] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let error = retailer.adapter.now().await.unwrap_err();
        assert!(matches!(&error, SourceError::Config { what, .. } if what.contains("billing.db")), "{error}");
    }
}

#[tokio::test]
async fn a_writer_that_holds_the_file_is_waited_for_and_then_reported() {
    let mut retailer = Retailer::new().await;
    let (_, mut feed) = retailer.begin().await;
    retailer.run("insert into person values (1, 'P')").await;
    retailer.run("begin immediate; insert into person values (2, 'P')").await;
    let error = retailer.adapter.begin().await.unwrap_err();
    assert!(matches!(error, SourceError::Unavailable { .. }), "{error}");
    assert_eq!(
        retailer.heard(&mut feed).await,
        ["person 1 Insert"],
        "with a write-ahead log reading goes on"
    );
    assert_eq!(retailer.fetch(Entity::Customer, &["1", "2"]).await.unwrap().len(), 1);
    retailer.run("commit").await;
    assert_eq!(retailer.heard(&mut feed).await, ["person 2 Insert"]);
}

#[tokio::test]
async fn deletes_that_a_foreign_key_cascades_are_heard() {
    let mut retailer = Retailer::new().await;
    retailer
        .run(
            "drop table contact; create table contact (contact_id integer primary key, last_name text,
                 account_no text collate nocase references account on delete cascade);
             insert into account (account_no) values ('A'); insert into contact values (1, 'x', 'A'); pragma foreign_keys = on",
        )
        .await;
    let (_, mut feed) = retailer.begin().await;
    retailer.run("delete from account where account_no = 'A'").await;
    let mut heard = retailer.heard(&mut feed).await;
    heard.sort();
    assert_eq!(heard, ["account A Delete", "contact 1 Delete"]);
}

#[tokio::test]
async fn preparing_twice_keeps_what_is_there() {
    let mut retailer = Retailer::new().await;
    let (first, mut feed) = retailer.begin().await;
    assert_eq!(retailer.adapter.begin().await.unwrap(), first);
    retailer.run("insert into person values (1, 'P')").await;
    let second = retailer.adapter.begin().await.unwrap();
    assert!(
        second != first
            && retailer.adapter.reached(&second, &first)
            && !retailer.adapter.reached(&first, &second)
    );
    assert_eq!(retailer.heard(&mut feed).await, ["person 1 Insert"]);
    let mut since = retailer.adapter.changes(&second).await.unwrap();
    assert_eq!(retailer.heard(&mut since).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_outbox_that_was_emptied_is_a_lost_position() {
    let mut retailer = Retailer::new().await;
    for damage in ["delete from wattle_outbox", "drop table wattle_outbox"] {
        let (position, mut feed) = retailer.begin().await;
        retailer.heard(&mut feed).await;
        retailer.run(damage).await;
        if damage.starts_with("delete") {
            let error = feed.next().await.unwrap_err();
            assert!(matches!(error, SourceError::LostPosition { .. }), "{error}");
        }
        let error = retailer.adapter.changes(&position).await.err().unwrap();
        assert!(matches!(error, SourceError::LostPosition { .. }), "{error}");
        let (anew, _) = retailer.begin().await;
        assert!(retailer.adapter.reached(&anew, &position));
    }
}

#[tokio::test]
async fn a_source_that_never_was_prepared_has_no_position() {
    let retailer = Retailer::new().await;
    let error = retailer.adapter.now().await.unwrap_err();
    assert!(matches!(&error, SourceError::Config { what, .. } if what.contains("no outbox")), "{error}");
    let person = retailer.adapter.graph().node_named("person").unwrap();
    assert!(retailer.adapter.keys(person, None, 1).await.is_ok(), "keys can be looked at before");
}
