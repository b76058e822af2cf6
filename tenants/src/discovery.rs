//! What a data holder tells anyone: whether its service is up (the standard's Get Status), and when it will not be
//! (Get Outages). The operator says so; nothing of it is found out.

use chrono::{DateTime, FixedOffset, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::TenantError;

/// More scheduled outages than anyone announces at a time; they are all in one row and in every answer.
const MOST_OUTAGES: usize = 100;

/// How a tenant's service is, in the words and the form of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceState {
    /// All of it works.
    Ok,
    /// Some endpoints are unexpectedly not available.
    PartialFailure,
    /// None is, unexpectedly.
    Unavailable,
    /// An outage that was announced is under way.
    ScheduledOutage,
}

impl ServiceState {
    /// The standard's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::PartialFailure => "PARTIAL_FAILURE",
            Self::Unavailable => "UNAVAILABLE",
            Self::ScheduledOutage => "SCHEDULED_OUTAGE",
        }
    }
}

/// The `data` of Get Status v1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    status: ServiceState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    explanation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detection_time: Option<DateTime<FixedOffset>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected_resolution_time: Option<DateTime<FixedOffset>>,
    update_time: DateTime<Utc>,
}

/// What an operator says of the service.
#[derive(Debug, Clone)]
pub struct NewStatus {
    /// How it is.
    pub state: ServiceState,
    /// What customers may be told about it.
    pub explanation: Option<String>,
    /// When what is wrong was found.
    pub detected: Option<DateTime<FixedOffset>>,
    /// When all of it should work again.
    pub expected_resolution: Option<DateTime<FixedOffset>>,
}

impl ServiceStatus {
    /// A service that has worked since.
    pub(crate) fn ok_since(update_time: DateTime<Utc>) -> Self {
        let update_time = update_time.trunc_subsecs(0);
        let (explanation, detection_time, expected_resolution_time) = (None, None, None);
        Self { status: ServiceState::Ok, explanation, detection_time, expected_resolution_time, update_time }
    }

    /// What the operator says at a time, if it is what the standard allows.
    ///
    /// # Errors
    /// [`TenantError::Config`] with what does not go together.
    pub fn new(new: NewStatus, now: DateTime<Utc>) -> Result<Self, TenantError> {
        let NewStatus { state, explanation, detected, expected_resolution } = new;
        let name = state.name();
        let explanation = explanation.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if state == ServiceState::Ok && explanation.is_some() {
            return Err(refused("an explanation is of an outage", "leave it out where the status is OK"));
        }
        if state != ServiceState::Ok && explanation.is_none() {
            return Err(refused(
                format!("the status {name} needs an explanation that customers may be shown"),
                "add --explanation",
            ));
        }
        if detected.is_some() && !matches!(state, ServiceState::PartialFailure | ServiceState::Unavailable) {
            return Err(refused(
                format!("nothing was detected where the status is {name}"),
                "leave --detected out, or say PARTIAL_FAILURE or UNAVAILABLE",
            ));
        }
        if expected_resolution.is_some() && state == ServiceState::Ok {
            return Err(refused(
                "there is nothing to resolve where the status is OK",
                "leave --resolved-by out",
            ));
        }
        if detected.is_some_and(|at| at > now) {
            return Err(refused("what was detected cannot lie ahead", "write a --detected that has passed"));
        }
        if expected_resolution.is_some_and(|at| at <= now) {
            return Err(refused(
                "what is expected cannot have passed",
                "write a --resolved-by that lies ahead, or leave it out",
            ));
        }
        let (detection_time, expected_resolution_time) = (detected, expected_resolution);
        let update_time = now.trunc_subsecs(0);
        Ok(Self { status: state, explanation, detection_time, expected_resolution_time, update_time })
    }

    /// How the service is.
    pub fn state(&self) -> ServiceState {
        self.status
    }
}

/// One scheduled outage, in the form of Get Outages v1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outage {
    outage_time: DateTime<FixedOffset>,
    duration: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is_partial: Option<bool>,
    explanation: String,
}

/// How much of a service an outage is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All endpoints.
    Full,
    /// Some of them.
    Partial,
}

