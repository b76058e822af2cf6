//! Get Energy Accounts and Get Energy Account Detail.

use rstest::rstest;
use serde_json::{Value, json};

use wattle_testbed::Engine;

use crate::support::{CORREA, CUSTOMER, PRODUCT, Platform, code};

fn plan(id: &str, detailed: bool) -> Value {
    let mut plan = json!({
        "nickname": "home",
        "planOverview": {"displayName": {"$planName": id}, "startDate": "2026-01-01"},
        "servicePointIds": [{"$servicePoint": "6102000001"}],
    });
    if detailed {
        plan["planDetail"] = json!({"$planDetail": id});
    }
    plan
}

async fn account_on_plans(platform: &Platform, id: &str, status: &str, plans: &[&str]) {
    let body = |detailed| {
        let plans: Vec<Value> = plans.iter().map(|id| plan(id, detailed)).collect();
        json!({"accountNumber": id, "openStatus": status, "plans": plans}).to_string()
    };
    let row = json!({
        "source_id": id, "open_status": status, "plan_ids": json!(plans).to_string(),
        "body": body(false), "detail": body(true)
    });
    platform.insert(CORREA, "account", row).await;
    platform.holding(CORREA, CUSTOMER, id, true).await;
}

async fn plan_record(platform: &Platform, id: &str, name: Option<&str>) {
    let mut body = json!({"planDetail": {"fuelType": "ELECTRICITY", "note": format!("detail of {id}")}});
    if let Some(name) = name {
        body["displayName"] = json!(name);
    }
    platform.insert(CORREA, "plan", json!({"source_id": id, "body": body.to_string()})).await;
}

#[rstest]
#[actix_web::test]
async fn accounts_are_listed_with_the_names_of_their_plans(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let platform = Platform::on(engine).await;
    plan_record(&platform, "P1", Some("Basic \"home\" 🦘")).await;
    plan_record(&platform, "P2", None).await;
    account_on_plans(&platform, "100", "OPEN", &["P1", "P2"]).await;
    account_on_plans(&platform, "200", "CLOSED", &[]).await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &["200", "100"]).await;
    let answer = platform.get(&consent, "/energy/accounts").await;
    assert!(!answer.text.contains("detail of") && !answer.text.contains("6102000001"), "{}", answer.text);
    assert!(answer.text.starts_with(r#"{"data":{"accounts":[{"accountId":""#));
    let mut body = answer.ok();
    let ids = platform.account_ids(&consent).await;
    let points: Vec<Value> =
        (0..2).map(|at| body["data"]["accounts"][0]["plans"][at]["servicePointIds"][0].take()).collect();
    assert!(points[0].is_string() && points[0] == points[1]);
    let plan =
        |overview: Value| json!({"nickname": "home", "planOverview": overview, "servicePointIds": [null]});
    assert_eq!(
        body,
        json!({
            "data": {"accounts": [
                {
                    "accountId": ids[0], "accountNumber": "100", "openStatus": "OPEN",
                    "plans": [
                        plan(json!({"displayName": "Basic \"home\" 🦘", "startDate": "2026-01-01"})),
                        plan(json!({"startDate": "2026-01-01"})),
                    ]
                },
                {"accountId": ids[1], "accountNumber": "200", "openStatus": "CLOSED", "plans": []},
            ]},
            "links": {"self": "https://cdr.example/t/correa/cds-au/v1/energy/accounts"},
            "meta": {"totalRecords": 2, "totalPages": 1}
        })
    );
}

#[rstest]
#[actix_web::test]
async fn accounts_are_filtered_by_status(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let platform = Platform::on(engine).await;
    account_on_plans(&platform, "100", "OPEN", &[]).await;
    account_on_plans(&platform, "200", "CLOSED", &[]).await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &["100", "200"]).await;
    for (query, expected) in [
        ("", vec!["100", "200"]),
        ("?open-status=ALL", vec!["100", "200"]),
        ("?open-status=OPEN", vec!["100"]),
        ("?open-status=CLOSED", vec!["200"]),
    ] {
        let body = platform.get(&consent, &format!("/energy/accounts{query}")).await.ok();
        let listed: Vec<_> =
            body["data"]["accounts"].as_array().unwrap().iter().map(|a| &a["accountNumber"]).collect();
        assert_eq!(listed, expected, "{query}");
        assert_eq!(body["meta"]["totalRecords"], expected.len());
        assert_eq!(
            body["links"]["self"],
            format!("https://cdr.example/t/correa/cds-au/v1/energy/accounts{query}")
        );
    }
    let bad = platform.get(&consent, "/energy/accounts?open-status=open").await;
    assert_eq!(bad.error(), (400, "Field/Invalid".to_owned(), "open-status".to_owned()));
}

