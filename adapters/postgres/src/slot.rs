//! The replication slot: made once, looked at before each start.

use tokio_postgres::types::PgLsn;
use wattle_core::{Position, SourceError};

use crate::catalogue::Catalogue;
use crate::connect::Session;
use crate::error::source_error;
use crate::position::{PgPosition, format_lsn};
use crate::terms::{self, TIMELINE, Terms};
use crate::{Inner, identity_mismatch};

/// Making a slot waits for open write transactions; longer than this and the caller backs off.
const SLOT_TIMEOUT_MS: u32 = 60_000;

/// A slot as the server shows it.
struct Slot {
    confirmed: u64,
    lost: bool,
    /// It stands where the server's log has not come to: it was not set back with the server.
    ahead: bool,
}

async fn look(session: &Session, name: &str) -> Result<Option<Slot>, SourceError> {
    let row = session
        .client()
        .query_opt(
            "select coalesce(confirmed_flush_lsn, '0/0'), coalesce(wal_status = 'lost', false), database::text,
                    database = current_database(), coalesce(confirmed_flush_lsn > pg_current_wal_flush_lsn(), false)
             from pg_replication_slots where slot_name = $1",
            &[&name],
        )
        .await
        .map_err(|error| source_error("look at the replication slot", error))?;
    if let Some(row) = &row
        && !row.get::<_, Option<bool>>(3).unwrap_or(false)
    {
        let database: Option<String> = row.get(2);
        return Err(SourceError::Config {
            what: format!(
                "the server has a replication slot {name} already, for {}",
                database
                    .map_or_else(|| "physical replication".to_owned(), |name| format!("the database {name}"))
            ),
            fix: "name another one with the option `slot`, or drop it if nobody uses it".into(),
        });
    }
    Ok(row.map(|row| Slot {
        confirmed: u64::from(row.get::<_, PgLsn>(0)),
        lost: row.get(1),
        ahead: row.get(4),
    }))
}

/// Bytes of log kept for the slot.
pub(crate) async fn retained_bytes(session: &Session, name: &str) -> Result<Option<u64>, SourceError> {
    let row = session
        .client()
        .query_opt(
            "select (pg_current_wal_lsn() - restart_lsn)::bigint from pg_replication_slots where slot_name = $1",
            &[&name],
        )
        .await
        .map_err(|error| source_error("look at the replication slot", error))?;
    Ok(row.and_then(|row| row.get::<_, Option<i64>>(0)).and_then(|bytes| u64::try_from(bytes).ok()))
}

/// What must hold before the server may be asked to keep its log for us.
async fn require_settings(inner: &Inner, session: &Session) -> Result<(), SourceError> {
    let row = session
        .client()
        .query_one(
            "select current_setting('wal_level'), current_setting('max_slot_wal_keep_size'), pg_is_in_recovery(),
                    exists (select from pg_publication where pubname = $1)",
            &[&inner.options.publication],
        )
        .await
        .map_err(|error| source_error("read the source's settings", error))?;
    let config = |what: String, fix: String| Err(SourceError::Config { what, fix });
    if row.get::<_, String>(0) != "logical" {
        return config(
            format!(
                "the source runs with wal_level = {}, and changes can only be heard with logical",
                row.get::<_, String>(0)
            ),
            "alter system set wal_level = 'logical', then restart the server".into(),
        );
    }
    if row.get(2) {
        return config(
            "the source is a replica".into(),
            "give the primary's address; a replica may be read with read_url".into(),
        );
    }
    if row.get::<_, String>(1) == "-1" && !inner.options.allow_unlimited_slot {
        return config(
            "the source lets a replication slot keep its log without limit, which could fill the retailer's disk".into(),
            "alter system set max_slot_wal_keep_size = '10GB'; select pg_reload_conf() (or set the option allow_unlimited_slot)".into(),
        );
    }
    if !row.get::<_, bool>(3) {
        return config(
            format!("the source has no publication {}", inner.options.publication),
            "run `wattle check`, which prints the statement that makes it".into(),
        );
    }
    Ok(())
}

