//! The built program, run and ended as an operator, or an accident, would.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::process::{Process, Signal, Watcher, lock};

/// The lines kept of one run, oldest dropped first: hours of logging at the default level.
const LINE_LIMIT: usize = 50_000;
/// The lines an error or a failed test shows.
const SHOWN_LINES: usize = 60;
/// How long output may arrive after the exit; a grandchild that holds the pipe open must not hold the test up.
const OUTPUT_LIMIT: Duration = Duration::from_secs(5);

/// A run of the program to be started.
#[derive(Debug)]
pub struct Launch {
    command: Command,
}

/// A running program. It is killed when the handle goes, and what it wrote last is printed unless it had ended well.
#[derive(Debug)]
pub struct Wattle {
    process: Process,
    output: Arc<Output>,
    name: String,
    _watcher: Watcher,
}

/// A run that came to its end.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
}

#[derive(Debug)]
struct Output {
    lines: Mutex<VecDeque<(Stream, String)>>,
    progress: watch::Sender<Progress>,
}

/// How far the output has been read.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// Lines seen so far, dropped ones included.
    line_count: usize,
    closed_streams: usize,
}

impl Wattle {
    /// Prepares a run of the program at `binary`: `env!("CARGO_BIN_EXE_wattle")` in the tests of the root package. The
    /// environment is inherited without the `WATTLE_…` variables of whoever runs the tests.
    pub fn at(binary: impl AsRef<Path>) -> Launch {
        let mut command = Command::new(binary.as_ref());
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"WATTLE_") {
                command.env_remove(name);
            }
        }
        Launch { command }
    }

    /// Waits for a line with `text` in it, written to either stream before or after the call, and answers it.
    pub async fn line(&self, text: &str, within: Duration) -> Result<String> {
        self.line_after(0, text, within).await
    }

    /// Like [`Wattle::line`], looking only at lines after a [`Wattle::mark`].
    pub async fn line_after(&self, mark: usize, text: &str, within: Duration) -> Result<String> {
        let deadline = Instant::now() + within;
        let mut progress = self.output.progress.subscribe();
        loop {
            let Progress { closed_streams, .. } = *progress.borrow_and_update();
            if let Some(line) = self.output.find(mark, text) {
                return Ok(line);
            }
            if closed_streams == 2 {
                bail!("{} ended without the line \"{text}\"; it wrote:\n{}", self.name, self.output.tail());
            }
            if timeout_at(deadline, progress.changed()).await.is_err() {
                bail!("no line \"{text}\" in {within:?}; {} wrote:\n{}", self.name, self.output.tail());
            }
        }
    }

    /// The place in the output up to now.
    pub fn mark(&self) -> usize {
        self.output.progress.borrow().line_count
    }

    /// The lines written so far, both streams in the order they arrived.
    pub fn lines(&self) -> Vec<String> {
        lock(&self.output.lines).iter().map(|(_, line)| line.clone()).collect()
    }

    /// The operating system's number of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Whether the program has not ended.
    pub fn is_running(&self) -> bool {
        self.process.status().is_none()
    }

    /// SIGKILL, to the program and its children: an accident. Wait for the end with [`Wattle::exit`].
    pub fn kill(&self) -> Result<()> {
        self.process.signal_group(Signal::KILL)
    }

    /// SIGTERM: a service manager's stop.
    pub fn terminate(&self) -> Result<()> {
        self.process.signal(Signal::TERM)
    }

    /// SIGINT: Ctrl-C.
    pub fn interrupt(&self) -> Result<()> {
        self.process.signal(Signal::INT)
    }

    /// SIGSTOP: the program freezes where it is, with its connections open.
    pub fn freeze(&self) -> Result<()> {
        self.process.signal(Signal::STOP)
    }

    /// SIGCONT: ends a freeze.
    pub fn thaw(&self) -> Result<()> {
        self.process.signal(Signal::CONT)
    }

    /// Waits for the program to end by itself or after a signal.
    pub async fn exit(&self, within: Duration) -> Result<ExitStatus> {
        let ended = self.process.ended(within).await;
        ended.with_context(|| format!("{} wrote:\n{}", self.name, self.output.tail()))
    }
}

