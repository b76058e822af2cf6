//! Reads invoices.

use chrono::NaiveDate;

use crate::call::Call;
use crate::error::ApiError;
use crate::query::{Page, Window};

use super::{Records, read_of_account};

/// The invoices of an account that were issued in a window, newest first.
pub(crate) async fn page(
    call: &Call<'_>,
    window: Window<NaiveDate>,
    page: Page,
) -> Result<Records, ApiError> {
    const SQL: &str = records_of_account!("invoice", "issue_date");
    let values = [window.oldest.into(), window.newest.into(), page.limit().into(), page.offset().into()];
    let (granted, rows) = read_of_account(call, SQL, values).await?;
    Records::from_rows(&rows, granted)
}
