//! The SQL of the API: one statement per function, each reading consent and data together.
//!
//! Every statement begins with the arrangement, so a revocation counts from the next call on, and none can be run
//! without an authorised [`Call`]. A session sees its own tenant's partitions under the unqualified names, and the
//! policies on them add the `tenant_id` that their primary keys begin with.
//!
//! What belongs to one row is read by a scalar or limited subquery rather than a join: the planner then looks up the
//! whole key, where in a join it may think a part of the key selective enough and filter the rest.

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};

use crate::call::Call;
use crate::error::{ApiError, Cause, ErrorCode};
use crate::ids::{Customer, ResourceId};

/// The arrangement of the call, and how it stands. Parameters 1 to 4 are those of [`read`]. Token times are whole
/// seconds, and a token that is issued in the second of the amendment is taken to be issued after it.
macro_rules! consent {
    () => {
        "with consent as (
            select a.arrangement_id, a.source_system as customer_source, a.customer_id, (
                       select k.key_version from id_key k
                       where k.software_product_id = a.software_product_id
                         and k.source_system = a.source_system and k.customer_id = a.customer_id
                   ) as key_version,
                   case when a.status <> 'active' or a.sharing_ends_at <= now() then 'ended'
                        when to_timestamp($3::bigint) < date_trunc('second', a.amended_at) then 'stale'
                        when $4 <> all (string_to_array(a.scopes, ' ')) then 'out of scope'
                        else 'good' end as standing
            from arrangement a
            where a.arrangement_id = $1 and a.software_product_id = $2
        )"
    };
}

/// The arrangement of the call and what it allows on the account that parameters 5 and 6 name. A holding that is in
/// quarantine may have been taken away since it was read; another one that allows sharing is enough.
macro_rules! permission {
    () => {
        concat!(
            consent!(),
            ", permission as (
                select c.customer_source, c.customer_id, c.key_version,
                       case when c.standing <> 'good' then c.standing
                            when aa.account_id is null or b.account_id is not null then 'invalid'
                            when h.shareable is not true and h.quarantined is not true then 'invalid'
                            when h.shareable is not true or q.source_id is not null then 'unavailable'
                            else 'good' end as standing
                from consent c
                left join arrangement_account aa on aa.arrangement_id = c.arrangement_id
                     and aa.source_system = $5 and aa.account_id = $6
                left join account_block b on b.source_system = aa.source_system and b.account_id = aa.account_id
                left join quarantine q on q.entity = 'account'
                     and q.source_system = aa.source_system and q.source_id = aa.account_id
                left join lateral (
                    select bool_or(h.shareable and h.quarantined is null) as shareable,
                           bool_or(h.quarantined) as quarantined
                    from (
                        select h.shareable, (
                                   select true from quarantine q
                                   where q.entity = 'holding' and q.source_system = h.source_system
                                     and q.source_id = h.source_id
                               ) as quarantined
                        from holding h
                        where h.source_system = aa.source_system and h.customer_id = aa.customer_id
                          and h.account_id = aa.account_id
                    ) h
                ) h on true
            )"
        )
    };
}

pub(crate) mod account;
pub(crate) mod balance;
pub(crate) mod billing_transaction;
pub(crate) mod invoice;

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
        let bodies = rows.iter().map(|row| row.try_get::<Option<String>>("", "body"));
        let bodies = bodies.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        Ok(Self { granted, total: total(&rows[0])?, bodies })
    }
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
    let session = call.session().await?;
    let token = call.token();
    let mut values: Vec<Value> = vec![
        token.arrangement().to_string().into(),
        token.software_product().into(),
        token.issued_at().into(),
        call.scope().into(),
    ];
    values.extend(further);
    let db = session.db();
    Ok(db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?)
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
