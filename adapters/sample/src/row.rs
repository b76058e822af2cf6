//! Rows as text: lines of PostgreSQL's COPY, or tuples of an INSERT in the SQL that databases share.
//!
//! Every value is written as quoted text, and the database makes of it what the column is. A backslash stands for itself,
//! which MySQL has to be told (`NO_BACKSLASH_ESCAPES`).

use std::fmt::{self, Display, Write};

/// A table as a projection writes it.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name, as SQL writes it.
    pub name: &'static str,
    /// The columns in the order in which rows are written, those of a unique key first.
    pub columns: &'static [&'static str],
    /// How many of them are the key.
    pub key_columns: usize,
    /// What to do with a row that is there already.
    pub on_conflict: OnConflict,
}

/// What to do with a row whose key is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// Its other columns are replaced.
    Update,
    /// It stays, for rows that are never changed.
    Keep,
}

/// Constants for tables: `NAME = "table", 1 of ["key", "column"], Update;`.
#[macro_export]
macro_rules! tables {
    ($($constant:ident = $name:literal, $key:literal of [$($column:literal),+], $conflict:ident;)+) => {
        $(pub(crate) const $constant: $crate::Table = $crate::Table {
            name: $name,
            columns: &[$($column),+],
            key_columns: $key,
            on_conflict: $crate::OnConflict::$conflict,
        };)+
    };
}

impl Table {
    /// The statement that loads rows by COPY.
    pub fn copy(&self) -> String {
        format!("copy {} ({}) from stdin", self.name, self.columns.join(", "))
    }

    /// The statement that inserts new rows, of which these are the [tuples](Row::tuples).
    pub fn insert(&self, tuples: &str) -> String {
        format!("insert into {} ({}) values {tuples}", self.name, self.columns.join(", "))
    }

    /// The statement that inserts or replaces rows, each written by `write`, as PostgreSQL and SQLite have it.
    pub fn put<T>(&self, rows: impl IntoIterator<Item = T>, write: impl Fn(&mut Row, T)) -> String {
        let Some(tuples) = tuples(rows, write) else { return String::new() };
        let key = self.columns[..self.key_columns].join(", ");
        let action = match self.on_conflict {
            OnConflict::Keep => "nothing".to_owned(),
            OnConflict::Update => format!("update set {}", self.set(|column| format!("excluded.{column}"))),
        };
        format!("{} on conflict ({key}) do {action};\n", self.insert(&tuples))
    }

    /// The same as MySQL and MariaDB have it.
    pub fn put_on_duplicate_key<T>(
        &self,
        rows: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Row, T),
    ) -> String {
        let Some(tuples) = tuples(rows, write) else { return String::new() };
        let set = match self.on_conflict {
            // To itself, which writes nothing.
            OnConflict::Keep => format!("{0} = {0}", self.columns[0]),
            OnConflict::Update => self.set(|column| format!("values({column})")),
        };
        format!("{} on duplicate key update {set};\n", self.insert(&tuples))
    }

    /// The columns beside the key, each set to what `value` says of it.
    fn set(&self, value: impl Fn(&str) -> String) -> String {
        let rest = self.columns[self.key_columns..].iter();
        rest.map(|column| format!("{column} = {}", value(column))).collect::<Vec<_>>().join(", ")
    }
}

/// The tuples of rows, if there are any.
fn tuples<T>(rows: impl IntoIterator<Item = T>, write: impl Fn(&mut Row, T)) -> Option<String> {
    let mut row = Row::tuples();
    for item in rows {
        row.line(|row| write(row, item));
    }
    (!row.text.is_empty()).then_some(row.text)
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Copy,
    Insert,
}

/// Rows being written.
#[derive(Clone, Debug)]
pub struct Row {
    text: String,
    style: Style,
    at_start: bool,
}

/// Rows for [`Table::copy`].
impl Default for Row {
    fn default() -> Self {
        Self::of(Style::Copy)
    }
}