impl Outage {
    /// An outage that an operator announces.
    ///
    /// # Errors
    /// [`TenantError::Config`] if the duration is none of whole weeks, days, hours, minutes and seconds by ISO 8601, if
    /// the outage would be over already, or if nothing explains it.
    pub fn new(
        outage_time: DateTime<FixedOffset>,
        duration: &str,
        extent: Extent,
        explanation: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, TenantError> {
        let lasts = duration_of(duration).filter(|lasts| *lasts > TimeDelta::zero());
        if lasts.and_then(|lasts| outage_time.checked_add_signed(lasts)).is_none() {
            return Err(refused(
                format!("`{duration}` is not how long an outage lasts"),
                "write an ISO 8601 duration in weeks, days, hours, minutes and seconds, such as PT2H30M",
            ));
        }
        let explanation = explanation.trim().to_owned();
        if explanation.is_empty() {
            return Err(refused(
                "an outage needs an explanation that customers may be shown",
                "add --explanation",
            ));
        }
        let is_partial = (extent == Extent::Partial).then_some(true);
        let outage = Self { outage_time, duration: duration.to_owned(), is_partial, explanation };
        if !outage.lies_ahead(now) {
            return Err(refused("that outage would be over already", "write a time that lies ahead"));
        }
        Ok(outage)
    }

    /// When it begins.
    pub fn begins(&self) -> DateTime<FixedOffset> {
        self.outage_time
    }

    /// How long it lasts, by ISO 8601.
    pub fn duration(&self) -> &str {
        &self.duration
    }

    /// What customers may be told about it.
    pub fn explanation(&self) -> &str {
        &self.explanation
    }

    /// How much of the service it is of.
    pub fn extent(&self) -> Extent {
        if self.is_partial == Some(true) { Extent::Partial } else { Extent::Full }
    }

    /// Whether it is not over yet.
    pub fn lies_ahead(&self, now: DateTime<Utc>) -> bool {
        let ends = duration_of(&self.duration).and_then(|lasts| self.outage_time.checked_add_signed(lasts));
        ends.is_none_or(|ends| ends > now)
    }
}

/// The outages with one more, in the order of their times; those that are over are forgotten.
///
/// # Errors
/// [`TenantError::Config`] if there is one of that time already, or if there are too many.
pub(crate) fn with(outages: &[Outage], new: Outage, now: DateTime<Utc>) -> Result<Vec<Outage>, TenantError> {
    let mut outages: Vec<Outage> = outages.iter().filter(|outage| outage.lies_ahead(now)).cloned().collect();
    if outages.iter().any(|outage| outage.outage_time == new.outage_time) {
        return Err(refused(
            format!("there is an outage at {} already", new.outage_time.to_rfc3339()),
            "remove that one first",
        ));
    }
    if outages.len() == MOST_OUTAGES {
        return Err(refused(
            format!("there are {MOST_OUTAGES} outages already"),
            "remove some of them first",
        ));
    }
    outages.push(new);
    outages.sort_by_key(|outage| outage.outage_time);
    Ok(outages)
}

/// The outages without the one of a time; those that are over are forgotten.
///
/// # Errors
/// [`TenantError::Config`] if there is none of that time.
pub(crate) fn without(
    outages: &[Outage],
    at: DateTime<FixedOffset>,
    now: DateTime<Utc>,
) -> Result<Vec<Outage>, TenantError> {
    if !outages.iter().any(|outage| outage.outage_time == at) {
        return Err(refused(
            format!("there is no outage at {}", at.to_rfc3339()),
            "`wattle tenant outage list` shows them",
        ));
    }
    let kept = outages.iter().filter(|outage| outage.outage_time != at && outage.lies_ahead(now));
    Ok(kept.cloned().collect())
}

fn refused(what: impl Into<String>, fix: &str) -> TenantError {
    TenantError::config(what.into(), fix)
}

/// A duration by ISO 8601 in whole weeks, days, hours, minutes and seconds, each at most once and in that order. Months
/// and years have no length of their own.
fn duration_of(text: &str) -> Option<TimeDelta> {
    let rest = text.strip_prefix('P')?;
    let (date, time) = rest.split_once('T').map_or((rest, ""), |(date, time)| (date, time));
    if (date.is_empty() && time.is_empty()) || rest.ends_with('T') {
        return None;
    }
    let days = units(date, &[('W', 7 * 86_400), ('D', 86_400)])?;
    let seconds = units(time, &[('H', 3_600), ('M', 60), ('S', 1)])?;
    TimeDelta::try_seconds(days.checked_add(seconds)?)
}

fn units(text: &str, known: &[(char, i64)]) -> Option<i64> {
    let (mut rest, mut left, mut total) = (text, known, 0_i64);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
        let number: i64 = rest[..end].parse().ok()?;
        let unit = rest[end..].chars().next()?;
        let at = left.iter().position(|(name, _)| *name == unit)?;
        total = total.checked_add(number.checked_mul(left[at].1)?)?;
        (rest, left) = (&rest[end + 1..], &left[at + 1..]);
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> DateTime<Utc> {
        "2026-11-24T01:02:03.456Z".parse().unwrap()
    }

    fn at(text: &str) -> DateTime<FixedOffset> {
        text.parse().unwrap()
    }

    #[test]
    fn durations_have_a_length() {
        for (text, seconds) in [
            ("PT2H30M", 9_000),
            ("P1DT1S", 86_401),
            ("P2W", 1_209_600),
            ("PT90M", 5_400),
            ("P1W2DT3H4M5S", 788_645),
        ] {
            assert_eq!(duration_of(text), TimeDelta::try_seconds(seconds), "{text}");
        }
        for bad in [
            "", "P", "PT", "2H", "P2H", "PT2D", "P1M", "P1Y", "PT1.5H", "PTH", "PT2M1H", "P1DT", "PT1Hx",
            "R3/PT1H",
        ] {
            assert_eq!(duration_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_status_is_what_the_standard_allows() {
        let new = |state| NewStatus { state, explanation: None, detected: None, expected_resolution: None };
        let said = |new| ServiceStatus::new(new, now());
        let why = Some("The bank's file is late".to_owned());
        let ok = said(new(ServiceState::Ok)).unwrap();
        assert_eq!(
            serde_json::to_value(ok).unwrap(),
            json!({"status": "OK", "updateTime": "2026-11-24T01:02:03Z"})
        );
        let (before, after) = (Some(at("2026-11-24T11:00:00+11:00")), Some(at("2026-11-24T14:00:00+11:00")));
        let full = NewStatus {
            explanation: why.clone(),
            detected: before,
            expected_resolution: after,
            ..new(ServiceState::PartialFailure)
        };
        assert_eq!(
            serde_json::to_value(said(full).unwrap()).unwrap(),
            json!({
                "status": "PARTIAL_FAILURE", "explanation": "The bank's file is late",
                "detectionTime": "2026-11-24T11:00:00+11:00", "expectedResolutionTime": "2026-11-24T14:00:00+11:00",
                "updateTime": "2026-11-24T01:02:03Z"
            })
        );
        let outage = || NewStatus { explanation: why.clone(), ..new(ServiceState::ScheduledOutage) };
        let failure = || NewStatus { explanation: why.clone(), ..new(ServiceState::Unavailable) };
        said(NewStatus { expected_resolution: after, ..outage() }).unwrap();
        for (wrong, words) in [
            (new(ServiceState::Unavailable), "needs an explanation"),
            (NewStatus { explanation: Some(" ".into()), ..outage() }, "needs an explanation"),
            (NewStatus { explanation: why.clone(), ..new(ServiceState::Ok) }, "is of an outage"),
            (NewStatus { detected: before, ..outage() }, "nothing was detected"),
            (NewStatus { detected: before, ..new(ServiceState::Ok) }, "nothing was detected"),
            (NewStatus { expected_resolution: after, ..new(ServiceState::Ok) }, "nothing to resolve"),
            (NewStatus { detected: after, ..failure() }, "cannot lie ahead"),
            (NewStatus { expected_resolution: before, ..failure() }, "cannot have passed"),
        ] {
            let error = said(wrong).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn outages_are_kept_in_order_until_they_are_over() {
        let outage = |time, duration| Outage::new(at(time), duration, Extent::Full, "Maintenance", now());
        let under_way = outage("2026-11-24T00:00:00Z", "PT2H").unwrap();
        let later = outage("2026-11-26T00:00:00+11:00", "PT30M").unwrap();
        let partial =
            Outage::new(at("2026-11-25T00:00:00Z"), "P1D", Extent::Partial, " Reads ", now()).unwrap();
        assert_eq!(
            serde_json::to_value(&partial).unwrap(),
            json!({"outageTime": "2026-11-25T00:00:00Z", "duration": "P1D", "isPartial": true, "explanation": "Reads"})
        );
        let mut outages = Vec::new();
        for new in [&later, &under_way, &partial] {
            outages = with(&outages, new.clone(), now()).unwrap();
        }
        assert_eq!(outages, [under_way.clone(), partial.clone(), later.clone()]);
        assert!(with(&outages, later.clone(), now()).unwrap_err().to_string().contains("already"));
        let tomorrow = now() + TimeDelta::days(1);
        let kept = without(&outages, later.begins(), tomorrow).unwrap();
        assert_eq!(kept, [partial]);
        assert!(
            without(&kept, later.begins(), now()).unwrap_err().to_string().contains("there is no outage")
        );
        for (time, duration) in [
            ("2026-11-24T00:00:00Z", "PT1H"),
            ("2026-12-01T00:00:00Z", "PT0S"),
            ("2026-12-01T00:00:00Z", "an hour"),
            ("2026-12-01T00:00:00Z", "P99999999999999W"),
        ] {
            assert!(outage(time, duration).is_err(), "{time} {duration}");
        }
    }
}
