//! The pack's queries: do they prepare, are their columns understood, what do they read, and how?

use std::collections::{BTreeMap, BTreeSet};

use wattle_core::{Entity, PathId, SourceError};
use wattle_sql::{Mapping, PageQuery, SourceValue, Template, words};

use super::Check;
use crate::catalogue::{Catalogue, same};
use crate::snapshot::{NOW, Sqlite, keys_relation};

/// Functions that ask the clock by themselves, as a program names them.
const CLOCKS: [&str; 3] = ["current_date(0)", "current_time(0)", "current_timestamp(0)"];

/// Functions that ask the clock when they are given no time. A program names them all alike, however much they are given,
/// so that of `strftime`, which always has its format, it cannot be told.
const CLOCKS_UNLESS_GIVEN: [&str; 5] =
    ["date(-1)", "time(-1)", "datetime(-1)", "julianday(-1)", "unixepoch(-1)"];

/// What SQLite's program for a query shows of it.
#[derive(Default)]
pub(super) struct Program {
    /// The tables it reads, views resolved.
    tables: BTreeSet<String>,
    /// Those that it reads from end to end.
    pub(super) whole: Vec<String>,
    /// What it asks of the clock.
    clocks: BTreeSet<String>,
}

impl Check<'_> {
    pub(super) async fn queries(&mut self) -> Result<(), SourceError> {
        let inner = self.inner;
        for entity in inner.graph().entities() {
            let queries = inner.pack.queries(entity).expect("a pack has a query for each of its entities");
            let mut mappings = Vec::new();
            let arrays = queries.arrays.iter().enumerate().map(|(at, array)| (Some(at), &array.template));
            for (array, template) in std::iter::once((None, &queries.main)).chain(arrays) {
                let file = queries.file(entity, array);
                mappings.extend(self.query(entity, array, template, &file).await?);
            }
            if mappings.len() == queries.arrays.len() + 1 {
                let borrowed: Vec<&Mapping> = mappings.iter().collect();
                self.findings.refuse_pack(Mapping::missing_lineage(&inner.pack, entity, &borrowed));
            }
        }
        Ok(())
    }

    async fn query(
        &mut self,
        entity: Entity,
        array: Option<usize>,
        template: &Template,
        file: &str,
    ) -> Result<Option<Mapping>, SourceError> {
        let (pack, graph) = (&self.inner.pack, self.inner.graph());
        let root = graph.root(entity).expect("it is an entity of the graph");
        // What is wrong with the key is told with the table.
        let Ok(types) = self.catalogue.key_types(graph, root) else { return Ok(None) };
        let relation = keys_relation(graph, root, &types);
        let sql = template.expand(&relation, NOW);
        let names = match self.session.columns(&format!("prepare {file}"), &sql).await {
            Ok(names) => names,
            Err(error) => {
                self.findings.refuse_error(error, "correct the query")?;
                return Ok(None);
            }
        };
        let program = self.reads(&format!("plan {file}"), &sql).await?;
        for clock in &program.clocks {
            self.findings.refuse(
                format!("{file} asks the clock ({clock}): what it returns would change without an event"),
                words("use {now}, and select the time of the next change as \"$changesAt\""),
            );
        }
        let known: Vec<&str> = std::iter::once(&root)
            .chain(graph.reads(entity))
            .filter_map(|id| self.catalogue.table(*id))
            .map(|table| table.name.as_str())
            .collect();
        for table in program.tables.iter().filter(|table| !known.iter().any(|name| same(name, table))) {
            self.findings.refuse(
                format!("{file} reads {table}, which is not among the nodes that {entity} reads: its changes would not be heard"),
                words(format!("add it as a node, and to the `reads` of entity {entity}")),
            );
        }
        let whole = self.sizes(program.whole).await?;
        self.findings.plan(file, whole);
        let mapping = match array {
            None => Mapping::of_main(pack, entity, &names),
            Some(at) => Mapping::of_array(pack, entity, at, &names),
        };
        match mapping {
            Ok(mapping) => Ok(Some(mapping)),
            Err(errors) => {
                self.findings.refuse_pack(errors);
                Ok(None)
            }
        }
    }

    /// The query that follows a path, as a batch runs it.
    pub(super) fn path_query(&self, path: PathId) -> Result<String, SourceError> {
        let graph = self.inner.graph();
        let way = graph.path(path);
        let root = graph.root(way.entity).expect("a path ends at a root");
        let of = |catalogue: &Catalogue, node| catalogue.key_types(graph, node);
        let types = of(&self.catalogue, root)?;
        let relation = keys_relation(graph, way.from, &of(&self.catalogue, way.from)?);
        let page = PageQuery { types: &types, after: false, limit: 1_000 };
        Ok(page.of_path(&Sqlite, graph, way, &relation, 2))
    }

    /// What a query reads and how, from the program that SQLite makes of it.
    pub(super) async fn reads(&mut self, doing: &str, sql: &str) -> Result<Program, SourceError> {
        let roots = "select rootpage, tbl_name from sqlite_schema where rootpage > 0";
        let tables: BTreeMap<i64, String> = self
            .session
            .rows(doing, roots, &[])
            .await?
            .iter()
            .filter_map(|row| Some((number(&row[0])?, row[1].plain_text()?)))
            .collect();
        let mut program = Program::default();
        let mut cursors = BTreeMap::new();
        for step in self.session.rows(doing, &format!("explain {sql}"), &[]).await? {
            // The step's number, its name, and what it is given: p1, p2, p3, p4.
            let (name, p4) = (step[1].plain_text().unwrap_or_default(), step[5].plain_text());
            match (name.as_str(), p4) {
                ("OpenRead", _) => {
                    if let (Some(cursor), Some(table)) =
                        (number(&step[2]), number(&step[3]).and_then(|page| tables.get(&page)))
                    {
                        program.tables.insert(table.clone());
                        cursors.insert(cursor, table.clone());
                    }
                }
                ("Rewind" | "Last", _) => {
                    program.whole.extend(number(&step[2]).and_then(|cursor| cursors.get(&cursor).cloned()))
                }
                ("Function", Some(called)) if CLOCKS.contains(&called.as_str()) => {
                    program.clocks.insert(called);
                }
                // Arguments begin at a register, and the first has the number 1.
                ("Function", Some(called))
                    if CLOCKS_UNLESS_GIVEN.contains(&called.as_str()) && number(&step[3]) == Some(0) =>
                {
                    program.clocks.insert(called.replace("-1", ""));
                }
                ("String8", Some(text)) if text.eq_ignore_ascii_case("now") => {
                    program.clocks.insert("'now'".to_owned());
                }
                _ => {}
            }
        }
        program.whole.sort();
        program.whole.dedup();
        Ok(program)
    }
}

fn number(value: &SourceValue) -> Option<i64> {
    match value {
        SourceValue::Integer(number) => Some(*number),
        _ => None,
    }
}
