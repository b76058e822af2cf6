//! Values that no row has.

use wattle_core::{Key, KeyType, NodeId};

use super::{Column, SqlBench, SqlSession, ease};
use crate::bench::BenchError;

/// Texts that are tried before one is said to be impossible.
const TRIES: usize = 30;

impl<S: SqlSession> SqlBench<S> {
    /// The key columns that a copy of a row, or the row itself, is to have other values in.
    pub(super) async fn fresh_key(
        &mut self,
        node: NodeId,
        of: &Key,
    ) -> Result<Vec<(String, String)>, BenchError> {
        let edges = self.graph.edges().iter().filter(|edge| edge.child == node);
        let pointing: Vec<String> = edges.flat_map(|edge| edge.columns.clone()).collect();
        let key = self.graph.node(node).key.clone();
        let own = key.iter().zip(of.values()).filter(|(column, _)| !pointing.contains(&column.name));
        let Some((column, value)) = own.min_by_key(|(column, _)| ease(column.key_type)) else {
            return self.other_combination(node, of).await;
        };
        if matches!(column.key_type, KeyType::Integer | KeyType::Decimal) {
            return Ok(vec![(column.name.clone(), self.next_number(node, &column.name).await?)]);
        }
        for _ in 0..TRIES {
            let changed = vec![(column.name.clone(), like(column.key_type, &value))];
            let fresh = self.key_with(node, of, &changed)?;
            if fresh != *of && !self.at_exists(node, &fresh).await? {
                return Ok(changed);
            }
        }
        Err(BenchError::NotPossible(format!("no value like those of {} is free", column.name)))
    }

    /// A value of a unique column outside the key, where one is needed.
    pub(super) async fn fresh_unique(
        &mut self,
        node: NodeId,
        column: &Column,
        of: &Key,
    ) -> Result<Option<String>, BenchError> {
        let (at, dialect) = (self.at(node, of).await?, self.session.dialect());
        let (relation, name) = (self.graph.node(node).relation.clone(), dialect.quote(&column.name));
        let shown = dialect.shown(&name, &column.sql_type);
        let now = self.rows(&format!("select {shown} from {relation} where {at}")).await?;
        let Some(now) = now.into_iter().next().and_then(|row| row.into_iter().next()?) else {
            return Ok(None);
        };
        if ["int", "num", "dec"].iter().any(|it| column.sql_type.contains(it)) {
            return self.next_number(node, &column.name).await.map(Some);
        }
        let key_type = if column.sql_type.contains("uuid") || column.sql_type.contains("uniqueidentifier") {
            KeyType::Uuid
        } else if column.sql_type.contains("char") || column.sql_type.contains("text") {
            KeyType::Text
        } else {
            return Ok(None);
        };
        for _ in 0..TRIES {
            let value = like(key_type, now.trim_end());
            let literal = dialect.literal(&value, &column.sql_type);
            if self.rows(&format!("select 1 from {relation} where {name} = {literal}")).await?.is_empty() {
                return Ok(Some(value));
            }
        }
        Err(BenchError::NotPossible(format!("no value like those of {} is free", column.name)))
    }

    async fn at_exists(&mut self, node: NodeId, key: &Key) -> Result<bool, BenchError> {
        let (relation, at) = (self.graph.node(node).relation.clone(), self.at(node, key).await?);
        Ok(!self.rows(&format!("select 1 from {relation} where {at}")).await?.is_empty())
    }

    async fn next_number(&mut self, node: NodeId, column: &str) -> Result<String, BenchError> {
        let (relation, name) = (self.graph.node(node).relation.clone(), self.quote(column));
        let shown = self.session.dialect().shown(&format!("max({name}) + 1"), "");
        let rows = self.rows(&format!("select {shown} from {relation}")).await?;
        let next = rows.into_iter().next().and_then(|row| row.into_iter().next()?);
        next.ok_or_else(|| BenchError::NotPossible(format!("{column} has no largest value")))
    }

