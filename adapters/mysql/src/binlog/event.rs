//! What an event is.

use std::borrow::Cow;
use std::io::Read;

use super::bytes::Bytes;
use super::{Malformed, RowChange, RowsEvent, TableMap};

/// Events that say nothing of rows or of where the log stands: variables of statements that are themselves logged,
/// pieces of files, annotations, lists of transactions, checkpoints, encryption.
const SILENT: [u8; 22] =
    [0, 1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 28, 29, 35, 36, 37, 160, 161, 163, 164];

/// A flag of events that a reader who does not know them may leave out.
const IGNORABLE: u16 = 0x80;

/// The least a query event has before its status variables.
const QUERY_HEADER: usize = 13;

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// The log goes on in another file.
    Rotate {
        file: String,
        offset: u64,
    },
    /// The first event of a file, which says when it was begun.
    Begun {
        created: u32,
    },
    /// A transaction or a statement begins.
    Gtid(Gtid),
    /// A statement, in the schema that it was run in.
    Query {
        schema: Cow<'a, str>,
        sql: String,
    },
    TableMap(TableMap<'a>),
    Rows(RowsEvent<'a>),
    /// Rows of which only a part of some values is said.
    PartialRows {
        table_id: u64,
    },
    /// A transaction is committed.
    Commit,
    /// A part of a distributed transaction is prepared, and becomes visible when it is committed by its name; or it is
    /// committed at once.
    Prepared(XaEnd),
    /// There is nothing more up to here.
    Heartbeat,
    /// The server lost changes that should have been here.
    Incident,
    /// A file was loaded by a statement, which is not shown whole.
    Loaded {
        schema: Cow<'a, str>,
        sql: String,
    },
    /// A number of events in one, which the client unpacks.
    Payload,
    /// The server ends.
    Stop,
    /// Nothing of interest.
    Silent,
    /// Unknown, and not to be left out.
    Unknown(u8),
}

/// A transaction's id, and what kind it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gtid {
    /// As the server shows it; none where the server gives none.
    pub(crate) id: Option<String>,
    /// It is one event, without a commit after it.
    pub(crate) standalone: bool,
    /// It will only be prepared.
    pub(crate) prepares: bool,
}

/// How a part of a distributed transaction ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum XaEnd {
    /// By name.
    Prepared(String),
    /// Committed in one go.
    OnePhase,
}

/// Reads an event of a type, from its header's server id, time and flags, and its data without a checksum.
pub(crate) fn read(
    event_type: u8,
    server_id: u32,
    time: u32,
    flags: u16,
    data: &[u8],
) -> Result<Event<'_>, Malformed> {
    let mut bytes = Bytes(data);
    Ok(match event_type {
        2 => query(bytes, false)?,
        165 => query(bytes, true)?,
        18 => match query_with_header(bytes, QUERY_HEADER + 13, false)? {
            Event::Query { schema, sql } => Event::Loaded { schema, sql },
            other => other,
        },
        3 => Event::Stop,
        4 => {
            let offset = bytes.number(8)?;
            Event::Rotate { file: String::from_utf8_lossy(bytes.0).into_owned(), offset }
        }
        15 => Event::Begun { created: time },
        16 => Event::Commit,
        19 => Event::TableMap(TableMap::read(bytes)?),
        23 | 30 | 166 | 169 => rows(event_type, bytes, RowChange::Insert)?,
        24 | 31 | 167 | 170 => rows(event_type, bytes, RowChange::Update)?,
        25 | 32 | 168 | 171 => rows(event_type, bytes, RowChange::Delete)?,
        26 => Event::Incident,
        27 | 41 => Event::Heartbeat,
        33 | 42 => Event::Gtid(mysql_gtid(event_type, bytes)?),
        34 => Event::Gtid(Gtid { id: None, standalone: false, prepares: false }),
        38 => Event::Prepared(xa_end(bytes)?),
        39 => Event::PartialRows { table_id: bytes.number(6)? },
        40 => Event::Payload,
        162 => Event::Gtid(mariadb_gtid(bytes, server_id)?),
        silent if SILENT.contains(&silent) || flags & IGNORABLE != 0 => Event::Silent,
        unknown => Event::Unknown(unknown),
    })
}

