//! The outbox: a table in the retailer's file that triggers write keys to.
//!
//! A trigger only copies key columns into another table without constraints, so it cannot make the retailer's write
//! fail. A row of the outbox has a random token beside its number: a file that was set back to an older copy and
//! written to again has the number, but not the token. The newest row is never removed.

use wattle_core::{EntityGraph, Node, NodeId, SourceError};
use wattle_sql::{SourceValue, quote};

use crate::Inner;
use crate::catalogue::{Catalogue, Table, same};
use crate::position::OutboxPosition;
use crate::session::Session;

/// How far the numbers jump when a file was set back: past every position that was ever told of it.
const JUMP: i64 = 1 << 32;

/// Rough bytes that a row of the outbox takes.
pub(crate) const ROW_BYTES: u64 = 48;

/// Where the outbox stands.
pub(crate) struct Head {
    /// Its oldest row.
    pub(crate) first: i64,
    /// Its newest row.
    pub(crate) last: OutboxPosition,
}

/// One trigger of ours.
pub(crate) struct Trigger {
    pub(crate) name: String,
    /// As the schema keeps it; nothing where the table does not need it. One left behind would name a column that the
    /// retailer may want to drop.
    sql: Option<String>,
}

/// Where the outbox stands; nothing when there is none, or it was emptied.
pub(crate) async fn head(session: &mut Session) -> Result<Option<Head>, SourceError> {
    let doing = "read the outbox";
    let tables = "select count(*) from sqlite_schema where type = 'table' and name in ('wattle_source', 'wattle_outbox')";
    if session.integer(doing, tables).await? < 2 {
        return Ok(None);
    }
    let sql = "select s.identity, (select min(seq) from wattle_outbox), o.seq, o.token
               from wattle_outbox o join wattle_source s order by o.seq desc limit 1";
    Ok(match session.rows(doing, sql, &[]).await?.first().map(Vec::as_slice) {
        Some(
            [
                SourceValue::Text(identity),
                SourceValue::Integer(first),
                SourceValue::Integer(seq),
                SourceValue::Integer(token),
            ],
        ) => {
            let last = OutboxPosition { identity: identity.clone(), seq: *seq, token: *token };
            Some(Head { first: *first, last })
        }
        _ => None,
    })
}

/// The head of an outbox that has to be there and be the one that a position belongs to.
pub(crate) async fn require(session: &mut Session, from: &OutboxPosition) -> Result<Head, SourceError> {
    let doing = "read the outbox";
    let known = "select count(*) from sqlite_schema where type = 'table' and name = 'wattle_source'";
    let mut identity = None;
    if session.integer(doing, known).await? == 1 {
        let rows = session.rows(doing, "select identity from wattle_source", &[]).await?;
        identity = rows.first().and_then(|row| row[0].plain_text());
    }
    if identity.as_ref() != Some(&from.identity) {
        return Err(SourceError::ChangedServer {
            what: format!("{} does not have the outbox whose position we hold", session.file().display()),
        });
    }
    head(session).await?.ok_or_else(|| lost("its outbox is gone, or was emptied"))
}

pub(crate) fn lost(what: &str) -> SourceError {
    SourceError::LostPosition { what: what.to_owned() }
}

/// Is the row of a position still the one that was read?
pub(crate) async fn holds(session: &mut Session, position: &OutboxPosition) -> Result<bool, SourceError> {
    let sql =
        "select count(*) from wattle_outbox where seq = cast(?1 as integer) and token = cast(?2 as integer)";
    let (seq, token) = (position.seq.to_string(), position.token.to_string());
    let rows = session.rows("read the outbox", sql, &[&seq, &token]).await?;
    Ok(rows.first().is_some_and(|row| row[0] == SourceValue::Integer(1)))
}

/// Makes what is missing, keeps what is there, and says of which tables changes may have gone unheard.
pub(crate) async fn prepare(inner: &Inner) -> Result<Head, SourceError> {
    let mut writer = inner.connector.writer().await?;
    writer.run("begin to write the outbox", "begin immediate").await?;
    tables(&mut writer, inner.graph()).await?;
    let heard = head(&mut writer).await?.is_some();
    for (node, missing) in missing(&mut writer, inner.graph()).await? {
        let name = &inner.graph().node(node).name;
        for trigger in missing {
            let doing = format!("make the trigger {}", trigger.name);
            writer.run(&doing, &format!("drop trigger if exists {}", quote(&trigger.name))).await?;
            if let Some(sql) = trigger.sql {
                writer.run(&doing, &sql).await?;
            }
        }
        if heard {
            tracing::warn!(node = name, "triggers were missing: the whole table is read again");
            let sql = "insert into wattle_outbox (node, kind) values (?1, 'w')";
            writer.rows("write the outbox", sql, &[name]).await?;
        }
    }
    if !heard {
        writer.run("write the outbox", "insert into wattle_outbox (kind) values ('b')").await?;
    }
    let head = head(&mut writer).await?.ok_or_else(|| SourceError::Bug {
        what: "the outbox is empty although a row was just written".into(),
    })?;
    writer.run("commit the outbox", "commit").await?;
    Ok(head)
}

/// Numbers go on past a position that was lost, so that nothing told of the lost history is waited for.
pub(crate) async fn start_anew(inner: &Inner, from: &OutboxPosition) -> Result<(), SourceError> {
    prepare(inner).await?;
    let mut writer = inner.connector.writer().await?;
    writer.run("begin to write the outbox", "begin immediate").await?;
    let last = writer.integer("read the outbox", "select coalesce(max(seq), 0) from wattle_outbox").await?;
    writer.run("write the outbox", "delete from wattle_outbox").await?;
    let seq = last.max(from.seq).saturating_add(JUMP).to_string();
    let sql = "insert into wattle_outbox (seq, kind) values (cast(?1 as integer), 'b')";
    writer.rows("write the outbox", sql, &[&seq]).await?;
    writer.run("commit the outbox", "commit").await
}

