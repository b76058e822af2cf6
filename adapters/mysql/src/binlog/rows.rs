//! Row events: the keys of the rows, and nothing else of them.

use std::borrow::Cow;

use super::Malformed;
use super::bytes::Bytes;
use super::key::{Cell, KeyColumn, RowKey, key_of};
use super::table::Layout;

/// What happened to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowChange {
    Insert,
    Update,
    Delete,
}

/// Rows of one table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RowsEvent<'a> {
    pub(crate) table_id: u64,
    pub(crate) change: RowChange,
    pub(crate) column_count: usize,
    /// Which columns are there: of rows as they were, or the only ones; and of rows as they became.
    pub(crate) present: [&'a [u8]; 2],
    pub(crate) rows: Cow<'a, [u8]>,
}

/// What is said of one row: its key as it was and as it became, of which one may be lacking.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RowKeys {
    pub(crate) old: Option<RowKey>,
    pub(crate) new: Option<RowKey>,
}

impl RowsEvent<'_> {
    /// The keys of all rows. `keys` has the columns of the keys wanted, a list for each node behind the table.
    pub(crate) fn keys(
        &self,
        layouts: &[Layout],
        keys: &[Vec<KeyColumn>],
        mut found: impl FnMut(usize, RowKeys),
    ) -> Result<(), Malformed> {
        if layouts.len() != self.column_count {
            return Err(Malformed("its rows have another number of columns than its table"));
        }
        let wanted: Vec<bool> =
            (0..layouts.len()).map(|at| keys.iter().flatten().any(|column| column.at == at)).collect();
        let (mut before, mut after) = (vec![Cell::Absent; layouts.len()], vec![Cell::Absent; layouts.len()]);
        let mut bytes = Bytes(&self.rows);
        while !bytes.0.is_empty() {
            image(&mut bytes, self.present[0], layouts, &wanted, &mut before)?;
            if self.change == RowChange::Update {
                image(&mut bytes, self.present[1], layouts, &wanted, &mut after)?;
            }
            for (node, columns) in keys.iter().enumerate() {
                let first = row_key(columns, layouts, |at| before[at])?;
                let keys = match self.change {
                    RowChange::Insert => RowKeys { old: None, new: Some(first) },
                    RowChange::Delete => RowKeys { old: Some(first), new: None },
                    // What the row as it became does not say is as it was.
                    RowChange::Update => {
                        let merged =
                            |at: usize| if after[at] == Cell::Absent { before[at] } else { after[at] };
                        RowKeys { old: Some(first), new: Some(row_key(columns, layouts, merged)?) }
                    }
                };
                found(node, keys);
            }
        }
        Ok(())
    }
}

fn row_key<'a>(
    columns: &[KeyColumn],
    layouts: &[Layout],
    cell: impl Fn(usize) -> Cell<'a>,
) -> Result<RowKey, Malformed> {
    let cells: Vec<_> = columns.iter().map(|column| (cell(column.at), layouts[column.at])).collect();
    key_of(columns, &cells)
}

/// Reads one image of a row into the cells of its columns: those that are there, as `present` says, begin with a bit for
/// each that says whether it is null.
fn image<'a>(
    bytes: &mut Bytes<'a>,
    present: &[u8],
    layouts: &[Layout],
    wanted: &[bool],
    cells: &mut [Cell<'a>],
) -> Result<(), Malformed> {
    let is_set = |bits: &[u8], at: usize| bits[at / 8] >> (at % 8) & 1 == 1;
    let count = (0..layouts.len()).filter(|at| is_set(present, *at)).count();
    let nulls = bytes.take(count.div_ceil(8))?;
    let mut place = 0;
    for (at, layout) in layouts.iter().enumerate() {
        cells[at] = Cell::Absent;
        if !is_set(present, at) {
            continue;
        }
        let null = is_set(nulls, place);
        place += 1;
        if null {
            cells[at] = Cell::Null;
            continue;
        }
        let value = layout.take(bytes)?;
        if wanted[at] {
            cells[at] = Cell::Value(value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use wattle_core::{Key, KeyType};

    use super::*;

    fn column(at: usize, key_type: KeyType) -> KeyColumn {
        KeyColumn { at, key_type, unsigned: true, charset: "latin1".into() }
    }

    fn event(change: RowChange, present: [&'static [u8]; 2], rows: &'static [u8]) -> RowsEvent<'static> {
        RowsEvent { table_id: 1, change, column_count: 3, present, rows: Cow::Borrowed(rows) }
    }

    fn keys(event: &RowsEvent<'_>) -> Vec<RowKeys> {
        // An unsigned number and a text, and between them a text that is no key.
        let layouts = [Layout::Integer(2), Layout::Variable(1), Layout::Variable(1)];
        let columns = vec![vec![column(0, KeyType::Integer), column(2, KeyType::Text)]];
        let mut found = Vec::new();
        event.keys(&layouts, &columns, |_, keys| found.push(keys)).unwrap();
        found
    }

    fn key(text: &str) -> Option<RowKey> {
        Some(RowKey::Key(Key::from_canonical(text)))
    }

    #[test]
    fn a_whole_image_has_the_key() {
        let inserted = event(RowChange::Insert, [&[7], &[7]], b"\0\xff\xff\x02xx\x01\xe9\x02\x01\0\x01a");
        let expected = ["65535|é", "1|a"].map(|text| RowKeys { old: None, new: key(text) });
        assert_eq!(keys(&inserted), expected);
    }

    #[test]
    fn what_a_minimal_image_does_not_say_is_as_it_was() {
        // As it was: the key. As it became: the text in the middle.
        let unchanged = event(RowChange::Update, [&[5], &[2]], b"\0\x07\0\x01k\0\x01n");
        assert_eq!(keys(&unchanged), [RowKeys { old: key("7|k"), new: key("7|k") }]);
        // As it became: the second column of the key.
        let moved = event(RowChange::Update, [&[5], &[4]], b"\0\x07\0\x01k\0\x01K");
        assert_eq!(keys(&moved), [RowKeys { old: key("7|k"), new: key("7|K") }]);
    }

    #[test]
    fn a_key_that_is_null_or_not_said_is_none() {
        let null = event(RowChange::Delete, [&[5], &[5]], b"\x02\x07\0");
        assert_eq!(keys(&null), [RowKeys { old: Some(RowKey::None), new: None }]);
        let unsaid = event(RowChange::Delete, [&[1], &[1]], b"\0\x07\0");
        assert_eq!(keys(&unsaid), [RowKeys { old: Some(RowKey::Missing), new: None }]);
    }

    #[test]
    fn rows_that_are_cut_short_are_an_error() {
        let layouts = [Layout::Integer(2), Layout::Variable(1), Layout::Variable(1)];
        let cut = event(RowChange::Insert, [&[7], &[7]], b"\0\xff\xff\x02x");
        assert!(cut.keys(&layouts, &[vec![column(0, KeyType::Integer)]], |_, _| {}).is_err());
    }
}
