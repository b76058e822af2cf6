//! The SQL of the API: one statement per function, each reading consent and data together.
//!
//! Every statement begins with the arrangement, so a revocation counts from the next call on, and none can be run
//! without an authorised [`Call`]. A session sees its own tenant's partitions under the unqualified names, and the
//! policies on them add the `tenant_id` that their primary keys begin with.
//!
//! What belongs to one row is read by a scalar or limited subquery rather than a join: the planner then looks up the
//! whole key, where in a join it may think a part of the key selective enough and filter the rest.

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Value};
use wattle_tenants::dialect::statement;

use crate::call::Call;
use crate::error::{ApiError, Cause, ErrorCode};
use crate::ids::{Customer, ResourceId};

/// The arrangement of the call, and how it stands. Parameters 1 to 4 are those of [`read`].
macro_rules! consent {
    () => {
        "with consent as (
            select a.arrangement_id, a.source_system as customer_source, a.customer_id, (
                       select k.key_version from id_key k
                       where k.software_product_id = a.software_product_id
                         and k.source_system = a.source_system and k.customer_id = a.customer_id
                   ) as key_version,
                   case when a.status <> 'active' or a.sharing_ends_at <= now() then 'ended'
                        when $3 <= a.amended_at then 'stale'
                        when ' ' || a.scopes || ' ' = replace(' ' || a.scopes || ' ', ' ' || $4 || ' ', '')
                        then 'out of scope'
                        else 'good' end as standing
            from arrangement a
            where a.arrangement_id = $1 and a.software_product_id = $2
        )"
    };
}

/// What may be shared of the consented account `aa`: 2 is everything, 1 is nothing for now, 0 is nothing. A holding that
/// is in quarantine may have been taken away since it was read; another one that allows sharing is enough.
macro_rules! sharing {
    () => {
        "case when exists (
                 select 1 from account_block b
                 where b.source_system = aa.source_system and b.account_id = aa.account_id)
             then 0
             else coalesce((
                 select max(case
                     when exists (
                         select 1 from quarantine q
                         where q.entity = 'holding' and q.source_system = h.source_system
                           and q.source_id = h.source_id)
                     then 1
                     when not h.shareable then 0
                     when exists (
                         select 1 from quarantine q
                         where q.entity = 'account' and q.source_system = h.source_system
                           and q.source_id = h.account_id)
                     then 1
                     else 2 end)
                 from holding h
                 where h.source_system = aa.source_system and h.customer_id = aa.customer_id
                   and h.account_id = aa.account_id), 0) end"
    };
}

/// The arrangement of the call and what it allows on the account that parameters 5 and 6 name.
macro_rules! permission {
    () => {
        concat!(
            consent!(),
            ", asked as (
                select c.*, case when c.standing = 'good' then (
                           select ",
            sharing!(),
            "              from arrangement_account aa
                           where aa.arrangement_id = c.arrangement_id
                             and aa.source_system = $5 and aa.account_id = $6
                       ) end as sharing
                from consent c
            ), permission as (
                select c.customer_source, c.customer_id, c.key_version,
                       case when c.standing <> 'good' then c.standing
                            when c.sharing = 2 then 'good'
                            when c.sharing = 1 then 'unavailable'
                            else 'invalid' end as standing
                from asked c
            )"
        )
    };
}

/// A page of the records of the account that parameters 5 and 6 name, from parameter 7 to parameter 8 of a column,
/// newest first; parameters 9 and 10 are the page's limit and offset.
macro_rules! records_of_account {
    ($table:literal, $column:literal) => {
        concat!(
            permission!(),
            ", matching as (
                select r.body, r.source_id, r.",
            $column,
            "   from ",
            $table,
            " r where exists (select 1 from permission where standing = 'good')
                  and r.source_system = $5 and r.account_id = $6 and r.",
            $column,
            " between $7 and $8
            )
            select p.*, r.body, case when p.standing = 'good' then (
                       select count(*) from ",
            $table,
            " r where r.source_system = $5 and r.account_id = $6 and r.",
            $column,
            " between $7 and $8) else 0 end as total
            from permission p
            left join (select * from matching order by ",
            $column,
            " desc, source_id limit $9 offset $10) r on true
            order by r.",
            $column,
            " desc, r.source_id"
        )
    };
}

/// All records of the account that parameters 5 and 6 name, in the order of their ids: of these an account has few.
macro_rules! all_of_account {
    ($table:literal) => {
        concat!(
            permission!(),
            ", own as (
                select r.body, r.source_id
                from ",
            $table,
            " r where exists (select 1 from permission where standing = 'good')
                  and r.source_system = $5 and r.account_id = $6
            )
            select p.*, r.body from permission p left join own r on true order by r.source_id"
        )
    };
}

pub(crate) mod account;
pub(crate) mod balance;
pub(crate) mod billing_transaction;
pub(crate) mod concession;
pub(crate) mod customer;
pub(crate) mod invoice;
pub(crate) mod payment_schedule;
pub(crate) mod several;

/// One page of an account's records.
pub(crate) struct Records {
    /// Whose records they are.
    pub(crate) granted: Granted,
    /// How many records there are on all pages.
    pub(crate) total: u64,
    /// The stored bodies, in order.
    pub(crate) bodies: Vec<String>,
}

