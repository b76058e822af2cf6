//! What an arrangement allows, and that it counts from the next call on.

use actix_web::http::Method;
use chrono::{Duration, Utc};
use rstest::rstest;
use serde_json::json;
use wattle_api::endpoints::{Endpoint, served_to_recipients};
use wattle_core::{Key, SourceSystem};
use wattle_tenants::block::{block, blocks, unblock};
use wattle_tenants::consent::{register, revoke};
use wattle_testbed::Engine;

use crate::support::{Answer, CORREA, CUSTOMER, Consent, PRODUCT, Platform, code};

async fn platform(engine: Engine) -> (Platform, Consent, String) {
    let platform = Platform::on(engine).await;
    platform.customer(CORREA, CUSTOMER, "Nguyen").await;
    platform.account(CORREA, CUSTOMER, "100").await;
    platform.insert(CORREA, "balance", json!({"account_id": "100", "balance": "12.30"})).await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &["100"]).await;
    let id = platform.account_ids(&consent).await.remove(0);
    (platform, consent, id)
}

/// The answers of all endpoints, with this account id in their paths.
async fn answers(platform: &Platform, consent: &Consent, id: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for endpoint in served_to_recipients() {
        answers.push(platform.ask(consent, endpoint, id).await);
    }
    answers
}

/// Asserts that the account is left out of all lists, and that every path and body with its id has this answer.
async fn left_out(platform: &Platform, consent: &Consent, id: &str, expected: &str) {
    let answers = answers(platform, consent, id).await;
    for (endpoint, answer) in served_to_recipients().zip(answers) {
        if let Some(status) = status_of_bad_id(endpoint) {
            let expected = (status, expected.to_owned(), id.to_owned());
            assert_eq!(answer.error(), expected, "{}", endpoint.operation_id);
        } else if !endpoint.path.starts_with("/energy/accounts") {
            // The customer is theirs to share whatever becomes of an account.
            answer.ok();
        } else {
            let body = answer.ok();
            let lists: Vec<_> = body["data"].as_object().unwrap().values().collect();
            assert_eq!(lists, [&json!([])]);
            assert_eq!(body["meta"], json!({"totalRecords": 0, "totalPages": 0}));
        }
    }
}

/// The status of an id that is of no use, where the endpoint takes one.
fn status_of_bad_id(endpoint: &Endpoint) -> Option<u16> {
    match (endpoint.path.contains("{accountId}"), &endpoint.method) {
        (true, _) => Some(404),
        (false, &Method::POST) => Some(422),
        (false, _) => None,
    }
}

const INVALID: &str = "Authorisation/InvalidEnergyAccount";
const UNAVAILABLE: &str = "Authorisation/UnavailableEnergyAccount";

async fn all_served(platform: &Platform, consent: &Consent, id: &str) {
    for answer in answers(platform, consent, id).await {
        answer.ok();
    }
}

async fn all_refused(platform: &Platform, consent: &Consent, id: &str, expected: (u16, String)) {
    for answer in answers(platform, consent, id).await {
        assert_eq!(answer.code(), expected);
    }
}

#[rstest]
#[actix_web::test]
async fn a_revocation_counts_from_the_next_call_on(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    all_served(&platform, &consent, &id).await;
    revoke(&platform.session(CORREA).await, consent.arrangement.arrangement_id).await.unwrap();
    all_refused(&platform, &consent, &id, code(403, "Authorisation/RevokedConsent")).await;
    // An id that never was one is no way to find out more.
    all_refused(&platform, &consent, "nonsense", code(403, "Authorisation/RevokedConsent")).await;
    // It does not come back, and nobody else takes its id.
    let mut again = consent.arrangement.clone();
    again.amended_at = Utc::now();
    let error = register(&platform.session(CORREA).await, &again).await.unwrap_err();
    assert!(error.to_string().contains("was revoked"), "{error}");
    all_refused(&platform, &consent, &id, code(403, "Authorisation/RevokedConsent")).await;
}

