//! The stored form of a run of changes: JSON, grouped by position, by node names rather than numbers, so that it can
//! be read by people and survives a change of the graph.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use wattle_core::{Change, EntityGraph, Hint, Key, Position};

/// `[{"p": position, "c": [[kind, node, key], …]}, …]`; kinds are `i u d t` for rows, `r` for a record, `o` for what an owner
/// owns, `w` for a whole node, `s` for an altered table.
#[derive(Serialize, Deserialize)]
struct Group<'a> {
    #[serde(borrow)]
    p: Cow<'a, str>,
    #[serde(borrow)]
    c: Vec<(&'a str, &'a str, Cow<'a, str>)>,
}

/// Writes changes in order.
pub(crate) fn encode(graph: &EntityGraph, changes: &[(Change, Position)]) -> String {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (change, position) in changes {
        let node = graph.node(change.node()).name.as_str();
        let (kind, key) = match change {
            Change::Row { key, hint, .. } => (hint_letter(*hint), key.as_str()),
            Change::Record { key, .. } => ("r", key.as_str()),
            Change::Owned { key, .. } => ("o", key.as_str()),
            Change::Whole { .. } => ("w", ""),
            Change::SchemaChanged { .. } => ("s", ""),
        };
        let entry = (kind, node, key.into());
        match groups.last_mut().filter(|group| group.p == position.as_str()) {
            Some(group) => group.c.push(entry),
            None => groups.push(Group { p: position.as_str().into(), c: vec![entry] }),
        }
    }
    serde_json::to_string(&groups).expect("groups are plain data")
}

fn hint_letter(hint: Hint) -> &'static str {
    match hint {
        Hint::Insert => "i",
        Hint::Update => "u",
        Hint::Delete => "d",
        Hint::Touch => "t",
    }
}

/// One change as it is stored.
pub(crate) struct Entry<'a> {
    pub(crate) position: Cow<'a, str>,
    pub(crate) kind: &'a str,
    pub(crate) node: &'a str,
    pub(crate) key: Cow<'a, str>,
}

/// Reads changes as they are stored, whatever the graph is now.
pub(crate) fn entries(text: &str) -> Result<impl Iterator<Item = Entry<'_>>, serde_json::Error> {
    let groups: Vec<Group<'_>> = serde_json::from_str(text)?;
    Ok(groups.into_iter().flat_map(|Group { p, c }| {
        c.into_iter().map(move |(kind, node, key)| Entry { position: p.clone(), kind, node, key })
    }))
}

/// What a stored change is in a graph. A node that the graph no longer has is left out: nothing of it is served any
/// more.
pub(crate) fn change(graph: &EntityGraph, kind: &str, node: &str, key: &str) -> Option<Change> {
    let node = graph.node_named(node)?;
    let key = || Key::from_canonical(key);
    let row = |hint| Change::Row { node, key: key(), hint };
    Some(match kind {
        "i" => row(Hint::Insert),
        "u" => row(Hint::Update),
        "d" => row(Hint::Delete),
        "t" => row(Hint::Touch),
        "r" => Change::Record { node, key: key() },
        "o" => Change::Owned { node, key: key() },
        "w" => Change::Whole { node },
        "s" => Change::SchemaChanged { node },
        _ => return None,
    })
}

/// Reads changes back.
pub(crate) fn decode(
    graph: &EntityGraph,
    text: &str,
) -> Result<Vec<(Option<Change>, Position)>, serde_json::Error> {
    Ok(entries(text)?
        .map(|entry| {
            let change = change(graph, entry.kind, entry.node, &entry.key);
            (change, Position::new(&*entry.position))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattle_core::{Entity, EntitySpec, GraphSpec, NodeSpec};

    fn graph() -> EntityGraph {
        let mut spec = GraphSpec::default();
        let key = vec![wattle_core::KeyColumn { name: "id".into(), key_type: wattle_core::KeyType::Text }];
        let node = NodeSpec { relation: "r".into(), key, owned_by: vec![], refers_to: vec![] };
        spec.nodes.insert("plan".into(), node);
        spec.entities.insert(Entity::Plan, EntitySpec { root: "plan".into(), reads: vec![] });
        EntityGraph::new(spec).unwrap()
    }

    #[test]
    fn changes_survive_and_share_their_position() {
        let graph = graph();
        let node = graph.node_named("plan").unwrap();
        let key = Key::from_canonical("a \"quoted\"\\|key\u{e9}");
        let position = |text: &str| Position::new(text);
        let changes = vec![
            (Change::Row { node, key: key.clone(), hint: Hint::Update }, position("a \"quoted\" 1")),
            (Change::Record { node, key: key.clone() }, position("a \"quoted\" 1")),
            (Change::Owned { node, key }, position("a \"quoted\" 1")),
            (Change::Whole { node }, position("2")),
            (Change::SchemaChanged { node }, position("2")),
        ];
        let text = encode(&graph, &changes);
        assert_eq!(text.matches("\"p\"").count(), 2);
        let read: Vec<_> = decode(&graph, &text).unwrap().into_iter().map(|(c, p)| (c.unwrap(), p)).collect();
        assert_eq!(read, changes);
    }

    /// Segments written by earlier releases stay readable.
    #[test]
    fn the_first_stored_form_is_read() {
        let stored = r#"[{"p":"1.2 0/A 7","c":[["i","plan","X"],["t","plan","Y"],["u","gone","Z"]]}]"#;
        let read = decode(&graph(), stored).unwrap();
        assert!(
            matches!(&read[0].0, Some(Change::Row { key, hint: Hint::Insert, .. }) if key.as_str() == "X")
        );
        assert_eq!((read.len(), &read[2].0), (3, &None));
    }
}
