//! What each column of a query is for, read from its alias.

use std::collections::{BTreeMap, BTreeSet};

use wattle_core::entity::Shape;
use wattle_core::{Entity, KeyColumn, NodeId, Tracking};

use crate::{Pack, PackError};

/// PostgreSQL cuts names off at 63 bytes, other databases later.
const SHORTEST_CUT: usize = 63;

/// The columns of one query, understood.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub(crate) ordinal: usize,
    /// The record's own key; only in main queries.
    pub(crate) key: Option<KeyAlias>,
    /// In the order of the entity's owners.
    pub(crate) owners: Vec<KeyAlias>,
    pub(crate) lineage: Vec<(NodeId, KeyAlias)>,
    pub(crate) plan: Option<KeyAlias>,
    pub(crate) changes_at: Option<usize>,
    pub(crate) id: Option<usize>,
    pub(crate) parent: Option<usize>,
    /// The element itself, for arrays of scalars.
    pub(crate) value: Option<FieldAlias>,
    pub(crate) fields: Vec<FieldAlias>,
}

/// The columns that hold a key of a node.
#[derive(Debug, Clone)]
pub(crate) struct KeyAlias {
    pub(crate) node: NodeId,
    pub(crate) columns: Vec<usize>,
}

/// A column that holds a field's value.
#[derive(Debug, Clone)]
pub(crate) struct FieldAlias {
    pub(crate) column: usize,
    /// Names from the record or element down to the field.
    pub(crate) path: Vec<&'static str>,
    pub(crate) shape: &'static Shape,
    pub(crate) codes: Option<BTreeMap<String, String>>,
}

/// The aliases of a query, by what they are for, before they are joined.
struct Aliases<'a> {
    pack: &'a Pack,
    entity: Entity,
    array: Option<&'a crate::ArrayQuery>,
    names: &'a [String],
    file: String,
    errors: Vec<PackError>,
}

impl Mapping {
    /// Understands the columns of an entity's main query.
    pub fn of_main(pack: &Pack, entity: Entity, names: &[String]) -> Result<Self, Vec<PackError>> {
        let file = format!("fetch/{entity}.sql");
        Aliases { pack, entity, array: None, names, file, errors: Vec::new() }.read()
    }

    /// Understands the columns of the query of an entity's array, by its place among them.
    pub fn of_array(
        pack: &Pack,
        entity: Entity,
        array: usize,
        names: &[String],
    ) -> Result<Self, Vec<PackError>> {
        let queries = pack.queries(entity).expect("the caller got the array from this pack");
        let file = queries.file(entity, Some(array));
        let array = &queries.arrays[array];
        Aliases { pack, entity, array: Some(array), names, file, errors: Vec::new() }.read()
    }

    /// What is wrong with the mappings of an entity taken together: every captured row that its queries read must be
    /// named by some query, or a deleted one would never be heard of.
    pub fn missing_lineage(pack: &Pack, entity: Entity, mappings: &[&Mapping]) -> Vec<PackError> {
        let graph = pack.graph();
        let named: BTreeSet<NodeId> =
            mappings.iter().flat_map(|m| m.lineage.iter().map(|(node, _)| *node)).collect();
        let reads = graph.reads(entity).iter();
        reads
            .filter(|node| graph.node(**node).tracking == Tracking::Captured && !named.contains(node))
            .filter(|node| graph.root(entity) != Some(**node))
            .map(|node| {
                let name = &graph.node(*node).name;
                PackError::new(
                    format!("fetch/{entity}.sql"),
                    format!(
                        "reads `{name}`, but no query of {entity} names its row: select its key as \"$from.{name}\", or take it out of `reads`"
                    ),
                )
            })
            .collect()
    }
}

impl<'a> Aliases<'a> {
    fn wrong(&mut self, what: impl Into<String>) {
        self.errors.push(PackError::new(self.file.clone(), what));
    }

    fn read(mut self) -> Result<Mapping, Vec<PackError>> {
        let mut mapping = Mapping {
            ordinal: 0,
            key: None,
            owners: Vec::new(),
            lineage: Vec::new(),
            plan: None,
            changes_at: None,
            id: self.single("$id"),
            parent: self.single("$parent"),
            value: None,
            fields: Vec::new(),
        };
        match self.single("$ord") {
            Some(column) => mapping.ordinal = column,
            None => self.wrong("has no \"$ord\": select k.ord as \"$ord\""),
        }
        match self.array {
            None => self.read_main(&mut mapping),
            Some(array) => self.read_array(array, &mut mapping),
        }
        self.read_lineage(&mut mapping);
        self.read_fields(&mut mapping);
        if self.errors.is_empty() { Ok(mapping) } else { Err(self.errors) }
    }

