//! Reads customers.

use crate::call::Call;
use crate::error::{ApiError, Cause, ErrorCode};

use super::{consented, read};

/// The customer whose arrangement it is. One whom an earlier release read has no `detail`, and a `body` without a name.
macro_rules! customer {
    ($column:literal) => {
        concat!(
            consent!(),
            " select c.*, case when c.standing = 'good' then (
                  select u.",
            $column,
            "     from customer u
                  where u.source_system = c.customer_source and u.source_id = c.customer_id
                    and u.detail is not null
              ) end as customer
              from consent c"
        )
    };
}

/// What the basic scope shows of the customer.
pub(crate) async fn basic(call: &Call<'_>) -> Result<String, ApiError> {
    const SQL: &str = customer!("body");
    of_arrangement(call, SQL).await
}

/// The customer in full.
pub(crate) async fn detail(call: &Call<'_>) -> Result<String, ApiError> {
    const SQL: &str = customer!("detail");
    of_arrangement(call, SQL).await
}

/// A customer whose record is not there is not available for now: their consent stands all the same.
async fn of_arrangement(call: &Call<'_>, sql: &str) -> Result<String, ApiError> {
    let rows = read(call, sql, vec![]).await?;
    consented(&rows)?;
    let customer: Option<String> = rows[0].try_get("", "customer")?;
    customer.ok_or_else(|| {
        ApiError::new(ErrorCode::ResourceUnavailable, "The customer is not available for now")
            .because(Cause::Rule("there is no record of the customer, or it was read by an earlier release"))
    })
}