async fn tables(writer: &mut Session, graph: &EntityGraph) -> Result<(), SourceError> {
    let doing = "make the outbox";
    writer.run(doing, "create table if not exists wattle_source (identity text not null)").await?;
    let identity = uuid::Uuid::new_v4().simple().to_string();
    let sql = "insert into wattle_source select ?1 where not exists (select 1 from wattle_source)";
    writer.rows(doing, sql, &[&identity]).await?;
    let sql = "create table if not exists wattle_outbox (seq integer primary key autoincrement,
               token integer not null default (random()), node text, kind text not null)";
    writer.run(doing, sql).await?;
    let columns = writer.columns(doing, "select * from wattle_outbox").await?;
    for column in key_columns(width(graph)).into_iter().filter(|column| !columns.contains(column)) {
        writer.run(doing, &format!("alter table wattle_outbox add column {column}")).await?;
    }
    Ok(())
}

/// Columns of the widest key.
pub(crate) fn width(graph: &EntityGraph) -> usize {
    graph.captured().map(|node| graph.node(node).key.len()).max().unwrap_or(0)
}

/// Without a declared type, so that they take any value as it is.
pub(crate) fn key_columns(width: usize) -> Vec<String> {
    (1..=width).map(|at| format!("key_{at}")).collect()
}

/// Per captured node, the triggers that do not stand as they should.
pub(crate) async fn missing(
    session: &mut Session,
    graph: &EntityGraph,
) -> Result<Vec<(NodeId, Vec<Trigger>)>, SourceError> {
    let catalogue = Catalogue::read(session, graph).await?.heard(graph);
    let sql = "select name, sql from sqlite_schema where type = 'trigger'";
    let standing = session.rows("look at the triggers", sql, &[]).await?;
    let stands = |trigger: &Trigger| {
        let known = standing.iter().find(|row| row[0].plain_text().as_ref() == Some(&trigger.name));
        known.and_then(|row| row[1].plain_text()) == trigger.sql
    };
    let mut found = Vec::new();
    for node in graph.captured() {
        // Triggers go with a table that gets another name, and with its columns.
        let Some(table) = catalogue.table(node) else { continue };
        let mut triggers = triggers(graph.node(node), table);
        triggers.retain(|trigger| !stands(trigger));
        if !triggers.is_empty() {
            found.push((node, triggers));
        }
    }
    Ok(found)
}

/// The triggers of a node. They name the page that the table begins at: tools that build a table anew put its triggers
/// back word by word, and what they changed meanwhile was not heard. Keys are compared letter by letter, so that a change of letter case yields both.
pub(crate) fn triggers(node: &Node, table: &Table) -> Vec<Trigger> {
    let of = |row: &str| -> Vec<String> {
        node.key.iter().map(|column| format!("{row}.{}", quote(&column.name))).collect()
    };
    let present = |row: &str| {
        of(row).iter().map(|column| format!("{column} is not null")).collect::<Vec<_>>().join(" and ")
    };
    let name = node.name.replace('\'', "''");
    let tell = |kind: &str, row: &str, from: &str| {
        let columns = key_columns(node.key.len()).join(", ");
        let values = of(row).join(", ");
        format!(
            "insert into wattle_outbox (node, kind, {columns}) select '{name}', '{kind}', {values}{from} where {}",
            present(row)
        )
    };
    let changed: Vec<String> = of("old")
        .iter()
        .zip(of("new"))
        .map(|(old, new)| format!("{old} collate binary is not {new}"))
        .collect();
    let was = format!("{} and ({})", tell("d", "old", ""), changed.join(" or "));
    let trigger = |what: &str, when: &str, statements: &[String]| {
        let name = format!("wattle_{}_{what}", node.name);
        let body: String = statements.iter().map(|statement| format!("{statement}; ")).collect();
        let sql = format!(
            "CREATE TRIGGER {} {when} on {} for each row begin {body}/* page {} */ end",
            quote(&name),
            quote(&table.name),
            table.page
        );
        let sql = (!statements.is_empty()).then_some(sql);
        Trigger { name, sql }
    };
    // REPLACE removes rows that are equal in another unique index, and no delete trigger fires for them.
    let names: Vec<String> = node.key.iter().map(|column| column.name.clone()).collect();
    let from = format!(" from {} r", quote(&table.name));
    let replaced = |beside: &str| -> Vec<String> {
        let others = table.unique.iter().filter(|unique| !unique.is_over(&names));
        let statement = |columns: &[String]| {
            let equal: Vec<String> = columns.iter().map(|c| format!("r.{0} = new.{0}", quote(c))).collect();
            format!("{} and {}{beside}", tell("d", "r", &from), equal.join(" and "))
        };
        others.map(|unique| statement(&unique.columns)).collect()
    };
    let itself: Vec<String> =
        of("r").iter().zip(of("old")).map(|(row, old)| format!("{row} is {old}")).collect();
    let beside = format!(" and not ({})", itself.join(" and "));
    vec![
        trigger("insert", "after insert", &[tell("i", "new", "")]),
        trigger("update", "after update", &[was, tell("u", "new", "")]),
        trigger("delete", "after delete", &[tell("d", "old", "")]),
        trigger("insert_or_replace", "before insert", &replaced("")),
        trigger("update_or_replace", "before update", &replaced(&beside)),
    ]
}

/// The node of a name, as triggers write it.
pub(crate) fn node_of(graph: &EntityGraph, name: &str) -> Option<NodeId> {
    graph.captured().find(|id| same(&graph.node(*id).name, name))
}
