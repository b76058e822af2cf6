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
}

/// An account as stored.
pub(crate) struct Account {
    /// The source that knows it.
    pub(crate) source_system: String,
    /// Its key there.
    pub(crate) source_id: String,
    /// Its body, in the shape listed.
    pub(crate) body: String,
    /// The names of the plans that it names, as [`Plans`](crate::body::Plans) reads them; none when it names none.
    pub(crate) plans: Option<String>,
}

/// One account in full.
pub(crate) struct AccountDetail {
    /// Whose it is.
    pub(crate) granted: Granted,
    /// `OPEN` or `CLOSED`.
    pub(crate) open_status: String,
    /// The account's body, in full.
    pub(crate) detail: String,
    /// The plans that it names, as [`Plans`](crate::body::Plans) reads them; none when it names none.
    pub(crate) plans: Option<String>,
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
            where c.standing = 'good'
              and exists (
                  select 1 from account a
                  where a.source_system = aa.source_system and a.source_id = aa.account_id
                    and ($5::text is null or a.open_status = $5))
              and ",
        sharing!(),
        " = 2
        ), page as (
            select a.source_system, a.source_id, a.plan_ids, a.body
            from (select * from permitted order by source_system, account_id limit $6 offset $7) p
            join account a on a.source_system = p.source_system and a.source_id = p.account_id
        )
        select c.standing, c.customer_source, c.customer_id, c.key_version,
               (select count(*) from permitted) as total,
               p.source_system, p.source_id, p.body, (
                   select json_agg(json_build_array(pl.source_id,
                                   json_build_object('displayName', pl.body::json -> 'displayName')))::text
                   from plan pl
                   where pl.source_system = p.source_system
                     and pl.source_id = any (array(select json_array_elements_text(p.plan_ids::json)))
               ) as plans
        from consent c left join page p on true
        order by p.source_system, p.source_id"
    );
    let further = vec![open_status.into(), page.limit().into(), page.offset().into()];
    let rows = read(call, SQL, further).await?;
    let (customer, _) = consented(&rows)?;
    let mut accounts = Vec::with_capacity(rows.len());
    for row in &rows {
        if let Some(source_system) = row.try_get::<Option<String>>("", "source_system")? {
            let (source_id, body) = (row.try_get("", "source_id")?, row.try_get("", "body")?);
            accounts.push(Account { source_system, source_id, body, plans: row.try_get("", "plans")? });
        }
    }
    Ok(Accounts { customer, total: total(&rows[0])?, accounts })
}

/// One account with its plans.
pub(crate) async fn detail(call: &Call<'_>) -> Result<AccountDetail, ApiError> {
    const SQL: &str = concat!(
        permission!(),
        " select p.*, a.open_status, a.detail, (
              select json_agg(json_build_array(pl.source_id, pl.body::json))::text
              from plan pl
              where pl.source_system = a.source_system
                and pl.source_id = any (array(select json_array_elements_text(a.plan_ids::json)))
          ) as plans
          from permission p
          left join account a on p.standing = 'good' and a.source_system = $5 and a.source_id = $6"
    );
    let (granted, rows) = read_of_account(call, SQL, []).await?;
    let detail: Option<String> = rows[0].try_get("", "detail")?;
    let open_status: Option<String> = rows[0].try_get("", "open_status")?;
    let (Some(detail), Some(open_status)) = (detail, open_status) else {
        return Err(invalid_account(call));
    };
    let plans = rows[0].try_get("", "plans")?;
    Ok(AccountDetail { granted, open_status, detail, plans })
}
