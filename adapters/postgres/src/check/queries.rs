//! The pack's queries: do they prepare, are their columns understood, what do they read, and how?

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use wattle_core::{Entity, SourceError};
use wattle_sql::{Mapping, Template, words};

use super::Check;
use crate::catalogue::Catalogue;
use crate::error::source_error;
use crate::snapshot::{keys_relation, mapping};

/// Functions, and texts of dates and times, that depend on when they are asked.
const CLOCKS: [&str; 15] = [
    "now",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtime",
    "localtimestamp",
    "clock_timestamp",
    "statement_timestamp",
    "transaction_timestamp",
    "timeofday",
    "age",
    "'now'",
    "'today'",
    "'tomorrow'",
    "'yesterday'",
];

impl Check<'_> {
    pub(super) async fn queries(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let entities: Vec<Entity> = self.inner.graph().entities().collect();
        for entity in entities {
            let queries =
                self.inner.pack.queries(entity).expect("a pack has a query for each of its entities");
            let mut mappings = Vec::new();
            let arrays = queries.arrays.iter().enumerate().map(|(at, array)| (Some(at), &array.template));
            for (array, template) in std::iter::once((None, &queries.main)).chain(arrays) {
                let file = queries.file(entity, array);
                mappings.extend(self.query(catalogue, entity, array, template, &file).await?);
            }
            if mappings.len() == queries.arrays.len() + 1 {
                let borrowed: Vec<&Mapping> = mappings.iter().collect();
                let missing = Mapping::missing_lineage(&self.inner.pack, entity, &borrowed);
                self.findings.refuse_pack(missing);
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
    ) -> Result<Option<Mapping>, SourceError> {
        for clock in clocks(&template.expand("keys", "asked")) {
            self.findings.refuse(
                format!("{file} asks the clock ({clock}): what it returns would change without an event"),
                words("use {now}, and select the time of the next change as \"$changesAt\""),
            );
        }
        let graph = self.inner.graph();
        let root = graph.root(entity).expect("it is an entity of the graph");
        // What is wrong with the key itself was said of the table.
        let Ok(types) = catalogue.key_types(graph, root) else { return Ok(None) };
        let relation = keys_relation(graph, root, &types);
        let statement = self
            .session
            .client()
            .prepare(&template.expand(&relation, "transaction_timestamp()"))
            .await
            .map_err(|error| source_error(&format!("prepare {file}"), error));
        let statement = match statement {
            Ok(statement) => statement,
            Err(error) => {
                self.findings.refuse_error(error, "correct the query, or grant what it needs")?;
                return Ok(None);
            }
        };
        let mapping = match mapping(self.inner, entity, array, &statement) {
            Ok(mapping) => Some(mapping),
            Err(errors) => {
                self.findings.refuse_pack(errors);
                None
            }
        };
        self.plan(catalogue, entity, template, file, &relation).await?;
        Ok(mapping)
    }

    /// Reads the query's plan: which relations it touches, and how.
    async fn plan(
        &mut self,
        catalogue: &Catalogue,
        entity: Entity,
        template: &Template,
        file: &str,
        keys: &str,
    ) -> Result<(), SourceError> {
        let graph = self.inner.graph();
        let root = graph.root(entity).expect("it is an entity of the graph");
        // Values that the planner cannot see: it plans as for any keys.
        let mut unknown = keys.to_owned();
        for at in 1..=graph.node(root).key.len() {
            unknown = unknown.replace(&format!("${at}::text[]"), "(select null::text[])");
        }
        let sql = format!(
            "explain (format json, verbose) {}",
            template.expand(&unknown, "transaction_timestamp()")
        );
        let planned = self.session.client().query_one(&sql, &[]).await;
        let plan: Value = match planned.map_err(|error| source_error(&format!("plan {file}"), error)) {
            Ok(row) => row.get(0),
            Err(error) => {
                return self.findings.refuse_error(error, "correct the query, or grant what it needs");
            }
        };
        self.hidden_clocks(&plan, template, file);
        let known: BTreeSet<u32> = std::iter::once(&root)
            .chain(graph.reads(entity))
            .filter_map(|id| catalogue.relation(*id))
            .map(|relation| relation.oid)
            .collect();
        let mut whole = Vec::new();
        for (oid, Read { name, whole_rows }) in self.read_relations(&plan).await? {
            if !known.contains(&oid) {
                self.findings.refuse(
                    format!("{file} reads {name}, which is not among the nodes that {entity} reads: its changes would not be heard"),
                    words(format!("add it as a node, and to the `reads` of entity {entity}")),
                );
            }
            whole.extend(whole_rows.map(|rows| (name, rows)));
        }
        self.findings.plan(file, whole);
        Ok(())
    }

    /// Clock functions that the plan has and the query's text has not: a view asks them.
    fn hidden_clocks(&mut self, plan: &Value, template: &Template, file: &str) {
        let mut texts = String::new();
        collect_texts(plan, &mut texts);
        // What {now} stands for.
        let expanded = clocks(&template.expand("keys", "transaction_timestamp()"));
        for clock in clocks(&texts).into_iter().filter(|clock| !expanded.contains(clock)) {
            self.findings.refuse(
                format!("{file} reads a view that asks the clock ({clock}): what it returns would change without an event"),
                words("read the tables behind the view, use {now}, and select the time of the next change as \"$changesAt\""),
            );
        }
    }

    /// The relations that a plan reads, partitions as the table they are part of.
    async fn read_relations(&self, plan: &Value) -> Result<BTreeMap<u32, Read>, SourceError> {
        let mut scans = Vec::new();
        collect_scans(plan, &mut scans);
        let mut relations: BTreeMap<u32, Read> = BTreeMap::new();
        for scan in scans {
            let found = self
                .session
                .client()
                .query_opt(
                    "select c.oid, format('%I.%I', s.nspname, c.relname), case when part.reltuples < 0 then pg_relation_size(part.oid) / 100 else part.reltuples::bigint end
                     from pg_class part join pg_class c on c.oid = coalesce(pg_partition_root(part.oid)::oid, part.oid)
                     join pg_namespace s on s.oid = c.relnamespace
                     where part.oid = to_regclass(format('%I.%I', $1::text, $2::text))",
                    &[&scan.schema, &scan.relation],
                )
                .await
                .map_err(|error| source_error("look at a plan", error))?;
            let Some(found) = found else { continue };
            let read = relations.entry(found.get(0)).or_insert(Read { name: found.get(1), whole_rows: None });
            if scan.whole {
                let rows = u64::try_from(found.get::<_, i64>(2)).unwrap_or(0);
                read.whole_rows = read.whole_rows.max(Some(rows));
            }
        }
        Ok(relations)
    }
}

/// A relation that a query reads.
struct Read {
    name: String,
    /// About how many rows it has, of a hundred bytes where nobody has counted, where it is read from end to end; of a partitioned table, its largest part.
    whole_rows: Option<u64>,
}

struct Scan {
    schema: String,
    relation: String,
    whole: bool,
}

fn collect_scans(plan: &Value, scans: &mut Vec<Scan>) {
    match plan {
        Value::Array(parts) => parts.iter().for_each(|part| collect_scans(part, scans)),
        Value::Object(node) => {
            let text = |name: &str| node.get(name).and_then(Value::as_str).map(str::to_owned);
            if let (Some(schema), Some(relation)) = (text("Schema"), text("Relation Name")) {
                scans.push(Scan {
                    schema,
                    relation,
                    whole: text("Node Type").as_deref() == Some("Seq Scan"),
                });
            }
            node.values().for_each(|value| collect_scans(value, scans));
        }
        _ => {}
    }
}

/// Every text of a plan, a line each.
fn collect_texts(plan: &Value, texts: &mut String) {
    match plan {
        Value::Array(parts) => parts.iter().for_each(|part| collect_texts(part, texts)),
        Value::Object(node) => node.values().for_each(|value| collect_texts(value, texts)),
        Value::String(text) => {
            texts.push_str(text);
            texts.push('\n');
        }
        _ => {}
    }
}

/// The clocks that a query asks: functions outside of quoted names and comments, and texts that PostgreSQL reads as the
/// time at which it does so.
fn clocks(sql: &str) -> Vec<&'static str> {
    let mut words = BTreeSet::new();
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let skip = match c {
            '\'' => {
                let end = rest[1..].find(c).map_or(rest.len(), |end| end + 1);
                words.extend(moment(&rest[1..end]).map(str::to_owned));
                (end + 1).min(rest.len())
            }
            '"' => rest[1..].find(c).map_or(rest.len(), |end| end + 2),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            c if c.is_alphabetic() || c == '_' => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let arguments = rest[end..].trim_start().strip_prefix('(');
                let word = rest[..end].to_lowercase();
                let asks = match word.as_str() {
                    "now" => arguments.is_some(),
                    // Of two times it is their difference; of one, that from today.
                    "age" => arguments.is_some_and(|arguments| !has_two(arguments)),
                    _ => true,
                };
                if asks {
                    words.insert(word);
                }
                end
            }
            c => c.len_utf8(),
        };
        rest = &rest[skip..];
    }
    CLOCKS.into_iter().filter(|clock| words.contains(*clock)).collect()
}