impl Drop for Wattle {
    fn drop(&mut self) {
        self.process.end(Signal::KILL);
        // The test harness shows this for a failed test and hides it otherwise. A failure need not be a panic here: the
        // test may be on its way to returning an error.
        if !self.process.status().is_some_and(|status| status.success()) {
            eprintln!("---- {} wrote:\n{}\n----", self.name, self.output.tail());
        }
    }
}

impl Launch {
    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Launch {
        self.command.args(args);
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Launch {
        self.command.env(name, value);
        self
    }

    /// Sets the working folder.
    #[must_use]
    pub fn cwd(mut self, folder: impl AsRef<Path>) -> Launch {
        self.command.current_dir(folder);
        self
    }

    /// Starts the program; ready is what its output says ([`Wattle::line`]).
    pub fn start(mut self) -> Result<Wattle> {
        let mut watcher = Watcher::start("KILL", None)?;
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (process, (stdout, stderr)) =
            Process::start(&mut self.command, |child| (child.stdout.take(), child.stderr.take()))?;
        watcher.watch(Some(&process))?;
        let output = Arc::new(Output { lines: Mutex::default(), progress: watch::Sender::default() });
        Arc::clone(&output).read(Stream::Stdout, stdout.expect("stdout is piped"));
        Arc::clone(&output).read(Stream::Stderr, stderr.expect("stderr is piped"));
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        let name = words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
        Ok(Wattle { process, output, name, _watcher: watcher })
    }

    /// Runs the program to its end, whatever the exit code.
    pub async fn run(self, within: Duration) -> Result<Finished> {
        let wattle = self.start()?;
        let status = wattle.exit(within).await?;
        let mut progress = wattle.output.progress.subscribe();
        let closed = progress.wait_for(|progress| progress.closed_streams == 2);
        // The channel lives as long as the handle above; too late means a grandchild holds the pipe.
        let _ = tokio::time::timeout(OUTPUT_LIMIT, closed).await;
        let [stdout, stderr] = [Stream::Stdout, Stream::Stderr].map(|stream| wattle.output.text(stream));
        Ok(Finished { status, stdout, stderr })
    }
}

impl Finished {
    /// The standard output of a run that succeeded; otherwise an error with everything it wrote.
    pub fn success(self) -> Result<String> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        bail!("ended with {}\n{}\n{}", self.status, self.stdout.trim(), self.stderr.trim())
    }
}

impl Output {
    /// Keeps what comes out of a pipe, on a thread of its own, so that the program never waits for a slow test.
    fn read(self: Arc<Output>, stream: Stream, pipe: impl Read + Send + 'static) {
        std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
                line.clear();
                let mut lines = lock(&self.lines);
                if lines.len() == LINE_LIMIT {
                    lines.pop_front();
                }
                lines.push_back((stream, text));
                // Under the lock, so that line numbers and lines agree.
                self.progress.send_modify(|progress| progress.line_count += 1);
            }
            self.progress.send_modify(|progress| progress.closed_streams += 1);
        });
    }

    /// The first kept line with this text that arrived after `mark` lines.
    fn find(&self, mark: usize, text: &str) -> Option<String> {
        let lines = lock(&self.lines);
        let dropped = self.progress.borrow().line_count - lines.len();
        let new = lines.iter().skip(mark.saturating_sub(dropped));
        new.map(|(_, line)| line).find(|line| line.contains(text)).cloned()
    }

    fn text(&self, stream: Stream) -> String {
        lock(&self.lines)
            .iter()
            .filter(|line| line.0 == stream)
            .map(|(_, line)| format!("{line}\n"))
            .collect()
    }

    fn tail(&self) -> String {
        let lines = lock(&self.lines);
        let last = lines.iter().skip(lines.len().saturating_sub(SHOWN_LINES));
        last.map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n")
    }
}
