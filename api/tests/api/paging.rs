//! Paging is exact, whatever the data and the size of the pages.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::Method;
use chrono::{Days, Duration, Utc};
use rstest::rstest;
use serde_json::{Value, json};
use wattle_api::endpoints::{Endpoint, Paging, served_to_recipients};
use wattle_testbed::{Dice, Engine};

use crate::support::{ALL_SCOPES, CORREA, CUSTOMER, Consent, PRODUCT, PUBLIC, Platform, path_of, request};

/// A record of a list: the account it is of, what tells it apart, and its place in the order, which others may share.
struct Record {
    account: String,
    name: String,
    place: u64,
}

/// A customer with accounts and records drawn at random; the first account may always be shared.
struct Drawn {
    platform: Platform,
    consent: Consent,
    /// The ids of the accounts that may be shared, by their numbers.
    ids: BTreeMap<String, String>,
    /// What each list is drawn from, by its name in the payload.
    lists: BTreeMap<&'static str, Vec<Record>>,
}

impl Drawn {
    async fn on(engine: Engine, dice: &mut Dice) -> Self {
        let (platform, began) = (Platform::on(engine).await, Utc::now());
        let mut lists: BTreeMap<&'static str, Vec<Record>> = BTreeMap::new();
        let numbers: BTreeSet<u64> = (0..dice.number(1..14)).map(|_| dice.number(100..1_000)).collect();
        let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
        let mut consented = Vec::new();
        for (at, account) in numbers.iter().enumerate() {
            platform
                .account_with(CORREA, account, "OPEN", json!({"accountNumber": account, "plans": []}))
                .await;
            platform.holding(CORREA, CUSTOMER, account, at == 0 || dice.chance(80)).await;
            if at == 0 || dice.chance(80) {
                consented.push(account.as_str());
            }
            let mut drawn = |list, name: String, place| {
                lists.entry(list).or_default().push(Record { account: account.clone(), name, place });
            };
            drawn("accounts", account.clone(), at as u64);
            if dice.chance(80) {
                let amount = format!("{account}.00");
                platform.insert(CORREA, "balance", json!({"account_id": account, "balance": amount})).await;
                drawn("balances", amount, at as u64);
            }
            // Several on a day, and at one instant, so that the order needs more than the time.
            for number in 0..dice.number(0..12) {
                let (name, age) = (format!("{account}-{number}"), dice.number(0..5));
                let issued = Utc::now().date_naive() - Days::new(age + 1);
                let body =
                    json!({"invoiceNumber": name, "issueDate": issued, "servicePoints": []}).to_string();
                let row =
                    json!({"source_id": name, "account_id": account, "issue_date": issued, "body": body});
                platform.insert(CORREA, "invoice", row).await;
                drawn("invoices", name, age);
            }
            for number in 0..dice.number(0..12) {
                let (name, age) = (format!("{account}-{number}"), dice.number(0..5));
                let at = began - Duration::minutes(age as i64 + 1);
                let body = json!({"executionDateTime": at, "gst": name}).to_string();
                let row = json!({"source_id": name, "account_id": account, "executed_at": at, "body": body});
                platform.insert(CORREA, "billing_transaction", row).await;
                drawn("transactions", name, age);
            }
        }
        let consent = platform.consent(CORREA, CUSTOMER, PRODUCT, &consented).await;
        let listed = platform.get(&consent, "/energy/accounts?page-size=1000").await.ok();
        let text = |account: &Value, member: &str| account[member].as_str().unwrap().to_owned();
        let listed = listed["data"]["accounts"].as_array().unwrap().iter();
        let ids =
            listed.map(|account| (text(account, "accountNumber"), text(account, "accountId"))).collect();
        Self { platform, consent, ids, lists }
    }

    /// What one page of a list says, and what its records are told apart by.
    async fn page(
        &self,
        address: &str,
        endpoint: &Endpoint,
        body: &Value,
        list: &str,
    ) -> (Value, Vec<String>) {
        let asked = request(address, &self.platform.token(&self.consent, ALL_SCOPES));
        let asked = match endpoint.method {
            Method::POST => asked.method(Method::POST).set_json(body),
            _ => asked,
        };
        let page = self.platform.send(asked).await.ok();
        let member = match list {
            "accounts" => "accountNumber",
            "balances" => "balance",
            "invoices" => "invoiceNumber",
            _ => "gst",
        };
        let records = page["data"][list].as_array().unwrap().iter();
        let names = records.map(|record| record[member].as_str().unwrap().to_owned()).collect();
        (page, names)
    }

