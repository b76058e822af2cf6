//! Get Energy Accounts and Get Energy Account Detail.

use crate::body::{BodyWriter, Plans};
use crate::call::Call;
use crate::envelope;
use crate::error::{ApiError, Cause, ErrorCode};
use crate::ids::Kind;
use crate::queries::account as query;

/// `GET /energy/accounts`
pub(super) async fn list(call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
    let page = call.query.page()?;
    let found = query::page(call, call.query.open_status()?, page).await?;
    page.within(found.total)?;
    let recipient = call.recipient();
    let mut minter = recipient.minter(&found.customer);
    let mut data = String::from(r#"{"accounts":["#);
    for (at, account) in found.accounts.iter().enumerate() {
        if at > 0 {
            data.push(',');
        }
        let id = minter.mint(Kind::Account, &account.source_system, &account.source_id)?;
        let plans = Plans::read(account.plans.as_deref())?;
        let mut writer = BodyWriter::new(&mut minter, &account.source_system, &plans);
        writer.append(&mut data, &id, &account.body)?;
    }
    data.push_str("]}");
    Ok(envelope::paged(&data, &call.address(), page, found.total))
}

/// `GET /energy/accounts/{accountId}`
pub(super) async fn detail(call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
    let found = query::detail(call).await?;
    let recipient = call.recipient();
    let mut minter = recipient.minter(&found.granted.customer);
    let plans = Plans::read(found.plans.as_deref())?;
    let source_system = &found.granted.account.source_system;
    let mut data = String::new();
    let mut writer = BodyWriter::new(&mut minter, source_system, &plans);
    writer.append(&mut data, call.account_id(), &found.detail)?;
    // An open account has a `planDetail` for each of its plans: until the plan is there, there is no answer.
    if writer.lacks_plan_detail && found.open_status == "OPEN" {
        return Err(ApiError::new(ErrorCode::UnavailableEnergyAccount, call.account_id())
            .because(Cause::Rule("there is no record of a plan that the account has")));
    }
    Ok(envelope::single(&data, &call.address()))
}
