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
    const SQL: &str = records_of_account!("billing_transaction", "executed_at");
    let values = [window.oldest.into(), window.newest.into(), page.limit().into(), page.offset().into()];
    let (granted, rows) = read_of_account(call, SQL, values).await?;
    Records::from_rows(&rows, granted)
}
