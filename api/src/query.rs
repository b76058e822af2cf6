//! Query parameters: pages, filters and windows of time.

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset, Months, NaiveDate, Utc};
use percent_encoding::percent_decode_str;

use crate::error::{ApiError, ErrorCode};
use crate::headers::positive_integer;

/// The zone whose date is "today". The standard names none; most customers of the National Electricity Market, and
/// its operator's published times, are on Australia's eastern seaboard.
const HOLDER_ZONE: chrono_tz::Tz = chrono_tz::Australia::Sydney;
/// The page size when none is asked for, by the standard.
const DEFAULT_PAGE_SIZE: u32 = 25;
/// The largest page size, by the standard.
const MAX_PAGE_SIZE: u32 = 1_000;
/// How far back invoices reach when no oldest date is asked for, by the standard.
const INVOICE_WINDOW: Months = Months::new(24);
/// How far back billing transactions reach when no oldest time is asked for, by the standard.
const BILLING_WINDOW: Months = Months::new(12);

/// The query string of a request. Parameters that an endpoint does not know are ignored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query<'a>(pub(crate) &'a str);

impl<'a> Query<'a> {
    /// Each parameter as it was sent, with its name decoded.
    fn pairs(self) -> impl Iterator<Item = (Cow<'a, str>, &'a str)> {
        self.0.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let name = pair.split_once('=').map_or(pair, |(name, _)| name);
            (percent_decode_str(name).decode_utf8_lossy(), pair)
        })
    }

    /// The value of a parameter, which may come once. Only percent signs are decoded: a plus sign is the one of a
    /// time's offset, and no value of the standard holds a blank.
    pub(crate) fn one(self, name: &'static str) -> Result<Option<Cow<'a, str>>, ApiError> {
        let invalid = || ApiError::new(ErrorCode::FieldInvalid, name);
        let mut values = self.pairs().filter(|(given, _)| given == name).map(|(_, pair)| pair);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(pair), None) => {
                let value = pair.split_once('=').map_or("", |(_, value)| value);
                percent_decode_str(value).decode_utf8().map(Some).map_err(|_| invalid())
            }
            (Some(_), Some(_)) => Err(invalid()),
        }
    }

    /// The parameters other than those of paging, as they were sent.
    pub(crate) fn filters(self) -> impl Iterator<Item = &'a str> {
        self.pairs().filter(|(name, _)| name != "page" && name != "page-size").map(|(_, pair)| pair)
    }

    /// Which page is asked for.
    pub(crate) fn page(self) -> Result<Page, ApiError> {
        let number = |name, default| match self.one(name)? {
            None => Ok(default),
            Some(text) => positive_integer(&text).ok_or_else(|| ApiError::new(ErrorCode::FieldInvalid, name)),
        };
        let (page, size) = (number("page", 1)?, number("page-size", DEFAULT_PAGE_SIZE)?);
        if size > MAX_PAGE_SIZE {
            return Err(ApiError::new(ErrorCode::FieldInvalidPageSize, "page-size"));
        }
        Ok(Page { number: page, size })
    }

    /// Whether open or closed accounts are asked for; none means all.
    pub(crate) fn open_status(self) -> Result<Option<&'static str>, ApiError> {
        const NAME: &str = "open-status";
        match self.one(NAME)?.as_deref() {
            None | Some("ALL") => Ok(None),
            Some("OPEN") => Ok(Some("OPEN")),
            Some("CLOSED") => Ok(Some("CLOSED")),
            Some(_) => Err(ApiError::new(ErrorCode::FieldInvalid, NAME)),
        }
    }

    /// The issue dates asked for, both included.
    pub(crate) fn invoice_dates(self, now: DateTime<Utc>) -> Result<Window<NaiveDate>, ApiError> {
        let read = |name| self.moment(name, date);
        let newest = read("newest-date")?.unwrap_or_else(|| now.with_timezone(&HOLDER_ZONE).date_naive());
        let oldest = read("oldest-date")?;
        let oldest = oldest.unwrap_or_else(|| newest.checked_sub_months(INVOICE_WINDOW).unwrap_or(newest));
        Window { oldest, newest }.in_order("oldest-date")
    }

    /// The times asked for, both included.
    pub(crate) fn billing_times(self, now: DateTime<Utc>) -> Result<Window<DateTime<Utc>>, ApiError> {
        let read = |name| self.moment(name, |text| DateTime::parse_from_rfc3339(text).ok());
        let newest: DateTime<FixedOffset> = read("newest-time")?.unwrap_or_else(|| now.fixed_offset());
        let oldest = read("oldest-time")?;
        let oldest = oldest.unwrap_or_else(|| newest.checked_sub_months(BILLING_WINDOW).unwrap_or(newest));
        Window { oldest: oldest.to_utc(), newest: newest.to_utc() }.in_order("oldest-time")
    }

    fn moment<T>(self, name: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, ApiError> {
        let invalid = || ApiError::new(ErrorCode::FieldInvalidDateTime, name);
        self.one(name)?.map(|text| parse(&text).ok_or_else(invalid)).transpose()
    }
}

