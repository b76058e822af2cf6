//! Where a file ends.

use std::time::{Duration, Instant};

use chrono::NaiveDate;

use super::MAX_FILE_LEN;
use crate::store::archive::Segment;

/// The next file of a lane, as far as it is known: what follows the archived part of the stream, up to where the file
/// must end. Whole rows of the stream only, so that a file is what was stored.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    after: i64,
    /// The last position of the file as far as it goes; `after` while it has none.
    end: i64,
    date: Option<NaiveDate>,
    /// When its oldest change has waited long enough.
    due: Option<Instant>,
    /// Does anything follow that belongs to the next file?
    is_closed: bool,
}

/// What is to be done about the next file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// There is none yet.
    Nothing,
    /// It still grows.
    Later,
    /// It ends here.
    Now { end: i64 },
}

impl Cut {
    /// A file that begins after a position.
    pub(super) fn new(after: i64) -> Self {
        Self { after, end: after, date: None, due: None, is_closed: false }
    }

    /// Where the file ends as far as it goes.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    pub(super) fn date(&self) -> Option<NaiveDate> {
        self.date
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Takes the next row of the stream, if it belongs to this file; closes the file otherwise.
    pub(super) fn take(&mut self, segment: &Segment, now: Instant, interval: Duration) {
        let fits = segment.last_seq - self.after <= MAX_FILE_LEN || self.date.is_none();
        if self.is_closed || !fits || self.date.is_some_and(|date| date != segment.appended_on) {
            self.is_closed = true;
            return;
        }
        if self.date.is_none() {
            let age = Duration::from_millis(segment.age_ms.try_into().unwrap_or(0));
            self.due = Some(now + interval.saturating_sub(age));
        }
        self.date = Some(segment.appended_on);
        self.end = segment.last_seq;
    }

    /// Is it time to write the file?
    pub(super) fn due(&self, now: Instant, today: NaiveDate, at_once: bool) -> Due {
        let (Some(date), Some(due)) = (self.date, self.due) else { return Due::Nothing };
        if self.is_closed || at_once || now >= due || date < today {
            Due::Now { end: self.end }
        } else {
            Due::Later
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(60);

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, day).unwrap()
    }

    fn segment(first_seq: i64, len: i64, on: u32) -> Segment {
        Segment { first_seq, last_seq: first_seq + len - 1, appended_on: day(on), age_ms: 0 }
    }

    #[test]
    fn a_file_ends_when_it_is_old_or_full_or_its_day_is_over() {
        let now = Instant::now();
        let mut cut = Cut::new(10);
        assert_eq!(cut.due(now, day(1), true), Due::Nothing);
        cut.take(&segment(11, 5, 1), now, INTERVAL);
        assert_eq!(cut.due(now, day(1), false), Due::Later);
        assert_eq!(cut.due(now + INTERVAL, day(1), false), Due::Now { end: 15 });
        assert_eq!(cut.due(now, day(1), true), Due::Now { end: 15 });
        assert_eq!(cut.due(now, day(2), false), Due::Now { end: 15 });
        cut.take(&segment(16, MAX_FILE_LEN, 1), now, INTERVAL);
        assert_eq!(cut.due(now, day(1), false), Due::Now { end: 15 });
    }

    #[test]
    fn what_has_waited_already_waits_no_longer() {
        let now = Instant::now();
        let mut cut = Cut::new(0);
        cut.take(&Segment { age_ms: 59_999, ..segment(1, 1, 1) }, now, INTERVAL);
        assert_eq!(cut.due(now, day(1), false), Due::Later);
        assert_eq!(cut.due(now + Duration::from_millis(1), day(1), false), Due::Now { end: 1 });
    }

    proptest! {
        /// Whatever the rows of the stream are, and whenever it is looked: files follow each other without gap or
        /// overlap, hold all rows, and never more than they may, nor of two days.
        #[test]
        fn cutting_loses_and_repeats_nothing(
            rows in prop::collection::vec((1..=1_000_i64, 0..4_u32, any::<bool>()), 1..300),
        ) {
            let now = Instant::now();
            let mut segments = Vec::new();
            let (mut next, mut on) = (1, 1);
            for (len, later, old) in rows {
                // Days may also go backwards, where processes do not agree about midnight.
                on = if later == 3 { on + 1 } else if later == 2 { (on - 1).max(1) } else { on };
                let age_ms = if old { 60_000 } else { 0 };
                segments.push(Segment { age_ms, ..segment(next, len, on.min(28)) });
                next += len;
            }
            let (mut after, mut at, mut held) = (0, 0, 0);
            while at < segments.len() {
                let mut cut = Cut::new(after);
                let mut taken = at;
                while !cut.is_closed() && taken < segments.len() {
                    cut.take(&segments[taken], now, INTERVAL);
                    taken += 1;
                    if matches!(cut.due(now, day(1), false), Due::Now { .. }) {
                        break;
                    }
                }
                let Due::Now { end } = cut.due(now, day(28), true) else { panic!("it has rows") };
                let of_file: Vec<_> = segments.iter().filter(|s| s.first_seq > after && s.last_seq <= end).collect();
                prop_assert!(!of_file.is_empty() && end - after <= MAX_FILE_LEN);
                prop_assert_eq!(of_file[0].first_seq, after + 1);
                prop_assert_eq!(of_file[of_file.len() - 1].last_seq, end);
                prop_assert!(of_file.iter().all(|s| Some(s.appended_on) == cut.date()));
                held += of_file.len();
                at += of_file.len();
                after = end;
            }
            prop_assert_eq!((held, after), (segments.len(), next - 1));
        }
    }
}