#[rstest]
#[actix_web::test]
async fn walking_next_lists_every_account_once_in_order(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let platform = Platform::on(engine).await;
    let ids: Vec<String> = (0..23).map(|at| format!("{:03}", at * 7 % 23)).collect();
    for id in &ids {
        platform.account(CORREA, CUSTOMER, id).await;
    }
    // Two of them may not be shared, and take no place on a page.
    platform.execute(CORREA, "update holding set shareable = false where account_id in ('003', '011')").await;
    let consented: Vec<&str> = ids.iter().map(String::as_str).collect();
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &consented).await;
    let mut expected = ids.clone();
    expected.sort();
    expected.retain(|id| id != "003" && id != "011");
    for size in [1, 2, 7, 20, 21, 22, 1000] {
        let path = format!("/energy/accounts?open-status=OPEN&page-size={size}");
        let walked = platform.walk(&consent, &path, "accounts").await;
        let numbers: Vec<&str> =
            walked.iter().map(|account| account["accountNumber"].as_str().unwrap()).collect();
        assert_eq!(numbers, expected, "pages of {size}");
    }
    let beyond = platform.get(&consent, "/energy/accounts?page=4&page-size=7").await;
    assert_eq!(beyond.error(), (422, "Field/InvalidPage".to_owned(), "3".to_owned()));
    let last = platform.get(&consent, "/energy/accounts?page=3&page-size=7").await.ok();
    assert_eq!(last["data"]["accounts"].as_array().unwrap().len(), 7);
    assert!(last["links"]["next"].is_null() && last["links"]["last"].is_null());
    assert!(last["links"]["prev"].as_str().unwrap().contains("page=2&page-size=7"));
}

#[rstest]
#[actix_web::test]
async fn no_account_is_a_page(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let platform = Platform::on(engine).await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &[]).await;
    let body = platform.get(&consent, "/energy/accounts").await.ok();
    assert_eq!(body["data"], json!({"accounts": []}));
    assert_eq!(body["meta"], json!({"totalRecords": 0, "totalPages": 0}));
    let second = platform.get(&consent, "/energy/accounts?page=2").await;
    assert_eq!(second.error(), (422, "Field/InvalidPage".to_owned(), "0".to_owned()));
}

#[rstest]
#[actix_web::test]
async fn an_account_in_full_has_its_plans_in_full(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let platform = Platform::on(engine).await;
    plan_record(&platform, "P|1\\", Some("Basic")).await;
    account_on_plans(&platform, "100", "CLOSED", &["P|1\\", "gone"]).await;
    account_on_plans(&platform, "200", "OPEN", &["P|1\\", "gone"]).await;
    // A plan of the same id in another source is another plan.
    let other = json!({"source_system": "other", "source_id": "gone", "body": "{\"displayName\":\"x\",\"planDetail\":{}}"});
    platform.insert(CORREA, "plan", other).await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &["100", "200"]).await;
    let [id, open] = platform.account_ids(&consent).await.try_into().unwrap();
    let mut body = platform.get(&consent, &format!("/energy/accounts/{id}")).await.ok();
    for at in 0..2 {
        assert!(body["data"]["plans"][at]["servicePointIds"][0].take().is_string());
    }
    assert_eq!(
        body,
        json!({
            "data": {
                "accountId": id, "accountNumber": "100", "openStatus": "CLOSED",
                "plans": [
                    {
                        "nickname": "home",
                        "planDetail": {"fuelType": "ELECTRICITY", "note": "detail of P|1\\"},
                        "planOverview": {"displayName": "Basic", "startDate": "2026-01-01"},
                        "servicePointIds": [null],
                    },
                    {"nickname": "home", "planOverview": {"startDate": "2026-01-01"}, "servicePointIds": [null]},
                ]
            },
            "links": {"self": format!("https://cdr.example/t/correa/cds-au/v1/energy/accounts/{id}")},
            "meta": {}
        })
    );
    // What the standard lets a closed account leave out, an open one must have.
    let detail = format!("/energy/accounts/{open}");
    let answer = platform.get(&consent, &detail).await;
    assert_eq!(answer.code(), code(404, "Authorisation/UnavailableEnergyAccount"));
    plan_record(&platform, "gone", None).await;
    platform.get(&consent, &detail).await.ok();
}

#[rstest]
#[actix_web::test]
async fn a_customer_may_have_accounts_in_two_sources(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let platform = Platform::on(engine).await;
    for (system, customer) in [("billing", CUSTOMER), ("gas", "g-7")] {
        let body = json!({"accountNumber": system, "plans": []}).to_string();
        let row = json!({
            "source_system": system, "source_id": "100", "open_status": "OPEN", "plan_ids": "[]",
            "body": body, "detail": body
        });
        platform.insert(CORREA, "account", row).await;
        let row = json!({
            "source_system": system, "customer_id": customer, "account_id": "100", "role": "HOLDER", "shareable": true
        });
        platform.insert(CORREA, "holding", row).await;
    }
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &["100"]).await;
    let row = json!({
        "arrangement_id": consent.arrangement.arrangement_id, "source_system": "gas", "account_id": "100",
        "customer_id": "g-7"
    });
    platform.insert(CORREA, "arrangement_account", row).await;
    let ids = platform.account_ids(&consent).await;
    assert_ne!(ids[0], ids[1]);
    for (id, number) in ids.iter().zip(["billing", "gas"]) {
        let body = platform.get(&consent, &format!("/energy/accounts/{id}")).await.ok();
        assert_eq!(body["data"]["accountNumber"], number);
    }
}

#[rstest]
#[actix_web::test]
async fn a_body_that_cannot_be_served_is_our_fault_and_says_nothing(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let platform = Platform::on(engine).await;
    platform.account_with(CORREA, "100", "OPEN", json!({"plans": [{"$surprise": "secret"}]})).await;
    platform.holding(CORREA, CUSTOMER, "100", true).await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &["100"]).await;
    let answer = platform.get(&consent, "/energy/accounts").await;
    assert_eq!(answer.code(), code(500, "GeneralError/Unexpected"));
    assert!(!answer.text.contains("secret") && !answer.text.contains("slot"), "{}", answer.text);
    assert!(answer.header("x-fapi-interaction-id").is_some());
}
