//! Rows as text: lines of a COPY, or tuples of an INSERT.

use std::fmt::{self, Display, Write};

/// A table as this projection writes it.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The columns in the order in which rows are written, the primary key's first.
    pub(crate) columns: &'static [&'static str],
    /// How many of them are the primary key.
    pub(crate) key_columns: usize,
    pub(crate) on_conflict: OnConflict,
}

/// What to do with a row whose key is there already.
pub(crate) enum OnConflict {
    Update,
    /// For rows that are never changed.
    Keep,
}

impl Table {
    /// The statement that loads rows.
    pub(crate) fn copy(&self) -> String {
        format!("copy {} ({}) from stdin", self.name, self.columns.join(", "))
    }

    /// The statement that inserts or replaces rows, each written by `write`.
    pub(crate) fn put<T>(&self, rows: impl IntoIterator<Item = T>, write: impl Fn(&mut Row, T)) -> String {
        let mut row = Row::of(Style::Insert);
        let mut row_count = 0;
        for item in rows {
            row.line(|row| write(row, item));
            row_count += 1;
        }
        if row_count == 0 {
            return String::new();
        }
        let key = self.columns[..self.key_columns].join(", ");
        let action = match self.on_conflict {
            OnConflict::Keep => "nothing".to_owned(),
            OnConflict::Update => {
                let rest = self.columns[self.key_columns..].iter();
                let set: Vec<String> = rest.map(|column| format!("{column} = excluded.{column}")).collect();
                format!("update set {}", set.join(", "))
            }
        };
        let (name, columns, values) = (self.name, self.columns.join(", "), row.text);
        format!("insert into {name} ({columns}) values {values} on conflict ({key}) do {action};\n")
    }
}

/// How rows are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Copy,
    Insert,
}

/// Rows being written.
pub(crate) struct Row {
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
    fn of(style: Style) -> Self {
        Self { text: String::new(), style, at_start: true }
    }

    /// What has been written since the last call.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// The bytes written since [`Row::take`].
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// Adds rows that are written already.
    pub(crate) fn append(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Writes a row.
    pub(crate) fn line(&mut self, write: impl FnOnce(&mut Self)) {
        self.at_start = true;
        if self.style == Style::Insert {
            self.text.push_str(if self.text.is_empty() { "(" } else { ",\n(" });
        }
        write(self);
        self.text.push(if self.style == Style::Insert { ')' } else { '\n' });
    }

    /// Writes the next column.
    pub(crate) fn put(&mut self, value: impl Display) -> &mut Self {
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
    pub(crate) fn opt(&mut self, value: Option<impl Display>) -> &mut Self {
        match value {
            Some(value) => self.put(value),
            None => {
                self.separate();
                self.text.push_str(if self.style == Style::Insert { "null" } else { "\\N" });
                self
            }
        }
    }

    /// Writes the next column as an array.
    pub(crate) fn list(&mut self, values: &[&str]) -> &mut Self {
        let quoted =
            values.iter().map(|value| format!("\"{}\"", value.replace('\\', r"\\").replace('"', "\\\"")));
        self.put(format_args!("{{{}}}", quoted.collect::<Vec<_>>().join(",")))
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
            row.put("O'Brien\t\\").opt(None::<i32>).opt(Some(1)).list(&["a\"b", "c\\"]);
        };
        let mut copy = Row::default();
        copy.line(write);
        assert_eq!(copy.take(), "O'Brien\\t\\\\\t\\N\t1\t{\"a\\\\\"b\",\"c\\\\\\\\\"}\n");
        let mut insert = Row::of(Style::Insert);
        insert.line(write);
        assert_eq!(insert.take(), "('O''Brien\t\\',null,'1','{\"a\\\"b\",\"c\\\\\"}')");
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
    }
}
