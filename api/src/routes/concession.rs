//! Get Concessions.

use crate::call::Call;
use crate::error::ApiError;
use crate::queries::concession as query;

/// `GET /energy/accounts/{accountId}/concessions`
pub(super) async fn of_account(call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
    Ok(super::all(call, "concessions", &query::of_account(call).await?))
}
