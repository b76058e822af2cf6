//! Nobody reaches what is another's: another tenant's, another product's, another customer's.

use rstest::rstest;
use serde_json::json;
use wattle_api::endpoints::{Endpoint, Operation, served_to_recipients};

use wattle_testbed::Engine;

use crate::support::{ALL_SCOPES, BANKSIA, CORREA, CUSTOMER, Consent, PRODUCT, Platform, asking, code};

/// The same account, customer and product at two tenants, with different contents, and what tells them apart.
async fn twins(engine: Engine) -> (Platform, Consent, Consent) {
    let platform = Platform::on(engine).await;
    let mut consents = Vec::new();
    for tenant in [CORREA, BANKSIA] {
        platform.customer(tenant, CUSTOMER, &format!("of {tenant}")).await;
        let body = json!({"accountNumber": "100", "displayName": format!("of {tenant}"), "plans": []});
        platform.account_with(tenant, "100", "OPEN", body).await;
        platform.holding(tenant, CUSTOMER, "100", true).await;
        let balance = json!({"account_id": "100", "balance": format!("of {tenant}")});
        platform.insert(tenant, "balance", balance).await;
        let invoice = json!({"invoiceNumber": format!("of {tenant}"), "servicePoints": []});
        let row = json!({"account_id": "100", "issue_date": "2026-11-01", "body": invoice.to_string()});
        platform.insert(tenant, "invoice", row).await;
        for table in ["payment_schedule", "concession"] {
            let body = json!({"amount": format!("of {tenant}")}).to_string();
            platform.insert(tenant, table, json!({"account_id": "100", "body": body})).await;
        }
        let transaction = json!({"gst": format!("of {tenant}")});
        let row = json!({"account_id": "100", "executed_at": "2026-11-01T00:00:00Z", "body": transaction.to_string()});
        platform.insert(tenant, "billing_transaction", row).await;
        consents.push(platform.consent(tenant, CUSTOMER, PRODUCT, &["100"]).await);
    }
    let banksia = consents.remove(1);
    (platform, consents.remove(0), banksia)
}

/// The cross-tenant test of an endpoint. An operation that has none does not compile.
async fn keeps_tenants_apart(engine: Engine, endpoint: &Endpoint) {
    let (platform, correa, banksia) = twins(engine).await;
    let own = platform.account_ids(&correa).await.remove(0);
    let theirs = platform.account_ids(&banksia).await.remove(0);
    assert_ne!(own, theirs);

    // Each sees its own, and nothing of the other's.
    for (consent, id, other) in [(&correa, &own, "of banksia"), (&banksia, &theirs, "of correa")] {
        let answer = platform.ask(consent, endpoint, id).await;
        assert!(!answer.text.contains(other));
        assert!(answer.text.contains(&format!("of {}", consent.tenant)), "{}", answer.text);
        answer.ok();
    }

    // The other tenant's token is no token here, by path and by arrangement.
    let foreign = platform.token(&banksia, ALL_SCOPES);
    assert_eq!(platform.send(asking(endpoint, CORREA, &own, &foreign)).await.status, 401);
    let smuggled = platform.token_for(CORREA, PRODUCT, &banksia, ALL_SCOPES);
    let answer = platform.send(asking(endpoint, CORREA, &own, &smuggled)).await;
    assert_eq!(answer.code(), code(403, "Authorisation/RevokedConsent"));

    // The other tenant's id answers like one that never existed.
    let strange = async |status| {
        let foreign = platform.ask(&correa, endpoint, &theirs).await;
        let never = platform.ask(&correa, endpoint, "never").await;
        assert_eq!(foreign.code(), code(status, "Authorisation/InvalidEnergyAccount"));
        assert_eq!(foreign.text.replace(&theirs, "never"), never.text);
    };
    match endpoint.operation.expect("it is served_to_recipients") {
        Operation::ListEnergyAccounts
        | Operation::ListEnergyAccountBalancesBulk
        | Operation::ListEnergyAccountInvoicesBulk
        | Operation::ListEnergyAccountBillingBulk
        | Operation::GetCustomer
        | Operation::GetCustomerDetail
        | Operation::Public(_) => {}
        Operation::GetEnergyAccountDetail
        | Operation::GetEnergyAccountBalance
        | Operation::GetEnergyAccountPaymentSchedule
        | Operation::GetEnergyAccountConcessions
        | Operation::GetEnergyAccountInvoices
        | Operation::GetBillingForEnergyAccount => strange(404).await,
        Operation::ListEnergyAccountBalancesSpecificAccounts
        | Operation::ListEnergyInvoicesForSpecificAccounts
        | Operation::ListEnergyAccountBillingForSpecificAccounts => strange(422).await,
    }
}

#[rstest]
#[actix_web::test]
async fn every_served_endpoint_keeps_tenants_apart(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    for endpoint in served_to_recipients() {
        keeps_tenants_apart(engine, endpoint).await;
    }
}

#[rstest]
#[actix_web::test]
async fn ids_of_another_product_or_customer_are_none(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
) {
    let platform = Platform::on(engine).await;
    // A joint account: both customers hold it, both share it, one of them with two products.
    platform.account(CORREA, "c1", "100").await;
    platform.holding(CORREA, "c2", "100", true).await;
    platform.insert(CORREA, "balance", json!({"account_id": "100", "balance": "1.00"})).await;
    let first = platform.consent(CORREA, "c1", PRODUCT, &["100"]).await;
    let other_product = platform.consent(CORREA, "c1", "product-2", &["100"]).await;
    let other_customer = platform.consent(CORREA, "c2", PRODUCT, &["100"]).await;
    let mut ids = Vec::new();
    for consent in [&first, &other_product, &other_customer] {
        ids.extend(platform.account_ids(consent).await);
    }
    for (own, consent) in [&first, &other_product, &other_customer].into_iter().enumerate() {
        for (at, id) in ids.iter().enumerate() {
            let tail = ["", "/balance", "/invoices", "/billing", "/payment-schedule", "/concessions"];
            for answer in tail.map(|tail| format!("/energy/accounts/{id}{tail}")) {
                let answer = platform.get(consent, &answer).await;
                if at == own {
                    answer.ok();
                } else {
                    assert_eq!(answer.code(), code(404, "Authorisation/InvalidEnergyAccount"));
                }
            }
        }
    }
    // The same customer and product: the same id, under any arrangement.
    let again = platform.consent(CORREA, "c1", PRODUCT, &["100"]).await;
    assert_eq!(platform.account_ids(&again).await, [ids[0].clone()]);
}

#[rstest]
#[actix_web::test]
async fn service_point_ids_are_no_account_ids(#[values(Engine::Postgres, Engine::Sqlite)] engine: Engine) {
    let platform = Platform::on(engine).await;
    let plan = json!({"servicePointIds": [{"$servicePoint": "100"}]});
    platform.account_with(CORREA, "100", "OPEN", json!({"plans": [plan]})).await;
    platform.holding(CORREA, CUSTOMER, "100", true).await;
    let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &["100"]).await;
    let body = platform.get(&consent, "/energy/accounts").await.ok();
    let account = &body["data"]["accounts"][0];
    let point = account["plans"][0]["servicePointIds"][0].as_str().unwrap();
    assert_ne!(account["accountId"], point);
    let answer = platform.get(&consent, &format!("/energy/accounts/{point}")).await;
    assert_eq!(answer.code(), code(404, "Authorisation/InvalidEnergyAccount"));
}
