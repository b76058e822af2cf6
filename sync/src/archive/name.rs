//! Names of objects: a file's name is its range, so that a file that is written again replaces itself.

use std::fmt;

use chrono::NaiveDate;
use wattle_core::{SourceSystem, TenantId};

use crate::store::stream::Lane;

/// What a file's name ends with: one JSON object a line, compressed.
const DATA: &str = ".jsonl.zst";
/// What the name of its manifest has after that.
const MANIFEST: &str = ".manifest.json";
/// Digits of a position in a name, so that names are ordered as positions are: as many as the largest has, and one.
const SEQ_DIGITS: usize = 20;

/// Whose files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) tenant: TenantId,
    pub(crate) source: SourceSystem,
}

/// A file of the archive: a range of one lane, appended on one date (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// Which lane.
    pub lane: Lane,
    /// The position of its first change.
    pub first_seq: i64,
    /// The position of its last one.
    pub last_seq: i64,
    /// The day on which they were appended to the stream.
    pub date: NaiveDate,
}

/// One of the two objects of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Data,
    Manifest,
}

impl FileId {
    /// How many changes it holds.
    pub fn change_count(&self) -> u64 {
        u64::try_from(self.last_seq - self.first_seq + 1).unwrap_or(0)
    }

    /// The last part of its name.
    fn stem(&self) -> String {
        format!("{}-{:0SEQ_DIGITS$}-{:0SEQ_DIGITS$}", self.lane.name(), self.first_seq, self.last_seq)
    }

    /// Reads the last part of an object's name. Nothing for what is no object of ours, such as what a crash left of a
    /// file that was being written.
    pub(crate) fn parse(date: NaiveDate, name: &str) -> Option<(Self, Part)> {
        let (data, part) = match name.strip_suffix(MANIFEST) {
            Some(data) => (data, Part::Manifest),
            None => (name, Part::Data),
        };
        let mut fields = data.strip_suffix(DATA)?.split('-');
        let lane = Lane::parse(fields.next()?)?;
        let mut seq = || fields.next().filter(|text| text.len() == SEQ_DIGITS)?.parse::<i64>().ok();
        let (first_seq, last_seq) = (seq()?, seq()?);
        let whole = fields.next().is_none() && 0 < first_seq && first_seq <= last_seq;
        whole.then_some((Self { lane, first_seq, last_seq, date }, part))
    }
}

impl Home {
    /// The folder of a date.
    pub(crate) fn folder(&self, date: NaiveDate) -> String {
        format!("tenant={}/source={}/date={date}", self.tenant, self.source)
    }

    /// The name of an object.
    pub(crate) fn object(&self, file: FileId, part: Part) -> String {
        let manifest = match part {
            Part::Data => "",
            Part::Manifest => MANIFEST,
        };
        format!("{}/{}{DATA}{manifest}", self.folder(file.date), file.stem())
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "date={}/{}{DATA}", self.date, self.stem())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> FileId {
        let date = NaiveDate::from_ymd_opt(2026, 3, 9).unwrap();
        FileId { lane: Lane::Backfill, first_seq: 1, last_seq: 1_234, date }
    }

    #[test]
    fn a_name_is_its_range() {
        let home =
            Home { tenant: TenantId::parse("mini").unwrap(), source: SourceSystem::parse("main").unwrap() };
        let data = "tenant=mini/source=main/date=2026-03-09/backfill-00000000000000000001-00000000000000001234.jsonl.zst";
        assert_eq!(home.object(file(), Part::Data), data);
        assert_eq!(home.object(file(), Part::Manifest), format!("{data}.manifest.json"));
        for part in [Part::Data, Part::Manifest] {
            let object = home.object(file(), part);
            let name = object.rsplit_once('/').unwrap().1;
            assert_eq!(FileId::parse(file().date, name), Some((file(), part)));
        }
    }

    #[test]
    fn what_is_no_file_of_ours_is_left_alone() {
        for name in [
            "",
            "notes.txt",
            "live-1-2.jsonl.zst",
            "live-00000000000000000001-00000000000000000002.jsonl.zst#1",
            "live-00000000000000000001-00000000000000000002.jsonl",
            "live-00000000000000000002-00000000000000000001.jsonl.zst",
            "live-00000000000000000001-00000000000000000002-3.jsonl.zst",
            "dead-00000000000000000001-00000000000000000002.jsonl.zst",
        ] {
            assert_eq!(FileId::parse(file().date, name), None, "{name}");
        }
    }
}
