//! Reads concessions.

use crate::call::Call;
use crate::error::ApiError;

use super::{bodies, read_of_account};

/// The concessions granted to the account.
pub(crate) async fn of_account(call: &Call<'_>) -> Result<Vec<String>, ApiError> {
    const SQL: &str = all_of_account!("concession");
    let (_, rows) = read_of_account(call, SQL, []).await?;
    bodies(&rows)
}
