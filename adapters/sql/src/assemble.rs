//! From rows to records.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value, json};
use wattle_core::entity::{Object, PLAN_DETAIL_SLOT, PLAN_NAME_SLOT, Presence, Shape};
use wattle_core::{Entity, Fetched, Key, NodeId, Record, RecordError, SourceError};

use crate::mapping::{FieldAlias, KeyAlias};
use crate::value::Reading;
use crate::{Mapping, Pack, SourceValue};

/// A row, as many values as its query has columns.
pub type Row = Vec<SourceValue>;

/// Elements of an array, by the record's ordinal and the element that holds them.
type Elements = HashMap<(usize, Option<String>), Vec<Value>>;

/// Builds the records of one fetch.
pub struct Assembler<'a> {
    pack: &'a Pack,
    entity: Entity,
    keys: &'a [Key],
    /// Array elements not yet taken by what holds them, per array query.
    elements: Vec<Elements>,
    /// Ids of the elements that hold others, per array query, by the record's ordinal.
    ids: HashSet<(usize, usize, String)>,
    lineage: BTreeMap<usize, Vec<(NodeId, Key)>>,
    errors: HashMap<usize, RecordError>,
}

impl<'a> Assembler<'a> {
    /// For the records of an entity with these keys.
    pub fn new(pack: &'a Pack, entity: Entity, keys: &'a [Key]) -> Self {
        let arrays = pack.queries(entity).map_or(0, |queries| queries.arrays.len());
        Self {
            pack,
            entity,
            keys,
            elements: vec![Elements::new(); arrays],
            ids: HashSet::new(),
            lineage: BTreeMap::new(),
            errors: HashMap::new(),
        }
    }

    /// Takes the rows of an array's query. Arrays come in the order of the pack: inner ones first.
    pub fn array(&mut self, array: usize, mapping: &Mapping, rows: Vec<Row>) -> Result<(), SourceError> {
        for row in rows {
            let ordinal = self.ordinal(mapping, &row)?;
            if let Err(error) = self.element(array, ordinal, mapping, &row) {
                self.errors.entry(ordinal).or_insert(error);
            }
        }
        Ok(())
    }

    fn element(
        &mut self,
        array: usize,
        ordinal: usize,
        mapping: &Mapping,
        row: &Row,
    ) -> Result<(), RecordError> {
        let queries = self.pack.queries(self.entity).expect("the caller got the mapping from this pack");
        let query = &queries.arrays[array];
        // First of all: a record that an element spoils is read again when that element changes.
        let lineage = self.lineage_of(ordinal, mapping, row)?;
        self.lineage.entry(ordinal).or_default().extend(lineage);
        let parent = self.id(ordinal, "$parent", mapping.parent, row)?;
        let value = match &mapping.value {
            Some(alias) => match self.convert(ordinal, &query.path, alias, row)? {
                Some(value) => value,
                None => return Ok(()),
            },
            None => {
                let mut fields = self.object(ordinal, &query.path, mapping, row)?;
                let id = self.id(ordinal, "$id", mapping.id, row)?;
                if let Some(id) = &id
                    && !self.ids.insert((array, ordinal, id.clone()))
                {
                    return Err(self.error(
                        ordinal,
                        &query.path,
                        "two elements have the same $id: a join multiplies them, or $id is not a key",
                    ));
                }
                for (inner, held) in
                    queries.arrays.iter().enumerate().filter(|(_, held)| held.inside == Some(array))
                {
                    if let Some(values) = self.elements[inner].remove(&(ordinal, id.clone())) {
                        let inside = &held.path[query.path.len() + 1..];
                        put(&mut fields, &inside.split('.').collect::<Vec<_>>(), Value::Array(values));
                    }
                }
                self.name_plan(ordinal, mapping, row, &mut fields)?;
                Value::Object(fields)
            }
        };
        self.elements[array].entry((ordinal, parent)).or_default().push(value);
        Ok(())
    }

