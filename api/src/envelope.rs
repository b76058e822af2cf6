//! What goes around the data of an answer: links and meta.

use serde::Serialize;

use crate::query::{Page, Query};

/// `links` of an answer.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Links {
    #[serde(rename = "self")]
    itself: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
}

/// `meta` of an answer; empty unless there are pages.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    total_records: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_pages: Option<u64>,
}

/// The address that the recipient knows a request by.
#[derive(Debug, Clone)]
pub(crate) struct Address<'a> {
    /// Registered base and path.
    pub(crate) url: String,
    /// The parameters as sent.
    pub(crate) query: Query<'a>,
}

impl Address<'_> {
    fn itself(&self) -> String {
        if self.query.0.is_empty() { self.url.clone() } else { format!("{}?{}", self.url, self.query.0) }
    }

    /// Another page of the same list: the caller's filters stay as they were sent.
    fn page(&self, number: u64, size: u32) -> String {
        let filters: String = self.query.filters().flat_map(|pair| [pair, "&"]).collect();
        format!("{}?{filters}page={number}&page-size={size}", self.url)
    }
}

/// An answer about one thing.
pub(crate) fn single(data: &str, address: &Address<'_>) -> Vec<u8> {
    wrap(data, &Links { itself: address.itself(), ..Links::default() }, &Meta::default())
}

/// An answer with one page of a list that has `total_records` in all.
pub(crate) fn paged(data: &str, address: &Address<'_>, page: Page, total_records: u64) -> Vec<u8> {
    let total_pages = page.count(total_records);
    let number = u64::from(page.number);
    let link = |wanted: u64, there: bool| there.then(|| address.page(wanted, page.size));
    let links = Links {
        itself: address.itself(),
        first: link(1, number > 1),
        prev: link(number - 1, number > 1),
        next: link(number + 1, number < total_pages),
        last: link(total_pages, number < total_pages),
    };
    wrap(data, &links, &Meta { total_records: Some(total_records), total_pages: Some(total_pages) })
}

fn wrap(data: &str, links: &Links, meta: &Meta) -> Vec<u8> {
    let mut body = Vec::with_capacity(data.len() + 512);
    body.extend_from_slice(br#"{"data":"#);
    body.extend_from_slice(data.as_bytes());
    body.extend_from_slice(br#","links":"#);
    serde_json::to_writer(&mut body, links).expect("links are plain text");
    body.extend_from_slice(br#","meta":"#);
    serde_json::to_writer(&mut body, meta).expect("meta is plain numbers");
    body.push(b'}');
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn answer(query: &str, page: Page, total: u64) -> Value {
        let address = Address { url: "https://cdr.example/t/correa/cds-au/v1/x".into(), query: Query(query) };
        serde_json::from_slice(&paged("{}", &address, page, total)).unwrap()
    }

    #[test]
    fn links_keep_the_filters_and_lead_to_the_neighbours() {
        let body = answer("page=2&open-status=OPEN&page-size=10", Page { number: 2, size: 10 }, 31);
        let url = "https://cdr.example/t/correa/cds-au/v1/x?";
        assert_eq!(
            body,
            json!({
                "data": {},
                "links": {
                    "self": format!("{url}page=2&open-status=OPEN&page-size=10"),
                    "first": format!("{url}open-status=OPEN&page=1&page-size=10"),
                    "prev": format!("{url}open-status=OPEN&page=1&page-size=10"),
                    "next": format!("{url}open-status=OPEN&page=3&page-size=10"),
                    "last": format!("{url}open-status=OPEN&page=4&page-size=10"),
                },
                "meta": {"totalRecords": 31, "totalPages": 4}
            })
        );
    }

    #[test]
    fn nothing_has_no_pages() {
        let body = answer("", Page { number: 1, size: 25 }, 0);
        assert_eq!(body["links"], json!({"self": "https://cdr.example/t/correa/cds-au/v1/x"}));
        assert_eq!(body["meta"], json!({"totalRecords": 0, "totalPages": 0}));
    }

    #[test]
    fn one_thing_has_only_itself() {
        let address = Address { url: "https://cdr.example/x".into(), query: Query("a=\"b") };
        let body: Value = serde_json::from_slice(&single(r#"{"balance":"1.00"}"#, &address)).unwrap();
        let expected = json!({"data": {"balance": "1.00"}, "links": {"self": "https://cdr.example/x?a=\"b"}, "meta": {}});
        assert_eq!(body, expected);
    }

    proptest! {
        #[test]
        fn links_are_there_exactly_when_they_lead_somewhere(total in 0u64..500, size in 1u32..60, number in 1u32..20) {
            let page = Page { number, size };
            prop_assume!(page.within(total).is_ok());
            let links = answer("", page, total)["links"].clone();
            let pages = page.count(total);
            prop_assert_eq!(links.get("first").is_some(), number > 1);
            prop_assert_eq!(links.get("prev").is_some(), number > 1);
            prop_assert_eq!(links.get("next").is_some(), u64::from(number) < pages);
            prop_assert_eq!(links.get("last").is_some(), u64::from(number) < pages);
        }
    }
}
