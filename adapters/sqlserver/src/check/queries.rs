//! The pack's queries: do they run, are their columns understood, and what do they read?
//!
//! SQL Server names what a module refers to, and not what a query does; its plan wants a right that a reader need not have.
//! So the query's text is read: every name in it that is a table or whatever else holds rows must be a node that the
//! entity reads. A view or a function is none, and is refused rather than looked behind.

use std::collections::BTreeMap;

use wattle_core::{Entity, SourceError};
use wattle_sql::{Mapping, Template, words};

use super::Check;
use super::text::{clocks, names};
use crate::catalogue::{Catalogue, same};
use crate::connect::literal;
use crate::dialect::{NOW, keys_relation};
use crate::snapshot::mapping;
use crate::value::text;

/// A time to run a query with, and no keys.
const SOME_TIME: &str = "2026-01-01T00:00:00";

impl Check<'_> {
    pub(super) async fn queries(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let inner = self.inner;
        let plans = self.may_see_plans().await?;
        for entity in inner.graph().entities() {
            let queries = inner.pack.queries(entity).expect("a pack has a query for each of its entities");
            let mut mappings = Vec::new();
            let arrays = queries.arrays.iter().enumerate().map(|(at, array)| (Some(at), &array.template));
            for (array, template) in std::iter::once((None, &queries.main)).chain(arrays) {
                let file = queries.file(entity, array);
                self.reads(catalogue, entity, template, &file).await?;
                mappings.extend(self.query(catalogue, entity, array, template, &file, plans).await?);
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
        catalogue: &Catalogue,
        entity: Entity,
        array: Option<usize>,
        template: &Template,
        file: &str,
        plans: bool,
    ) -> Result<Option<Mapping>, SourceError> {
        let graph = self.inner.graph();
        let root = graph.root(entity).expect("it is an entity of the graph");
        // What is wrong with the key itself was said of the table.
        let Ok(types) = catalogue.key_types(graph, root) else { return Ok(None) };
        let sql = template.expand(&keys_relation(graph, root, &types), NOW);
        let answer = match self.session.query(&format!("run {file}"), &sql, &["[]", SOME_TIME]).await {
            Ok(answer) => answer,
            Err(error) => {
                self.findings.refuse_error(error, "correct the query, or grant what it needs")?;
                return Ok(None);
            }
        };
        if plans {
            self.plan(catalogue, file, &sql, SOME_TIME).await?;
        }
        match mapping(self.inner, entity, array, &answer.columns) {
            Ok(mapping) => Ok(Some(mapping)),
            Err(errors) => {
                self.findings.refuse_pack(errors);
                Ok(None)
            }
        }
    }

    /// Looks at what a query's text reads.
    async fn reads(
        &mut self,
        catalogue: &Catalogue,
        entity: Entity,
        template: &Template,
        file: &str,
    ) -> Result<(), SourceError> {
        let sql = template.expand("keys_asked", "asked_at");
        for clock in clocks(&sql) {
            self.findings.refuse(
                format!("{file} asks the clock ({clock}): what it returns would change without an event"),
                words("use {now}, and select the time of the next change as \"$changesAt\""),
            );
        }
        let graph = self.inner.graph();
        let known: Vec<(&str, &str)> = graph
            .root(entity)
            .iter()
            .chain(graph.reads(entity))
            .filter_map(|node| catalogue.table(*node))
            .map(|table| (table.schema.as_str(), table.name.as_str()))
            .collect();
        for (schema, name) in self.objects(&sql).await? {
            if !known.iter().any(|(s, n)| same(s, &schema) && same(n, &name)) {
                self.findings.refuse(
                    format!("{file} reads {schema}.{name}, which is not among the nodes that {entity} reads: its changes would not be heard"),
                    words(format!("add it as a node, and to the `reads` of entity {entity}; of a view or a function, the tables behind it, read by the query itself")),
                );
            }
        }
        Ok(())
    }

    /// The names in a query that are tables, views, functions of rows or synonyms.
    async fn objects(&mut self, sql: &str) -> Result<Vec<(String, String)>, SourceError> {
        let doing = "look at what a query reads";
        let rows = self.session.rows(doing, "select schema_name()").await?;
        let own = literal(&rows.first().and_then(|row| text(row, 0)).unwrap_or_default());
        let mut by_schema: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (schema, name) in names(sql) {
            let schema = schema.as_deref().map_or_else(|| own.clone(), literal);
            by_schema.entry(schema).or_default().push(literal(&name));
        }
        let listed: Vec<String> = by_schema
            .iter()
            .map(|(schema, names)| format!("(s.name = {schema} and o.name in ({}))", names.join(", ")))
            .collect();
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        let asked = format!(
            "select s.name, o.name from sys.objects o join sys.schemas s on s.schema_id = o.schema_id \
             where o.type in ('U', 'V', 'IF', 'TF', 'FT', 'SN') and ({})",
            listed.join(" or ")
        );
        let rows = self.session.rows(doing, &asked).await?;
        Ok(rows.iter().filter_map(|row| Some((text(row, 0)?, text(row, 1)?))).collect())
    }
}