fn query(bytes: Bytes<'_>, compressed: bool) -> Result<Event<'_>, Malformed> {
    query_with_header(bytes, QUERY_HEADER, compressed)
}

fn query_with_header(mut bytes: Bytes<'_>, header: usize, compressed: bool) -> Result<Event<'_>, Malformed> {
    bytes.take(8)?;
    let schema_len = bytes.size(1)?;
    bytes.take(2)?;
    let status_len = bytes.size(2)?;
    bytes.take(header - QUERY_HEADER + status_len)?;
    let schema = String::from_utf8_lossy(bytes.take(schema_len)?);
    bytes.take(1)?;
    let sql = if compressed { inflate(bytes)? } else { bytes.0.to_vec() };
    Ok(Event::Query { schema, sql: String::from_utf8_lossy(&sql).into_owned() })
}

/// Two version numbers of the row events' layout, of which the second has additional data before the rows.
fn rows(event_type: u8, mut bytes: Bytes<'_>, change: RowChange) -> Result<Event<'_>, Malformed> {
    let table_id = bytes.number(6)?;
    bytes.take(2)?;
    if matches!(event_type, 30..=32 | 169..=171) {
        let extra = bytes.size(2)?;
        bytes.take(extra.saturating_sub(2))?;
    }
    let column_count = bytes.packed()?;
    let bitmap_len = column_count.div_ceil(8);
    let first = bytes.take(bitmap_len)?;
    let second = if change == RowChange::Update { bytes.take(bitmap_len)? } else { first };
    let rows = if event_type >= 166 { Cow::Owned(inflate(bytes)?) } else { Cow::Borrowed(bytes.0) };
    Ok(Event::Rows(RowsEvent { table_id, change, column_count, present: [first, second], rows }))
}

/// MariaDB's compressed part of an event: how long it becomes, then zlib's stream.
fn inflate(mut bytes: Bytes<'_>) -> Result<Vec<u8>, Malformed> {
    let header = bytes.number(1)?;
    // The highest bit is always set, and the algorithm, of which there is one, is in the next three.
    if header & 0x80 == 0 || header & 0x70 != 0 {
        return Err(Malformed("it is compressed in an unknown way"));
    }
    let length = bytes.take((header & 0x07) as usize)?;
    let length = length.iter().fold(0u64, |length, byte| length << 8 | u64::from(*byte));
    let mut inflated = Vec::new();
    let mut stream = flate2::read::ZlibDecoder::new(bytes.0).take(length);
    stream.read_to_end(&mut inflated).map_err(|_| Malformed("it cannot be decompressed"))?;
    if inflated.len() as u64 == length { Ok(inflated) } else { Err(Malformed("it is cut short")) }
}

fn mariadb_gtid(mut bytes: Bytes<'_>, server_id: u32) -> Result<Gtid, Malformed> {
    let sequence = bytes.number(8)?;
    let domain = bytes.number(4)?;
    let flags = bytes.number(1)?;
    Ok(Gtid {
        id: Some(format!("{domain}-{server_id}-{sequence}")),
        standalone: flags & 1 != 0,
        prepares: flags & 64 != 0,
    })
}

fn mysql_gtid(event_type: u8, mut bytes: Bytes<'_>) -> Result<Gtid, Malformed> {
    let transaction = |id| Gtid { id, standalone: false, prepares: false };
    if event_type == 42 {
        // A tagged id has another layout; the place in the file is enough to go on from.
        return Ok(transaction(None));
    }
    bytes.take(1)?;
    let server: [u8; 16] = bytes.take(16)?.try_into().map_err(|_| Malformed("it is cut short"))?;
    let number = bytes.number(8)?;
    Ok(transaction(Some(format!("{}:{number}", uuid::Uuid::from_bytes(server)))))
}

/// The name of a distributed transaction as the server's statements write it: `X'616263',X'',1`.
fn xa_end(mut bytes: Bytes<'_>) -> Result<XaEnd, Malformed> {
    if bytes.number(1)? != 0 {
        return Ok(XaEnd::OnePhase);
    }
    let (format, global, branch) = (bytes.number(4)?, bytes.size(4)?, bytes.size(4)?);
    let mut hex = |count| -> Result<String, Malformed> {
        Ok(bytes.take(count)?.iter().map(|byte| format!("{byte:02x}")).collect())
    };
    let (global, branch) = (hex(global)?, hex(branch)?);
    Ok(XaEnd::Prepared(format!("X'{global}',X'{branch}',{format}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As MariaDB 10.11 logged them.
    const PREPARED: &[u8] = &[0, 1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, b'a', b'b', b'c'];
    const COMPRESSED: &[u8] = b"\x0a\0\0\0\0\0\0\0\0\0\0\x1a\0\0\0\0\0\x01\x01\0\0\x20\x54\0\0\0\0\x06\x03std\x04\x21\0\x21\0\x08\0\0\
        \x81\x0e\x78\x9c\x2b\x29\x2a\xcd\x4b\x4e\x2c\x49\x55\x28\xd1\x2b\x2e\x2e\x06\0\x2a\x7e\x05\x82";

    #[test]
    fn mariadbs_own_events_are_read() {
        let gtid = [7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0x0c];
        let read_gtid = read(162, 9, 0, 8, &gtid).unwrap();
        let expected = Gtid { id: Some("2-9-7".into()), standalone: false, prepares: false };
        assert_eq!(read_gtid, Event::Gtid(expected));
        let prepared = read(38, 1, 0, 0, PREPARED).unwrap();
        assert_eq!(prepared, Event::Prepared(XaEnd::Prepared("X'616263',X'',1".into())));
        let mut cut = COMPRESSED.to_vec();
        let Event::Query { schema, sql } = read(165, 1, 0, 0, COMPRESSED).unwrap() else { panic!("a query") };
        assert_eq!((&*schema, &*sql), ("", "truncate t.sss"));
        cut.truncate(cut.len() - 8);
        assert!(read(165, 1, 0, 0, &cut).is_err());
    }

    #[test]
    fn what_may_be_left_out_is_and_nothing_else() {
        assert_eq!(read(160, 1, 0, 0, b"insert").unwrap(), Event::Silent);
        assert_eq!(read(200, 1, 0, IGNORABLE, b"").unwrap(), Event::Silent);
        assert_eq!(read(200, 1, 0, 0, b"").unwrap(), Event::Unknown(200));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(event_type in proptest::num::u8::ANY, data in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            if let Ok(Event::Rows(rows)) = read(event_type, 1, 0, 0, &data) {
                proptest::prop_assert!(rows.present[0].len() == rows.column_count.div_ceil(8));
            }
        }
    }
}
