//! Waiting for what becomes true in its own time.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::time::{Instant, sleep, timeout_at};

/// The first pause: short enough not to be felt when the condition holds at the second look.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The longest pause, so that a slow condition costs the server under test at most ten looks a second.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Polls `check` until it answers `Ok`, and hands that answer on.
///
/// When `within` has passed, the error says so and carries the reason of the last failed look, which is why checks are
/// best written with [`anyhow::ensure!`] and the values they saw. A look that hangs is ended at the deadline too. Use
/// it only for conditions nothing signals.
pub async fn eventually<T>(within: Duration, mut check: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + within;
    let mut pause = FIRST_PAUSE;
    let mut last_failure = anyhow!("the first look did not return");
    loop {
        match timeout_at(deadline, check()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(failure)) => last_failure = failure,
            Err(_) => return Err(last_failure).context(format!("the last look hung; waited {within:?}")),
        }
        if Instant::now() + pause >= deadline {
            return Err(last_failure).context(format!("still not so after {within:?}"));
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;

    use super::*;

    #[tokio::test]
    async fn answers_as_soon_as_the_condition_holds() {
        let mut looks = 0;
        let answer = eventually(Duration::from_secs(5), async || {
            looks += 1;
            ensure!(looks >= 3, "look {looks}");
            Ok(looks)
        });
        assert_eq!(answer.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn reports_the_last_failure() {
        let mut looks = 0;
        let failure = eventually(Duration::from_millis(40), async || -> Result<()> {
            looks += 1;
            anyhow::bail!("saw {looks} rows of 9")
        });
        let text = format!("{:#}", failure.await.unwrap_err());
        assert!(text.contains("still not so after 40ms") && text.contains("rows of 9"), "{text}");
    }

    #[tokio::test]
    async fn ends_a_look_that_hangs() {
        let failure =
            eventually(Duration::from_millis(20), async || -> Result<()> { std::future::pending().await });
        assert!(format!("{:#}", failure.await.unwrap_err()).contains("hung"));
    }
}
