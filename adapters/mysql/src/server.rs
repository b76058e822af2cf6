//! Where a server's log stands, and whether it still has what a position stands for.

use std::collections::BTreeSet;
use std::sync::Arc;

use wattle_core::{Position, SourceError};

use crate::connect::{Session, literal};
use crate::feed::MySqlFeed;
use crate::position::{BinlogPosition, file_number};
use crate::{Inner, check, identity_mismatch};

/// The place in the log that the open snapshot stands for; without one, the end of what is visible.
pub(crate) async fn snapshot_position(session: &mut Session) -> Result<BinlogPosition, SourceError> {
    let doing = "read where the snapshot stands";
    let rows = session.rows(doing, "show status like 'binlog_snapshot_%'").await?;
    let of = |name: &str| {
        let row = rows.iter().find(|row| {
            row.first().and_then(Option::as_deref).is_some_and(|found| found.eq_ignore_ascii_case(name))
        });
        row.and_then(|row| row.get(1)).and_then(Option::as_deref)
    };
    let file = of("binlog_snapshot_file").filter(|file| file_number(file).is_some());
    let offset = of("binlog_snapshot_position").and_then(|offset| offset.parse().ok());
    let (Some(file), Some(offset)) = (file, offset) else { return Err(without_log()) };
    Ok(BinlogPosition {
        identity: session.identity().clone(),
        file: file.to_owned(),
        offset,
        created: None,
        gtid: None,
        behind: BTreeSet::new(),
    })
}

/// Where the next transaction will be logged.
pub(crate) async fn end_of_log(session: &mut Session) -> Result<BinlogPosition, SourceError> {
    let doing = "look at the end of the binlog";
    // MySQL has given the statement another name.
    let rows = match session.rows(doing, "show master status").await {
        Err(SourceError::Config { .. }) if !session.identity().is_mariadb() => {
            session.rows(doing, "show binary log status").await?
        }
        rows => rows?,
    };
    let row = rows.into_iter().next().ok_or_else(without_log)?;
    let text = |at: usize| row.get(at).cloned().flatten();
    let (Some(file), Some(offset)) = (text(0), text(1).and_then(|offset| offset.parse().ok())) else {
        return Err(without_log());
    };
    Ok(BinlogPosition {
        identity: session.identity().clone(),
        file,
        offset,
        created: None,
        gtid: None,
        behind: BTreeSet::new(),
    })
}

/// The transactions that MySQL has executed.
pub(crate) async fn executed(session: &mut Session) -> Result<String, SourceError> {
    let doing = "read which transactions were executed";
    let executed = session.text(doing, "select @@global.gtid_executed").await?.unwrap_or_default();
    Ok(executed.split_whitespace().collect())
}

/// A position at or after everything that is visible now.
pub(crate) async fn now(session: &mut Session) -> Result<BinlogPosition, SourceError> {
    if session.identity().is_mariadb() {
        return end_of_log(session).await;
    }
    let executed = executed(session).await?;
    let gtid = Some(executed).filter(|executed| !executed.is_empty());
    if gtid.is_none() {
        return Err(without_gtid());
    }
    Ok(BinlogPosition { gtid, ..end_of_log(session).await? })
}

fn without_log() -> SourceError {
    SourceError::Config {
        what: "the source keeps no binlog".into(),
        fix: "set log_bin in the server's configuration and restart it; `wattle check` prints all that is needed".into(),
    }
}

/// MySQL says of no snapshot where in the log it stands; of a transaction with an id it says whether it was executed.
pub(crate) fn without_gtid() -> SourceError {
    SourceError::Config {
        what: "the source gives its transactions no ids, and Wattle could not tell whether a snapshot includes them".into(),
        fix: "set gtid_mode = ON and enforce_gtid_consistency = ON in the server's configuration".into(),
    }
}

/// Makes sure that changes can be heard, and returns a position that no change after this call precedes.
pub(crate) async fn begin(inner: &Arc<Inner>) -> Result<Position, SourceError> {
    let session = inner.connector.connect().await?;
    let (mut session, catalogue) = check::require_heard(inner, session).await?;
    for node in inner.graph().captured() {
        catalogue.key_types(inner.graph(), node)?;
    }
    let now = now(&mut session).await?.encode();
    // Only the log itself says when its file was begun. Without that, a log that is begun anew before anything was heard
    // would be taken for this one as soon as it is as long.
    Ok(MySqlFeed::start(inner.clone(), &now).await?.position().encode())
}

/// Makes sure that the server's log goes on from a position as it was.
pub(crate) async fn require(
    inner: &Inner,
    session: &mut Session,
    from: &BinlogPosition,
) -> Result<(), SourceError> {
    let lost = |what: String| Err(SourceError::LostPosition { what });
    if *session.identity() != from.identity {
        if inner.options.was(&from.identity) {
            return lost(format!("the source was {} before, as the option `formerly` says", from.identity));
        }
        return Err(identity_mismatch(&from.identity, session.identity()));
    }
    let place = format!("{} in {}", from.offset, from.file);
    let rows = session.rows("look at the binlog's files", "show binary logs").await?;
    let text = |row: &Vec<Option<String>>, at: usize| row.get(at).cloned().flatten();
    let files: Vec<(String, u64)> =
        rows.iter().filter_map(|row| Some((text(row, 0)?, text(row, 1)?.parse().ok()?))).collect();
    let Some((_, size)) = files.iter().find(|(file, _)| *file == from.file) else {
        let first = files.first().map_or("nothing", |(file, _)| file.as_str());
        return lost(format!(
            "the server's binlog begins with {first}, and we left off at {place}: it was purged, or begun anew"
        ));
    };
    if *size < from.offset {
        return lost(format!(
            "{} ends at {size}, before {place} where we left off: the binlog was begun anew, or the server restored",
            from.file
        ));
    }
    let Some(gtid) = from.gtid.as_deref() else { return Ok(()) };
    let doing = "look whether the log is the one that was heard";
    let (asked, same) = if session.identity().is_mariadb() {
        let asked = format!("select binlog_gtid_pos({}, {})", literal(&from.file), from.offset);
        let found = session.text(doing, &asked).await?;
        (asked, found.is_some_and(|found| found.split(',').any(|found| found == gtid)))
    } else {
        let asked = format!("select gtid_subset({}, @@global.gtid_executed)", literal(gtid));
        let found = session.text(doing, &asked).await?;
        (asked, found.as_deref() == Some("1"))
    };
    tracing::debug!(asked, same, "looked whether the log is the one that was heard");
    if same {
        return Ok(());
    }
    lost(format!(
        "transaction {gtid} does not end at {place} of the server's binlog: it was begun anew, or the server restored"
    ))
}
