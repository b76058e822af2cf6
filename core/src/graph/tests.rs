use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::random::instance;
use super::*;

fn node(key: &str, owned_by: &[(&str, &str)], refers_to: &[(&str, &str)]) -> NodeSpec {
    let edge = |(node, by): &(&str, &str)| EdgeSpec {
        node: (*node).to_owned(),
        by: vec![(*by).to_owned()],
        moves: true,
        changes: Changes::Own,
    };
    NodeSpec {
        relation: "r".into(),
        key: vec![KeyColumn::try_from(key.to_owned()).unwrap()],
        owned_by: owned_by.iter().map(edge).collect(),
        refers_to: refers_to.iter().map(edge).collect(),
    }
}

/// Accounts with an address, invoices with lines, charge codes that lines refer to.
fn retailer() -> GraphSpec {
    let mut spec = GraphSpec::default();
    let mut add = |name: &str, node: NodeSpec| spec.nodes.insert(name.to_owned(), node);
    add("account", node("no text", &[], &[("address", "address_id")]));
    add("address", node("id uuid", &[], &[]));
    add("bill", node("id integer", &[("account", "account_no")], &[]));
    let mut line = node("id integer", &[("bill", "bill_id")], &[("code", "code")]);
    line.owned_by[0].moves = false;
    line.owned_by[0].changes = Changes::WithPredecessor;
    add("line", line);
    add("code", node("code text", &[], &[]));
    let entity = |root: &str, reads: &[&str]| EntitySpec {
        root: root.to_owned(),
        reads: reads.iter().map(ToString::to_string).collect(),
    };
    spec.entities.insert(Entity::Account, entity("account", &["address"]));
    spec.entities.insert(Entity::Invoice, entity("bill", &["line", "code"]));
    spec
}

