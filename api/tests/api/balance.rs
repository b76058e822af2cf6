//! Get Balance For Energy Account.

use rstest::rstest;
use serde_json::json;

use wattle_testbed::Engine;

use crate::support::{CORREA, CUSTOMER, PRODUCT, Platform, code};

#[rstest]
#[actix_web::test]
async fn a_balance_is_served_as_stored(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let platform = Platform::on(engine).await;
    platform.account(CORREA, CUSTOMER, "100").await;
    platform.account(CORREA, CUSTOMER, "200").await;
    platform.insert(CORREA, "balance", json!({"account_id": "100", "balance": "-1234567890123456.70"})).await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &["100", "200"]).await;
    let ids = platform.account_ids(&consent).await;
    let body = platform.get(&consent, &format!("/energy/accounts/{}/balance", ids[0])).await.ok();
    assert_eq!(
        body,
        json!({
            "data": {"balance": "-1234567890123456.70"},
            "links": {"self": format!("https://cdr.example/t/correa/cds-au/v1/energy/accounts/{}/balance", ids[0])},
            "meta": {}
        })
    );
    // Nothing is known of what the other account owes.
    let none = platform.get(&consent, &format!("/energy/accounts/{}/balance", ids[1])).await;
    assert_eq!(none.code(), code(404, "Authorisation/UnavailableEnergyAccount"));
}