#[rstest]
#[actix_web::test]
async fn an_arrangement_is_amended_by_its_own_customer_and_product_only(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    let mut other = consent.arrangement.clone();
    other.software_product_id = "product-2".to_owned();
    register(&platform.session(CORREA).await, &other).await.unwrap_err();
    let mut other = consent.arrangement.clone();
    other.customer_id = Key::from_canonical("c2");
    register(&platform.session(CORREA).await, &other).await.unwrap_err();
    all_served(&platform, &consent, &id).await;
}

#[rstest]
#[actix_web::test]
async fn sharing_ends_when_it_was_to_end(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let (platform, mut consent, id) = platform(engine).await;
    consent.arrangement.sharing_ends_at = Utc::now() - Duration::seconds(1);
    register(&platform.session(CORREA).await, &consent.arrangement).await.unwrap();
    all_refused(&platform, &consent, &id, code(403, "Authorisation/RevokedConsent")).await;
}

#[rstest]
#[actix_web::test]
async fn an_arrangement_of_nobody_or_of_another_product_is_none(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    let expected = code(403, "Authorisation/RevokedConsent");
    let mut unknown = Consent { tenant: CORREA.to_owned(), arrangement: consent.arrangement.clone() };
    unknown.arrangement.arrangement_id = uuid::Uuid::new_v4();
    all_refused(&platform, &unknown, &id, expected.clone()).await;
    let mut others = Consent { tenant: CORREA.to_owned(), arrangement: consent.arrangement.clone() };
    others.arrangement.software_product_id = "product-2".to_owned();
    all_refused(&platform, &others, &id, expected).await;
}

#[rstest]
#[actix_web::test]
async fn tokens_from_before_an_amendment_are_no_longer_good(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, mut consent, id) = platform(engine).await;
    consent.arrangement.amended_at = Utc::now() + Duration::seconds(2);
    register(&platform.session(CORREA).await, &consent.arrangement).await.unwrap();
    for answer in answers(&platform, &consent, &id).await {
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (401, ""));
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer error="invalid_token""#));
    }
    // Token times are whole seconds: one issued in the second of the amendment is new.
    consent.arrangement.amended_at = Utc::now();
    register(&platform.session(CORREA).await, &consent.arrangement).await.unwrap();
    all_served(&platform, &consent, &id).await;
}

#[rstest]
#[actix_web::test]
async fn a_scope_must_be_in_the_arrangement_too(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let (platform, mut consent, id) = platform(engine).await;
    consent.arrangement.scopes = vec!["openid".to_owned()];
    register(&platform.session(CORREA).await, &consent.arrangement).await.unwrap();
    all_refused(&platform, &consent, &id, code(403, "Authorisation/InvalidConsent")).await;
}

#[rstest]
#[actix_web::test]
async fn only_consented_accounts_are_shared(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let (platform, mut consent, id) = platform(engine).await;
    platform.account(CORREA, CUSTOMER, "200").await;
    assert_eq!(platform.account_ids(&consent).await.as_slice(), std::slice::from_ref(&id));
    let narrowed = std::mem::take(&mut consent.arrangement.accounts);
    register(&platform.session(CORREA).await, &consent.arrangement).await.unwrap();
    left_out(&platform, &consent, &id, INVALID).await;
    consent.arrangement.accounts = narrowed;
    register(&platform.session(CORREA).await, &consent.arrangement).await.unwrap();
    all_served(&platform, &consent, &id).await;
}

#[rstest]
#[actix_web::test]
async fn an_account_is_shared_while_the_holding_allows_it(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    // A joint holder withdrew their approval, and gave it again.
    platform.execute(CORREA, "update holding set shareable = false").await;
    left_out(&platform, &consent, &id, INVALID).await;
    platform.execute(CORREA, "update holding set shareable = true").await;
    all_served(&platform, &consent, &id).await;
    // The customer is no longer a holder.
    platform.execute(CORREA, "delete from holding").await;
    left_out(&platform, &consent, &id, INVALID).await;
    // Somebody else's holding is none of theirs.
    platform.holding(CORREA, "c2", "100", true).await;
    left_out(&platform, &consent, &id, INVALID).await;
    // The holding of a customer whose other account is blocked, in another role, is enough.
    let second = json!({"customer_id": CUSTOMER, "account_id": "100", "role": "NOMINATED_REPRESENTATIVE", "shareable": true});
    platform.insert(CORREA, "holding", second).await;
    platform.holding(CORREA, CUSTOMER, "100", false).await;
    all_served(&platform, &consent, &id).await;
}

