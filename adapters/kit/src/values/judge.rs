//! What a record shows of a value that a column holds.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use crate::bench::{Held, MARKER};

/// What a record shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The value.
    Exact,
    /// Nothing has changed.
    Unseen,
    /// Something that is made of it, perhaps.
    Computed,
    /// Another time.
    Shifted(Shift),
    /// What is left of it.
    Spoilt(String),
}

/// By how much a record's time differs from the source's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shift {
    seconds: i64,
    /// The retailer's offset at that time.
    offset_seconds: Option<i64>,
}

impl Shift {
    /// None at all.
    pub(super) const NONE: Self = Self { seconds: 0, offset_seconds: None };

    pub(super) fn is_some(self) -> bool {
        self.seconds != 0
    }

    /// Is a zone at fault, of all times that were put into a column, those that are right among them?
    ///
    /// A query may well show another time than a column has; but it shifts summer and winter alike, and not by the
    /// zone's own offset.
    pub(super) fn of_zone(shifts: &[Self]) -> Option<String> {
        let by_offset = shifts
            .iter()
            .all(|shift| shift.offset_seconds.is_some_and(|offset| offset.abs() == shift.seconds.abs()));
        let first = shifts.first().filter(|_| shifts.iter().any(|shift| shift.is_some()))?;
        let unlike = shifts.iter().find(|shift| shift.seconds != first.seconds);
        if let Some(unlike) = unlike {
            let (one, other) = (hours(first.seconds), hours(unlike.seconds));
            return Some(format!("shown {one} and {other} later than it is, in January and in July"));
        }
        by_offset.then(|| format!("shown {} later than it is", hours(first.seconds)))
    }
}

fn hours(seconds: i64) -> String {
    format!("{:+}:{:02}", seconds / 3_600, (seconds % 3_600).abs() / 60)
}

/// Compares a record before and after a column got its value.
pub(super) fn judge(held: &Held, before: &Value, after: &Value, zone: Option<Tz>) -> Verdict {
    if before == after {
        return Verdict::Unseen;
    }
    let (old, new) = (leaves(before), leaves(after));
    let changed: Vec<&Value> =
        new.iter().filter(|(path, leaf)| old.get(*path) != Some(*leaf)).map(|(_, leaf)| *leaf).collect();
    let verdicts = changed.iter().map(|leaf| match held {
        Held::Null => null(leaf),
        Held::Number(number) => number_in(number, leaf),
        Held::Text(text) => text_in(text, leaf),
        Held::Date(date) => date_in(*date, leaf),
        Held::Local(local) => local_in(*local, leaf, zone),
        Held::Instant(instant) => instant_in(*instant, leaf, zone),
    });
    let verdicts: Vec<Verdict> = verdicts.collect();
    let left_out = *held == Held::Null && old.keys().any(|path| !new.contains_key(path));
    if left_out && verdicts.iter().all(|verdict| !matches!(verdict, Verdict::Spoilt(_))) {
        return Verdict::Exact;
    }
    // A number may be rounded beside itself; a text that is whole in one place and spoilt in another is spoilt.
    let spoilt_first = matches!(held, Held::Text(_));
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Spoilt(_) if spoilt_first => 0,
        Verdict::Exact => 1,
        Verdict::Spoilt(_) => 2,
        Verdict::Shifted(_) => 3,
        Verdict::Computed | Verdict::Unseen => 4,
    };
    verdicts.into_iter().min_by_key(rank).unwrap_or(Verdict::Computed)
}

/// Every value of a document by its path.
fn leaves(document: &Value) -> BTreeMap<String, &Value> {
    fn walk<'a>(path: &str, value: &'a Value, leaves: &mut BTreeMap<String, &'a Value>) {
        match value {
            Value::Array(values) => {
                values
                    .iter()
                    .enumerate()
                    .for_each(|(at, value)| walk(&format!("{path}/{at}"), value, leaves));
            }
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| walk(&format!("{path}/{name}"), value, leaves));
            }
            leaf => drop(leaves.insert(path.to_owned(), leaf)),
        }
    }
    let mut found = BTreeMap::new();
    walk("", document, &mut found);
    found
}

fn null(leaf: &Value) -> Verdict {
    let text = leaf.as_str().map(str::trim);
    let is_word = |text: &str| ["", "null", "none", "nan"].contains(&text.to_lowercase().as_str());
    if leaf.is_null() || text.is_some_and(is_word) {
        return Verdict::Spoilt(format!("NULL is shown as {leaf}"));
    }
    Verdict::Computed
}

type Parts<'a> = (bool, &'a str, &'a str);

/// Sign, digits before the point and digits after it, without zeros that say nothing.
fn parts(number: &str) -> Option<Parts<'_>> {
    let (negative, digits) = number.strip_prefix('-').map_or((false, number), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    Some((negative, whole.trim_start_matches('0'), fraction.trim_end_matches('0')))
}