impl Row {
    /// Rows for [`Table::insert`].
    pub fn tuples() -> Self {
        Self::of(Style::Insert)
    }

    fn of(style: Style) -> Self {
        Self { text: String::new(), style, at_start: true }
    }

    /// What has been written since the last call.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// The bytes written since [`Row::take`].
    pub fn byte_count(&self) -> usize {
        self.text.len()
    }

    /// Adds rows that are written already.
    pub fn append(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Writes a row.
    pub fn line(&mut self, write: impl FnOnce(&mut Self)) {
        self.at_start = true;
        if self.style == Style::Insert {
            self.text.push_str(if self.text.is_empty() { "(" } else { ",\n(" });
        }
        write(self);
        self.text.push(if self.style == Style::Insert { ')' } else { '\n' });
    }

    /// Writes the next column.
    pub fn put(&mut self, value: impl Display) -> &mut Self {
        self.separate();
        match self.style {
            Style::Copy => self.escape(value),
            Style::Insert => {
                self.text.push('\'');
                self.escape(value);
                self.text.push('\'');
            }
        }
        self
    }

    /// Writes the next column, NULL if there is no value.
    pub fn opt(&mut self, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.put(value),
            None => {
                self.separate();
                self.text.push_str(if self.style == Style::Insert { "null" } else { "\\N" });
                self
            }
        }
    }

    /// Writes the next column as an expression, for a type that no text is taken for; NULL if there is none. Only in tuples.
    pub fn expression(&mut self, sql: Option<impl Display>) -> &mut Self {
        assert_eq!(self.style, Style::Insert, "COPY has values alone");
        self.separate();
        match sql {
            Some(sql) => write!(self.text, "{sql}").expect("writing to a string does not fail"),
            None => self.text.push_str("null"),
        }
        self
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.at_start) {
            self.text.push(if self.style == Style::Insert { ',' } else { '\t' });
        }
    }

    fn escape(&mut self, value: impl Display) {
        let mut escaped = Escaped { text: &mut self.text, style: self.style };
        write!(escaped, "{value}").expect("writing to a string does not fail");
    }
}

/// Text in which the characters that mean something to the style are escaped.
struct Escaped<'r> {
    text: &'r mut String,
    style: Style,
}

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match (self.style, character) {
                (Style::Insert, '\'') => self.text.push_str("''"),
                (Style::Copy, '\\') => self.text.push_str(r"\\"),
                (Style::Copy, '\t') => self.text.push_str(r"\t"),
                (Style::Copy, '\n') => self.text.push_str(r"\n"),
                (Style::Copy, '\r') => self.text.push_str(r"\r"),
                _ => self.text.push(character),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_styles_escape_what_they_must() {
        let write = |row: &mut Row| {
            row.put("O'Brien\t\\").opt(None::<i32>).opt(Some(1));
        };
        let mut copy = Row::default();
        copy.line(write);
        assert_eq!(copy.take(), "O'Brien\\t\\\\\t\\N\t1\n");
        let mut insert = Row::tuples();
        insert.line(write);
        assert_eq!(insert.take(), "('O''Brien\t\\',null,'1')");
    }

    #[test]
    fn a_put_replaces_all_but_the_key() {
        let columns = &["a", "b", "c"];
        let table = Table { name: "t", columns, key_columns: 1, on_conflict: OnConflict::Update };
        let sql = table.put([1, 2], |row, number| {
            row.put(number).put("x").put("y");
        });
        let expected = "insert into t (a, b, c) values ('1','x','y'),\n('2','x','y') \
                        on conflict (a) do update set b = excluded.b, c = excluded.c;\n";
        assert_eq!(sql, expected);
        assert!(table.put([0; 0], |_, _| {}).is_empty());
        let sql = table.put_on_duplicate_key([1], |row, number| {
            row.put(number).expression(Some("x'00'")).expression(None::<&str>);
        });
        let expected = "insert into t (a, b, c) values ('1',x'00',null) on duplicate key update b = values(b), c = values(c);\n";
        assert_eq!(sql, expected);
    }
}
