//! Reading the archive back: which files there are, whether they join up, and what is in each.
//!
//! Names say enough to see what is missing, so that listing costs no more than the names; a file is read when it is
//! asked for, one at a time, and nothing of it is handed out before its bytes are known to be those of its manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{Days, NaiveDate};
use wattle_core::{SourceSystem, TenantId};

use super::file::{self, ArchivedChange, Manifest};
use super::name::{FileId, Home, Part};
use super::{Archive, ArchiveError, MAX_FILE_BYTES};
use crate::store::stream::Lane;

/// Names held at once: 32 MB of them, and almost two years of a file a minute.
const MAX_FILES: usize = 1_000_000;
/// A manifest has a dozen short members.
const MAX_MANIFEST_BYTES: u64 = 64 << 10;

/// The files of one source that were appended to its stream on some days (UTC).
pub struct Reader {
    archive: Arc<Archive>,
    home: Home,
    files: Vec<FileId>,
    gaps: Vec<ArchiveError>,
}

/// A file whose bytes are what its manifest says.
#[derive(Debug, Clone)]
pub struct Whole {
    object: String,
    manifest: Manifest,
    bytes: Bytes,
}

impl Reader {
    /// Lists the files of a range of days, both included, and looks whether those of each lane join up. The days before
    /// and after are looked at too, so that a file that is missing at either end is noticed where another follows.
    pub async fn open(
        archive: Arc<Archive>,
        tenant: &TenantId,
        source: &SourceSystem,
        from: NaiveDate,
        through: NaiveDate,
    ) -> Result<Self, ArchiveError> {
        let home = Home { tenant: tenant.clone(), source: source.clone() };
        let before = from.checked_sub_days(Days::new(1)).unwrap_or(from);
        let after = through.checked_add_days(Days::new(1)).unwrap_or(through);
        let mut found = Found::default();
        for date in before.iter_days().take_while(|date| *date <= after) {
            found.read(&archive, &home, date).await?;
        }
        let is_asked_for = |file: &FileId| from <= file.date && file.date <= through;
        let gaps = gaps(&home, &found, is_asked_for);
        let files = found.whole.into_iter().filter(is_asked_for).collect();
        Ok(Self { archive, home, files, gaps })
    }

    /// The files, by lane and in order.
    pub fn files(&self) -> &[FileId] {
        &self.files
    }

    /// What is missing between them, or there twice.
    pub fn gaps(&self) -> &[ArchiveError] {
        &self.gaps
    }

    /// The first of them, for whoever cannot go on because of it.
    pub(crate) fn take_gap(&mut self) -> Option<ArchiveError> {
        (!self.gaps.is_empty()).then(|| self.gaps.swap_remove(0))
    }

    /// The name of a file's data within the archive.
    pub fn object(&self, file: FileId) -> String {
        self.home.object(file, Part::Data)
    }

    /// Reads a file and makes sure that it is whole.
    pub async fn read(&self, file: FileId) -> Result<Whole, ArchiveError> {
        read(&self.archive, &self.home, file).await
    }
}

/// Reads a file and makes sure that its bytes are those of its manifest.
async fn read(archive: &Archive, home: &Home, file: FileId) -> Result<Whole, ArchiveError> {
    let object = home.object(file, Part::Manifest);
    let found = archive.get(&object, MAX_MANIFEST_BYTES).await?;
    let Some(bytes) = found else { return Err(ArchiveError::Missing { object }) };
    let manifest = Manifest::parse(file, &bytes).map_err(|what| ArchiveError::Damaged { object, what })?;
    let object = home.object(file, Part::Data);
    let found = archive.get(&object, MAX_FILE_BYTES).await?;
    let Some(bytes) = found else { return Err(ArchiveError::Missing { object }) };
    match manifest.vouch_for(&bytes) {
        Ok(()) => Ok(Whole { object, manifest, bytes }),
        Err(what) => Err(ArchiveError::Damaged { object, what }),
    }
}

impl Whole {
    /// What its manifest says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its changes, in order, decompressed as they are taken. Ends with an error where they are not those that the
    /// manifest names.
    pub fn changes(&self) -> impl Iterator<Item = Result<ArchivedChange, ArchiveError>> + Send + use<> {
        let object = self.object.clone();
        file::changes(&self.manifest, self.bytes.clone())
            .map(move |change| change.map_err(|what| ArchiveError::Damaged { object: object.clone(), what }))
    }
}

/// Files found, and those without a manifest.
#[derive(Default)]
struct Found {
    whole: BTreeSet<FileId>,
    without_manifest: BTreeMap<(Lane, i64), FileId>,
}

impl Found {
    /// Adds the files of a day.
    async fn read(&mut self, archive: &Archive, home: &Home, date: NaiveDate) -> Result<(), ArchiveError> {
        let mut data = BTreeSet::new();
        let whole = &mut self.whole;
        archive
            .list(&home.folder(date), |name| match FileId::parse(date, name) {
                Some((file, Part::Data)) => drop(data.insert(file)),
                // A manifest whose file is gone is listed: that it is missing shows when it is read.
                Some((file, Part::Manifest)) => drop(whole.insert(file)),
                None => {}
            })
            .await?;
        if whole.len() + data.len() > MAX_FILES {
            return Err(ArchiveError::config(
                format!("more than {MAX_FILES} files are asked for"),
                "name fewer days",
            ));
        }
        let without = data.into_iter().filter(|file| !whole.contains(file));
        self.without_manifest.extend(without.map(|file| ((file.lane, file.first_seq), file)));
        Ok(())
    }
}

/// Where files of a lane do not join up, as far as it concerns those asked for.
fn gaps(home: &Home, found: &Found, is_asked_for: impl Fn(&FileId) -> bool) -> Vec<ArchiveError> {
    let mut gaps = Vec::new();
    let mut last: Option<FileId> = None;
    for file in &found.whole {
        let joins = last.filter(|last| last.lane == file.lane);
        // What is there without its manifest, though later files are whole, is missing too.
        let without = |first_seq| {
            found.without_manifest.range((file.lane, first_seq)..(file.lane, file.first_seq)).next()
        };
        let first_seq = match joins {
            Some(last) => last.last_seq + 1,
            None => without(0).map_or(file.first_seq, |(_, first)| first.first_seq),
        };
        let concerns = joins.iter().chain(without(first_seq).map(|(_, file)| file)).chain([file]);
        if !concerns.into_iter().any(&is_asked_for) {
            // Other days are theirs to read.
        } else if first_seq < file.first_seq {
            let object = without(first_seq)
                .map_or(home.object(*file, Part::Data), |(_, hint)| home.object(*hint, Part::Manifest));
            let last_seq = file.first_seq - 1;
            gaps.push(ArchiveError::Gap { lane: file.lane.name(), first_seq, last_seq, object });
        } else if let Some(last) = joins.filter(|last| file.first_seq <= last.last_seq) {
            let (object, other) = (home.object(*file, Part::Data), home.object(last, Part::Data));
            gaps.push(ArchiveError::Overlap { object, other });
        }
        if joins.is_none_or(|last| last.last_seq < file.last_seq) {
            last = Some(*file);
        }
    }
    gaps
}