    fn read_main(&mut self, mapping: &mut Mapping) {
        let graph = self.pack.graph();
        let root = graph.root(self.entity).expect("packs have queries only for their entities");
        mapping.key = self.key_alias("$key", root);
        for owner in self.entity.owners() {
            let node = graph.root(*owner).expect("a valid graph feeds every owner");
            mapping.owners.extend(self.key_alias(&format!("$owner.{owner}"), node));
        }
        for name in self.names.iter().filter_map(|name| name.strip_prefix("$owner.")) {
            let known = |owner: &Entity| name.split('.').next() == Some(owner.name());
            if !self.entity.owners().iter().any(known) {
                self.wrong(format!("names \"$owner.{name}\", which is not an owner of {}", self.entity));
            }
        }
        mapping.changes_at = self.single("$changesAt");
    }

    fn read_array(&mut self, array: &crate::ArrayQuery, mapping: &mut Mapping) {
        if array.inside.is_some() && mapping.parent.is_none() {
            self.wrong("has no \"$parent\": select the \"$id\" of the element that holds this one");
        }
        let queries = self.pack.queries(self.entity).expect("the array is one of theirs");
        let place = queries.arrays.iter().position(|other| other.path == array.path);
        if mapping.id.is_none()
            && queries.arrays.iter().any(|other| other.inside.is_some() && other.inside == place)
        {
            self.wrong("has no \"$id\", and holds other arrays: select what their \"$parent\" names");
        }
        if self.entity == Entity::Account && array.path == "plans" {
            let node = self.pack.graph().root(Entity::Plan);
            mapping.plan = node.and_then(|node| self.optional_key_alias("$plan", node));
        }
        if !matches!(array.element, Shape::Object(_)) {
            match self.single("$value") {
                Some(column) => {
                    let codes = self.codes("");
                    mapping.value =
                        Some(FieldAlias { column, path: Vec::new(), shape: array.element, codes });
                }
                None => self.wrong("has no \"$value\": its elements are single values"),
            }
        }
    }

    fn single(&self, alias: &str) -> Option<usize> {
        self.names.iter().position(|name| name == alias)
    }

    fn key_alias(&mut self, alias: &str, node: NodeId) -> Option<KeyAlias> {
        let wrong_before = self.errors.len();
        let found = self.optional_key_alias(alias, node);
        if found.is_none() && self.errors.len() == wrong_before {
            let columns: Vec<&str> =
                self.pack.graph().node(node).key.iter().map(|c| c.name.as_str()).collect();
            let wanted = match columns.as_slice() {
                [_] => format!("\"{alias}\""),
                many => many.iter().map(|c| format!("\"{alias}.{c}\"")).collect::<Vec<_>>().join(", "),
            };
            self.wrong(format!(
                "has no \"{alias}\": select the key columns {} as {wanted}",
                columns.join(", ")
            ));
        }
        found
    }

    /// A key of one column by its bare alias, of several by one alias a column.
    fn optional_key_alias(&mut self, alias: &str, node: NodeId) -> Option<KeyAlias> {
        let key: Vec<KeyColumn> = self.pack.graph().node(node).key.clone();
        let (base, tag) = alias.split_once('#').map_or((alias, String::new()), |(b, t)| (b, format!("#{t}")));
        self.refuse_strangers(base, &tag, &key);
        let place = |column: &KeyColumn| self.single(&format!("{base}.{}{tag}", column.name));
        let columns: Vec<Option<usize>> = match key.as_slice() {
            [one] => vec![self.single(alias).or_else(|| place(one))],
            many => many.iter().map(place).collect(),
        };
        if columns.iter().all(Option::is_none) {
            return None;
        }
        for (column, _) in key.iter().zip(&columns).filter(|(_, found)| found.is_none()) {
            self.wrong(format!("has a part of \"{alias}\" but not \"{alias}.{}\"", column.name));
        }
        Some(KeyAlias { node, columns: columns.into_iter().collect::<Option<Vec<usize>>>()? })
    }

