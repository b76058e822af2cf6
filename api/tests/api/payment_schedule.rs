//! Get Agreed Payment Schedule.

use rstest::rstest;
use serde_json::json;

use wattle_testbed::Engine;

use crate::support::{CORREA, CUSTOMER, PRODUCT, Platform};

#[rstest]
#[actix_web::test]
async fn all_of_an_account_are_served_as_stored_in_the_order_of_their_ids(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let platform = Platform::on(engine).await;
    for account in ["100", "200"] {
        platform.account(CORREA, CUSTOMER, account).await;
    }
    platform.account(CORREA, "other", "300").await;
    let bodies = [
        json!({
            "paymentScheduleUType": "directDebit", "amount": "120.00",
            "directDebit": {"isTokenised": true, "paymentFrequency": "P1M", "calculationType": "STATIC"}
        }),
        json!({"paymentScheduleUType": "manualPayment", "manualPayment": {"billFrequency": "P3M"}}),
    ];
    for (at, body) in bodies.iter().enumerate().rev() {
        let row = json!({"source_id": format!("100|{at}"), "account_id": "100", "body": body.to_string()});
        platform.insert(CORREA, "payment_schedule", row).await;
    }
    // Another account's, and those of another source's account of the same key.
    let stranger = json!({"account_id": "300", "body": bodies[0].to_string()});
    platform.insert(CORREA, "payment_schedule", stranger).await;
    let elsewhere = json!({"source_system": "gas", "account_id": "100", "body": bodies[0].to_string()});
    platform.insert(CORREA, "payment_schedule", elsewhere).await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &["100", "200"]).await;
    let ids = platform.account_ids(&consent).await;
    let body = platform.get(&consent, &format!("/energy/accounts/{}/payment-schedule", ids[0])).await.ok();
    let url = format!("https://cdr.example/t/correa/cds-au/v1/energy/accounts/{}/payment-schedule", ids[0]);
    assert_eq!(body, json!({"data": {"paymentSchedules": bodies}, "links": {"self": url}, "meta": {}}));
    // An account without any has an empty list.
    let none = platform.get(&consent, &format!("/energy/accounts/{}/payment-schedule", ids[1])).await.ok();
    assert_eq!(none["data"], json!({"paymentSchedules": []}));
    // One in quarantine is served as it was last read.
    platform.quarantine(CORREA, "payment_schedule", "100|0").await;
    let body = platform.get(&consent, &format!("/energy/accounts/{}/payment-schedule", ids[0])).await.ok();
    assert_eq!(body["data"]["paymentSchedules"], json!(bodies));
}