/// The text that stands for a moment, as it is listed, where a literal is one: `'today'`, `' TOMORROW 10:00'`.
fn moment(literal: &str) -> Option<&'static str> {
    let literal = literal.to_lowercase();
    let mut named = literal.split_whitespace().filter(|word| word.contains(char::is_alphabetic));
    let (word, others) = (named.next()?, named.count());
    ["'now'", "'today'", "'tomorrow'", "'yesterday'"]
        .into_iter()
        .find(|moment| others == 0 && moment.trim_matches('\'') == word)
}

/// Is there a second argument in what follows an opening parenthesis?
fn has_two(arguments: &str) -> bool {
    let (mut depth, mut quoted) = (0, false);
    for c in arguments.chars() {
        match c {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' if depth == 0 => return false,
            ')' => depth -= 1,
            ',' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_found_where_they_are_called() {
        assert_eq!(
            clocks("select NOW(), x.now, 'nowhere' -- current_date\n, current_date"),
            ["now", "current_date"]
        );
        assert!(clocks("select a.\"current_date\" /* now() */ from t").is_empty());
        let found =
            clocks("select date 'Today', ' tomorrow 10:00'::timestamp where d < 'now' and e > 'yesterday'");
        assert_eq!(found, ["'now'", "'today'", "'tomorrow'", "'yesterday'"]);
        assert!(clocks("select 'due today', 'epoch', '' from t").is_empty());
        assert_eq!(clocks("select age(date_trunc('a,b', t.at))"), ["age"]);
        assert!(clocks("select age({now}, born), t.age from t").is_empty());
    }
}
