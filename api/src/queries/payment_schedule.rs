//! Reads payment schedules.

use crate::call::Call;
use crate::error::ApiError;

use super::{bodies, read_of_account};

/// How the account is agreed to be paid.
pub(crate) async fn of_account(call: &Call<'_>) -> Result<Vec<String>, ApiError> {
    const SQL: &str = all_of_account!("payment_schedule");
    let (_, rows) = read_of_account(call, SQL, []).await?;
    bodies(&rows)
}
