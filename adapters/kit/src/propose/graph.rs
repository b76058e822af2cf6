//! The graph of a proposal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;

use wattle_core::{EdgeSpec, Entity, EntityGraph, EntitySpec, GraphSpec, KeyColumn, NodeSpec};

use super::{ForeignKey, Table, entity, key_type};
use crate::sql::review::parts;

/// A table that can be a node.
pub(super) struct Node<'t> {
    pub(super) name: String,
    pub(super) table: &'t Table,
    pub(super) edges: Vec<DraftEdge>,
}

/// A foreign key to another node.
pub(super) struct DraftEdge {
    pub(super) to: usize,
    /// In the order of the predecessor's key.
    pub(super) columns: Vec<String>,
    pub(super) owns: bool,
    why: &'static str,
    /// Does a foreign key say so, or a column's name alone?
    declared: bool,
}

/// A proposal in the making.
pub(super) struct Draft<'t> {
    pub(super) nodes: Vec<Node<'t>>,
    pub(super) roots: BTreeMap<Entity, usize>,
    pub(super) reads: BTreeMap<Entity, BTreeSet<usize>>,
    pub(super) undecided: Vec<String>,
}

impl<'t> Draft<'t> {
    pub(super) fn of(tables: &'t [Table]) -> Self {
        let (mut nodes, mut undecided): (Vec<Node<'_>>, _) = (Vec::new(), Vec::new());
        for table in tables {
            let typed =
                |name: &String| table.column(name).and_then(|column| key_type(&column.sql_type)).is_some();
            if table.primary_key.is_empty() {
                undecided.push(format!(
                    "{} has no primary key: add it by hand if a unique key names its rows",
                    table.relation
                ));
            } else if !table.primary_key.iter().all(typed) {
                undecided.push(format!("the key of {} has a type that no key may have", table.relation));
            } else {
                let name = free_name(&nodes, table);
                nodes.push(Node { name, table, edges: Vec::new() });
            }
        }
        let mut draft = Self { nodes, roots: BTreeMap::new(), reads: BTreeMap::new(), undecided };
        for at in 0..draft.nodes.len() {
            draft.nodes[at].edges = draft.edges(draft.nodes[at].table);
        }
        draft
    }

    fn edges(&self, table: &Table) -> Vec<DraftEdge> {
        let declared = table.foreign_keys.iter().filter_map(|key| self.edge(table, key));
        let named = self.nodes.iter().filter_map(|node| {
            let key = named_after(table, node.table)?;
            Some(DraftEdge { declared: false, ..self.edge(table, &key)? })
        });
        declared.chain(named).collect()
    }

    fn edge(&self, table: &Table, key: &ForeignKey) -> Option<DraftEdge> {
        let to = self.nodes.iter().position(|node| node.table.relation == key.relation)?;
        let predecessor = self.nodes[to].table;
        // A reference to another unique key is no edge: an edge holds the predecessor's key.
        let column = |name: &String| {
            let at = key.referenced.iter().position(|it| it == name)?;
            key.columns.get(at).cloned()
        };
        let columns: Vec<String> = predecessor.primary_key.iter().map(column).collect::<Option<_>>()?;
        let mandatory = columns.iter().all(|name| table.column(name).is_some_and(|column| !column.nullable));
        let reference = entity::fit(Entity::Plan, &last_part(&predecessor.relation)).is_some();
        let keyed = columns.iter().all(|name| table.primary_key.contains(name));
        let (owns, why) = if !mandatory {
            (false, "refers: its columns may be NULL")
        } else if keyed {
            (true, "owns: its columns are part of the key")
        } else if key.cascades {
            (true, "owns: a row is deleted with the one that it points at")
        } else if reference || predecessor.relation == table.relation {
            (false, "refers: what it points at seems to be reference data, or a row like it")
        } else {
            (
                true,
                "owns, as its columns are never NULL; if it merely mentions the other row, move it to refers_to",
            )
        };
        Some(DraftEdge { to, columns, owns, why, declared: true })
    }

    /// Takes tables for entities as long as the graph is valid, owners first.
    pub(super) fn choose_entities(&mut self) {
        for entity in Entity::ALL {
            let mut fitting: Vec<_> = (0..self.nodes.len())
                .filter(|at| !self.roots.values().any(|root| root == at))
                .filter_map(|at| Some((entity::fit(entity, &last_part(&self.nodes[at].table.relation))?, at)))
                .collect();
            fitting.sort();
            let mut why = "no table is named like it".to_owned();
            for (_, root) in &fitting {
                match self.with(entity, *root) {
                    Ok(()) => break,
                    Err(wrong) => why = format!("{} does not fit: {wrong}", self.nodes[*root].name),
                }
            }
            if !self.roots.contains_key(&entity) {
                self.undecided.push(format!("which table is the root of {entity}? {why}"));
            }
        }
        for entity in self.roots.keys().copied().collect::<Vec<_>>() {
            self.read_owned(entity);
        }
        let unused = self.nodes.iter().enumerate().filter(|(at, _)| !self.used().contains(at));
        let unused: Vec<&str> = unused.map(|(_, node)| &*node.name).collect();
        if !unused.is_empty() {
            self.undecided.push(format!(
                "no entity reads {}: their nodes are comments in graph.toml",
                unused.join(", ")
            ));
        }
    }

    fn with(&mut self, entity: Entity, root: usize) -> Result<(), String> {
        let mut reads = BTreeSet::new();
        for owner in entity.owners() {
            let to = *self.roots.get(owner).ok_or_else(|| format!("its owner {owner} has no root"))?;
            let path = self.path(root, to).ok_or_else(|| {
                format!(
                    "no owning edges lead from it to {}, the root of its owner {owner}",
                    self.nodes[to].name
                )
            })?;
            reads
                .extend(path.iter().map(|(at, edge)| self.nodes[*at].edges[*edge].to).filter(|at| *at != to));
        }
        self.roots.insert(entity, root);
        self.reads.insert(entity, reads);
        self.valid().inspect_err(|_| {
            self.roots.remove(&entity);
            self.reads.remove(&entity);
        })
    }

    /// What is owned by a root and roots nothing is read with it: lines of a bill.
    fn read_owned(&mut self, entity: Entity) {
        let root = self.roots[&entity];
        for at in 0..self.nodes.len() {
            let owned = self.nodes[at].edges.iter().any(|edge| edge.owns && edge.to == root);
            if owned && !self.used().contains(&at) {
                let reads = self.reads.entry(entity).or_default();
                reads.insert(at);
                if let Err(wrong) = self.valid() {
                    self.reads.entry(entity).or_default().remove(&at);
                    self.undecided.push(format!("{entity} does not read {}: {wrong}", self.nodes[at].name));
                }
            }
        }
    }

    pub(super) fn used(&self) -> BTreeSet<usize> {
        self.roots.values().copied().chain(self.reads.values().flatten().copied()).collect()
    }

    /// The shortest way along owning edges: nodes, and the edge that is taken from each.
    pub(super) fn path(&self, from: usize, to: usize) -> Option<Vec<(usize, usize)>> {
        let mut ways = VecDeque::from([(from, Vec::new())]);
        let mut seen = BTreeSet::from([from]);
        while let Some((at, way)) = ways.pop_front() {
            if at == to && !way.is_empty() {
                return Some(way);
            }
            for (number, edge) in self.nodes[at].edges.iter().enumerate().filter(|(_, edge)| edge.owns) {
                if seen.insert(edge.to) {
                    ways.push_back((edge.to, way.iter().copied().chain([(at, number)]).collect()));
                }
            }
        }
        None
    }

    /// Is a node that an entity reads on no way to an owner? Then the main query does not join it yet.
    pub(super) fn way_misses(&self, root: usize, entity: Entity, read: usize) -> bool {
        let owners = entity.owners().iter().filter_map(|owner| self.roots.get(owner));
        let mut ways = owners.filter_map(|to| self.path(root, *to));
        !ways.any(|way| way.iter().any(|(at, _)| *at == read))
    }

    fn valid(&self) -> Result<(), String> {
        let used = self.used();
        let nodes =
            used.iter().map(|at| (self.nodes[*at].name.clone(), self.node_spec(*at, &used))).collect();
        let name = |at: &usize| self.nodes[*at].name.clone();
        let entities = self.roots.iter().map(|(entity, root)| {
            let reads = self.reads.get(entity).into_iter().flatten().map(name).collect();
            (*entity, EntitySpec { root: name(root), reads })
        });
        let graph = EntityGraph::new(GraphSpec { nodes, entities: entities.collect() });
        graph
            .map(drop)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    fn node_spec(&self, at: usize, used: &BTreeSet<usize>) -> NodeSpec {
        let node = &self.nodes[at];
        let edges = |owns| {
            let edges = node.edges.iter().filter(move |edge| edge.owns == owns && used.contains(&edge.to));
            edges.map(|edge| EdgeSpec {
                node: self.nodes[edge.to].name.clone(),
                by: edge.columns.clone(),
                moves: true,
                changes: Default::default(),
            })
        };
        let key = node.table.primary_key.iter().filter_map(|name| {
            let key_type = key_type(&node.table.column(name)?.sql_type)?;
            Some(KeyColumn { name: name.clone(), key_type })
        });
        NodeSpec {
            relation: node.table.relation.clone(),
            key: key.collect(),
            owned_by: edges(true).collect(),
            refers_to: edges(false).collect(),
        }
    }

    /// `graph.toml`.
    pub(super) fn graph_file(&self, zone: &str) -> String {
        let mut text = String::from(
            "# Proposed from the source's catalogue. Read every comment, correct what the catalogue could not know,\n\
             # and delete what no entity needs.\n\n",
        );
        let _ = writeln!(text, "zone = \"{zone}\" # of dates and times without a zone");
        let used = self.used();
        for at in 0..self.nodes.len() {
            let node = self.node_text(at, &used);
            if used.contains(&at) {
                let _ = write!(text, "\n{node}");
            } else {
                let _ = writeln!(text, "\n# No entity reads it yet.");
                node.lines().for_each(|line| {
                    let _ = writeln!(text, "# {line}");
                });
            }
        }
        for (entity, root) in &self.roots {
            let reads = self.reads.get(entity).into_iter().flatten();
            let reads: Vec<String> = reads.map(|at| format!("\"{}\"", self.nodes[*at].name)).collect();
            let _ = writeln!(text, "\n[entity.{entity}]\nroot = \"{}\"", self.nodes[*root].name);
            if !reads.is_empty() {
                let _ = writeln!(text, "reads = [{}]", reads.join(", "));
            }
        }
        if !self.undecided.is_empty() {
            text.push_str("\n# Left to decide:\n");
            self.undecided.iter().for_each(|it| {
                let _ = writeln!(text, "# * {}", it.replace('\n', " "));
            });
        }
        text
    }

    fn node_text(&self, at: usize, used: &BTreeSet<usize>) -> String {
        let spec = self.node_spec(at, used);
        let mut text = format!("[node.{}]\nrelation = {}\n", self.nodes[at].name, toml_text(&spec.relation));
        let key =
            spec.key.iter().map(|column| toml_text(&format!("{} {}", column.name, column.key_type.name())));
        let _ = writeln!(text, "key = [{}]", key.collect::<Vec<_>>().join(", "));
        for (member, owns) in [("owned_by", true), ("refers_to", false)] {
            let edges: Vec<&DraftEdge> = self.nodes[at]
                .edges
                .iter()
                .filter(|edge| edge.owns == owns && used.contains(&edge.to))
                .collect();
            if edges.is_empty() {
                continue;
            }
            let _ = writeln!(text, "{member} = [");
            for edge in edges {
                let by: Vec<String> = edge.columns.iter().map(|name| toml_text(name)).collect();
                let node = &self.nodes[edge.to].name;
                let whose = if edge.declared { "" } else { " (by its name: no foreign key says so)" };
                let _ = writeln!(
                    text,
                    "    {{ node = \"{node}\", by = [{}] }}, # {}{whose}",
                    by.join(", "),
                    edge.why
                );
            }
            text.push_str("]\n");
        }
        text
    }
}

/// The foreign key that a retailer might have left out: a table has no key to another, but a column named as that one's
/// own key is, `AccountId` of `Account`.
fn named_after(table: &Table, other: &Table) -> Option<ForeignKey> {
    let [key] = &other.primary_key[..] else { return None };
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let column = plain(key);
    let stem = ["id", "number", "no", "code", "key"].iter().find_map(|end| column.strip_suffix(end))?;
    let named = plain(&last_part(&other.relation));
    let of = |table: &Table| table.column(key).and_then(|column| key_type(&column.sql_type));
    let is_declared = table.foreign_keys.iter().any(|declared| declared.relation == other.relation);
    let fits = !stem.is_empty() && named.trim_end_matches('s') == stem.trim_end_matches('s');
    (fits
        && !is_declared
        && table.relation != other.relation
        && of(table).is_some()
        && of(table) == of(other))
    .then(|| ForeignKey {
        columns: vec![key.clone()],
        relation: other.relation.clone(),
        referenced: vec![key.clone()],
        cascades: false,
    })
}

impl Table {
    pub(super) fn column(&self, name: &str) -> Option<&super::TableColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

fn toml_text(text: &str) -> String {
    if text.contains('"') && !text.contains('\'') {
        return format!("'{text}'");
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The table's own name, unquoted.
pub(super) fn last_part(relation: &str) -> String {
    parts(relation).pop().unwrap_or_default()
}

/// The table's name, or its schema's before it where another table has it.
fn free_name(nodes: &[Node<'_>], table: &Table) -> String {
    let plain = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
    };
    let short = plain(&last_part(&table.relation));
    let whole = || plain(&parts(&table.relation).join("_"));
    if nodes.iter().any(|node| node.name == short) { whole() } else { short }
}
