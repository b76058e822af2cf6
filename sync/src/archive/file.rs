//! What is in a file, and in the manifest beside it.
//!
//! A file is zstd over lines of JSON, one for each change of a range of the stream. Everything in it comes from the
//! stream, in the stream's order, so a file that is written again has the same bytes. Its manifest says what those
//! bytes are, and is written after them: a file without one counts as not there.

use std::io::{BufRead, BufReader, Read, Write};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::name::FileId;
use crate::store::archive::Stored;
use crate::store::segment::{self, Entry};

/// The form of files and manifests. Raised when a reader of the last one could not read the next.
const FORMAT: u32 = 1;
/// Small files at little cost: keys of one table are much alike.
const ZSTD_LEVEL: i32 = 3;
/// The longest line that is read. A key has a few columns; what is longer was not written by us.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// One change, as it is archived: keys, and never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchivedChange {
    /// Its position in its lane.
    pub seq: i64,
    /// When it was appended to the stream, by the target's clock.
    pub appended_at: DateTime<Utc>,
    /// The source's position, in the adapter's notation.
    pub position: String,
    /// `i`, `u`, `d`, `t` for a row inserted, updated, deleted or touched, `o` for what an owner owns, `w` for a whole
    /// node, `s` for an altered table.
    pub kind: String,
    /// The node, by its name in the graph at that time.
    pub node: String,
    /// The row's key in canonical form; empty where the kind needs none.
    pub key: String,
}

/// The same, as it is written.
#[derive(Serialize)]
struct Line<'a> {
    seq: i64,
    appended_at: DateTime<Utc>,
    position: &'a str,
    kind: &'a str,
    node: &'a str,
    key: &'a str,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the file: 1.
    pub format: u32,
    /// `live` or `backfill`.
    pub lane: String,
    /// The position of its first change.
    pub first_seq: i64,
    /// The position of its last one.
    pub last_seq: i64,
    /// How many it holds.
    pub change_count: u64,
    /// Of the compressed bytes, in hexadecimal digits.
    pub sha256: String,
    /// The number of compressed bytes.
    pub byte_count: u64,
    /// When its first change was appended.
    pub first_appended_at: DateTime<Utc>,
    /// When its last one was.
    pub last_appended_at: DateTime<Utc>,
}

