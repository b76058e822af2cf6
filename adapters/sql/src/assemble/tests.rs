use super::*;
use crate::pack::tests::files;

fn text(value: &str) -> SourceValue {
    SourceValue::Text(value.into())
}

fn date(value: &str) -> SourceValue {
    SourceValue::Date(value.parse().unwrap())
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn key(value: &str) -> Key {
    Key::from_canonical(value)
}

const UUID: &str = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";

struct Account {
    pack: Pack,
    main: Mapping,
    plans: Mapping,
    service_points: Mapping,
}

fn account() -> Account {
    let mut files = files();
    files.push(("fetch/plan.sql", "select 1 from {keys} k"));
    let graph = crate::pack::tests::GRAPH.replace(
        "[entity.invoice]",
        "[node.plan]\nrelation = \"plan\"\nkey = [\"code text\"]\n[entity.plan]\nroot = \"plan\"\n[entity.invoice]",
    );
    files[0].1 = Box::leak(graph.into_boxed_str());
    let pack = Pack::from_files(&files).unwrap();
    let main = names(&[
        "$ord",
        "$key",
        "$from.address",
        "accountNumber",
        "openStatus",
        "creationDate",
        "$changesAt",
    ]);
    let main = Mapping::of_main(&pack, Entity::Account, &main).unwrap();
    let plans = names(&["$ord", "$id", "$from.agreement", "$plan", "planOverview.startDate", "nickname"]);
    let plans = Mapping::of_array(&pack, Entity::Account, 1, &plans).unwrap();
    let points =
        Mapping::of_array(&pack, Entity::Account, 0, &names(&["$ord", "$parent", "$value"])).unwrap();
    Account { pack, main, plans, service_points: points }
}

#[test]
fn rows_become_a_record_with_nested_arrays_slots_and_lineage() {
    let Account { pack, main, plans, service_points } = account();
    let keys = [key("A-1"), key("A-2")];
    let mut assembler = Assembler::new(&pack, Entity::Account, &keys);
    let points = vec![vec![SourceValue::Integer(1), text("7"), text("NMI1")]];
    assembler.array(0, &service_points, points).unwrap();
    let plan = |id: &str, nickname| {
        vec![
            SourceValue::Integer(1),
            text(id),
            SourceValue::Integer(id.parse().unwrap()),
            text("FLEX"),
            date("2025-01-01"),
            nickname,
        ]
    };
    assembler.array(1, &plans, vec![plan("7", SourceValue::Null), plan("8", text("shed"))]).unwrap();
    let row = vec![
        SourceValue::Integer(1),
        text("a-2"),
        text(UUID),
        text("A-2"),
        text("O"),
        date("2024-02-29"),
        SourceValue::Null,
    ];
    let fetched = assembler.main(&main, vec![row]).unwrap();
    assert_eq!(fetched.len(), 1);
    assert_eq!(fetched[0].ordinal, 1);
    let record = fetched[0].record.as_ref().unwrap();
    assert_eq!(record.key, key("a-2"), "the source's own form of the key");
    let slots = |points: Value, start: &str| {
        json!({"planDetail": {"$planDetail": "FLEX"}, "servicePointIds": points,
               "planOverview": {"displayName": {"$planName": "FLEX"}, "startDate": start}})
    };
    let mut second = slots(json!([]), "2025-01-01");
    second["nickname"] = json!("shed");
    assert_eq!(
        record.body,
        json!({"accountNumber": "A-2", "openStatus": "OPEN", "creationDate": "2024-02-29",
               "plans": [slots(json!([{"$servicePoint": "NMI1"}]), "2025-01-01"), second]})
    );
    let lineage: Vec<String> =
        record.lineage.iter().map(|(node, key)| format!("{} {key}", pack.graph().node(*node).name)).collect();
    assert_eq!(lineage, [format!("address {UUID}"), "agreement 7".into(), "agreement 8".into()]);
    assert_eq!(record.plan_ids(), ["FLEX"]);
}

#[test]
fn a_broken_record_names_entity_key_field_and_rule_and_spares_the_others() {
    let Account { pack, main, .. } = account();
    let keys = [key("A-1"), key("A-2"), key("A-3")];
    let assembler = Assembler::new(&pack, Entity::Account, &keys);
    let row = |ordinal, status: &str, created| {
        vec![
            SourceValue::Integer(ordinal),
            text("A"),
            SourceValue::Null,
            text("A"),
            text(status),
            created,
            SourceValue::Null,
        ]
    };
    let rows =
        vec![row(0, "X", date("2024-01-01")), row(1, "O", SourceValue::Null), row(2, "C", SourceValue::Null)];
    let fetched = assembler.main(&main, rows).unwrap();
    let errors: Vec<Option<String>> =
        fetched.iter().map(|f| f.record.as_ref().err().map(ToString::to_string)).collect();
    assert_eq!(
        errors[0].as_deref(),
        Some("account A-1: openStatus: has a source value that its [map] does not know")
    );
    assert_eq!(
        errors[1].as_deref(),
        Some("account A: creationDate: is mandatory unless openStatus is CLOSED")
    );
    assert_eq!(errors[2], None);
}

#[test]
fn an_element_without_its_place_spoils_its_record_and_no_other() {
    let Account { pack, main, plans, service_points } = account();
    let keys = [key("A-1"), key("A-2"), key("A-3"), key("A-4")];
    let mut assembler = Assembler::new(&pack, Entity::Account, &keys);
    let point = |ordinal, parent| vec![SourceValue::Integer(ordinal), parent, text("NMI1")];
    let points = vec![point(0, text("7")), point(1, SourceValue::Null), point(3, text("8"))];
    assembler.array(0, &service_points, points).unwrap();
    let plan = |ordinal, id: &str| {
        let id = text(id);
        vec![
            SourceValue::Integer(ordinal),
            id.clone(),
            id,
            text("FLEX"),
            date("2025-01-01"),
            SourceValue::Null,
        ]
    };
    let rows = vec![plan(1, "7"), plan(2, "7"), plan(2, "7"), plan(3, "8")];
    assembler.array(1, &plans, rows).unwrap();
    let row = |ordinal: usize| {
        let (number, closed) = (text(keys[ordinal].as_str()), text("C"));
        let ordinal = SourceValue::Integer(i64::try_from(ordinal).unwrap());
        vec![ordinal, number.clone(), SourceValue::Null, number, closed, SourceValue::Null, SourceValue::Null]
    };
    let fetched = assembler.main(&main, (0..4).map(row).collect()).unwrap();
    let rules: Vec<Option<String>> =
        fetched.iter().map(|f| f.record.as_ref().err().map(ToString::to_string)).collect();
    let orphan = "plans.servicePointIds: an element's $parent is the $id of no element that could hold it";
    assert_eq!(rules[0], Some(format!("account A-1: {orphan}")));
    assert_eq!(rules[1], Some(format!("account A-2: {orphan}")), "NULL is no parent");
    assert!(rules[2].as_deref().unwrap().starts_with("account A-3: plans: two elements have the same $id"));
    assert_eq!(rules[3], None);
}

#[test]
fn an_unreadable_value_spoils_its_record_and_no_other() {
    let Account { pack, main, .. } = account();
    let keys = [key("A-1"), key("A-2"), key("A-3"), key("A-4")];
    let never = || SourceValue::Unreadable("a date is infinity");
    let row = |ordinal: i64, address, created, changes_at| {
        let (number, closed) = (text("A"), text("C"));
        vec![SourceValue::Integer(ordinal), number.clone(), address, number, closed, created, changes_at]
    };
    let rows = vec![
        row(0, never(), SourceValue::Null, SourceValue::Null),
        row(1, SourceValue::Null, never(), SourceValue::Null),
        row(2, SourceValue::Null, SourceValue::Null, never()),
        row(3, SourceValue::Null, SourceValue::Null, SourceValue::Null),
    ];
    let fetched = Assembler::new(&pack, Entity::Account, &keys).main(&main, rows).unwrap();
    let fields: Vec<Option<String>> = fetched
        .iter()
        .map(|f| f.record.as_ref().err().map(|error| format!("{}: {}", error.field, error.rule)))
        .collect();
    let expected =
        ["$from", "creationDate", "$changesAt"].map(|field| Some(format!("{field}: a date is infinity")));
    assert_eq!(fields[..3], expected);
    assert_eq!(fields[3], None);
}

#[test]
fn a_row_that_a_join_multiplies_is_refused() {
    let Account { pack, main, .. } = account();
    let keys = [key("A-1")];
    let row = || {
        vec![
            SourceValue::Integer(0),
            text("A-1"),
            SourceValue::Null,
            text("A"),
            text("C"),
            SourceValue::Null,
            SourceValue::Null,
        ]
    };
    let fetched = Assembler::new(&pack, Entity::Account, &keys).main(&main, vec![row(), row()]).unwrap();
    assert!(fetched[0].record.as_ref().unwrap_err().rule.contains("more than once"));
}

#[test]
fn aliases_are_known_or_refused() {
    let Account { pack, .. } = account();
    let mistakes = |aliases: &[&str]| {
        let errors = Mapping::of_main(&pack, Entity::Account, &names(aliases)).unwrap_err();
        errors.iter().map(|error| error.what.clone()).collect::<Vec<_>>().join("\n")
    };
    let found = mistakes(&[
        "accountNo",
        "$colour",
        "plans.nickname",
        "openStatus",
        "openStatus",
        "$from.bill",
        "$from.x",
    ]);
    for expected in [
        "has no \"$ord\"",
        "has no \"$key\": select the key columns account_no as \"$key\"",
        "\"accountNo\", which is not a field of account",
        "unknown reserved alias \"$colour\"",
        "\"plans.nickname\", which is not a field of account",
        "\"openStatus\" twice",
        "`bill` is not among the nodes that account reads",
        "the graph has no node `x`",
    ] {
        assert!(found.contains(expected), "{expected} not in {found}");
    }
    let main = Mapping::of_main(&pack, Entity::Account, &names(&["$ord", "$key", "$from.address"])).unwrap();
    let missing = Mapping::missing_lineage(&pack, Entity::Account, &[&main]);
    assert!(missing.len() == 1 && missing[0].what.contains("\"$from.agreement\""), "{missing:?}");
}

#[test]
fn a_path_joins_only_the_tables_it_needs() {
    let pack = Pack::from_files(&files()).unwrap();
    let graph = pack.graph();
    let join = |from: &str| {
        let node = graph.node_named(from).unwrap();
        crate::path_join(graph, graph.path(graph.feeding(node)[0]), "keys", |name| name.to_owned())
    };
    let address = join("address");
    assert_eq!(address.from, "from keys k join crm.account t1 on t1.address_id = k.address_id");
    assert_eq!(address.key, ["t1.account_no"]);
    let agreement = join("agreement");
    assert_eq!(agreement.from, "from keys k join billing.agreement t1 on t1.agreement_id = k.agreement_id");
    assert_eq!(agreement.key, ["t1.account_no"], "the account itself need not be joined");
}
