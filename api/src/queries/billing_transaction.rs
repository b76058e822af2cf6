//! Reads billing transactions.

use chrono::{DateTime, Utc};

use crate::call::Call;
use crate::error::ApiError;
use crate::query::{Page, Window};

use super::{Records, read_of_account};

/// The billing transactions of an account that took effect in a window, newest first.
pub(crate) async fn page(
    call: &Call<'_>,
    window: Window<DateTime<Utc>>,
    page: Page,
) -> Result<Records, ApiError> {
    const SQL: &str = concat!(
        permission!(),
        " select p.*, t.total, r.body
          from permission p
          left join lateral (
              select count(*) as total from billing_transaction r
              where p.standing = 'good' and r.source_system = $5 and r.account_id = $6
                and r.executed_at between $7 and $8
          ) t on true
          left join lateral (
              select r.body, r.executed_at, r.source_id from billing_transaction r
              where p.standing = 'good' and r.source_system = $5 and r.account_id = $6
                and r.executed_at between $7 and $8
              order by r.executed_at desc, r.source_id limit $9 offset $10
          ) r on true
          order by r.executed_at desc, r.source_id"
    );
    let values = [window.oldest.into(), window.newest.into(), page.limit().into(), page.offset().into()];
    let (granted, rows) = read_of_account(call, SQL, values).await?;
    Records::from_rows(&rows, granted)
}