    /// An alias that looks like part of a key and is none would be left out without a word.
    fn refuse_strangers(&mut self, base: &str, tag: &str, key: &[KeyColumn]) {
        let is_stranger = |name: &str| {
            let part = name.strip_prefix(base).and_then(|rest| rest.strip_suffix(tag));
            match part.map(|part| part.strip_prefix('.')) {
                Some(Some(column)) => !column.contains('#') && key.iter().all(|known| known.name != column),
                Some(None) => part == Some("") && key.len() > 1,
                None => false,
            }
        };
        for name in self.names.iter().filter(|name| is_stranger(name)) {
            let wanted: Vec<String> =
                key.iter().map(|column| format!("\"{base}.{}{tag}\"", column.name)).collect();
            self.wrong(format!("has the alias \"{name}\": the key is selected as {}", wanted.join(", ")));
        }
    }

    fn read_lineage(&mut self, mapping: &mut Mapping) {
        let mut aliases = BTreeSet::new();
        for name in self.names.iter().filter_map(|name| name.strip_prefix("$from.")) {
            let (base, tag) =
                name.split_once('#').map_or((name, String::new()), |(b, t)| (b, format!("#{t}")));
            let node = base.split_once('.').map_or(base, |(node, _)| node);
            aliases.insert((node.to_owned(), tag));
        }
        for (name, tag) in aliases {
            let graph = self.pack.graph();
            match graph.node_named(&name) {
                Some(node) if graph.reads(self.entity).contains(&node) => {
                    let alias = self.optional_key_alias(&format!("$from.{name}{tag}"), node);
                    mapping.lineage.extend(alias.map(|alias| (node, alias)));
                }
                Some(_) => self.wrong(format!(
                    "names \"$from.{name}\", but `{name}` is not among the nodes that {} reads: add it to `reads`",
                    self.entity
                )),
                None => self.wrong(format!("names \"$from.{name}\", but the graph has no node `{name}`")),
            }
        }
    }

    fn read_fields(&mut self, mapping: &mut Mapping) {
        const RESERVED: [&str; 7] = ["$ord", "$key", "$changesAt", "$id", "$parent", "$plan", "$value"];
        const PREFIXES: [&str; 4] = ["$key.", "$owner.", "$from.", "$plan."];
        let mut seen = BTreeSet::new();
        for (column, name) in self.names.iter().enumerate() {
            if !seen.insert(name) {
                self.wrong(format!("has the alias \"{name}\" twice"));
            }
            if name.starts_with('$') {
                if !RESERVED.contains(&name.as_str())
                    && !PREFIXES.iter().any(|prefix| name.starts_with(prefix))
                {
                    self.wrong(format!("has an unknown reserved alias \"{name}\""));
                }
                continue;
            }
            match self.field(name) {
                Some((path, shape)) => {
                    let codes = self.codes(name);
                    mapping.fields.push(FieldAlias { column, path, shape, codes });
                }
                None if name.len() >= SHORTEST_CUT => self.wrong(format!(
                    "has the alias \"{name}\", which is not a field; the database may have cut it off: select the object around the field as JSON"
                )),
                None => {
                    let of = self.array.map_or_else(
                        || self.entity.to_string(),
                        |array| format!("{}.{}", self.entity, array.path),
                    );
                    self.wrong(format!("has the alias \"{name}\", which is not a field of {of}"));
                }
            }
        }
    }

    /// The field at a path from the record or element, through objects only: an array needs a query of its own,
    /// unless the column holds it whole.
    fn field(&self, path: &str) -> Option<(Vec<&'static str>, &'static Shape)> {
        let mut object = match self.array {
            None => self.entity.shape(),
            Some(array) => match array.element {
                Shape::Object(object) => object,
                _ => return None,
            },
        };
        let mut names = Vec::new();
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            let field = object.field(part)?;
            names.push(field.name);
            match (&field.shape, parts.peek()) {
                (shape, None) => return Some((names, shape)),
                (Shape::Object(inner), Some(_)) => object = inner,
                _ => return None,
            }
        }
        None
    }

    fn codes(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let full = match (self.array, path) {
            (None, path) => path.to_owned(),
            (Some(array), "") => array.path.clone(),
            (Some(array), path) => format!("{}.{path}", array.path),
        };
        self.pack.maps.get(&self.entity)?.get(&full).cloned()
    }
}