impl Records {
    /// Reads what a statement answers: one row per record, or one without a body when there is none.
    fn from_rows(rows: &[QueryResult], granted: Granted) -> Result<Self, ApiError> {
        Ok(Self { granted, total: total(&rows[0])?, bodies: bodies(rows)? })
    }
}

/// The stored bodies of an answer: one row each, or one row without a body when there is none.
fn bodies(rows: &[QueryResult]) -> Result<Vec<String>, ApiError> {
    let bodies = rows.iter().map(|row| row.try_get::<Option<String>>("", "body"));
    Ok(bodies.filter_map(Result::transpose).collect::<Result<_, _>>()?)
}

/// What an arrangement allows: proof that the data of the same answer may be served.
pub(crate) struct Granted {
    /// The customer whose arrangement it is.
    pub(crate) customer: Customer,
    /// The account that the path names.
    pub(crate) account: ResourceId,
}

/// Runs a statement that begins with the arrangement of the call.
async fn read(call: &Call<'_>, sql: &str, further: Vec<Value>) -> Result<Vec<QueryResult>, ApiError> {
    read_with(call, further, |_, _| sql.to_owned()).await
}

/// The same with a statement that is written for the engine, and may take more parameters.
async fn read_with(
    call: &Call<'_>,
    further: Vec<Value>,
    sql: impl FnOnce(DbBackend, &mut Vec<Value>) -> String,
) -> Result<Vec<QueryResult>, ApiError> {
    let session = call.session().await?;
    let token = call.token();
    let mut values: Vec<Value> = vec![
        token.arrangement().to_string().into(),
        token.software_product().into(),
        // Token times are whole seconds, and a token that is issued in the second of an amendment is taken to be issued
        // after it: it counts from the end of its second.
        (token.issued_at() + TimeDelta::seconds(1)).into(),
        call.scope().into(),
    ];
    values.extend(further);
    let db = session.db();
    let sql = sql(db.get_database_backend(), &mut values);
    Ok(db.query_all_raw(statement(db.get_database_backend(), &sql, values)).await?)
}

/// Runs a statement that begins with what the arrangement allows on the account of the path. An id that names nothing
/// is no error until then: the statement runs with nulls, so that such an id is answered like one of an account
/// outside the consent, whatever became of the arrangement.
async fn read_of_account(
    call: &Call<'_>,
    sql: &str,
    further: impl IntoIterator<Item = Value>,
) -> Result<(Granted, Vec<QueryResult>), ApiError> {
    let account = call.account();
    let mut values = vec![
        account.as_ref().map(|account| account.source_system.as_str()).into(),
        account.as_ref().map(|account| account.source_id.as_str()).into(),
    ];
    values.extend(further);
    let rows = read(call, sql, values).await?;
    let (customer, standing) = consented(&rows)?;
    match (account, standing) {
        (Some(account), Standing::Good) if account.is_for(&customer) => {
            Ok((Granted { customer, account }, rows))
        }
        (Some(account), Standing::Unavailable) if account.is_for(&customer) => {
            Err(ApiError::new(ErrorCode::UnavailableEnergyAccount, call.account_id()))
        }
        _ => Err(invalid_account(call)),
    }
}

/// How a call stands once its arrangement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// What was asked for may be shared.
    Good,
    /// The account is in quarantine, or the holding that would allow sharing it.
    Unavailable,
    /// The account may not be shared, or there is none.
    Invalid,
}

/// The customer whose arrangement it is, if the arrangement stands. No row is an arrangement that this software
/// product does not have.
fn consented(rows: &[QueryResult]) -> Result<(Customer, Standing), ApiError> {
    let refused = |code, detail: &str, why| Err(ApiError::new(code, detail).because(Cause::Rule(why)));
    let ended = |why| refused(ErrorCode::RevokedConsent, "The consent was withdrawn or has expired", why);
    let Some(row) = rows.first() else { return ended("no such arrangement of this software product") };
    let standing = match row.try_get::<String>("", "standing")?.as_str() {
        "good" => Standing::Good,
        "unavailable" => Standing::Unavailable,
        "invalid" => Standing::Invalid,
        "ended" => return ended("the arrangement was revoked or has ended"),
        "stale" => return Err(ApiError::bad_token("issued before the arrangement was amended")),
        "out of scope" => {
            let detail = "The consent does not cover this resource";
            return refused(ErrorCode::InvalidConsent, detail, "the arrangement lacks the scope");
        }
        _ => return Err(ApiError::unexpected("a statement answered a standing that is none")),
    };
    let key_version: Option<i64> = row.try_get("", "key_version")?;
    let key_version = key_version.and_then(|version| version.try_into().ok());
    let customer = Customer {
        source_system: row.try_get("", "customer_source")?,
        source_id: row.try_get("", "customer_id")?,
        key_version: key_version
            .ok_or_else(|| ApiError::unexpected("an arrangement without a usable id key version"))?,
    };
    Ok((customer, standing))
}

fn invalid_account(call: &Call<'_>) -> ApiError {
    ApiError::new(ErrorCode::InvalidEnergyAccount, call.account_id())
}

fn total(row: &QueryResult) -> Result<u64, ApiError> {
    let total: i64 = row.try_get("", "total")?;
    u64::try_from(total).map_err(|_| ApiError::unexpected("a negative count"))
}
