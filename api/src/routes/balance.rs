//! Get Balance For Energy Account.

use serde::Serialize;

use crate::call::Call;
use crate::envelope;
use crate::error::ApiError;
use crate::queries::balance as query;

/// `data` of the answer.
#[derive(Serialize)]
struct Balance {
    balance: String,
}

/// `GET /energy/accounts/{accountId}/balance`
pub(super) async fn of_account(call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
    let balance = query::of_account(call).await?;
    let data = serde_json::to_string(&Balance { balance }).expect("a text can be written");
    Ok(envelope::single(&data, &call.address()))
}