/// Are they the same but for a power of ten, as cents and dollars are? Of a digit or two that may be chance.
fn are_scaled(one: Parts<'_>, other: Parts<'_>) -> bool {
    let digits = |(_, whole, fraction): Parts<'_>| format!("{whole}{fraction}").trim_matches('0').to_owned();
    let digits = (digits(one), digits(other));
    one.0 == other.0 && digits.0.len() > 2 && digits.0 == digits.1
}

fn number_in(number: &str, leaf: &Value) -> Verdict {
    let shown = match leaf {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Verdict::Computed,
    };
    if let (Some(held), Some(shown)) = (parts(number), parts(&shown))
        && (held == shown || are_scaled(held, shown))
    {
        return Verdict::Exact;
    }
    // What a float or a column with fewer decimals has left of it.
    let (Ok(held), Ok(read)) = (number.parse::<f64>(), shown.parse::<f64>()) else {
        return Verdict::Computed;
    };
    let fewer = (0..6).any(|places| {
        let scale = 10_f64.powi(places);
        let (cut, rounded) = ((held * scale).trunc() / scale, (held * scale).round() / scale);
        read == cut || read == rounded
    });
    #[expect(clippy::cast_possible_truncation, reason = "that is what is looked for")]
    let single = f64::from(held as f32);
    if held != 0.0 && (fewer || read == held || read == single) {
        return Verdict::Spoilt(format!("{number} is shown as {shown}"));
    }
    Verdict::Computed
}

fn text_in(text: &str, leaf: &Value) -> Verdict {
    match leaf.as_str() {
        Some(shown) if shown.contains(text) => Verdict::Exact,
        Some(shown) if shown.contains(MARKER) && shown.chars().count() < text.chars().count() => {
            Verdict::Spoilt(format!(
                "of {} characters {} are shown",
                text.chars().count(),
                shown.chars().count()
            ))
        }
        Some(shown) if shown.contains(MARKER) => Verdict::Spoilt("characters have become others".into()),
        _ => Verdict::Computed,
    }
}

/// A day is shown as it is, or as the one before or after it.
fn date_in(date: NaiveDate, leaf: &Value) -> Verdict {
    let day = leaf.as_str().and_then(|shown| shown.get(..10)?.parse::<NaiveDate>().ok());
    match day.map(|day| (day - date).num_days()) {
        Some(0) => Verdict::Exact,
        Some(days @ (-1 | 1)) => Verdict::Shifted(Shift { seconds: days * 24 * 3_600, offset_seconds: None }),
        _ => Verdict::Computed,
    }
}

/// Without the retailer's zone the record's own offset is believed.
fn local_in(local: NaiveDateTime, leaf: &Value, zone: Option<Tz>) -> Verdict {
    let Some(shown) = time_of(leaf) else { return date_in(local.date(), leaf) };
    let Some(zone) = zone else {
        let same = shown.naive_local() == local;
        return if same { Verdict::Exact } else { Verdict::Computed };
    };
    match zone.from_local_datetime(&local).earliest() {
        Some(there) => shifted(there.with_timezone(&Utc), shown, Some(zone)),
        None => Verdict::Computed,
    }
}

fn instant_in(instant: DateTime<Utc>, leaf: &Value, zone: Option<Tz>) -> Verdict {
    match (time_of(leaf), zone) {
        (Some(shown), _) => shifted(instant, shown, zone),
        (None, Some(zone)) => date_in(instant.with_timezone(&zone).date_naive(), leaf),
        (None, None) => Verdict::Computed,
    }
}

fn time_of(leaf: &Value) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(leaf.as_str()?).ok()
}

