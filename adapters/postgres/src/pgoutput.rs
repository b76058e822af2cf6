//! The part of `pgoutput` that carries keys: relations, row messages, truncations. Other columns are skipped.

use bytes::{Buf, Bytes};

/// A message that matters.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// What follows is of a table with these columns.
    Relation {
        oid: u32,
        columns: Vec<String>,
    },
    Insert {
        oid: u32,
        new: Tuple,
    },
    Update {
        oid: u32,
        /// Sent when the replica identity changed, or always when it is the whole row.
        old: Option<Tuple>,
        new: Tuple,
    },
    Delete {
        oid: u32,
        old: Tuple,
    },
    Truncate {
        oids: Vec<u32>,
    },
    /// Types, origins and whatever else says nothing about rows.
    Other,
}

/// A row's values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tuple {
    values: Vec<Value>,
}

/// One value of a row.
#[derive(Debug, PartialEq, Eq)]
enum Value {
    Text(Bytes),
    Null,
    /// Not sent: large and unchanged, or no part of the replica identity.
    Absent,
}

impl Tuple {
    pub(crate) fn text(&self, column: usize) -> Option<&str> {
        match self.values.get(column)? {
            Value::Text(bytes) => std::str::from_utf8(bytes).ok(),
            Value::Null | Value::Absent => None,
        }
    }

    pub(crate) fn is_null(&self, column: usize) -> bool {
        self.values.get(column) == Some(&Value::Null)
    }

    /// Of a row of which only the replica identity was sent, whose columns are never null.
    fn of_identity(mut self) -> Self {
        for value in &mut self.values {
            if *value == Value::Null {
                *value = Value::Absent;
            }
        }
        self
    }
}

/// Reads one message; nothing when it is cut short or malformed.
pub(crate) fn parse(mut data: Bytes) -> Option<Message> {
    let kind = u8_of(&mut data)?;
    Some(match kind {
        b'R' => {
            let oid = u32_of(&mut data)?;
            skip_text(&mut data)?;
            skip_text(&mut data)?;
            u8_of(&mut data)?;
            let count = u16_of(&mut data)?;
            let mut columns = Vec::with_capacity(usize::from(count));
            for _ in 0..count {
                u8_of(&mut data)?;
                columns.push(text_of(&mut data)?);
                u32_of(&mut data)?;
                u32_of(&mut data)?;
            }
            Message::Relation { oid, columns }
        }
        b'I' => {
            let oid = u32_of(&mut data)?;
            u8_of(&mut data)?;
            Message::Insert { oid, new: tuple(&mut data)? }
        }
        b'U' => {
            let oid = u32_of(&mut data)?;
            let old = match u8_of(&mut data)? {
                b'N' => None,
                kind => {
                    let old = old_tuple(kind, &mut data)?;
                    u8_of(&mut data)?;
                    Some(old)
                }
            };
            Message::Update { oid, old, new: tuple(&mut data)? }
        }
        b'D' => {
            let oid = u32_of(&mut data)?;
            let kind = u8_of(&mut data)?;
            Message::Delete { oid, old: old_tuple(kind, &mut data)? }
        }
        b'T' => {
            let count = u32_of(&mut data)?;
            u8_of(&mut data)?;
            let oids: Option<Vec<u32>> = (0..count).map(|_| u32_of(&mut data)).collect();
            Message::Truncate { oids: oids? }
        }
        _ => Message::Other,
    })
}

/// The row as it was: its replica identity, or all of it.
fn old_tuple(kind: u8, data: &mut Bytes) -> Option<Tuple> {
    let old = tuple(data)?;
    Some(if kind == b'K' { old.of_identity() } else { old })
}

fn tuple(data: &mut Bytes) -> Option<Tuple> {
    let count = u16_of(data)?;
    let mut values = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        values.push(match u8_of(data)? {
            b't' | b'b' => {
                let length = u32_of(data)? as usize;
                (data.remaining() >= length).then_some(())?;
                Value::Text(data.split_to(length))
            }
            b'n' => Value::Null,
            _ => Value::Absent,
        });
    }
    Some(Tuple { values })
}

fn u8_of(data: &mut Bytes) -> Option<u8> {
    data.has_remaining().then(|| data.get_u8())
}

fn u16_of(data: &mut Bytes) -> Option<u16> {
    (data.remaining() >= 2).then(|| data.get_u16())
}

fn u32_of(data: &mut Bytes) -> Option<u32> {
    (data.remaining() >= 4).then(|| data.get_u32())
}

fn text_of(data: &mut Bytes) -> Option<String> {
    let end = data.iter().position(|byte| *byte == 0)?;
    let text = String::from_utf8(data.split_to(end).to_vec()).ok()?;
    data.advance(1);
    Some(text)
}

fn skip_text(data: &mut Bytes) -> Option<()> {
    let end = data.iter().position(|byte| *byte == 0)?;
    data.advance(end + 1);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update() -> Vec<u8> {
        let mut data = vec![b'U', 0, 0, 0, 9, b'K', 0, 1, b't', 0, 0, 0, 2, b'4', b'1', b'N', 0, 2];
        data.extend([b't', 0, 0, 0, 2, b'4', b'2', b'u']);
        data
    }

    #[test]
    fn an_update_of_a_key_gives_both_keys() {
        let Some(Message::Update { oid: 9, old: Some(old), new }) = parse(update().into()) else {
            panic!("not an update")
        };
        assert_eq!(
            (old.text(0), new.text(0), new.text(1), new.text(7)),
            (Some("41"), Some("42"), None, None)
        );
    }

    #[test]
    fn a_null_is_one_only_where_all_values_are_sent() {
        for (kind, is_null) in [(b'K', false), (b'O', true)] {
            let data = vec![b'D', 0, 0, 0, 9, kind, 0, 1, b'n'];
            let Some(Message::Delete { old, .. }) = parse(data.into()) else { panic!("not a delete") };
            assert_eq!((old.text(0), old.is_null(0)), (None, is_null));
        }
    }

    #[test]
    fn cut_messages_are_found_out_and_never_panic() {
        let whole = update();
        for end in 0..whole.len() {
            assert_eq!(parse(whole[..end].to_vec().into()), None, "{end}");
        }
    }
}
