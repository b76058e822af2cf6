//! Get Invoices For Account.

use chrono::Utc;

use crate::call::Call;
use crate::error::ApiError;
use crate::queries::invoice as query;

/// `GET /energy/accounts/{accountId}/invoices`
pub(super) async fn of_account(call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
    let (page, window) = (call.query.page()?, call.query.invoice_dates(Utc::now())?);
    let found = query::page(call, window, page).await?;
    super::records(call, "invoices", page, &found)
}
