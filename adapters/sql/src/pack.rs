//! Packs: what an integration engineer writes to onboard a retailer.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use chrono_tz::Tz;
use serde::Deserialize;
use wattle_core::entity::Shape;
use wattle_core::{Entity, EntityGraph, EntitySpec, GraphSpec, NodeSpec};

use crate::Template;

/// A mistake in a pack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct PackError {
    /// The file at fault, within the pack.
    pub file: String,
    /// What is wrong and what to write instead.
    pub what: String,
}

impl PackError {
    pub(crate) fn new(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self { file: file.into(), what: what.into() }
    }
}

/// A retailer's schema, explained to Wattle.
#[derive(Debug, Clone)]
pub struct Pack {
    pub(crate) graph: EntityGraph,
    pub(crate) zone: Tz,
    pub(crate) maps: BTreeMap<Entity, BTreeMap<String, BTreeMap<String, String>>>,
    queries: BTreeMap<Entity, EntityQueries>,
}

/// The queries of one entity.
#[derive(Debug, Clone)]
pub struct EntityQueries {
    /// Gives the records.
    pub main: Template,
    /// Give the elements of their arrays, inner arrays before those that hold them.
    pub arrays: Vec<ArrayQuery>,
}

impl EntityQueries {
    /// The file, within the pack, of the main query or of an array's.
    pub fn file(&self, entity: Entity, array: Option<usize>) -> String {
        match array {
            None => format!("fetch/{entity}.sql"),
            Some(at) => format!("fetch/{entity}.{}.sql", self.arrays[at].path),
        }
    }
}

/// The query of one array.
#[derive(Debug, Clone)]
pub struct ArrayQuery {
    /// The array's path in the record.
    pub path: String,
    /// Gives its elements.
    pub template: Template,
    /// The index, among the entity's array queries, of the array whose elements hold this one.
    pub(crate) inside: Option<usize>,
    pub(crate) element: &'static Shape,
}

/// `graph.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GraphFile {
    zone: String,
    #[serde(default)]
    node: BTreeMap<String, NodeSpec>,
    #[serde(default)]
    entity: BTreeMap<String, EntitySpec>,
    #[serde(default)]
    map: BTreeMap<String, BTreeMap<String, toml::Value>>,
}

impl Pack {
    /// Reads a pack from the text of its files, by their paths within it.
    ///
    /// # Errors
    /// Every mistake that can be found without a database.
    pub fn from_files(files: &[(&str, &str)]) -> Result<Self, Vec<PackError>> {
        const GRAPH: &str = "graph.toml";
        let Some((_, text)) = files.iter().find(|(path, _)| *path == GRAPH) else {
            return Err(vec![PackError::new(
                GRAPH,
                "is missing: it names the source's tables and how they hang together",
            )]);
        };
        let file: GraphFile =
            toml::from_str(text).map_err(|error| vec![PackError::new(GRAPH, error.to_string())])?;
        let zone = file.zone.parse().map_err(|_| {
            vec![PackError::new(
                GRAPH,
                format!("`{}` is not a time zone: write one such as \"Australia/Melbourne\"", file.zone),
            )]
        })?;
        let mut errors = Vec::new();
        let mut entities = BTreeMap::new();
        for (name, spec) in file.entity {
            match Entity::from_name(&name) {
                Some(entity) => {
                    entities.insert(entity, spec);
                }
                None => errors.push(PackError::new(
                    GRAPH,
                    format!("`{name}` is not an entity: there are {}", entity_names()),
                )),
            }
        }
        let graph = match EntityGraph::new(GraphSpec { nodes: file.node, entities }) {
            Ok(graph) => graph,
            Err(found) => {
                errors.extend(found.iter().map(|error| PackError::new(GRAPH, error.to_string())));
                return Err(errors);
            }
        };
        let maps = maps(file.map, &mut errors);
        let queries = queries(&graph, files, &mut errors);
        if errors.is_empty() { Ok(Self { graph, zone, maps, queries }) } else { Err(errors) }
    }

