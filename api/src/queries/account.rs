//! Reads accounts.

use crate::call::Call;
use crate::error::ApiError;
use crate::ids::Customer;
use crate::query::Page;

use super::{Granted, consented, invalid_account, read, read_of_account, total};

/// One page of the accounts of an arrangement.
pub(crate) struct Accounts {
    /// The customer whose arrangement it is.
    pub(crate) customer: Customer,
    /// How many accounts there are on all pages.
    pub(crate) total: u64,
    /// The accounts of the page, in order.
    pub(crate) accounts: Vec<Account>,
    /// The names of the plans that the accounts name, as [`Plans`](crate::body::Plans) reads them.
    pub(crate) plans: String,
}

/// An account as stored.
pub(crate) struct Account {
    /// The source that knows it.
    pub(crate) source_system: String,
    /// Its key there.
    pub(crate) source_id: String,
    /// Its body, in the shape listed.
    pub(crate) body: String,
}

/// One account in full.
pub(crate) struct AccountDetail {
    /// Whose it is.
    pub(crate) granted: Granted,
    /// The account's body, in full.
    pub(crate) detail: String,
    /// The plans that it names, as [`Plans`](crate::body::Plans) reads them.
    pub(crate) plans: String,
}

/// The accounts that may be shared, ordered by source and key. The others are left out without a word.
pub(crate) async fn page(
    call: &Call<'_>,
    open_status: Option<&str>,
    page: Page,
) -> Result<Accounts, ApiError> {
    const SQL: &str = concat!(
        consent!(),
        ", permitted as (
            select aa.source_system, aa.account_id
            from consent c
            join arrangement_account aa on aa.arrangement_id = c.arrangement_id
            join account a on a.source_system = aa.source_system and a.source_id = aa.account_id
            where c.standing = 'good' and ($5::text is null or a.open_status = $5)
              and not exists (
                  select from account_block b
                  where b.source_system = aa.source_system and b.account_id = aa.account_id)
              and not exists (
                  select from quarantine q
                  where q.entity = 'account' and q.source_system = aa.source_system and q.source_id = aa.account_id)
              and exists (
                  select from holding h
                  where h.source_system = aa.source_system and h.customer_id = aa.customer_id
                    and h.account_id = aa.account_id and h.shareable
                    and not exists (
                        select from quarantine q
                        where q.entity = 'holding' and q.source_system = h.source_system
                          and q.source_id = h.source_id))
        ), page as (
            select row_number() over (order by a.source_system, a.source_id) as place,
                   a.source_system, a.source_id, a.plan_ids, a.body
            from (select * from permitted order by source_system, account_id limit $6 offset $7) p
            join account a on a.source_system = p.source_system and a.source_id = p.account_id
        ), named as (
            select distinct p.source_system, json_array_elements_text(p.plan_ids::json) as plan_id from page p
        )
        select c.standing, c.customer_source, c.customer_id, c.key_version,
               (select count(*) from permitted) as total,
               p.source_system, p.source_id, p.body,
               case p.place when 1 then (
                   select json_agg(json_build_array(pl.source_system, pl.source_id,
                                   json_build_object('displayName', pl.body::json -> 'displayName')))::text
                   from named n cross join lateral (
                       select pl.* from plan pl
                       where pl.source_system = n.source_system and pl.source_id = n.plan_id limit 1
                   ) pl
               ) end as plans
        from consent c left join page p on true
        order by p.place"
    );
    let further = vec![open_status.into(), page.limit().into(), page.offset().into()];
    let rows = read(call, SQL, further).await?;
    let (customer, _) = consented(&rows)?;
    let mut accounts = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Some(source_system) = row.try_get::<Option<String>>("", "source_system")? {
            let (source_id, body) = (row.try_get("", "source_id")?, row.try_get("", "body")?);
            accounts.push(Account { source_system, source_id, body });
        }
    }
    let plans: Option<String> = rows[0].try_get("", "plans")?;
    Ok(Accounts {
        customer,
        total: total(&rows[0])?,
        accounts,
        plans: plans.unwrap_or_else(|| "[]".to_owned()),
    })
}

/// One account with its plans.
pub(crate) async fn detail(call: &Call<'_>) -> Result<AccountDetail, ApiError> {
    const SQL: &str = concat!(
        permission!(),
        " select p.*, a.detail, (
              select json_agg(json_build_array(pl.source_system, pl.source_id, pl.body::json))::text
              from plan pl
              where pl.source_system = a.source_system
                and pl.source_id = any (array(select json_array_elements_text(a.plan_ids::json)))
          ) as plans
          from permission p
          left join account a on p.standing = 'good' and a.source_system = $5 and a.source_id = $6"
    );
    let (granted, rows) = read_of_account(call, SQL, []).await?;
    let detail: Option<String> = rows[0].try_get("", "detail")?;
    let plans: Option<String> = rows[0].try_get("", "plans")?;
    Ok(AccountDetail {
        granted,
        detail: detail.ok_or_else(|| invalid_account(call))?,
        plans: plans.unwrap_or_else(|| "[]".to_owned()),
    })
}
