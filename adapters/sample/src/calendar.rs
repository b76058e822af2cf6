//! Dates and instants in Melbourne, where all customers of the World live.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Australia::Melbourne;
use chrono_tz::Tz;

/// The instant at which a day begins in Melbourne. Daylight saving never starts or ends at midnight there.
pub(crate) fn midnight(date: NaiveDate) -> DateTime<Utc> {
    let local = date.and_time(NaiveTime::MIN);
    Melbourne.from_local_datetime(&local).single().expect("midnight exists once in Melbourne").to_utc()
}

/// The instant `seconds` after a day begins. Counted as elapsed time, so the hour that occurs twice is reachable twice.
pub(crate) fn moment(date: NaiveDate, seconds: i64) -> DateTime<Utc> {
    midnight(date) + TimeDelta::seconds(seconds)
}

/// The calendar day of an instant in Melbourne.
pub(crate) fn day_of(instant: DateTime<Utc>) -> NaiveDate {
    instant.with_timezone(&Melbourne).date_naive()
}

/// How a retailer's system keeps times.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// As instants, shown with a zone's offset.
    Instants(Tz),
    /// As what a zone's clocks show: of the hour that they show twice, the first is meant.
    Local(Tz),
}

impl Clock {
    /// The instant that is left of one.
    pub(crate) fn kept(self, instant: DateTime<Utc>) -> DateTime<Tz> {
        match self {
            Self::Instants(zone) => instant.with_timezone(&zone),
            Self::Local(zone) => {
                let shown = instant.with_timezone(&zone).naive_local();
                zone.from_local_datetime(&shown).earliest().expect("clocks showed it")
            }
        }
    }
}

/// The CDS's DateTimeString of an instant as a retailer keeps it, to the second.
pub(crate) fn date_time_string(instant: DateTime<Utc>, clock: Clock) -> String {
    clock.kept(instant).to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
}

/// `date` moved by a number of days, which may be negative.
pub(crate) fn shift(date: NaiveDate, days: i64) -> NaiveDate {
    let count = Days::new(days.unsigned_abs());
    let moved = if days < 0 { date.checked_sub_days(count) } else { date.checked_add_days(count) };
    moved.expect("sample dates are near today")
}

/// `date` some months later; the last day of a shorter month stands for days it lacks.
pub(crate) fn months_later(date: NaiveDate, months: u32) -> NaiveDate {
    date.checked_add_months(Months::new(months)).expect("sample dates are near today")
}

/// `date` some months earlier.
pub(crate) fn months_earlier(date: NaiveDate, months: u32) -> NaiveDate {
    date.checked_sub_months(Months::new(months)).expect("sample dates are near today")
}

/// Whether a day is in Victoria's cold half, when heating drives usage.
pub(crate) fn is_winter(date: NaiveDate) -> bool {
    (5..=9).contains(&date.month())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_follow_daylight_saving() {
        let date = |m, d| NaiveDate::from_ymd_opt(2026, m, d).unwrap();
        let date_time_string = |instant| date_time_string(instant, Clock::Instants(Melbourne));
        assert_eq!(date_time_string(midnight(date(4, 5))), "2026-04-05T00:00:00+11:00");
        assert_eq!(date_time_string(midnight(date(4, 6))), "2026-04-06T00:00:00+10:00");
        // Clocks went back at 03:00 that day, so half past two came twice.
        let half_past_two = 2 * 3600 + 1800;
        assert_eq!(date_time_string(moment(date(4, 5), half_past_two)), "2026-04-05T02:30:00+11:00");
        let second = moment(date(4, 5), half_past_two + 3600);
        assert_eq!(date_time_string(second), "2026-04-05T02:30:00+10:00");
        // Clocks alone do not tell the two apart.
        let local = super::date_time_string(second, Clock::Local(Melbourne));
        assert_eq!(local, "2026-04-05T02:30:00+11:00");
    }
}