    /// A row that only says who belongs to whom: another predecessor with which it is not there yet.
    async fn other_combination(
        &mut self,
        node: NodeId,
        of: &Key,
    ) -> Result<Vec<(String, String)>, BenchError> {
        let key = self.graph.node(node).key.clone();
        let edges: Vec<usize> = (0..self.graph.edges().len())
            .filter(|at| {
                let edge = &self.graph.edges()[*at];
                edge.child == node
                    && edge.columns.iter().any(|name| key.iter().any(|column| column.name == *name))
            })
            .collect();
        let mut refused = BenchError::NotPossible("the key has no column that can be changed".into());
        for edge in edges {
            match self.other_predecessor(node, of, edge).await {
                Ok(changed) => return Ok(changed),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// The columns of an edge, pointing at another predecessor; the row's key stays free.
    pub(super) async fn other_predecessor(
        &mut self,
        node: NodeId,
        key: &Key,
        edge: usize,
    ) -> Result<Vec<(String, String)>, BenchError> {
        let edge = self.graph.edges()[edge].clone();
        let predecessor = self.graph.node(edge.predecessor).clone();
        let dialect = self.session.dialect();
        let (mut shown, mut order) = (Vec::new(), Vec::new());
        for column in &predecessor.key {
            let sql_type = self.sql_type(edge.predecessor, &column.name).await?;
            shown.push(dialect.shown(&dialect.quote(&column.name), &sql_type));
            order.push(dialect.quote(&column.name));
        }
        // Some hundred predecessors: one of them surely is free.
        let (shown, relation) = (shown.join(", "), &predecessor.relation);
        let some = match dialect {
            super::SqlDialect::SqlServer => {
                format!("select top 200 {shown} from {relation} order by {}", order.join(", "))
            }
            _ => format!("select {shown} from {relation} order by {} limit 200", order.join(", ")),
        };
        let now = self.present(node, key, &edge.columns).await?;
        for row in self.rows(&some).await? {
            let values = row
                .into_iter()
                .zip(&predecessor.key)
                .map(|(value, column)| Some(tidy(column.key_type, value?.trim_end())));
            let Some(values) = values.collect::<Option<Vec<String>>>() else { continue };
            if Some(&values) == now.as_ref() {
                continue;
            }
            let changed: Vec<(String, String)> = edge.columns.iter().cloned().zip(values).collect();
            let moved = self.key_with(node, key, &changed)?;
            if moved == *key || !self.at_exists(node, &moved).await? {
                return Ok(changed);
            }
        }
        Err(BenchError::NotPossible(format!("no other row of {} is free to point at", predecessor.name)))
    }

    pub(super) async fn present(
        &mut self,
        node: NodeId,
        key: &Key,
        columns: &[String],
    ) -> Result<Option<Vec<String>>, BenchError> {
        let (at, dialect) = (self.at(node, key).await?, self.session.dialect());
        let mut shown = Vec::new();
        for column in columns {
            let sql_type = self.sql_type(node, column).await?;
            shown.push(dialect.shown(&dialect.quote(column), &sql_type));
        }
        let relation = self.graph.node(node).relation.clone();
        let rows = self.rows(&format!("select {} from {relation} where {at}", shown.join(", "))).await?;
        Ok(rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().map(|value| value.map(|it| it.trim_end().to_owned())).collect()))
    }
}

/// A UUID may come as bare digits.
pub(super) fn tidy(key_type: KeyType, value: &str) -> String {
    match (key_type, uuid::Uuid::parse_str(value)) {
        (KeyType::Uuid, Ok(uuid)) => uuid.to_string(),
        _ => value.to_owned(),
    }
}

/// A value of the same form: other digits in a text, another day in a month.
fn like(key_type: KeyType, value: &str) -> String {
    let random = uuid::Uuid::new_v4();
    let bytes = random.as_bytes();
    match key_type {
        KeyType::Uuid => random.to_string(),
        KeyType::Date => format!("{}{:02}", &value[..value.len().min(8)], bytes[0] % 28 + 1),
        KeyType::Integer | KeyType::Decimal | KeyType::Text => {
            let digits = value.chars().filter(char::is_ascii_digit).count();
            // Version and variant bits are not random: the last nine bytes are.
            let mut random = bytes[9..].iter().chain(&bytes[..6]).cycle();
            let mut next = || *random.next().unwrap_or(&0);
            value
                .chars()
                .map(|c| match c {
                    '0'..='9' => char::from(b'0' + next() % 10),
                    'A'..='Z' if digits < 3 => char::from(b'A' + next() % 26),
                    'a'..='z' if digits < 3 => char::from(b'a' + next() % 26),
                    c => c,
                })
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_like_another_keeps_its_form() {
        let fresh = like(KeyType::Text, "AB-000017");
        assert!(fresh.starts_with("AB-") && fresh.len() == 9, "{fresh}");
        assert_eq!(like(KeyType::Text, "ab").len(), 2);
        assert!(like(KeyType::Date, "2026-11-26").starts_with("2026-11-"));
        assert_eq!(tidy(KeyType::Uuid, &"0a".repeat(16)).len(), 36);
    }
}
