//! Get Billing For Account.

use chrono::Utc;

use crate::call::Call;
use crate::error::ApiError;
use crate::queries::billing_transaction as query;

/// `GET /energy/accounts/{accountId}/billing`
pub(super) async fn of_account(call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
    let (page, window) = (call.query.page()?, call.query.billing_times(Utc::now())?);
    let found = query::page(call, window, page).await?;
    super::records(call, "transactions", page, &found)
}