/// `DateString`, to the letter: chrono alone would take a year of any length, and signs.
fn date(text: &str) -> Option<NaiveDate> {
    let shaped = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() });
    if shaped { NaiveDate::parse_from_str(text, "%Y-%m-%d").ok() } else { None }
}

/// A window of time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window<T> {
    pub(crate) oldest: T,
    pub(crate) newest: T,
}

impl<T: PartialOrd> Window<T> {
    fn in_order(self, name: &'static str) -> Result<Self, ApiError> {
        if self.oldest > self.newest {
            return Err(ApiError::new(ErrorCode::FieldInvalidDateTime, name));
        }
        Ok(self)
    }
}

/// A page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// Which, from 1.
    pub(crate) number: u32,
    /// How many records a page has.
    pub(crate) size: u32,
}

impl Page {
    /// For `limit`.
    pub(crate) fn limit(self) -> i64 {
        i64::from(self.size)
    }

    /// For `offset`: the records before it.
    pub(crate) fn offset(self) -> i64 {
        i64::from(self.number - 1) * i64::from(self.size)
    }

    /// How many pages that many records make.
    pub(crate) fn count(self, total_records: u64) -> u64 {
        total_records.div_ceil(u64::from(self.size))
    }

    /// Refuses a page after the last. The first page of nothing is a page.
    pub(crate) fn within(self, total_records: u64) -> Result<(), ApiError> {
        let pages = self.count(total_records);
        if u64::from(self.number) > pages.max(1) {
            return Err(ApiError::new(ErrorCode::FieldInvalidPage, pages.to_string()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> String {
        format!("{:?}", result.unwrap_err().first_code())
    }

    fn now() -> DateTime<Utc> {
        "2026-11-23T13:30:00Z".parse().unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn pages_have_the_standards_bounds() {
        assert_eq!(Query("").page().unwrap(), Page { number: 1, size: 25 });
        assert_eq!(Query("page-size=1000&page=3").page().unwrap(), Page { number: 3, size: 1000 });
        assert_eq!(Query("page%2Dsize=7").page().unwrap().size, 7);
        for bad in [
            "page=0",
            "page=-1",
            "page=x",
            "page=",
            "page",
            "page=1.0",
            "page=1&page=1",
            "page-size=0",
            "page=%FF",
        ] {
            assert_eq!(code(Query(bad).page()), "FieldInvalid", "{bad}");
        }
        assert_eq!(code(Query("page-size=1001").page()), "FieldInvalidPageSize");
        assert_eq!(code(Query("page-size=99999999999999999999").page()), "FieldInvalidPageSize");
        assert!(Query("page=99999999999999999999").page().unwrap().offset() > 0);
    }

    #[test]
    fn a_page_after_the_last_is_refused() {
        let page = |number| Page { number, size: 10 };
        assert!(page(1).within(0).is_ok() && page(2).within(20).is_ok() && page(3).within(21).is_ok());
        assert_eq!(code(page(3).within(20)), "FieldInvalidPage");
        assert_eq!(code(page(2).within(0)), "FieldInvalidPage");
    }

    #[test]
    fn accounts_are_filtered_by_status() {
        assert_eq!(Query("").open_status().unwrap(), None);
        assert_eq!(Query("open-status=ALL").open_status().unwrap(), None);
        assert_eq!(Query("open-status=CLOSED").open_status().unwrap(), Some("CLOSED"));
        for bad in ["open-status=open", "open-status=", "open-status=OPEN&open-status=OPEN"] {
            assert_eq!(code(Query(bad).open_status()), "FieldInvalid", "{bad}");
        }
    }

    #[test]
    fn invoices_reach_back_24_months_from_today_in_sydney() {
        // Half past midnight on the 24th in Sydney.
        let window = |query: &str| Query(query).invoice_dates(now());
        let expected = Window { oldest: day("2024-11-24"), newest: day("2026-11-24") };
        assert_eq!(window("").unwrap(), expected);
        let expected = Window { oldest: day("2022-02-28"), newest: day("2024-02-29") };
        assert_eq!(window("newest-date=2024-02-29").unwrap(), expected);
        let expected = Window { oldest: day("2026-11-24"), newest: day("2026-11-24") };
        assert_eq!(window("oldest-date=2026-11-24").unwrap(), expected);
        for bad in [
            "newest-date=2026-02-30",
            "newest-date=2026-2-3",
            "newest-date=+2026-01-01",
            "newest-date=yesterday",
            "newest-date=",
            "newest-date=2026-01-01T00:00:00Z",
            "oldest-date=2026-11-25",
            "oldest-date=2025-01-02&newest-date=2025-01-01",
        ] {
            assert_eq!(code(window(bad)), "FieldInvalidDateTime", "{bad}");
        }
        assert_eq!(code(window("oldest-date=2025-01-01&oldest-date=2025-01-01")), "FieldInvalid");
    }

    #[test]
    fn billing_reaches_back_12_months_from_now() {
        let window = |query: &str| Query(query).billing_times(now());
        assert_eq!(window("").unwrap().newest, now());
        assert_eq!(window("").unwrap().oldest, now().checked_sub_months(Months::new(12)).unwrap());
        let given = "2026-03-01T09:00:00+11:00".parse::<DateTime<Utc>>().unwrap();
        for same in ["2026-03-01T09:00:00%2B11:00", "2026-03-01T09:00:00+11:00", "2026-02-28T22:00:00Z"] {
            assert_eq!(window(&format!("newest-time={same}")).unwrap().newest, given, "{same}");
        }
        // A year back on the caller's calendar: 1 March 2025, not 28 February.
        let oldest = window("newest-time=2026-03-01T09:00:00+11:00").unwrap().oldest;
        assert_eq!(oldest, "2025-03-01T09:00:00+11:00".parse::<DateTime<Utc>>().unwrap());
        for bad in [
            "2026-03-01",
            "2026-03-01T09:00:00",
            "2026-13-01T09:00:00Z",
            "now",
            "2026-11-30T00:00:00Z&oldest-time=2026-12-01T00:00:00Z",
        ] {
            assert_eq!(code(window(&format!("newest-time={bad}"))), "FieldInvalidDateTime", "{bad}");
        }
    }

    #[test]
    fn a_window_before_time_began_is_empty_rather_than_wrong() {
        assert!(Query("newest-date=0000-01-01").invoice_dates(now()).is_ok());
    }

    proptest! {
        #[test]
        fn pages_cover_every_record_once(total in 0u64..5_000, size in 1u32..1_000) {
            let pages = Page { number: 1, size }.count(total);
            let mut seen = 0;
            for number in 1..=pages {
                let page = Page { number: number as u32, size };
                prop_assert!(page.within(total).is_ok());
                prop_assert_eq!(page.offset() as u64, seen);
                seen += (total - seen).min(u64::from(size));
            }
            prop_assert_eq!(seen, total);
        }

        #[test]
        fn no_query_is_too_odd(text in "[ -~]{0,60}") {
            let query = Query(&text);
            let _ = (query.page(), query.open_status(), query.invoice_dates(now()), query.billing_times(now()));
            let _ = query.filters().count();
        }
    }
}
