//! The bulk lists, and those of specific accounts: balances, invoices and billing of several accounts.

use chrono::Utc;

use crate::body::{BodyWriter, Plans};
use crate::call::Call;
use crate::envelope;
use crate::error::ApiError;
use crate::ids::Kind;
use crate::queries::several::{self as query, Listed};
use crate::query::Page;

/// `GET` and `POST /energy/accounts/balances`
pub(super) async fn balances(call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
    let page = call.query.page()?;
    let mut found = query::balances(call, page).await?;
    for record in &mut found.records {
        let balance = serde_json::to_string(&record.body).expect("a text can be written");
        record.body = format!(r#"{{"balance":{balance}}}"#);
    }
    records(call, "balances", page, &found)
}

/// `GET` and `POST /energy/accounts/invoices`
pub(super) async fn invoices(call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
    let (page, window) = (call.query.page()?, call.query.invoice_dates(Utc::now())?);
    records(call, "invoices", page, &query::invoices(call, window, page).await?)
}

/// `GET` and `POST /energy/accounts/billing`
pub(super) async fn billing_transactions(call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
    let (page, window) = (call.query.page()?, call.query.billing_times(Utc::now())?);
    records(call, "transactions", page, &query::billing_transactions(call, window, page).await?)
}

/// One page of records, under the name that the standard gives their list.
fn records(call: &Call<'_>, name: &str, page: Page, found: &Listed) -> Result<Vec<u8>, ApiError> {
    page.within(found.total)?;
    let recipient = call.recipient();
    let mut minter = recipient.minter(&found.customer);
    let plans = Plans::default();
    let mut data = format!(r#"{{"{name}":["#);
    for (at, record) in found.records.iter().enumerate() {
        if at > 0 {
            data.push(',');
        }
        let id = minter.mint(Kind::Account, &record.source_system, &record.account_id)?;
        BodyWriter::new(&mut minter, &record.source_system, &plans).append(&mut data, &id, &record.body)?;
    }
    data.push_str("]}");
    Ok(envelope::paged(&data, &call.address(), page, found.total))
}
