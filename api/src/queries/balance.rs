//! Reads balances.

use crate::call::Call;
use crate::error::{ApiError, ErrorCode};

use super::read_of_account;

/// What an account owes. An account that may be shared and has no balance yet is not available for now: the standard
/// has no answer without one.
pub(crate) async fn of_account(call: &Call<'_>) -> Result<String, ApiError> {
    const SQL: &str = concat!(
        permission!(),
        " select p.*, case when p.standing = 'good' then (
              select b.balance from balance b
              where b.source_system = $5 and b.account_id = $6
              order by b.source_id limit 1
          ) end as balance
          from permission p"
    );
    let (_, rows) = read_of_account(call, SQL, []).await?;
    let balance: Option<String> = rows[0].try_get("", "balance")?;
    balance.ok_or_else(|| ApiError::new(ErrorCode::UnavailableEnergyAccount, call.account_id()))
}
