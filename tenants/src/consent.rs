//! Arrangements: who shares which accounts with whom, until when.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};
use uuid::Uuid;
use wattle_core::{Key, SourceSystem};
use wattle_migrations::dialect;

use crate::{TenantError, TenantSession};

/// The version of the resource-id key that new pairs of customer and software product get.
const CURRENT_ID_KEY_VERSION: i64 = 1;

/// One sharing arrangement (the standard's `cdr_arrangement_id` names it).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrangement {
    /// Its id.
    pub arrangement_id: Uuid,
    /// The software product that the customer shares with.
    pub software_product_id: String,
    /// The source that knows the customer.
    pub source_system: SourceSystem,
    /// The customer, by source id.
    pub customer_id: Key,
    /// The scopes consented to.
    pub scopes: Vec<String>,
    /// When sharing ends.
    pub sharing_ends_at: DateTime<Utc>,
    /// When it was made or last amended: older access tokens are no longer good.
    pub amended_at: DateTime<Utc>,
    /// The accounts consented to.
    pub accounts: Vec<ConsentedAccount>,
}

/// An account of an arrangement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentedAccount {
    /// The source that knows the account.
    pub source_system: SourceSystem,
    /// The account, by source id.
    pub account_id: Key,
    /// The customer as that source knows them.
    pub customer_id: Key,
}

/// Registers an arrangement, or amends the one with its id. Fixes the key version of the pair's resource ids the
/// first time a pair is seen.
///
/// # Errors
/// [`TenantError::Config`] if the id is that of an arrangement of another customer or software product, or of one that was
/// revoked: a consent that was withdrawn does not come back.
pub async fn register(session: &TenantSession, arrangement: &Arrangement) -> Result<(), TenantError> {
    let tenant = session.tenant().as_str();
    let id = arrangement.arrangement_id.to_string();
    let work = session.begin().await?;
    let done = run(
        &work,
        "insert into arrangement (tenant_id, arrangement_id, software_product_id, source_system, customer_id, scopes,
                                  status, sharing_ends_at, amended_at)
         values ($1, $2, $3, $4, $5, $6, 'active', $7, $8)
         on conflict (tenant_id, arrangement_id) do update
         set scopes = excluded.scopes, sharing_ends_at = excluded.sharing_ends_at, amended_at = excluded.amended_at
         where arrangement.status = 'active' and arrangement.software_product_id = excluded.software_product_id
             and arrangement.source_system = excluded.source_system
             and arrangement.customer_id = excluded.customer_id",
        vec![
            tenant.into(),
            id.as_str().into(),
            arrangement.software_product_id.as_str().into(),
            arrangement.source_system.as_str().into(),
            arrangement.customer_id.as_str().into(),
            arrangement.scopes.join(" ").into(),
            arrangement.sharing_ends_at.into(),
            arrangement.amended_at.into(),
        ],
    )
    .await?;
    if done == 0 {
        return Err(TenantError::config(
            format!("arrangement {id} was revoked, or is another customer's or software product's"),
            "register the consent under a new id",
        ));
    }
    run(
        &work,
        "insert into id_key (tenant_id, software_product_id, source_system, customer_id, key_version)
         values ($1, $2, $3, $4, $5) on conflict do nothing",
        vec![
            tenant.into(),
            arrangement.software_product_id.as_str().into(),
            arrangement.source_system.as_str().into(),
            arrangement.customer_id.as_str().into(),
            CURRENT_ID_KEY_VERSION.into(),
        ],
    )
    .await?;
    run(&work, "delete from arrangement_account where arrangement_id = $1", vec![id.as_str().into()]).await?;
    for account in &arrangement.accounts {
        run(
            &work,
            "insert into arrangement_account (tenant_id, arrangement_id, source_system, account_id, customer_id)
             values ($1, $2, $3, $4, $5)",
            vec![
                tenant.into(),
                id.as_str().into(),
                account.source_system.as_str().into(),
                account.account_id.as_str().into(),
                account.customer_id.as_str().into(),
            ],
        )
        .await?;
    }
    work.commit().await?;
    Ok(())
}

/// Ends an arrangement, from the next call on. False when there is none of that id.
pub async fn revoke(session: &TenantSession, arrangement_id: Uuid) -> Result<bool, TenantError> {
    let done = session
        .db()
        .execute_raw(dialect::statement(
            session.db().get_database_backend(),
            "update arrangement set status = 'revoked' where arrangement_id = $1",
            vec![arrangement_id.to_string().into()],
        ))
        .await?;
    Ok(done.rows_affected() > 0)
}

/// The accounts that a customer may share now: what the authorisation server would offer for consent.
pub async fn shareable_accounts(
    session: &TenantSession,
    source: &SourceSystem,
    customer: &Key,
) -> Result<Vec<Key>, TenantError> {
    let rows = session
        .db()
        .query_all_raw(dialect::statement(
            session.db().get_database_backend(),
            "select distinct h.account_id from holding h
             join account a on a.source_system = h.source_system and a.source_id = h.account_id
             where h.source_system = $1 and h.customer_id = $2 and h.shareable order by h.account_id",
            vec![source.as_str().into(), customer.as_str().into()],
        ))
        .await?;
    rows.iter().map(|row| Ok(Key::from_canonical(row.try_get::<String>("", "account_id")?))).collect()
}

/// Answers how many rows were written.
async fn run(work: &DatabaseTransaction, sql: &str, values: Vec<Value>) -> Result<u64, TenantError> {
    let done = work.execute_raw(dialect::statement(work.get_database_backend(), sql, values)).await?;
    Ok(done.rows_affected())
}
