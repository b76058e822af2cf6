//! The operations: read the parameters, ask the one query, write the answer.

mod account;
mod balance;
mod billing_transaction;
mod concession;
mod customer;
pub(crate) mod discovery;
mod invoice;
mod payment_schedule;
mod several;

use crate::body::{BodyWriter, BrokenBody, Plans};
use crate::call::Call;
use crate::endpoints::Operation;
use crate::envelope;
use crate::error::ApiError;
use crate::ids::TooLong;
use crate::queries::Records;
use crate::query::Page;

/// Serves an operation; answers the body of a 200.
pub(crate) async fn serve(operation: Operation, call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
    match operation {
        Operation::ListEnergyAccounts => account::list(call).await,
        Operation::GetEnergyAccountDetail => account::detail(call).await,
        Operation::GetEnergyAccountBalance => balance::of_account(call).await,
        Operation::ListEnergyAccountBalancesBulk | Operation::ListEnergyAccountBalancesSpecificAccounts => {
            several::balances(call).await
        }
        Operation::ListEnergyAccountInvoicesBulk | Operation::ListEnergyInvoicesForSpecificAccounts => {
            several::invoices(call).await
        }
        Operation::ListEnergyAccountBillingBulk | Operation::ListEnergyAccountBillingForSpecificAccounts => {
            several::billing_transactions(call).await
        }
        Operation::GetEnergyAccountInvoices => invoice::of_account(call).await,
        Operation::GetBillingForEnergyAccount => billing_transaction::of_account(call).await,
        Operation::GetEnergyAccountPaymentSchedule => payment_schedule::of_account(call).await,
        Operation::GetEnergyAccountConcessions => concession::of_account(call).await,
        Operation::GetCustomer => customer::basic(call).await,
        Operation::GetCustomerDetail => customer::detail(call).await,
        Operation::Public(_) => Err(ApiError::unexpected("what anyone may ask was served to a token")),
    }
}

/// One page of an account's records, under the name that the standard gives their list.
fn records(call: &Call<'_>, name: &str, page: Page, found: &Records) -> Result<Vec<u8>, ApiError> {
    page.within(found.total)?;
    let recipient = call.recipient();
    let mut minter = recipient.minter(&found.granted.customer);
    let source_system = &found.granted.account.source_system;
    let plans = Plans::default();
    let mut writer = BodyWriter::new(&mut minter, source_system, &plans);
    let mut data = format!(r#"{{"{name}":["#);
    for (at, body) in found.bodies.iter().enumerate() {
        if at > 0 {
            data.push(',');
        }
        writer.append(&mut data, call.account_id(), body)?;
    }
    data.push_str("]}");
    Ok(envelope::paged(&data, &call.address(), page, found.total))
}

/// All of an account's records of a kind that name neither their account nor anything else by an id, under the name that
/// the standard gives their list.
fn all(call: &Call<'_>, name: &str, bodies: &[String]) -> Vec<u8> {
    envelope::single(&format!(r#"{{"{name}":[{}]}}"#, bodies.join(",")), &call.address())
}

impl From<BrokenBody> for ApiError {
    fn from(broken: BrokenBody) -> Self {
        Self::unexpected(broken)
    }
}

impl From<TooLong> for ApiError {
    fn from(too_long: TooLong) -> Self {
        Self::unexpected(too_long)
    }
}
