//! Bulk lists, and lists of specific accounts: balances, invoices and billing of several accounts.

use actix_web::http::Method;
use chrono::{Days, NaiveDate, Utc};
use rstest::rstest;
use serde_json::{Value, json};
use wattle_testbed::Engine;

use crate::support::{ALL_SCOPES, Answer, CORREA, CUSTOMER, Consent, PRODUCT, Platform, code, request};

const LISTS: [&str; 3] = ["balances", "invoices", "billing"];

fn today() -> NaiveDate {
    Utc::now().with_timezone(&chrono_tz::Australia::Sydney).date_naive()
}

/// Three shareable accounts with two invoices and two transactions each, of two sources, and another customer's.
struct Three {
    platform: Platform,
    consent: Consent,
    ids: Vec<String>,
}

impl Three {
    async fn on(engine: Engine) -> Self {
        let platform = Platform::on(engine).await;
        for (account, customer) in [("100", CUSTOMER), ("200", CUSTOMER), ("300", CUSTOMER), ("400", "other")]
        {
            platform.account(CORREA, customer, account).await;
            let balance = json!({"account_id": account, "balance": format!("{account}.00")});
            platform.insert(CORREA, "balance", balance).await;
            for age in [1, 2] {
                let issued = today().checked_sub_days(Days::new(age)).unwrap();
                let number = format!("{account}-{age}");
                let body =
                    json!({"invoiceNumber": number, "issueDate": issued, "servicePoints": []}).to_string();
                let row =
                    json!({"source_id": number, "account_id": account, "issue_date": issued, "body": body});
                platform.insert(CORREA, "invoice", row).await;
                let executed = (Utc::now() - chrono::Duration::days(age as i64)).to_rfc3339();
                let body = json!({"executionDateTime": executed, "gst": number}).to_string();
                let row = json!({"source_id": number, "account_id": account, "executed_at": executed, "body": body});
                platform.insert(CORREA, "billing_transaction", row).await;
            }
        }
        let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &["100", "200", "300"]).await;
        let ids = platform.account_ids(&consent).await;
        Self { platform, consent, ids }
    }

    async fn bulk(&self, list: &str, query: &str) -> Answer {
        self.platform.get(&self.consent, &format!("/energy/accounts/{list}{query}")).await
    }

    async fn post(&self, list: &str, query: &str, body: &Value) -> Answer {
        let token = self.platform.token(&self.consent, ALL_SCOPES);
        let path = format!("/t/{CORREA}/cds-au/v1/energy/accounts/{list}{query}");
        self.platform.send(request(&path, &token).method(Method::POST).set_json(body)).await
    }

    async fn of(&self, list: &str, ids: &[&str]) -> Answer {
        self.post(list, "", &json!({"data": {"accountIds": ids}})).await
    }
}

/// Account, and what is told apart of each record.
fn told(list: &str, body: &Value) -> Vec<(String, String)> {
    let (name, member) = match list {
        "balances" => ("balances", "balance"),
        "invoices" => ("invoices", "invoiceNumber"),
        _ => ("transactions", "gst"),
    };
    let text = |record: &Value, member: &str| record[member].as_str().unwrap().to_owned();
    let records = body["data"][name].as_array().unwrap();
    records.iter().map(|record| (text(record, "accountId"), text(record, member))).collect()
}

#[rstest]
#[actix_web::test]
async fn bulk_lists_hold_what_all_accounts_have_newest_first(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let three = Three::on(engine).await;
    let [a, b, c] = [0, 1, 2].map(|at| three.ids[at].clone());
    let told_of = async |list: &str| told(list, &three.bulk(list, "").await.ok());
    let of = |id: &String, what: &str| (id.clone(), what.to_owned());
    assert_eq!(told_of("balances").await, [of(&a, "100.00"), of(&b, "200.00"), of(&c, "300.00")]);
    let newest_first = [
        of(&a, "100-1"),
        of(&b, "200-1"),
        of(&c, "300-1"),
        of(&a, "100-2"),
        of(&b, "200-2"),
        of(&c, "300-2"),
    ];
    assert_eq!(told_of("invoices").await, newest_first);
    let mut billing = told_of("billing").await;
    assert!(billing[..3].iter().all(|(_, what)| what.ends_with("-1")), "{billing:?}");
    billing.sort();
    let mut all = newest_first.to_vec();
    all.sort();
    assert_eq!(billing, all);
    // What may not be shared is left out without a word.
    three.platform.execute(CORREA, "update holding set shareable = false where account_id = '200'").await;
    assert_eq!(told_of("balances").await, [of(&a, "100.00"), of(&c, "300.00")]);
    assert_eq!(three.bulk("invoices", "").await.ok()["meta"], json!({"totalRecords": 4, "totalPages": 1}));
    // An account without a balance has none to list.
    three.platform.execute(CORREA, "delete from balance where account_id = '100'").await;
    assert_eq!(told_of("balances").await, [of(&c, "300.00")]);
}