    /// Takes the rows of the main query and returns an answer for each record found.
    pub fn main(mut self, mapping: &Mapping, rows: Vec<Row>) -> Result<Vec<Fetched>, SourceError> {
        self.refuse_orphans();
        let mut fetched: BTreeMap<usize, Result<Record, RecordError>> = BTreeMap::new();
        for row in rows {
            let ordinal = self.ordinal(mapping, &row)?;
            let mut lineage = match fetched.remove(&ordinal) {
                Some(Ok(record)) => {
                    let rule = "its query returns it more than once: a join multiplies it";
                    self.errors.insert(ordinal, self.error(ordinal, "$key", rule));
                    record.lineage
                }
                Some(Err(error)) => {
                    let lineage = error.lineage.clone();
                    self.errors.insert(ordinal, error);
                    lineage
                }
                None => self.lineage.remove(&ordinal).unwrap_or_default(),
            };
            let mut record = self.record(ordinal, mapping, &row, &mut lineage);
            if let Err(error) = &mut record {
                error.lineage.append(&mut lineage);
            }
            fetched.insert(ordinal, record);
        }
        Ok(fetched.into_iter().map(|(ordinal, record)| Fetched { ordinal, record }).collect())
    }

    /// Elements that no element has taken would be left out without a word.
    fn refuse_orphans(&mut self) {
        let queries = self.pack.queries(self.entity).expect("the caller got the mapping from this pack");
        for (array, query) in queries.arrays.iter().enumerate().filter(|(_, query)| query.inside.is_some()) {
            for (ordinal, _) in std::mem::take(&mut self.elements[array]).into_keys() {
                let rule = "an element's $parent is the $id of no element that could hold it";
                let error = self.error(ordinal, &query.path, rule);
                self.errors.entry(ordinal).or_insert(error);
            }
        }
    }

    /// Builds a record. `lineage` begins with that of its elements; when the record is refused it holds as much of the
    /// record's own as could be read.
    fn record(
        &mut self,
        ordinal: usize,
        mapping: &Mapping,
        row: &Row,
        lineage: &mut Vec<(NodeId, Key)>,
    ) -> Result<Record, RecordError> {
        lineage.extend(self.lineage_of(ordinal, mapping, row)?);
        lineage.sort();
        lineage.dedup();
        if let Some(error) = self.errors.remove(&ordinal) {
            return Err(error);
        }
        let mut fields = self.object(ordinal, "", mapping, row)?;
        let queries = self.pack.queries(self.entity).expect("the caller got the mapping from this pack");
        for (array, query) in queries.arrays.iter().enumerate().filter(|(_, query)| query.inside.is_none()) {
            if let Some(values) = self.elements[array].remove(&(ordinal, None)) {
                put(&mut fields, &query.path.split('.').collect::<Vec<_>>(), Value::Array(values));
            }
        }
        add_empty_arrays(self.entity.shape(), &mut fields);
        let key = match &mapping.key {
            Some(alias) => self.key(ordinal, "$key", alias, row)?,
            None => None,
        };
        let key = key.ok_or_else(|| self.error(ordinal, "$key", "is null"))?;
        let mut owners = Vec::with_capacity(mapping.owners.len());
        for (owner, alias) in self.entity.owners().iter().zip(&mapping.owners) {
            let name = format!("$owner.{owner}");
            let owner = self.key(ordinal, &name, alias, row)?;
            owners.push(owner.ok_or_else(|| self.error(ordinal, &name, "is null"))?);
        }
        let changes_at = mapping.changes_at.map_or(Ok(None), |column| row[column].instant(self.pack.zone));
        let changes_at = changes_at.map_err(|rule| self.error(ordinal, "$changesAt", &rule))?;
        let body = Value::Object(fields);
        let record =
            Record { entity: self.entity, key, owners, body, lineage: std::mem::take(lineage), changes_at };
        record.check().map(|()| record)
    }

    fn ordinal(&self, mapping: &Mapping, row: &Row) -> Result<usize, SourceError> {
        match &row[mapping.ordinal] {
            SourceValue::Integer(ordinal) => {
                let ordinal = usize::try_from(*ordinal).ok().filter(|ordinal| *ordinal < self.keys.len());
                ordinal.ok_or_else(|| SourceError::Bug {
                    what: "a fetch returned an ordinal that was not asked for".into(),
                })
            }
            _ => Err(SourceError::Config {
                what: format!("a fetch of {} returned a \"$ord\" that is not a number", self.entity),
                fix: "select k.ord as \"$ord\" unchanged".into(),
            }),
        }
    }

    fn error(&self, ordinal: usize, field: &str, rule: &str) -> RecordError {
        RecordError {
            entity: self.entity,
            key: self.keys[ordinal].clone(),
            field: field.to_owned(),
            rule: rule.to_owned(),
            lineage: Vec::new(),
        }
    }

