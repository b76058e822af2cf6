//! Get Customer and Get Customer Detail.

use rstest::rstest;
use serde_json::{Value, json};

use wattle_testbed::Engine;

use crate::support::{CORREA, CUSTOMER, Consent, PRODUCT, Platform, code, request};

fn person() -> (Value, Value) {
    let basic = json!({
        "customerUType": "person",
        "person": {
            "lastUpdateTime": "2026-11-01T09:00:00+11:00", "lastName": "O\"Brien {\"$x\"}", "middleNames": [],
            "occupationCode": "221111", "occupationCodeVersion": "ANZSCO_1220.0_2013_V1.3"
        }
    });
    let mut detail = basic.clone();
    detail["person"]["phoneNumbers"] =
        json!([{"purpose": "MOBILE", "number": "0491570006", "fullNumber": "+61491570006"}]);
    detail["person"]["emailAddresses"] =
        json!([{"purpose": "WORK", "address": "a@example.com", "isPreferred": true}]);
    detail["person"]["physicalAddresses"] = json!([{
        "purpose": "REGISTERED", "addressUType": "paf",
        "paf": {"thoroughfareNumber1": 7, "localityName": "Ballarat", "postcode": "3350", "state": "VIC"}
    }]);
    (basic, detail)
}

async fn put(platform: &Platform, system: &str, (basic, detail): &(Value, Value)) {
    let row = json!({
        "source_system": system, "source_id": CUSTOMER, "body": basic.to_string(), "detail": detail.to_string()
    });
    platform.insert(CORREA, "customer", row).await;
}

async fn both(platform: &Platform, consent: &Consent) -> [Value; 2] {
    let basic = platform.get(consent, "/common/customer").await.ok();
    [basic, platform.get(consent, "/common/customer/detail").await.ok()]
}

#[rstest]
#[actix_web::test]
async fn a_person_is_served_as_stored_and_no_more_than_was_asked_for(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let platform = Platform::on(engine).await;
    let stored = person();
    put(&platform, "billing", &stored).await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &[]).await;
    let answers = both(&platform, &consent).await;
    for (answer, (data, path)) in
        answers.into_iter().zip([(stored.0, "/common/customer"), (stored.1, "/common/customer/detail")])
    {
        let url = format!("https://cdr.example/t/correa/cds-au/v1{path}");
        assert_eq!(answer, json!({"data": data, "links": {"self": url}, "meta": {}}));
    }
}

#[rstest]
#[actix_web::test]
async fn the_customer_is_the_one_who_consented(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let platform = Platform::on(engine).await;
    platform.customer(CORREA, "c1", "Nguyen").await;
    platform.customer(CORREA, "c2", "Singh").await;
    // The same key in another source is somebody else.
    let stranger = json!({"customerUType": "person", "person": {"lastName": "Stranger", "middleNames": []}});
    put(&platform, "gas", &(stranger.clone(), stranger)).await;
    for (customer, name) in [("c1", "Nguyen"), ("c2", "Singh")] {
        let consent = platform.consent(CORREA, customer, PRODUCT, &[]).await;
        for answer in both(&platform, &consent).await {
            assert_eq!(answer["data"]["person"]["lastName"], name);
        }
    }
}

#[rstest]
#[actix_web::test]
async fn each_scope_opens_its_own_endpoint(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let platform = Platform::on(engine).await;
    platform.customer(CORREA, CUSTOMER, "Nguyen").await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &[]).await;
    for (scope, statuses) in [("basic", [200, 403]), ("detail", [403, 200])] {
        let token = platform.token(&consent, &format!("openid common:customer.{scope}:read"));
        for (path, status) in ["/common/customer", "/common/customer/detail"].into_iter().zip(statuses) {
            let answer = platform.send(request(&format!("/t/{CORREA}/cds-au/v1{path}"), &token)).await;
            assert_eq!(answer.status, status, "{scope} {path}");
        }
    }
}

#[rstest]
#[actix_web::test]
async fn a_customer_whose_record_is_not_there_is_not_available(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let platform = Platform::on(engine).await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &[]).await;
    let unavailable = async || {
        for path in ["/common/customer", "/common/customer/detail"] {
            assert_eq!(
                platform.get(&consent, path).await.code(),
                code(404, "Resource/Unavailable"),
                "{path}"
            );
        }
    };
    unavailable().await;
    // One whom a release read that knew of the type alone.
    let row = json!({"source_id": CUSTOMER, "body": "{\"customerUType\":\"person\"}"});
    platform.insert(CORREA, "customer", row).await;
    unavailable().await;
    platform.execute(CORREA, "delete from customer").await;
    platform.customer(CORREA, CUSTOMER, "Nguyen").await;
    both(&platform, &consent).await;
    // In quarantine they are served as they were last read.
    platform.quarantine(CORREA, "customer", CUSTOMER).await;
    both(&platform, &consent).await;
}