fn errors(change: impl FnOnce(&mut GraphSpec)) -> Vec<String> {
    let mut spec = retailer();
    change(&mut spec);
    EntityGraph::new(spec).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn paths_lead_from_changed_rows_to_the_records_that_read_them() {
    let graph = EntityGraph::new(retailer()).unwrap();
    let shown: Vec<(String, Entity, usize)> = graph
        .node_ids()
        .flat_map(|id| graph.feeding(id).iter().map(move |path| (id, *path)))
        .map(|(id, path)| {
            let path = graph.path(path);
            (graph.node(id).name.clone(), path.entity, path.steps.len())
        })
        .collect();
    // A charge code reaches the invoice through the folded line; the folded line itself has no path.
    assert_eq!(shown, [("address".to_owned(), Entity::Account, 1), ("code".to_owned(), Entity::Invoice, 2)]);
    let account = graph.node_named("account").unwrap();
    assert_eq!(graph.owning(account).len(), 1);
    let captured: Vec<&str> = graph.captured().map(|id| graph.node(id).name.as_str()).collect();
    assert_eq!(captured, ["address", "code", "account", "bill"]);
}

#[test]
fn every_rule_is_named() {
    let cases: Vec<(&str, Vec<String>)> = vec![
        (
            "cycle: bill -> line -> bill",
            errors(|spec| {
                let bill = spec.nodes.get_mut("bill").unwrap();
                bill.refers_to.push(EdgeSpec {
                    node: "line".into(),
                    by: vec!["x".into()],
                    moves: true,
                    changes: Changes::Own,
                });
            }),
        ),
        ("has no key", errors(|spec| spec.nodes.get_mut("code").unwrap().key.clear())),
        (
            "`accounts` that is not in the graph",
            errors(|spec| {
                spec.nodes.get_mut("bill").unwrap().owned_by[0].node = "accounts".into();
            }),
        ),
        (
            "points at `account` by 2 columns, but its key has 1",
            errors(|spec| {
                spec.nodes.get_mut("bill").unwrap().owned_by[0].by.push("y".into());
            }),
        ),
        (
            "reads `code`, which no walk from its root `bill` reaches",
            errors(|spec| {
                spec.nodes.get_mut("line").unwrap().refers_to.clear();
            }),
        ),
        (
            "`stray` roots no entity and no entity reads it",
            errors(|spec| {
                spec.nodes.insert("stray".into(), node("id integer", &[], &[]));
            }),
        ),
        (
            "`line` cannot be folded into `bill`: its rows may move",
            errors(|spec| {
                spec.nodes.get_mut("line").unwrap().owned_by[0].moves = true;
            }),
        ),
        (
            "`line` cannot be folded into `bill`: an entity reads it by another way",
            errors(|spec| {
                let line = spec.nodes.get_mut("line").unwrap();
                let edge = EdgeSpec {
                    node: "account".into(),
                    by: vec!["account_no".into()],
                    moves: true,
                    changes: Changes::Own,
                };
                line.owned_by.push(edge);
                spec.entities.get_mut(&Entity::Account).unwrap().reads.push("line".into());
            }),
        ),
        (
            "`bill` cannot be folded into `account`: it roots an entity",
            errors(|spec| {
                let edge = &mut spec.nodes.get_mut("bill").unwrap().owned_by[0];
                (edge.moves, edge.changes) = (false, Changes::WithPredecessor);
            }),
        ),
        (
            "needs its owner `account`, which this graph does not feed",
            errors(|spec| {
                spec.entities.remove(&Entity::Account);
            }),
        ),
        (
            "does not reach `account`, the root of its owner",
            errors(|spec| {
                let edges = std::mem::take(&mut spec.nodes.get_mut("bill").unwrap().owned_by);
                spec.nodes.get_mut("bill").unwrap().refers_to = edges;
            }),
        ),
        (
            "node `bill lines` cannot be named so",
            errors(|spec| {
                let node = spec.nodes["bill"].clone();
                spec.nodes.insert("bill lines".into(), node);
            }),
        ),
        (
            "roots both `plan` and `account`",
            errors(|spec| {
                spec.entities.insert(Entity::Plan, EntitySpec { root: "account".into(), reads: vec![] });
            }),
        ),
    ];
    for (expected, errors) in cases {
        let words: Vec<&str> = expected.split(": ").collect();
        assert!(
            errors.iter().any(|error| error.contains(expected)
                || expected.starts_with("cycle") && error.contains("form a cycle")),
            "{words:?} not in {errors:?}"
        );
    }
}

#[test]
fn a_self_reference_is_legal_and_feeds_when_it_is_read() {
    let mut spec = retailer();
    let edge =
        EdgeSpec { node: "account".into(), by: vec!["parent_no".into()], moves: true, changes: Changes::Own };
    spec.nodes.get_mut("account").unwrap().refers_to.push(edge);
    let unread = EntityGraph::new(spec.clone()).unwrap();
    assert!(unread.feeding(unread.node_named("account").unwrap()).is_empty());
    spec.entities.get_mut(&Entity::Account).unwrap().reads.push("account".into());
    let read = EntityGraph::new(spec).unwrap();
    assert_eq!(read.feeding(read.node_named("account").unwrap()).len(), 1);
}

#[test]
fn the_generator_makes_graphs_with_folds_and_paths() {
    let mut runner = TestRunner::deterministic();
    let made: Vec<_> = (0..100).map(|_| instance().new_tree(&mut runner).unwrap().current()).collect();
    assert!(made.iter().filter(|instance| instance.folds()).count() > 20);
    assert!(made.iter().filter(|instance| instance.graph.path_ids().count() > 3).count() > 20);
}

proptest! {
    #[test]
    fn predecessors_rank_before_the_rows_that_point_at_them(instance in instance()) {
        for edge in instance.graph.edges() {
            prop_assert!(instance.graph.node(edge.predecessor).rank < instance.graph.node(edge.child).rank);
            prop_assert!(edge.predecessor < edge.child, "ids follow rank");
        }
    }

    #[test]
    fn a_folded_node_is_heard_through_its_owner(instance in instance()) {
        let graph = &instance.graph;
        for id in graph.node_ids() {
            let Tracking::Folded { into } = graph.node(id).tracking else { continue };
            for entity in graph.entities().filter(|entity| graph.reads(*entity).contains(&id)) {
                let heard = graph.root(entity) == Some(into)
                    || graph.feeding(into).iter().any(|path| graph.path(*path).entity == entity)
                    || matches!(graph.node(into).tracking, Tracking::Folded { .. });
                prop_assert!(heard, "{} in {entity}", graph.node(id).name);
            }
        }
    }
}