    /// Reads a pack from a folder.
    pub fn from_folder(folder: &FilePath) -> Result<Self, Vec<PackError>> {
        let unreadable = |path: &FilePath, error: std::io::Error| {
            vec![PackError::new(path.display().to_string(), format!("cannot be read: {error}"))]
        };
        let graph = folder.join("graph.toml");
        let mut files = vec![(
            "graph.toml".to_owned(),
            std::fs::read_to_string(&graph).map_err(|e| unreadable(&graph, e))?,
        )];
        let fetch = folder.join("fetch");
        for entry in std::fs::read_dir(&fetch).map_err(|e| unreadable(&fetch, e))? {
            let path = entry.map_err(|e| unreadable(&fetch, e))?.path();
            if path.extension().is_some_and(|extension| extension == "sql") {
                let name =
                    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                files.push((
                    format!("fetch/{name}"),
                    std::fs::read_to_string(&path).map_err(|e| unreadable(&path, e))?,
                ));
            }
        }
        let borrowed: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        Self::from_files(&borrowed)
    }

    /// The zone of the retailer's date-times that name none.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The graph.
    pub fn graph(&self) -> &EntityGraph {
        &self.graph
    }

    /// What is done by the query of an entity, or by that of one of its arrays, for messages.
    pub fn doing(&self, entity: Entity, array: Option<usize>) -> String {
        match (array, self.queries(entity)) {
            (Some(_), Some(queries)) => format!("fetch {entity} by {}", queries.file(entity, array)),
            _ => format!("fetch {entity}"),
        }
    }

    /// The queries of an entity that this pack feeds.
    pub fn queries(&self, entity: Entity) -> Option<&EntityQueries> {
        self.queries.get(&entity)
    }
}

fn entity_names() -> String {
    Entity::ALL.map(Entity::name).join(", ")
}

fn maps(
    declared: BTreeMap<String, BTreeMap<String, toml::Value>>,
    errors: &mut Vec<PackError>,
) -> BTreeMap<Entity, BTreeMap<String, BTreeMap<String, String>>> {
    let mut maps: BTreeMap<Entity, BTreeMap<String, BTreeMap<String, String>>> = BTreeMap::new();
    let mut wrong = |what: String| errors.push(PackError::new("graph.toml", what));
    for (name, fields) in declared {
        let Some(entity) = Entity::from_name(&name) else {
            wrong(format!("[map.{name}]: `{name}` is not an entity: there are {}", entity_names()));
            continue;
        };
        let mut flat = Vec::new();
        let table = toml::Value::Table(fields.into_iter().collect());
        if let Err(path) = flatten(String::new(), table, &mut flat) {
            wrong(format!(
                "[map.{name}] {path} is not the map of a field: write field = {{ code = \"WORD\" }}, codes and words as text"
            ));
        }
        for (path, codes) in flat {
            match entity.shape().at(&path).map(Shape::element) {
                None => wrong(format!("[map.{name}] names `{path}`, which is not a field of {name}")),
                Some(Shape::Enum(words)) => {
                    for word in codes.values().filter(|word| !words.contains(&word.as_str())) {
                        wrong(format!(
                            "[map.{name}] {path} maps to `{word}`, which is not one of {}",
                            words.join(", ")
                        ));
                    }
                }
                Some(_) => {}
            }
            maps.entry(entity).or_default().insert(path, codes);
        }
    }
    maps
}

/// The map of one field: its path, and what its codes stand for.
type FieldMap = (String, BTreeMap<String, String>);

/// Paths may be written as dotted keys or quoted; a table of strings is the map of one field. An error names the path
/// of what is neither.
fn flatten(path: String, value: toml::Value, maps: &mut Vec<FieldMap>) -> Result<(), String> {
    let toml::Value::Table(table) = value else { return Err(path) };
    if !path.is_empty() && !table.is_empty() && table.values().all(toml::Value::is_str) {
        let text = |value: toml::Value| value.as_str().unwrap_or_default().to_owned();
        maps.push((path, table.into_iter().map(|(code, word)| (code, text(word))).collect()));
        return Ok(());
    }
    let join = |name: String| if path.is_empty() { name } else { format!("{path}.{name}") };
    table.into_iter().try_for_each(|(name, value)| flatten(join(name), value, maps))
}

