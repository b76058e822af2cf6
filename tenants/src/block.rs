//! Accounts that the operator keeps from being shared, whatever the source and the consent say: for a customer who may
//! come to harm, or at a customer's own wish.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use wattle_core::{Key, SourceSystem};
use wattle_migrations::dialect;

use crate::{TenantError, TenantSession};

/// An account that is not shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The source that knows the account.
    pub source_system: SourceSystem,
    /// The account, by source id.
    pub account_id: Key,
    /// Why, for the operators to come.
    pub reason: String,
    /// Since when.
    pub blocked_at: DateTime<Utc>,
}

/// Blocks an account from the next call on; one that is blocked already takes the new reason.
///
/// # Errors
/// [`TenantError::Config`] if the target has no such account: a block that misses is worse than none.
pub async fn block(
    session: &TenantSession,
    source: &SourceSystem,
    account: &Key,
    reason: &str,
) -> Result<(), TenantError> {
    let sql = "insert into account_block (tenant_id, source_system, account_id, reason, blocked_at)
               select $1, a.source_system, a.source_id, $4, now() from account a
               where a.source_system = $2 and a.source_id = $3
               on conflict (tenant_id, source_system, account_id) do update set reason = excluded.reason";
    let values = vec![
        session.tenant().as_str().into(),
        source.as_str().into(),
        account.as_str().into(),
        reason.into(),
    ];
    if run(session, sql, values).await? == 0 {
        return Err(TenantError::config(
            format!("there is no account with the key {account} in source {source}"),
            "name it by its key in the retailer's database, not by the number on the bill",
        ));
    }
    Ok(())
}

/// Lets an account be shared again. False when it was not blocked.
///
/// # Errors
/// A database error.
pub async fn unblock(
    session: &TenantSession,
    source: &SourceSystem,
    account: &Key,
) -> Result<bool, TenantError> {
    let sql = "delete from account_block where source_system = $1 and account_id = $2";
    Ok(run(session, sql, vec![source.as_str().into(), account.as_str().into()]).await? > 0)
}

/// All blocks, in the order of their accounts.
///
/// # Errors
/// A database error.
pub async fn blocks(session: &TenantSession) -> Result<Vec<Block>, TenantError> {
    let db = session.db();
    let sql = "select source_system, account_id, reason, blocked_at from account_block order by 1, 2";
    let rows = db.query_all_raw(dialect::statement(db.get_database_backend(), sql, vec![])).await?;
    let block = |row: &QueryResult| {
        let source: String = row.try_get("", "source_system")?;
        Ok(Block {
            source_system: SourceSystem::parse(&source).map_err(|error| DbErr::Type(error.to_string()))?,
            account_id: Key::from_canonical(row.try_get::<String>("", "account_id")?),
            reason: row.try_get("", "reason")?,
            blocked_at: row.try_get("", "blocked_at")?,
        })
    };
    rows.iter().map(block).collect()
}

async fn run(session: &TenantSession, sql: &str, values: Vec<Value>) -> Result<u64, TenantError> {
    let db = session.db();
    let done = db.execute_raw(dialect::statement(db.get_database_backend(), sql, values)).await?;
    Ok(done.rows_affected())
}
