//! Get Status and Get Outages: what anyone may ask. It is in the registry, so no statement is run for it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use wattle_tenants::Tenant;
use wattle_tenants::discovery::Outage;

use crate::endpoints::PublicOperation;
use crate::envelope::{self, Address};

/// `data` of Get Outages.
#[derive(Serialize)]
struct Outages<'a> {
    outages: Vec<&'a Outage>,
}

/// Serves an operation at a time; answers the body of a 200.
pub(crate) fn serve(
    operation: PublicOperation,
    tenant: &Tenant,
    address: &Address<'_>,
    now: DateTime<Utc>,
) -> Vec<u8> {
    let data = match operation {
        PublicOperation::GetStatus => serde_json::to_string(&tenant.service_status),
        PublicOperation::GetOutages => {
            let ahead = tenant.outages.iter().filter(|outage| outage.lies_ahead(now));
            serde_json::to_string(&Outages { outages: ahead.collect() })
        }
    };
    envelope::single(&data.expect("a status and outages are plain data"), address)
}
