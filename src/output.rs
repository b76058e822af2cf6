//! What the verbs print: facts to standard output, progress and log lines to standard error.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

/// Between two log lines of long work when no terminal is attached.
const LOG_EVERY: Duration = Duration::from_secs(10);

pub(crate) fn start_logging(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)
        .with_context(|| format!("`{filter}` is not a log filter: write for instance `info`"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    Ok(())
}

/// Prints a fact as JSON.
pub(crate) fn print_json(fact: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(fact)?);
    Ok(())
}

/// Progress of long work: a bar with rate and estimate on a terminal, log lines otherwise.
pub(crate) struct Progress {
    bar: ProgressBar,
    logged: std::time::Instant,
    what: &'static str,
}

impl Progress {
    pub(crate) fn new(what: &'static str, total: Option<u64>) -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr_with_hz(5)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(total, target);
        let template = match total {
            Some(_) => "{prefix} {wide_bar} {human_pos}/{human_len} {per_sec:.0} eta {eta} {msg}",
            None => "{prefix} {spinner} {human_pos} {per_sec:.0} {msg}",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is well formed"));
        bar.set_prefix(what);
        Self { bar, logged: std::time::Instant::now(), what }
    }

    pub(crate) fn at(&mut self, position: u64, message: &str) {
        if let Some(total) = self.bar.length()
            && position > total
        {
            self.bar.set_length(position);
        }
        self.bar.set_position(position);
        self.bar.set_message(message.to_owned());
        if self.bar.is_hidden() && self.logged.elapsed() >= LOG_EVERY {
            self.logged = std::time::Instant::now();
            let eta_secs = self.bar.eta().as_secs();
            tracing::info!(
                done = position,
                total = self.bar.length(),
                per_sec = self.bar.per_sec().round(),
                eta_secs,
                stage = message,
                "{}",
                self.what
            );
        }
    }

    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
