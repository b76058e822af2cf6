//! SIGINT and SIGTERM as one question: stop?

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Becomes true at the first SIGINT or SIGTERM; a second one ends the process at once.
pub(crate) fn stop_requested() -> anyhow::Result<watch::Receiver<bool>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        for seen in 0.. {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if seen > 0 {
                std::process::exit(130);
            }
            tracing::info!("stopping; once more to stop at once");
            stop.send_replace(true);
        }
    });
    Ok(stopped)
}