#[rstest]
#[actix_web::test]
async fn an_operators_block_counts_whatever_the_source_says(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    let (session, source) = (platform.session(CORREA).await, SourceSystem::parse("billing").unwrap());
    let account = Key::from_canonical("100");
    block(&session, &source, &account, "an order").await.unwrap();
    left_out(&platform, &consent, &id, INVALID).await;
    // A block is not to be told from an account that never was, not even in quarantine.
    platform.quarantine(CORREA, "account", "100").await;
    left_out(&platform, &consent, &id, INVALID).await;
    platform.execute(CORREA, "delete from quarantine").await;
    block(&session, &source, &account, "another order").await.unwrap();
    let listed = blocks(&session).await.unwrap();
    let [told] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((&told.account_id, told.reason.as_str()), (&account, "another order"));
    assert!(unblock(&session, &source, &account).await.unwrap());
    all_served(&platform, &consent, &id).await;
    assert!(!unblock(&session, &source, &account).await.unwrap());
    let error = block(&session, &source, &Key::from_canonical("no such"), "r").await.unwrap_err();
    assert!(error.to_string().contains("no account with the key no such"), "{error}");
}

#[rstest]
#[actix_web::test]
async fn what_is_in_quarantine_is_not_available_for_now(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    for (entity, source_id) in [("account", "100"), ("holding", "c1|100")] {
        platform.quarantine(CORREA, entity, source_id).await;
        left_out(&platform, &consent, &id, UNAVAILABLE).await;
        platform.execute(CORREA, "delete from quarantine").await;
        all_served(&platform, &consent, &id).await;
    }
    // Another account's quarantine, or another entity's of the same key, is nothing to this one.
    platform.quarantine(CORREA, "account", "200").await;
    platform.quarantine(CORREA, "invoice", "100").await;
    all_served(&platform, &consent, &id).await;
    // Whether a holding in quarantine still refuses is not known either.
    platform.execute(CORREA, "update holding set shareable = false").await;
    platform.quarantine(CORREA, "holding", "c1|100").await;
    left_out(&platform, &consent, &id, UNAVAILABLE).await;
    // An account that the consent does not cover is not there, in quarantine or not.
    let other = platform.consent(CORREA, CUSTOMER, PRODUCT, &[]).await;
    left_out(&platform, &other, &id, INVALID).await;
}

#[rstest]
#[actix_web::test]
async fn ids_that_name_nothing_are_invalid(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let (platform, consent, id) = platform(engine).await;
    let mut changed = id.clone();
    changed.replace_range(20..21, if &id[20..21] == "A" { "B" } else { "A" });
    for bad in ["100", "nonsense", &changed, &id[1..], &"A".repeat(5_000)] {
        for (endpoint, answer) in served_to_recipients().zip(answers(&platform, &consent, bad).await) {
            if let Some(status) = status_of_bad_id(endpoint) {
                assert_eq!(answer.error(), (status, INVALID.to_owned(), bad.to_owned()));
            }
        }
    }
    // The account is gone from the source.
    platform.execute(CORREA, "delete from account; delete from holding; delete from balance").await;
    left_out(&platform, &consent, &id, INVALID).await;
}

#[rstest]
#[actix_web::test]
async fn the_key_version_stays_with_customer_and_product(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let (platform, consent, id) = platform(engine).await;
    // A new consent after a rotation: the pair keeps its key, so the id stays.
    let renewed = platform.consent(CORREA, CUSTOMER, PRODUCT, &["100"]).await;
    assert_eq!(platform.account_ids(&renewed).await.as_slice(), std::slice::from_ref(&id));
    // A pair with a newer key has other ids, and does not know the old ones.
    platform.execute(CORREA, "update id_key set key_version = 2").await;
    let newer = platform.account_ids(&consent).await;
    assert_ne!(newer.as_slice(), std::slice::from_ref(&id));
    let old = platform.get(&consent, &format!("/energy/accounts/{id}/balance")).await;
    assert_eq!(old.code(), code(404, INVALID));
    platform.get(&consent, &format!("/energy/accounts/{}/balance", newer[0])).await.ok();
}