    /// Walks a list by pages of this size, forwards by `next` and back by `prev`, and answers what it holds.
    async fn walk(
        &self,
        endpoint: &Endpoint,
        body: &Value,
        list: &str,
        size: u64,
        total: u64,
    ) -> Vec<String> {
        let account = self.ids.values().next().unwrap();
        let pages_count = total.div_ceil(size);
        let first = format!("{}?page-size={size}", path_of(endpoint, CORREA, account));
        let (mut address, mut walked, mut number, mut pages) = (first, Vec::new(), 1, Vec::new());
        loop {
            let (page, names) = self.page(&address, endpoint, body, list).await;
            assert_eq!(page["meta"], json!({"totalRecords": total, "totalPages": pages_count}), "{address}");
            let link = |name: &str| {
                page["links"][name].as_str().map(|url| url.strip_prefix(PUBLIC).unwrap().to_owned())
            };
            let (is_first, is_last) = (number == 1, number >= pages_count);
            assert_eq!(link("self").as_deref(), Some(&*address));
            assert_eq!((link("first").is_none(), link("prev").is_none()), (is_first, is_first), "{address}");
            assert_eq!((link("next").is_none(), link("last").is_none()), (is_last, is_last), "{address}");
            assert!(is_last || names.len() as u64 == size, "{address} is not full");
            if let Some(before) = link("prev") {
                assert_eq!(self.page(&before, endpoint, body, list).await.1, *pages.last().unwrap());
            }
            walked.extend(names.iter().cloned());
            pages.push(names);
            match link("next") {
                None => return walked,
                Some(next) => (address, number) = (next, number + 1),
            }
        }
    }
}

#[rstest]
#[case(1)]
#[case(2)]
#[case(3)]
#[actix_web::test]
async fn walking_next_yields_every_record_once_in_order_at_any_page_size(
    #[values(Engine::Postgres, Engine::Sqlite)] engine: Engine,
    #[case] seed: u64,
) {
    let mut dice = Dice::seeded(seed);
    let drawn = Drawn::on(engine, &mut dice).await;
    for endpoint in served_to_recipients().filter(|endpoint| endpoint.paging == Paging::Paged) {
        let list = match endpoint.path.rsplit('/').next().unwrap() {
            "billing" => "transactions",
            list => list,
        };
        assert!(
            drawn.lists.contains_key(list),
            "{} is paged, and nothing here is drawn for it",
            endpoint.path
        );
        let (first, named) = (drawn.ids.keys().next().unwrap(), |account: &String| account.as_str() > "300");
        let is_asked_for = |record: &&Record| match (&endpoint.method, endpoint.path) {
            (_, path) if path.contains("{accountId}") => record.account == *first,
            // Of a balance that is not there the whole request is refused.
            (&Method::POST, _) => list == "balances" || named(&record.account),
            _ => true,
        };
        let expected: BTreeMap<&str, u64> = drawn.lists[list]
            .iter()
            .filter(|record| drawn.ids.contains_key(&record.account))
            .filter(is_asked_for)
            .map(|record| (record.name.as_str(), record.place))
            .collect();
        let accounts = drawn.ids.iter().filter(|(account, _)| match list {
            "balances" => expected.contains_key(format!("{account}.00").as_str()),
            _ => named(account),
        });
        let body = json!({"data": {"accountIds": accounts.map(|(_, id)| id).collect::<Vec<_>>()}});
        let total = expected.len() as u64;
        let mut sizes = BTreeSet::from([1, 2, total.max(2) - 1, total.max(1), total + 1, 1_000]);
        sizes.insert(dice.number(1..total + 2));
        let mut whole: Option<Vec<String>> = None;
        for size in sizes {
            let walked = drawn.walk(endpoint, &body, list, size, total).await;
            let places: Vec<u64> = walked.iter().map(|name| expected[name.as_str()]).collect();
            assert!(places.is_sorted(), "{} by {size}: {walked:?}", endpoint.path);
            assert_eq!(walked.len(), expected.len(), "{} by {size}", endpoint.path);
            assert_eq!(*whole.get_or_insert_with(|| walked.clone()), walked, "{} by {size}", endpoint.path);
        }
        let distinct: BTreeSet<String> = whole.into_iter().flatten().collect();
        assert_eq!(distinct.len(), expected.len(), "{} lists a record twice", endpoint.path);
    }
}
