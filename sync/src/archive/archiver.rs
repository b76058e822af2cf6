//! The loop that writes the archive.
//!
//! For each lane: wait until a file is due, store where it ends, build it from the stream, upload it, then its manifest,
//! and only then move the mark past it. Whatever happens in between, the same file is written again.

use std::time::{Duration, Instant};

use super::cut::{Cut, Due};
use super::file::Writer;
use super::name::{FileId, Home, Part};
use super::{Archive, ArchiveError};
use crate::SyncError;
use crate::runner::{Loop, Runner};
use crate::store::archive::{self as store, Mark};
use crate::store::stream::Lane;

/// How often the stream is looked at while a file grows: often enough beside any sensible interval.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Rows of the stream whose bounds are read at once; they are small.
const BOUNDS_PAGE: usize = 1_000;
/// Rows of the stream that are read with their changes at once: up to eight thousand changes.
const ROWS_PAGE: usize = 8;

/// Archives until something fails or the process stops.
pub(crate) async fn run(runner: &Runner, archive: &Archive) -> Result<(), SyncError> {
    tokio::select! {
        // Safe to drop at any await: what was begun is begun again.
        ended = archive_all(runner, archive) => ended,
        () = runner.progress.stopped() => Ok(()),
    }
}

async fn archive_all(runner: &Runner, archive: &Archive) -> Result<(), SyncError> {
    let (mut appended, mut applied) = (runner.progress.appended(), runner.progress.applied());
    let mut at_once = runner.progress.archive_at_once();
    store::ensure(runner.db(), &runner.scope).await?;
    let mut lanes = [
        Archiver::of(runner, archive, Lane::Live).await?,
        Archiver::of(runner, archive, Lane::Backfill).await?,
    ];
    loop {
        appended.mark_unchanged();
        applied.mark_unchanged();
        let asked = *at_once.borrow_and_update();
        let (mut wrote, mut grows) = (false, false);
        for lane in &mut lanes {
            match lane.step(asked).await? {
                Due::Now { .. } => wrote = true,
                Due::Later => grows = true,
                Due::Nothing => {}
            }
        }
        runner.works(Loop::Archive);
        if wrote {
            continue;
        }
        // Nobody else appends while we hold the lease; what a batch leads to is appended as it is applied.
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY), if grows => {}
            _ = appended.changed(), if !grows => {}
            _ = applied.changed(), if !grows => {}
            _ = at_once.changed() => {}
        }
    }
}

/// The archiver of one lane.
struct Archiver<'a> {
    runner: &'a Runner,
    archive: &'a Archive,
    home: Home,
    lane: Lane,
    mark: Mark,
    cut: Cut,
}

impl<'a> Archiver<'a> {
    /// Begins where the mark stands.
    async fn of(runner: &'a Runner, archive: &'a Archive, lane: Lane) -> Result<Self, SyncError> {
        let (tenant, source) = runner.scope.ids();
        let mark = store::read(runner.db(), &runner.scope, lane).await?;
        Ok(Self { runner, archive, home: Home { tenant, source }, lane, mark, cut: Cut::new(mark.seq) })
    }

    /// Writes the next file, if it is due.
    async fn step(&mut self, at_once: bool) -> Result<Due, SyncError> {
        self.look().await?;
        // A file that was begun ends where it was said to, whatever has come since.
        let due = match self.mark.next_seq {
            Some(end) => Due::Now { end },
            None => self.cut.due(Instant::now(), chrono::Utc::now().date_naive(), at_once),
        };
        if let Due::Now { end } = due {
            if self.mark.next_seq.is_none() {
                self.move_mark(Mark { next_seq: Some(end), ..self.mark }).await?;
            }
            self.write(end).await?;
            self.move_mark(Mark { seq: end, next_seq: None }).await?;
            self.cut = Cut::new(end);
        }
        Ok(due)
    }

    /// Reads what has been appended since, up to where the file must end.
    async fn look(&mut self) -> Result<(), SyncError> {
        let now = Instant::now();
        while !self.cut.is_closed() {
            let page =
                store::segments(self.runner.db(), &self.runner.scope, self.lane, self.cut.end(), BOUNDS_PAGE)
                    .await?;
            if let Some(first) = page.first().filter(|first| first.first_seq != self.cut.end() + 1) {
                self.skip_to(first.first_seq).await?;
            }
            for segment in &page {
                self.cut.take(segment, now, self.archive.interval);
            }
            if page.len() < BOUNDS_PAGE {
                break;
            }
        }
        Ok(())
    }

    /// Goes on with what the stream still has. Positions become visible in order, so what is missing in front was
    /// trimmed by someone who did not wait for the archive.
    async fn skip_to(&mut self, first_seq: i64) -> Result<(), SyncError> {
        if self.cut.date().is_some() {
            let what = format!("it has nothing between {} and {first_seq}", self.cut.end());
            return Err(ArchiveError::Stream { lane: self.lane.name(), what }.into());
        }
        tracing::warn!(
            lane = self.lane.name(),
            first_seq = self.mark.seq + 1,
            last_seq = first_seq - 1,
            "changes are no longer in the stream and will not be in the archive"
        );
        self.move_mark(Mark { seq: first_seq - 1, next_seq: None }).await?;
        self.cut = Cut::new(first_seq - 1);
        Ok(())
    }

    async fn move_mark(&mut self, to: Mark) -> Result<(), SyncError> {
        let Runner { scope, token, .. } = self.runner;
        if !store::move_on(self.runner.db(), scope, *token, self.lane, self.mark, to).await? {
            return Err(ArchiveError::Moved.into());
        }
        self.mark = to;
        Ok(())
    }

    /// Writes the file from the mark to `end`, and then its manifest.
    async fn write(&self, end: i64) -> Result<(), SyncError> {
        let broken = |what| ArchiveError::Stream { lane: self.lane.name(), what };
        let first_seq = self.mark.seq + 1;
        let date =
            self.cut.date().ok_or_else(|| broken(format!("it has nothing after {}", self.mark.seq)))?;
        let file = FileId { lane: self.lane, first_seq, last_seq: end, date };
        let mut writer = Writer::new(first_seq).map_err(|error| broken(error.to_string()))?;
        while writer.next_seq() <= end {
            let after = writer.next_seq() - 1;
            let rows =
                store::stored(self.runner.db(), &self.runner.scope, self.lane, after, end, ROWS_PAGE).await?;
            if rows.is_empty() {
                return Err(broken(format!("it has nothing after {after}, and should to {end}")).into());
            }
            for row in &rows {
                writer.add(row).map_err(broken)?;
            }
        }
        let (bytes, manifest) = writer.finish(file).map_err(broken)?;
        self.archive.put(&self.home.object(file, Part::Data), bytes).await?;
        self.archive.put(&self.home.object(file, Part::Manifest), manifest.to_bytes()).await?;
        tracing::debug!(%file, change_count = file.change_count(), byte_count = manifest.byte_count, "archived");
        Ok(())
    }
}
