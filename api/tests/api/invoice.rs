//! Get Invoices For Account.

use chrono::{Days, Months, NaiveDate, Utc};
use rstest::rstest;
use serde_json::{Value, json};
use wattle_testbed::Engine;

use crate::support::{CORREA, CUSTOMER, Consent, PRODUCT, Platform};

fn today() -> NaiveDate {
    Utc::now().with_timezone(&chrono_tz::Australia::Sydney).date_naive()
}

async fn invoice(platform: &Platform, account: &str, number: &str, issued: NaiveDate) {
    let body = json!({
        "balanceAtIssue": "0.00", "invoiceNumber": number, "issueDate": issued,
        "servicePoints": [{"$servicePoint": "6102000001"}]
    });
    let row =
        json!({"source_id": number, "account_id": account, "issue_date": issued, "body": body.to_string()});
    platform.insert(CORREA, "invoice", row).await;
}

/// One account, and invoices of another that must never show.
async fn platform(engine: Engine) -> (Platform, Consent, String) {
    let platform = Platform::on(engine).await;
    platform.account(CORREA, CUSTOMER, "100").await;
    platform.account(CORREA, CUSTOMER, "200").await;
    invoice(&platform, "200", "X", today()).await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &["100", "200"]).await;
    let id = platform.account_ids(&consent).await.remove(0);
    (platform, consent, id)
}

fn numbers(invoices: &[Value]) -> Vec<&str> {
    invoices.iter().map(|invoice| invoice["invoiceNumber"].as_str().unwrap()).collect()
}

async fn listed(platform: &Platform, consent: &Consent, id: &str, query: &str) -> Vec<String> {
    let invoices =
        platform.walk(consent, &format!("/energy/accounts/{id}/invoices{query}"), "invoices").await;
    numbers(&invoices).into_iter().map(str::to_owned).collect()
}

#[rstest]
#[actix_web::test]
async fn an_invoice_is_served_as_stored_with_its_account_first(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    invoice(&platform, "100", "A", today()).await;
    let path = format!("/energy/accounts/{id}/invoices");
    let answer = platform.get(&consent, &path).await;
    assert!(
        answer.text.starts_with(&format!(r#"{{"data":{{"invoices":[{{"accountId":"{id}","balanceAtIssue""#))
    );
    let mut body = answer.ok();
    let point = body["data"]["invoices"][0]["servicePoints"][0].take();
    assert!(point.as_str().is_some_and(|point| point.len() == 76));
    let invoice = json!({
        "accountId": id, "balanceAtIssue": "0.00", "invoiceNumber": "A", "issueDate": today(), "servicePoints": [null]
    });
    let expected = json!({
        "data": {"invoices": [invoice]},
        "links": {"self": format!("https://cdr.example/t/correa/cds-au/v1{path}")},
        "meta": {"totalRecords": 1, "totalPages": 1}
    });
    assert_eq!(body, expected);
}

#[rstest]
#[actix_web::test]
async fn the_window_is_24_months_to_today_both_included(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    let oldest = today().checked_sub_months(Months::new(24)).unwrap();
    for (number, issued) in [
        ("tomorrow", today() + Days::new(1)),
        ("today", today()),
        ("oldest", oldest),
        ("too old", oldest - Days::new(1)),
    ] {
        invoice(&platform, "100", number, issued).await;
    }
    assert_eq!(listed(&platform, &consent, &id, "").await, ["today", "oldest"]);
    let query = format!("?oldest-date={}", oldest - Days::new(1));
    assert_eq!(listed(&platform, &consent, &id, &query).await, ["today", "oldest", "too old"]);
    let query = format!("?newest-date={}&oldest-date={}", today() + Days::new(1), today());
    assert_eq!(listed(&platform, &consent, &id, &query).await, ["tomorrow", "today"]);
    // Without an oldest date the window reaches 24 months back from the newest one.
    let query = format!("?newest-date={}", today() - Days::new(1));
    assert_eq!(listed(&platform, &consent, &id, &query).await, ["oldest", "too old"]);
    let query = format!("?newest-date={0}&oldest-date={0}", today() - Days::new(100));
    assert!(listed(&platform, &consent, &id, &query).await.is_empty());
}

#[rstest]
#[actix_web::test]
async fn impossible_dates_are_refused(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let (platform, consent, id) = platform(engine).await;
    for (query, parameter) in [
        ("newest-date=2026-02-30", "newest-date"),
        ("oldest-date=x", "oldest-date"),
        ("newest-date=2025-01-01&oldest-date=2025-01-02", "oldest-date"),
        ("oldest-date=2999-01-01", "oldest-date"),
    ] {
        let answer = platform.get(&consent, &format!("/energy/accounts/{id}/invoices?{query}")).await;
        assert_eq!(
            answer.error(),
            (400, "Field/InvalidDateTime".to_owned(), parameter.to_owned()),
            "{query}"
        );
    }
    let twice = "oldest-date=2026-01-01&oldest-date=2026-01-01";
    let answer = platform.get(&consent, &format!("/energy/accounts/{id}/invoices?{twice}")).await;
    assert_eq!(answer.error(), (400, "Field/Invalid".to_owned(), "oldest-date".to_owned()));
    for query in ["newest-date=0001-01-01", "newest-date=9999-12-31"] {
        platform.get(&consent, &format!("/energy/accounts/{id}/invoices?{query}")).await.ok();
    }
}

#[rstest]
#[actix_web::test]
async fn walking_next_lists_every_invoice_once_newest_first(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    let mut expected = Vec::new();
    for at in 0..23u64 {
        // Several on a day, so that the order needs more than the date.
        let (number, issued) = (format!("{:02}", at * 7 % 23), today() - Days::new(at / 4));
        invoice(&platform, "100", &number, issued).await;
        expected.push((std::cmp::Reverse(issued), number));
    }
    expected.sort();
    let expected: Vec<String> = expected.into_iter().map(|(_, number)| number).collect();
    for size in [1, 2, 7, 22, 23, 24, 1000] {
        let query = format!("?oldest-date=2020-01-01&page-size={size}");
        assert_eq!(listed(&platform, &consent, &id, &query).await, expected, "pages of {size}");
    }
    assert_eq!(listed(&platform, &consent, &id, "").await, expected);
    let beyond = platform.get(&consent, &format!("/energy/accounts/{id}/invoices?page=4&page-size=10")).await;
    assert_eq!(beyond.error(), (422, "Field/InvalidPage".to_owned(), "3".to_owned()));
}