fn queries(
    graph: &EntityGraph,
    files: &[(&str, &str)],
    errors: &mut Vec<PackError>,
) -> BTreeMap<Entity, EntityQueries> {
    let mut mains = BTreeMap::new();
    let mut arrays: BTreeMap<Entity, Vec<ArrayQuery>> = BTreeMap::new();
    for (file, text) in files.iter().filter(|(path, _)| *path != "graph.toml") {
        let mut wrong = |what: String| errors.push(PackError::new(*file, what));
        let Some(name) = file.strip_prefix("fetch/").and_then(|name| name.strip_suffix(".sql")) else {
            wrong("does not belong in a pack: it holds graph.toml and fetch/*.sql".into());
            continue;
        };
        let (entity_name, array) =
            name.split_once('.').map_or((name, None), |(entity, array)| (entity, Some(array)));
        let Some(entity) = Entity::from_name(entity_name).filter(|entity| graph.root(*entity).is_some())
        else {
            wrong(format!("`{entity_name}` is not an entity of graph.toml"));
            continue;
        };
        let template = match Template::parse(text) {
            Ok(template) => template,
            Err(what) => {
                wrong(what);
                continue;
            }
        };
        match array {
            None => {
                mains.insert(entity, template);
            }
            Some(path) => match entity.shape().at(path) {
                Some(Shape::List(element)) => {
                    let query = ArrayQuery { path: path.to_owned(), template, inside: None, element };
                    arrays.entry(entity).or_default().push(query);
                }
                Some(_) => wrong(format!("`{path}` is not an array: select it in fetch/{entity}.sql")),
                None => wrong(format!("`{path}` is not a field of {entity}")),
            },
        }
    }
    for entity in graph.entities().filter(|entity| !mains.contains_key(entity)) {
        let file = format!("fetch/{entity}.sql");
        if !files.iter().any(|(path, _)| *path == file) {
            errors.push(PackError::new(file, "is missing: it selects the records of this entity by {keys}"));
        }
    }
    let nested = |entity| nest(entity, arrays.remove(&entity).unwrap_or_default(), errors);
    let mut nested = nested;
    mains.into_iter().map(|(entity, main)| (entity, EntityQueries { main, arrays: nested(entity) })).collect()
}

/// Puts inner arrays before outer ones and finds which array each one is inside of.
fn nest(entity: Entity, mut arrays: Vec<ArrayQuery>, errors: &mut Vec<PackError>) -> Vec<ArrayQuery> {
    arrays.sort_by(|a, b| {
        b.path.matches('.').count().cmp(&a.path.matches('.').count()).then(a.path.cmp(&b.path))
    });
    let paths: Vec<String> = arrays.iter().map(|array| array.path.clone()).collect();
    let mut holders = Vec::new();
    for array in &mut arrays {
        let mut prefix = array.path.as_str();
        while let Some((shorter, _)) = prefix.rsplit_once('.') {
            prefix = shorter;
            if matches!(entity.shape().at(prefix), Some(Shape::List(_))) {
                array.inside = paths.iter().position(|path| path == prefix);
                holders.extend(array.inside);
                if array.inside.is_none() {
                    errors.push(PackError::new(
                        format!("fetch/{entity}.{}.sql", array.path),
                        format!(
                            "is inside the array `{prefix}`, which has no query fetch/{entity}.{prefix}.sql"
                        ),
                    ));
                }
                break;
            }
        }
    }
    holders.dedup();
    for holder in holders.into_iter().map(|at| &arrays[at]).filter(|array| !array.template.names("$id")) {
        errors.push(PackError::new(
            format!("fetch/{entity}.{}.sql", holder.path),
            "has no \"$id\", and holds other arrays: select what their \"$parent\" names",
        ));
    }
    arrays
}

#[cfg(test)]
pub(crate) mod tests;