    fn key(
        &self,
        ordinal: usize,
        name: &str,
        alias: &KeyAlias,
        row: &Row,
    ) -> Result<Option<Key>, RecordError> {
        let mut values = Vec::with_capacity(alias.columns.len());
        for column in &alias.columns {
            let text = row[*column].key_text().map_err(|rule| self.error(ordinal, name, &rule))?;
            let Some(text) = text else { return Ok(None) };
            values.push(text);
        }
        let types = self.pack.graph().key_types(alias.node);
        Key::new(types, values.iter().map(String::as_str))
            .map(Some)
            .map_err(|error| self.error(ordinal, name, &error.to_string()))
    }

    /// The text of an `$id` or `$parent`; nothing where the query has no such column, or NULL in it.
    fn id(
        &self,
        ordinal: usize,
        name: &str,
        column: Option<usize>,
        row: &Row,
    ) -> Result<Option<String>, RecordError> {
        let text = column.map_or(Ok(None), |column| row[column].key_text());
        text.map_err(|rule| self.error(ordinal, name, &rule))
    }

    fn lineage_of(
        &self,
        ordinal: usize,
        mapping: &Mapping,
        row: &Row,
    ) -> Result<Vec<(NodeId, Key)>, RecordError> {
        let mut lineage = Vec::with_capacity(mapping.lineage.len());
        for (node, alias) in &mapping.lineage {
            let key = self.key(ordinal, "$from", alias, row)?;
            lineage.extend(key.map(|key| (*node, key)));
        }
        Ok(lineage)
    }

    fn convert(
        &self,
        ordinal: usize,
        prefix: &str,
        alias: &FieldAlias,
        row: &Row,
    ) -> Result<Option<Value>, RecordError> {
        let reading = Reading { zone: self.pack.zone, codes: alias.codes.as_ref() };
        row[alias.column].to_wire(alias.shape, reading).map_err(|rule| {
            let parts =
                std::iter::once(prefix).chain(alias.path.iter().copied()).filter(|part| !part.is_empty());
            self.error(ordinal, &parts.collect::<Vec<_>>().join("."), &rule)
        })
    }

    fn object(
        &self,
        ordinal: usize,
        prefix: &str,
        mapping: &Mapping,
        row: &Row,
    ) -> Result<Map<String, Value>, RecordError> {
        let mut fields = Map::new();
        for alias in &mapping.fields {
            if let Some(value) = self.convert(ordinal, prefix, alias, row)? {
                put(&mut fields, &alias.path, value);
            }
        }
        Ok(fields)
    }

    /// Puts the slots of a plan into an element of `plans`.
    fn name_plan(
        &self,
        ordinal: usize,
        mapping: &Mapping,
        row: &Row,
        fields: &mut Map<String, Value>,
    ) -> Result<(), RecordError> {
        let Some(alias) = &mapping.plan else { return Ok(()) };
        let Some(plan) = self.key(ordinal, "$plan", alias, row)? else { return Ok(()) };
        fields.insert("planDetail".into(), json!({ PLAN_DETAIL_SLOT: plan.as_str() }));
        if let Some(Value::Object(overview)) = fields.get_mut("planOverview") {
            overview.entry("displayName").or_insert_with(|| json!({ PLAN_NAME_SLOT: plan.as_str() }));
        }
        Ok(())
    }
}

/// Puts a value at a path, making the objects on the way.
fn put(fields: &mut Map<String, Value>, path: &[&str], value: Value) {
    let [name, rest @ ..] = path else { return };
    if rest.is_empty() {
        fields.insert((*name).to_owned(), value);
        return;
    }
    let inner = fields.entry(*name).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(inner) = inner {
        put(inner, rest, value);
    }
}

/// A mandatory array with nothing in it is `[]`.
fn add_empty_arrays(shape: &Object, fields: &mut Map<String, Value>) {
    for field in shape.fields {
        match (&field.shape, fields.get_mut(field.name)) {
            (Shape::List(_), None) if matches!(field.presence, Presence::Mandatory) => {
                fields.insert(field.name.to_owned(), Value::Array(Vec::new()));
            }
            (Shape::Object(inner), Some(Value::Object(inside))) => add_empty_arrays(inner, inside),
            (Shape::List(Shape::Object(inner)), Some(Value::Array(elements))) => {
                for element in elements {
                    if let Value::Object(inside) = element {
                        add_empty_arrays(inner, inside);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