/// A file that is being written, in memory, compressed as it grows.
pub(super) struct Writer {
    encoder: zstd::Encoder<'static, Vec<u8>>,
    next_seq: i64,
    times: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Writer {
    /// A file that begins with this position.
    pub(super) fn new(first_seq: i64) -> std::io::Result<Self> {
        Ok(Self { encoder: zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?, next_seq: first_seq, times: None })
    }

    /// The position that must come next.
    pub(super) fn next_seq(&self) -> i64 {
        self.next_seq
    }

    /// Adds a row of the stream, which follows the last one.
    pub(super) fn add(&mut self, row: &Stored) -> Result<(), String> {
        let unreadable = |error: &dyn std::fmt::Display| format!("row {} is broken: {error}", row.first_seq);
        if row.first_seq != self.next_seq {
            return Err(format!("row {} comes where {} should", row.first_seq, self.next_seq));
        }
        let entries = segment::entries(&row.changes).map_err(|error| unreadable(&error))?;
        for Entry { position, kind, node, key } in entries {
            let (seq, appended_at) = (self.next_seq, row.appended_at);
            let line = Line { seq, appended_at, position: &position, kind, node, key: &key };
            serde_json::to_writer(&mut self.encoder, &line).map_err(|error| unreadable(&error))?;
            self.encoder.write_all(b"\n").map_err(|error| unreadable(&error))?;
            self.next_seq += 1;
        }
        if self.next_seq != row.last_seq + 1 {
            return Err(unreadable(&"it does not hold as many changes as it says"));
        }
        self.times = Some((self.times.map_or(row.appended_at, |(first, _)| first), row.appended_at));
        Ok(())
    }

    /// The file and its manifest, once it ends where it should.
    pub(super) fn finish(self, file: FileId) -> Result<(Bytes, Manifest), String> {
        let Some((first_appended_at, last_appended_at)) =
            self.times.filter(|_| self.next_seq == file.last_seq + 1)
        else {
            return Err(format!("it ends before {}, where {} should be", self.next_seq, file.last_seq));
        };
        let bytes = self.encoder.finish().map_err(|error| error.to_string())?;
        let manifest = Manifest {
            format: FORMAT,
            lane: file.lane.name().to_owned(),
            first_seq: file.first_seq,
            last_seq: file.last_seq,
            change_count: file.change_count(),
            sha256: sha256(&bytes),
            byte_count: bytes.len() as u64,
            first_appended_at,
            last_appended_at,
        };
        Ok((bytes.into(), manifest))
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Manifest {
    /// The manifest as it is stored.
    pub(super) fn to_bytes(&self) -> Bytes {
        let mut text = serde_json::to_vec_pretty(self).expect("a manifest is plain data");
        text.push(b'\n');
        text.into()
    }

    /// Reads the manifest of a file; what is wrong with it, in words.
    pub(super) fn parse(file: FileId, bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let unreadable = |error: serde_json::Error| format!("it cannot be read: {error}");
        let Form { format } = serde_json::from_slice(bytes).map_err(unreadable)?;
        if format != FORMAT {
            return Err(format!("its format is {format}, and this program reads {FORMAT}"));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        let as_named = manifest.lane == file.lane.name()
            && (manifest.first_seq, manifest.last_seq) == (file.first_seq, file.last_seq)
            && manifest.change_count == file.change_count();
        if as_named { Ok(manifest) } else { Err("it does not say what its name says".to_owned()) }
    }

    /// Makes sure that bytes are those of the file, before anything in them is looked at.
    pub(super) fn vouch_for(&self, bytes: &[u8]) -> Result<(), String> {
        if bytes.len() as u64 != self.byte_count {
            return Err(format!("it has {} bytes instead of {}", bytes.len(), self.byte_count));
        }
        if sha256(bytes) != self.sha256 {
            return Err("its checksum is another one than its manifest says".to_owned());
        }
        Ok(())
    }
}

/// The changes in a file's bytes, in order, each checked to be the one that must come next; what is wrong, in words.
pub(super) fn changes(
    manifest: &Manifest,
    bytes: Bytes,
) -> impl Iterator<Item = Result<ArchivedChange, String>> + Send + use<> {
    let (mut next_seq, last_seq) = (manifest.first_seq, manifest.last_seq);
    let mut lines = None;
    let mut bytes = Some(bytes);
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let mut read = || -> Result<Option<ArchivedChange>, String> {
            if let Some(bytes) = bytes.take() {
                let decoder =
                    zstd::Decoder::new(std::io::Cursor::new(bytes)).map_err(|error| error.to_string())?;
                lines = Some(BufReader::new(decoder));
            }
            let lines = lines.as_mut().expect("it was just made");
            let mut line = String::new();
            let read = lines.by_ref().take(MAX_LINE_BYTES).read_line(&mut line);
            read.map_err(|error| format!("it cannot be decompressed: {error}"))?;
            match (line.is_empty(), next_seq > last_seq) {
                (true, true) => Ok(None),
                (true, false) => Err(format!("it ends before change {next_seq}")),
                (false, true) => Err(format!("it goes on after change {last_seq}")),
                (false, false) => {
                    let change: ArchivedChange = serde_json::from_str(&line)
                        .map_err(|_| format!("the line of change {next_seq} cannot be read"))?;
                    if change.seq != next_seq {
                        return Err(format!("change {} comes where {next_seq} should", change.seq));
                    }
                    next_seq += 1;
                    Ok(Some(change))
                }
            }
        };
        let item = read().transpose();
        is_over = !matches!(item, Some(Ok(_)));
        item
    })
}

#[cfg(test)]
mod tests;
