use super::*;

pub(crate) const GRAPH: &str = r#"
zone = "Australia/Melbourne"
[node.account]
relation = "crm.account"
key = ["account_no text"]
refers_to = [{ node = "address", by = ["address_id"] }]
[node.address]
relation = "crm.address"
key = ["address_id uuid"]
[node.agreement]
relation = "billing.agreement"
key = ["agreement_id integer"]
owned_by = [{ node = "account", by = ["account_no"] }]
[node.bill]
relation = "billing.bill"
key = ["bill_id integer"]
owned_by = [{ node = "account", by = ["account_no"] }]
[entity.account]
root = "account"
reads = ["address", "agreement"]
[entity.invoice]
root = "bill"
[map.account]
openStatus = { O = "OPEN", C = "CLOSED" }
[map.invoice]
paymentStatus = { P = "PAID" }
"electricity.otherCharges.type" = { N = "NETWORK" }
"#;

pub(crate) fn files() -> Vec<(&'static str, &'static str)> {
    vec![
        ("graph.toml", GRAPH),
        ("fetch/account.sql", "select 1 from {keys} k"),
        ("fetch/account.plans.sql", "select 1 as \"$id\" from {keys} k"),
        ("fetch/account.plans.servicePointIds.sql", "select 1 from {keys} k"),
        ("fetch/invoice.sql", "select 1 from {keys} k"),
    ]
}

fn mistakes(change: impl FnOnce(&mut Vec<(&'static str, &'static str)>)) -> String {
    let mut files = files();
    change(&mut files);
    let errors = Pack::from_files(&files).unwrap_err();
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_pack_is_read_with_inner_arrays_first() {
    let pack = Pack::from_files(&files()).unwrap();
    let arrays = &pack.queries(Entity::Account).unwrap().arrays;
    assert_eq!(
        arrays.iter().map(|a| (a.path.as_str(), a.inside)).collect::<Vec<_>>(),
        [("plans.servicePointIds", Some(1)), ("plans", None)]
    );
    assert_eq!(
        pack.maps[&Entity::Invoice].keys().collect::<Vec<_>>(),
        ["electricity.otherCharges.type", "paymentStatus"]
    );
}

#[test]
fn mistakes_name_the_file_and_the_fix() {
    let missing = mistakes(|files| files.retain(|(path, _)| *path != "fetch/invoice.sql"));
    assert!(missing.contains("fetch/invoice.sql: is missing"), "{missing}");
    let no_graph = mistakes(|files| files.retain(|(path, _)| *path != "graph.toml"));
    assert!(no_graph.contains("graph.toml: is missing"));
    let stray = mistakes(|files| files.push(("fetch/invoices.sql", "select 1 from {keys} k")));
    assert!(stray.contains("fetch/invoices.sql: `invoices` is not an entity"));
    let scalar = mistakes(|files| files.push(("fetch/invoice.issueDate.sql", "select 1 from {keys} k")));
    assert!(scalar.contains("`issueDate` is not an array"));
    let no_keys = mistakes(|files| files[1].1 = "select 1");
    assert!(no_keys.contains("fetch/account.sql: has no {keys} placeholder"));
    let outer = mistakes(|files| files.retain(|(path, _)| *path != "fetch/account.plans.sql"));
    assert!(outer.contains("inside the array `plans`, which has no query"));
    let id = mistakes(|files| files[2].1 = "select 1 from {keys} k");
    assert_eq!(
        id,
        "fetch/account.plans.sql: has no \"$id\", and holds other arrays: select what their \"$parent\" names"
    );
    let zone = mistakes(|files| files[0].1 = "zone = \"Melbourne\"");
    assert!(zone.contains("`Melbourne` is not a time zone"));
    let syntax = mistakes(|files| files[0].1 = "zone = ");
    assert!(syntax.starts_with("graph.toml: "), "{syntax}");
    let unknown = mistakes(|files| files[0].1 = "zone = \"UTC\"\ncolour = 1");
    assert!(unknown.contains("colour"), "{unknown}");
    let word = mistakes(|files| {
        files[0].1 = Box::leak(GRAPH.replace("\"PAID\"", "\"SETTLED\"").into_boxed_str());
    });
    assert!(word.contains("maps to `SETTLED`, which is not one of PAID, PARTIALLY_PAID, NOT_PAID"));
    let key = mistakes(|files| {
        files[0].1 = Box::leak(GRAPH.replace("bill_id integer", "bill_id bigint").into_boxed_str());
    });
    assert!(key.contains("`bill_id bigint` is not a key column"), "{key}");
}