#[rstest]
#[actix_web::test]
async fn lists_of_specific_accounts_hold_those_and_no_others(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let three = Three::on(engine).await;
    let [a, b] = [0, 1].map(|at| three.ids[at].as_str());
    for list in LISTS {
        let answer = three.of(list, &[b, a, b]).await.ok();
        let told = told(list, &answer);
        assert!(told.iter().all(|(id, _)| id == a || id == b), "{list}: {told:?}");
        assert_eq!(told.len(), if list == "balances" { 2 } else { 4 }, "{list}");
        let own = format!("https://cdr.example/t/correa/cds-au/v1/energy/accounts/{list}");
        assert_eq!(answer["links"], json!({"self": own}));
        assert_eq!(three.of(list, &[]).await.ok()["meta"], json!({"totalRecords": 0, "totalPages": 0}));
    }
    let window = format!("?newest-date={0}&oldest-date={0}", today().checked_sub_days(Days::new(2)).unwrap());
    let body = json!({"data": {"accountIds": [a]}, "meta": {}});
    let answer = three.post("invoices", &window, &body).await.ok();
    assert_eq!(told("invoices", &answer), [(a.to_owned(), "100-2".to_owned())]);
}

#[rstest]
#[actix_web::test]
async fn one_bad_id_fails_the_whole_request_and_every_one_is_named(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let three = Three::on(engine).await;
    let [a, b, c] = [0, 1, 2].map(|at| three.ids[at].as_str());
    three.platform.execute(CORREA, "update holding set shareable = false where account_id = '200'").await;
    three.platform.quarantine(CORREA, "account", "300").await;
    let others = three.platform.consent(CORREA, "other", PRODUCT, &["400"]).await;
    let foreign = three.platform.account_ids(&others).await.remove(0);
    for list in LISTS {
        three.of(list, &[a]).await.ok();
        let answer = three.of(list, &[a, "nonsense", c, b, &foreign]).await;
        assert_eq!(answer.status, 422, "{list}: {}", answer.text);
        let body: Value = serde_json::from_str(&answer.text).unwrap();
        let errors: Vec<(&str, &str)> = body["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| (error["code"].as_str().unwrap(), error["detail"].as_str().unwrap()))
            .collect();
        const INVALID: &str = "urn:au-cds:error:cds-energy:Authorisation/InvalidEnergyAccount";
        const UNAVAILABLE: &str = "urn:au-cds:error:cds-energy:Authorisation/UnavailableEnergyAccount";
        assert_eq!(
            errors,
            [(INVALID, "nonsense"), (UNAVAILABLE, c), (INVALID, b), (INVALID, &foreign)],
            "{list}"
        );
    }
    three.platform.execute(CORREA, "delete from balance where account_id = '100'").await;
    let answer = three.of("balances", &[a]).await;
    assert_eq!(answer.code(), code(422, "Authorisation/UnavailableEnergyAccount"));
}

#[rstest]
#[actix_web::test]
async fn pages_hold_every_record_once(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let three = Three::on(engine).await;
    for (list, name) in [("balances", "balances"), ("invoices", "invoices"), ("billing", "transactions")] {
        let whole = three.bulk(list, "").await.ok()["data"][name].as_array().unwrap().clone();
        for size in 1..=whole.len() + 1 {
            let path = format!("/energy/accounts/{list}?page-size={size}");
            assert_eq!(three.platform.walk(&three.consent, &path, name).await, whole, "{list} by {size}");
        }
        let second =
            three.post(list, "?page-size=1&page=2", &json!({"data": {"accountIds": three.ids}})).await.ok();
        assert_eq!(second["data"][name], json!([whole[1]]));
        let next = second["links"]["next"].as_str().unwrap();
        assert!(next.ends_with(&format!("/energy/accounts/{list}?page=3&page-size=1")), "{next}");
    }
}

#[rstest]
#[actix_web::test]
async fn a_body_that_is_of_no_use_gets_the_standards_code(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let three = Three::on(engine).await;
    let token = three.platform.token(&three.consent, ALL_SCOPES);
    for list in LISTS {
        let path = format!("/t/{CORREA}/cds-au/v1/energy/accounts/{list}");
        let asked = || request(&path, &token).method(Method::POST);
        let json = |text: &'static str| {
            asked().insert_header(("content-type", "application/json")).set_payload(text)
        };
        for (body, expected, detail) in [
            ("", code(400, "Field/Invalid"), "body"),
            ("{", code(400, "Field/Invalid"), "body"),
            ("\u{feff}{}", code(400, "Field/Invalid"), "body"),
            ("{}", code(400, "Field/Missing"), "data"),
            (r#"{"data":{}}"#, code(400, "Field/Missing"), "data.accountIds"),
            (r#"{"data":{"accountIds":[1]}}"#, code(400, "Field/Invalid"), "data.accountIds"),
        ] {
            let answer = three.platform.send(json(body)).await;
            assert_eq!((answer.code(), answer.error().2.as_str()), (expected, detail), "{list}: {body}");
        }
        let ids = json!({"data": {"accountIds": []}}).to_string();
        for media in ["text/plain", "application/json; charset=latin1", "application/*", ""] {
            let answer = three
                .platform
                .send(asked().insert_header(("content-type", media)).set_payload(ids.clone()))
                .await;
            assert_eq!(answer.code(), code(415, "GeneralError/Expected"), "{media}");
        }
        let lenient = asked()
            .insert_header(("content-type", "AppliCAtion/JSon;Charset=uTf-8"))
            .set_payload(ids.clone());
        three.platform.send(lenient).await.ok();
        let large = json!({"data": {"accountIds": vec!["x".repeat(1_000); 2_000]}});
        let answer = three.platform.send(asked().set_json(large)).await;
        assert_eq!(answer.code(), code(413, "GeneralError/Expected"));
        assert!(answer.header("x-fapi-interaction-id").is_some());
    }
}