/// Makes the slot unless it is there and of use, and returns where it stands. The terms are those from before: if they
/// change meanwhile, the feed finds it out.
pub(crate) async fn begin(inner: &Inner) -> Result<Position, SourceError> {
    let session = inner.primary.connect("begin").await?;
    require_settings(inner, &session).await?;
    let terms = Terms::look(inner, session.identity()).await?;
    let catalogue = Catalogue::read(&session, inner.graph()).await?;
    for node in &terms.absent {
        catalogue.key_types(inner.graph(), *node)?;
    }
    let failed = |error| source_error("make the replication slot", error);
    let confirmed = match look(&session, &inner.slot).await? {
        Some(slot) if !slot.lost && !slot.ahead => slot.confirmed,
        found => {
            if found.is_some() {
                session
                    .client()
                    .execute("select pg_drop_replication_slot($1)", &[&inner.slot])
                    .await
                    .map_err(failed)?;
            }
            session
                .client()
                .batch_execute(&format!(
                    "set statement_timeout = {SLOT_TIMEOUT_MS}; set lock_timeout = {SLOT_TIMEOUT_MS}"
                ))
                .await
                .map_err(failed)?;
            let row = session
                .client()
                .query_one(
                    "select lsn from pg_create_logical_replication_slot($1, 'pgoutput')",
                    &[&inner.slot],
                )
                .await
                .map_err(failed)?;
            u64::from(row.get::<_, PgLsn>(0))
        }
    };
    let position = PgPosition { identity: session.identity(), lsn: confirmed, xid: None };
    Ok(position.encode_with(&terms.text()))
}

/// Makes sure that the server goes on from a position as it was, and that the slot still has everything after it.
pub(crate) async fn require(
    inner: &Inner,
    from: &PgPosition,
    terms: Option<&str>,
) -> Result<(), SourceError> {
    let session = inner.primary.connect("slot").await?;
    let lost = |what: String| Err(SourceError::LostPosition { what });
    if session.identity() != from.identity && inner.options.was(from.identity) {
        return lost(format!("the source was {} before, as the option `formerly` says", from.identity));
    }
    if session.identity() != from.identity {
        return Err(identity_mismatch(from.identity, session.identity()));
    }
    require_settings(inner, &session).await?;
    let row = session
        .client()
        .query_one(&format!("select pg_current_wal_flush_lsn(), {TIMELINE}"), &[])
        .await
        .map_err(|error| source_error("look at the end of the log", error))?;
    let (end, timeline) = (u64::from(row.get::<_, PgLsn>(0)), row.get::<_, String>(1));
    if end < from.lsn {
        return lost(format!(
            "the server's log ends at {}, before {} where we left off: it was restored from a backup, or a standby that lagged took its place",
            format_lsn(end),
            format_lsn(from.lsn)
        ));
    }
    if let Some(before) = terms.map(terms::timeline)
        && before != timeline
    {
        return lost(format!(
            "the server is on timeline {timeline}, and was on {before}: it was restored from a backup, or a standby took its place"
        ));
    }
    match look(&session, &inner.slot).await? {
        None => lost(format!(
            "the replication slot {} is gone (dropped, or left behind by a failover)",
            inner.slot
        )),
        Some(slot) if slot.lost => lost(format!(
            "the replication slot {} was invalidated: it needed more log than max_slot_wal_keep_size allows",
            inner.slot
        )),
        Some(slot) if slot.confirmed > from.lsn => lost(format!(
            "the replication slot {} stands at {}, past {} where we left off: someone else read from it, or our database was restored",
            inner.slot,
            format_lsn(slot.confirmed),
            format_lsn(from.lsn)
        )),
        Some(_) => Ok(()),
    }
}
