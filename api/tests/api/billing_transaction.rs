//! Get Billing For Account.

use chrono::{DateTime, Duration, Months, SecondsFormat, Utc};
use rstest::rstest;
use serde_json::json;
use wattle_testbed::Engine;

use crate::support::{CORREA, CUSTOMER, Consent, PRODUCT, Platform};

async fn transaction(platform: &Platform, name: &str, at: DateTime<Utc>) {
    let body = json!({
        "executionDateTime": at, "transactionUType": "usage",
        "usage": {"description": name, "servicePointId": {"$servicePoint": "6102000001"}, "usage": 0}
    });
    let row = json!({"source_id": name, "account_id": "100", "executed_at": at, "body": body.to_string()});
    platform.insert(CORREA, "billing_transaction", row).await;
}

async fn platform(engine: Engine) -> (Platform, Consent, String) {
    let platform = Platform::on(engine).await;
    platform.account(CORREA, CUSTOMER, "100").await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &["100"]).await;
    let id = platform.account_ids(&consent).await.remove(0);
    (platform, consent, id)
}

async fn listed(platform: &Platform, consent: &Consent, id: &str, query: &str) -> Vec<String> {
    let found =
        platform.walk(consent, &format!("/energy/accounts/{id}/billing{query}"), "transactions").await;
    for transaction in &found {
        assert_eq!(transaction["accountId"], *id);
        assert_eq!(transaction["usage"]["servicePointId"].as_str().unwrap().len(), 76);
    }
    found.iter().map(|t| t["usage"]["description"].as_str().unwrap().to_owned()).collect()
}

#[rstest]
#[actix_web::test]
async fn the_window_is_12_months_to_now(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let (platform, consent, id) = platform(engine).await;
    let now = Utc::now();
    let year_ago = now.checked_sub_months(Months::new(12)).unwrap();
    for (name, at) in [
        ("future", now + Duration::minutes(5)),
        ("recent", now - Duration::seconds(5)),
        ("old", year_ago + Duration::minutes(5)),
        ("too old", year_ago - Duration::minutes(5)),
    ] {
        transaction(&platform, name, at).await;
    }
    assert_eq!(listed(&platform, &consent, &id, "").await, ["recent", "old"]);
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let query = format!("?oldest-time={}", text(year_ago - Duration::minutes(6)));
    assert_eq!(listed(&platform, &consent, &id, &query).await, ["recent", "old", "too old"]);
    let query = format!("?newest-time={}", text(now + Duration::minutes(6)));
    assert_eq!(listed(&platform, &consent, &id, &query).await, ["future", "recent"]);
}

#[rstest]
#[actix_web::test]
async fn both_ends_are_included_in_any_offset(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let (platform, consent, id) = platform(engine).await;
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    for (name, when) in
        [("a", "2026-03-01T00:00:00Z"), ("b", "2026-03-01T01:00:00Z"), ("c", "2026-03-01T02:00:00Z")]
    {
        transaction(&platform, name, at(when)).await;
    }
    for query in [
        "?oldest-time=2026-03-01T00:00:00Z&newest-time=2026-03-01T01:00:00Z",
        "?oldest-time=2026-03-01T11:00:00%2B11:00&newest-time=2026-03-01T12:00:00%2B11:00",
        // A plus sign that the caller did not encode is still one.
        "?oldest-time=2026-03-01T11:00:00+11:00&newest-time=2026-02-28t20:00:00-05:00",
    ] {
        assert_eq!(listed(&platform, &consent, &id, query).await, ["b", "a"], "{query}");
    }
    for (query, parameter) in [
        ("newest-time=2026-03-01", "newest-time"),
        ("newest-time=2026-03-01T00:00:00", "newest-time"),
        ("oldest-time=2026-13-01T00:00:00Z", "oldest-time"),
        ("oldest-time=2026-03-02T00:00:00Z&newest-time=2026-03-01T00:00:00Z", "oldest-time"),
    ] {
        let answer = platform.get(&consent, &format!("/energy/accounts/{id}/billing?{query}")).await;
        assert_eq!(
            answer.error(),
            (400, "Field/InvalidDateTime".to_owned(), parameter.to_owned()),
            "{query}"
        );
    }
}

#[rstest]
#[actix_web::test]
async fn walking_next_lists_every_transaction_once_newest_first(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    let now = Utc::now() - Duration::hours(1);
    let mut expected = Vec::new();
    for at in 0..23 {
        let (name, when) = (format!("{:02}", at * 7 % 23), now - Duration::minutes(at / 4));
        transaction(&platform, &name, when).await;
        expected.push((std::cmp::Reverse(when), name));
    }
    expected.sort();
    let expected: Vec<String> = expected.into_iter().map(|(_, name)| name).collect();
    for size in [1, 5, 23, 1000] {
        let query = format!("?page-size={size}&oldest-time=2020-01-01T00:00:00+11:00");
        assert_eq!(listed(&platform, &consent, &id, &query).await, expected, "pages of {size}");
    }
}
