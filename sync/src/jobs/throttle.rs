//! Reading a whole source without its noticing.

use std::time::{Duration, Instant};

/// The longest rest after a page, however slow the source has become.
const LONGEST: Duration = Duration::from_secs(30);

/// Rests after each page for as long as it took, and for longer as the source gets slower than it was at its best: what
/// slows it down is someone else's work, or ours.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    fastest: Option<Duration>,
    until: Option<Instant>,
}

impl Throttle {
    pub(super) fn took(&mut self, page: Duration) {
        let fastest = self.fastest.map_or(page, |fastest| fastest.min(page));
        // Slowly forgotten: a source whose rows have grown is not slow for ever.
        self.fastest = Some(fastest.mul_f64(1.01));
        self.until = Some(Instant::now() + rest_after(page, fastest));
    }

    /// How long to rest from now on.
    pub(super) fn rest(&self) -> Duration {
        self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }
}

fn rest_after(page: Duration, fastest: Duration) -> Duration {
    let slower = page.as_secs_f64() / fastest.as_secs_f64().max(1e-6);
    page.mul_f64(slower.clamp(1.0, 10.0)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_grows_as_the_source_gets_slower() {
        let ms = Duration::from_millis;
        assert_eq!(rest_after(ms(100), ms(100)), ms(100));
        assert_eq!(rest_after(ms(200), ms(100)), ms(400));
        assert_eq!(rest_after(ms(2_000), ms(100)), ms(20_000));
        assert_eq!(rest_after(ms(9_000), ms(100)), LONGEST);
    }
}
