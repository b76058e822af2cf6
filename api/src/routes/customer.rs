//! Get Customer and Get Customer Detail.

use crate::call::Call;
use crate::envelope;
use crate::error::ApiError;
use crate::queries::customer as query;

/// `GET /common/customer`
pub(super) async fn basic(call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
    Ok(envelope::single(&query::basic(call).await?, &call.address()))
}

/// `GET /common/customer/detail`
pub(super) async fn detail(call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
    Ok(envelope::single(&query::detail(call).await?, &call.address()))
}
