//! The pack's queries: do they prepare, are their columns understood, what do they read, and how?

use std::collections::BTreeSet;

use wattle_core::{Entity, SourceError};
use wattle_sql::{Mapping, Template, words};

use super::Check;
use crate::catalogue::{Catalogue, quote};
use crate::connect::literal;
use crate::dialect::{NOW, keys_relation};
use crate::snapshot::mapping;

/// Functions that depend on when they are asked, or on chance, as the server writes them when it explains a query.
const CLOCKS: [&str; 14] = [
    "current_timestamp",
    "now",
    "sysdate",
    "curdate",
    "current_date",
    "curtime",
    "current_time",
    "localtime",
    "localtimestamp",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "rand",
    "uuid",
];

/// What a server says of how it would run a query.
struct Plan {
    /// The query with views in place, every table with its schema.
    rewritten: String,
    /// What it reads from end to end, by the names that the query gives them, with about as many rows.
    whole: Vec<(String, u64)>,
}

impl Check<'_> {
    pub(super) async fn queries(&mut self, catalogue: &Catalogue) -> Result<(), SourceError> {
        let inner = self.inner;
        for entity in inner.graph().entities() {
            let queries = inner.pack.queries(entity).expect("a pack has a query for each of its entities");
            let mut mappings = Vec::new();
            let arrays = queries.arrays.iter().enumerate().map(|(at, array)| (Some(at), &array.template));
            for (array, template) in std::iter::once((None, &queries.main)).chain(arrays) {
                let file = queries.file(entity, array);
                mappings.extend(self.query(catalogue, entity, array, template, &file).await?);
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
    ) -> Result<Option<Mapping>, SourceError> {
        let graph = self.inner.graph();
        let root = graph.root(entity).expect("it is an entity of the graph");
        // What is wrong with the key itself was said of the table.
        let Ok(types) = catalogue.key_types(graph, root) else { return Ok(None) };
        let relation = keys_relation(graph, root, &types);
        let sql = template.expand(&relation, NOW);
        let statement = match self.session.prepare(&format!("prepare {file}"), &sql).await {
            Ok(statement) => statement,
            Err(error) => {
                self.findings.refuse_error(error, "correct the query, or grant what it needs")?;
                return Ok(None);
            }
        };
        let mapping = match mapping(self.inner, entity, array, &statement.columns()) {
            Ok(mapping) => Some(mapping),
            Err(errors) => {
                self.findings.refuse_pack(errors);
                None
            }
        };
        match self.plan(file, &sql.replace(&relation, &relation.replacen('?', "'[]'", 1))).await {
            Ok(plan) => self.read_plan(catalogue, entity, template, file, plan).await?,
            Err(SourceError::Config { what, .. }) if what.contains("(error 1345)") => {
                let schema = catalogue.known(graph, root)?.schema.clone();
                self.findings.refuse(
                    format!("{file} reads a view, and the login may not look behind it"),
                    format!("grant show view on {}.* to {};", quote(&schema), self.user),
                );
            }
            Err(error) => self.findings.refuse_error(error, "correct the query, or grant what it needs")?,
        }
        Ok(mapping)
    }

    async fn plan(&mut self, file: &str, sql: &str) -> Result<Plan, SourceError> {
        let doing = format!("plan {file}");
        // What MySQL explains by itself has another form since 9, and no rewritten query.
        let is_mariadb = self.session.identity().is_mariadb();
        let explain = if is_mariadb { "explain extended" } else { "explain format=traditional" };
        let steps = self.session.rows(&doing, &format!("{explain} {sql}")).await?;
        let notes = self.session.rows(&doing, "show warnings").await?;
        // The plan's columns: id, select_type, table, and further on type and rows; MySQL has one more before them.
        let at = if is_mariadb { (3, 8) } else { (4, 9) };
        let text = |row: &Vec<Option<String>>, at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        let named = |step: &Vec<Option<String>>| (text(step, 2), text(step, at.1).parse().unwrap_or(0));
        // The keys asked for, and what the query makes itself, whose name is in brackets, are none of the source's tables.
        let is_own = |step: &Vec<Option<String>>| {
            text(step, 2).starts_with('<') || step.iter().flatten().any(|it| it.contains("Table function"))
        };
        let is_whole = |step: &&Vec<Option<String>>| text(step, at.0) == "ALL" && !is_own(step);
        let whole = steps.iter().filter(is_whole).map(named).collect();
        let rewritten: String =
            notes.iter().filter(|note| text(note, 1) == "1003").map(|note| text(note, 2)).collect();
        if rewritten.is_empty() {
            let what = "the server does not say what tables the query reads: nobody knows whether their changes are heard";
            return Err(SourceError::Bug { what: format!("could not {doing}: {what}") });
        }
        Ok(Plan { rewritten, whole })
    }

    async fn read_plan(
        &mut self,
        catalogue: &Catalogue,
        entity: Entity,
        template: &Template,
        file: &str,
        plan: Plan,
    ) -> Result<(), SourceError> {
        let asked = clocks(&template.expand("keys", "asked"));
        for clock in &asked {
            self.findings.refuse(
                format!("{file} asks the clock ({clock}): what it returns would change without an event"),
                words("use {now}, and select the time of the next change as \"$changesAt\""),
            );
        }
        let hidden = clocks(&plan.rewritten);
        if let (true, Some(clock)) = (asked.is_empty(), hidden.first()) {
            self.findings.refuse(
                format!("{file} reads a view that asks the clock ({clock}): what it returns would change without an event"),
                words("read the tables behind the view, use {now}, and select the time of the next change as \"$changesAt\""),
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
        for (schema, table) in self.tables_in(&plan.rewritten).await? {
            let is_known = |(s, t): &(&str, &str)| catalogue.same(s, &schema) && catalogue.same(t, &table);
            if !known.iter().any(is_known) {
                self.findings.refuse(
                    format!("{file} reads {schema}.{table}, which is not among the nodes that {entity} reads: its changes would not be heard"),
                    words(format!("add it as a node, and to the `reads` of entity {entity}")),
                );
            }
        }
        self.findings.plan(file, plan.whole);
        Ok(())
    }

    /// The tables that a rewritten query reads: its pairs of names that are tables.
    async fn tables_in(&mut self, rewritten: &str) -> Result<Vec<(String, String)>, SourceError> {
        let pairs = pairs(rewritten);
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let listed: Vec<String> = pairs
            .iter()
            .map(|(schema, table)| {
                format!("(table_schema = {} and table_name = {})", literal(schema), literal(table))
            })
            .collect();
        let asked = format!(
            "select table_schema, table_name from information_schema.tables where {}",
            listed.join(" or ")
        );
        let rows = self.session.rows("look at a plan", &asked).await?;
        let pair = |row: Vec<Option<String>>| {
            let mut row = row.into_iter().flatten();
            Some((row.next()?, row.next()?))
        };
        Ok(rows.into_iter().filter_map(pair).collect())
    }
}

/// Names of two parts in a query as the server rewrites it, all quoted: tables, and columns of what has no schema.
fn pairs(rewritten: &str) -> BTreeSet<(String, String)> {
    let mut pairs = BTreeSet::new();
    let mut name: Vec<String> = Vec::new();
    let mut rest = rewritten;
    while let Some(c) = rest.chars().next() {
        match c {
            '`' => {
                let end = rest[1..].find('`').map_or(rest.len(), |end| end + 2);
                name.push(rest[1..end - 1].to_owned());
                rest = &rest[end..];
                if rest.starts_with(".`") {
                    rest = &rest[1..];
                    continue;
                }
                if let [schema, table] = name.as_slice() {
                    pairs.insert((schema.clone(), table.clone()));
                }
                name.clear();
            }
            '\'' => rest = &rest[text_len(rest)..],
            c => rest = &rest[c.len_utf8()..],
        }
    }
    pairs
}

fn text_len(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '\'' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The clocks that a query asks: functions outside of quoted names, texts and comments.
fn clocks(sql: &str) -> Vec<&'static str> {
    let mut found = BTreeSet::new();
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let skip = match c {
            '\'' => text_len(rest),
            '"' | '`' => rest[1..].find(c).map_or(rest.len(), |end| end + 2),
            '-' if rest.starts_with("-- ") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            c if c.is_alphabetic() || c == '_' => {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let word = rest[..end].to_lowercase();
                let called = rest[end..].trim_start().starts_with('(');
                let without_arguments = rest[end..]
                    .trim_start()
                    .strip_prefix('(')
                    .is_some_and(|inside| inside.trim_start().starts_with(')'));
                if word == "unix_timestamp" && without_arguments {
                    found.insert("unix_timestamp");
                }
                // These are functions without parentheses too.
                let bare =
                    word.starts_with("current_") || word.starts_with("local") || word.starts_with("utc_");
                found.extend(CLOCKS.into_iter().find(|clock| *clock == word && (called || bare)));
                end
            }
            c => c.len_utf8(),
        };
        rest = &rest[skip..];
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_found_where_they_are_called() {
        assert_eq!(
            clocks("select NOW(), x.now, 'now()' -- curdate()\n, current_date"),
            ["current_date", "now"]
        );
        assert!(
            clocks("select a.`utc_date`, \"curdate\" /* now() */ from t where x > from_unixtime(1)")
                .is_empty()
        );
        assert_eq!(clocks("where t < unix_timestamp() and unix_timestamp(d) > 1"), ["unix_timestamp"]);
    }

    #[test]
    fn tables_are_named_by_two_parts() {
        let rewritten = "select `u`.`ord` AS `$ord`,`t`.`b`.`n` AS `n` from `t`.`big` `b` join `t`.`a` where `t`.`b`.`d` = 'x`y`.`z`'";
        let expected = [("t", "a"), ("t", "big"), ("u", "ord")];
        let found = pairs(rewritten);
        assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())).into());
    }
}