fn shifted(there: DateTime<Utc>, shown: DateTime<FixedOffset>, zone: Option<Tz>) -> Verdict {
    let seconds = (shown.with_timezone(&Utc) - there).num_seconds();
    let offset =
        |zone: Tz| i64::from(zone.offset_from_utc_datetime(&there.naive_utc()).fix().local_minus_utc());
    match seconds {
        0 => Verdict::Exact,
        // No zone is further away.
        seconds if seconds.abs() <= 14 * 3_600 => {
            Verdict::Shifted(Shift { seconds, offset_seconds: zone.map(offset) })
        }
        _ => Verdict::Computed,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ZONE: Option<Tz> = Some(Tz::Australia__Melbourne);

    fn of(held: &Held, shown: Value) -> Verdict {
        judge(held, &json!({"field": "before"}), &json!({ "field": shown }), ZONE)
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        let held = Held::Number("9999999999.37".into());
        for exact in [
            json!("99999999.9937"),
            json!("9999999999.37"),
            json!("9999999999.3700"),
            json!(9_999_999_999.37_f64),
        ] {
            assert_eq!(of(&held, exact), Verdict::Exact);
        }
        for spoilt in [json!("9999999999.4"), json!("9999999999"), json!("10000000000")] {
            assert!(matches!(of(&held, spoilt.clone()), Verdict::Spoilt(_)), "{spoilt}");
        }
        // A sum with another, and no number.
        for computed in [json!("10000000119.87"), json!(true), json!("a word")] {
            assert_eq!(of(&held, computed), Verdict::Computed);
        }
        assert_eq!(of(&Held::Number("-0.50".into()), json!("-0.5")), Verdict::Exact);
        assert!(matches!(
            of(&Held::Number("9007199254740993".into()), json!("9007199254740992")),
            Verdict::Spoilt(_)
        ));
    }

    #[test]
    fn a_text_stands_whole_or_is_spoilt() {
        let held = Held::Text("Zoë 電🔌W7qxxx".into());
        assert_eq!(of(&held, json!("Dr Zoë 電🔌W7qxxx")), Verdict::Exact);
        assert!(matches!(of(&held, json!("Zo? ??W7qxxx")), Verdict::Spoilt(_)));
        assert!(matches!(of(&held, json!("Zoë 電🔌W7q")), Verdict::Spoilt(_)));
        assert_eq!(of(&held, json!("OTHER")), Verdict::Computed);
        let cut = json!({"name": "Zoë 電🔌W7qxxx", "business": "Zo"});
        assert_eq!(judge(&held, &json!({}), &cut, ZONE), Verdict::Exact);
        let cut = json!({"name": "Zoë 電🔌W7qxxx", "business": "Zoë 電🔌W7q"});
        assert!(matches!(judge(&held, &json!({}), &cut, ZONE), Verdict::Spoilt(_)));
    }

    #[test]
    fn a_time_that_is_read_in_another_zone_is_told_from_one_that_is_made() {
        let local = |month| {
            Held::Local(NaiveDate::from_ymd_opt(2026, month, 15).unwrap().and_hms_opt(13, 45, 0).unwrap())
        };
        assert_eq!(of(&local(1), json!("2026-01-15T13:45:00+11:00")), Verdict::Exact);
        assert_eq!(of(&local(7), json!("2026-07-15T03:45:00Z")), Verdict::Exact);
        assert_eq!(of(&local(7), json!("2026-07-15")), Verdict::Exact);
        let shift = |month, shown: &str| match of(&local(month), json!(shown)) {
            Verdict::Shifted(shift) => shift,
            other => panic!("{other:?}"),
        };
        let as_utc = [shift(1, "2026-01-15T13:45:00Z"), shift(7, "2026-07-15T13:45:00Z")];
        let told = Shift::of_zone(&as_utc).unwrap();
        assert!(told.contains("+11:00") && told.contains("+10:00"), "{told}");
        let no_summer_time = [shift(1, "2026-01-15T13:45:00+10:00"), Shift::NONE];
        assert!(Shift::of_zone(&no_summer_time).is_some(), "July is right, and January is not");
        assert_eq!(Shift::of_zone(&[Shift::NONE, Shift::NONE]), None);
        let utc = Held::Instant("2026-01-15T13:45:00Z".parse().unwrap());
        assert_eq!(of(&utc, json!("2026-01-16")), Verdict::Exact);
        let Verdict::Shifted(day) = of(&utc, json!("2026-01-15")) else { panic!("the day before") };
        assert!(Shift::of_zone(&[day, Shift::NONE]).is_some());
        assert_eq!(Shift::of_zone(&[day, day]), None, "a day that does not count any more");
        let later = [shift(1, "2026-01-15T14:15:00+11:00"), shift(7, "2026-07-15T14:15:00+10:00")];
        assert_eq!(Shift::of_zone(&later), None);
        let brisbane = |month| {
            judge(
                &local(month),
                &json!(""),
                &json!(format!("2026-{month:02}-15T13:45:00Z")),
                Some(Tz::Australia__Brisbane),
            )
        };
        let (Verdict::Shifted(one), Verdict::Shifted(other)) = (brisbane(1), brisbane(7)) else {
            panic!("both are shifted")
        };
        assert!(Shift::of_zone(&[one, other]).is_some());
    }

    #[test]
    fn null_is_left_out() {
        let gone = judge(&Held::Null, &json!({"a": 1, "b": 2}), &json!({"a": 1}), ZONE);
        assert_eq!(gone, Verdict::Exact);
        assert!(matches!(of(&Held::Null, json!("")), Verdict::Spoilt(_)));
        assert!(matches!(of(&Held::Null, Value::Null), Verdict::Spoilt(_)));
        assert_eq!(of(&Held::Null, json!("0.00")), Verdict::Computed);
        assert_eq!(judge(&Held::Null, &json!({"a": 1}), &json!({"a": 1}), ZONE), Verdict::Unseen);
    }
}
