//! Get Agreed Payment Schedule.

use crate::call::Call;
use crate::error::ApiError;
use crate::queries::payment_schedule as query;

/// `GET /energy/accounts/{accountId}/payment-schedule`
pub(super) async fn of_account(call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
    Ok(super::all(call, "paymentSchedules", &query::of_account(call).await?))
}
