//! A child process that never outlives its owner.

use std::convert::Infallible;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
pub(crate) use rustix::process::Signal;
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use tokio::sync::watch;

/// How long an ended process is given to leave before it is killed. PostgreSQL itself kills a child that ignored an
/// immediate shutdown for five seconds; this leaves it the time to.
const PATIENCE: Duration = Duration::from_secs(8);

/// What the watcher runs. Each line it reads is the process to end, or empty for none; the pipe closes when the
/// owner is dropped and also when the owner's process dies, whatever killed it. `$1` is the signal that asks the
/// process to leave, `$2` a folder to remove, again and again while a copy that was under way still writes to it.
const WATCHER: &str = r#"
process=
while read -r line; do process=$line; done
if [ -n "$process" ]; then
    kill -"$1" "$process" 2>/dev/null
    tries=0
    while [ $tries -lt 80 ] && kill -0 "$process" 2>/dev/null; do sleep 0.1; tries=$((tries + 1)); done
    kill -KILL -- "-$process" 2>/dev/null
fi
tries=0
while [ -n "$2" ] && [ -e "$2" ] && [ $tries -lt 100 ]; do
    rm -rf -- "$2" || sleep 0.1
    tries=$((tries + 1))
done
"#;

/// A small shell that ends a process and removes a folder when the process that started it is gone.
#[derive(Debug)]
pub(crate) struct Watcher {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Watcher {
    /// Starts watching for this process, with `farewell` as the first signal an orphan gets.
    pub(crate) fn start(farewell: &str, folder: Option<&Path>) -> Result<Watcher> {
        let mut command = Command::new("sh");
        command.args(["-c", WATCHER, "watcher", farewell]).arg(folder.unwrap_or(Path::new("")));
        // A group of its own, so that Ctrl-C in a terminal ends the tests and not the watcher.
        command
            .process_group(0)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut shell = command.spawn().context("starting sh as the watcher of a server")?;
        let pipe = shell.stdin.take();
        Ok(Watcher { shell, pipe })
    }

    /// From here on this process is the one to end; none after a clean stop, so that a process id that was given out
    /// anew is never signalled.
    pub(crate) fn watch(&mut self, process: Option<&Process>) -> Result<()> {
        let line = process.map(|process| process.pid.as_raw_nonzero().to_string()).unwrap_or_default();
        let pipe = self.pipe.as_mut().expect("the pipe closes in drop only");
        writeln!(pipe, "{line}").context("telling the watcher which process to end")
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.pipe = None;
        // The shell ends by itself once the pipe is closed; waiting means it has cleaned up when the owner is gone.
        let _ = self.shell.wait();
    }
}

/// A running child process in its own process group.
///
/// A thread waits for its exit, so the handle belongs to no runtime.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Pid,
    /// The child until it is reaped. Signals are sent under the lock, so they cannot reach a stranger.
    child: Arc<Mutex<Option<Child>>>,
    status: watch::Receiver<Option<ExitStatus>>,
    /// Nothing is ever sent: the channel closes when the process has ended.
    ended: Mutex<mpsc::Receiver<Infallible>>,
}

impl Process {
    /// Starts the command in a process group of its own. Piped output must be taken with `take` before the child is
    /// handed to the waiting thread.
    pub(crate) fn start<T>(
        command: &mut Command,
        take: impl FnOnce(&mut Child) -> T,
    ) -> Result<(Process, T)> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command.process_group(0).spawn().with_context(|| format!("starting {program}"))?;
        let taken = take(&mut child);
        let pid = Pid::from_child(&child);
        let child = Arc::new(Mutex::new(Some(child)));
        let (status_sender, status) = watch::channel(None);
        let (ended_sender, ended) = mpsc::sync_channel(0);
        std::thread::spawn({
            let child = Arc::clone(&child);
            move || {
                // Leaves the ended process unreaped, so its id stays taken until the lock below is held.
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
                let _ = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(pid), options));
                let status = lock(&child).take().map(|mut child| child.wait());
                status_sender.send_replace(status.and_then(Result::ok));
                drop::<mpsc::SyncSender<Infallible>>(ended_sender);
            }
        });
        Ok((Process { pid, child, status, ended: Mutex::new(ended) }, taken))
    }

    /// The operating system's number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// How the process ended, if it has.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        *self.status.borrow()
    }

    /// Sends a signal to the process alone.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        self.send(signal, kill_process)
    }

    /// Sends a signal to the process and its children, as far as they stayed in its group.
    pub(crate) fn signal_group(&self, signal: Signal) -> Result<()> {
        self.send(signal, kill_process_group)
    }

    fn send(&self, signal: Signal, kill: fn(Pid, Signal) -> rustix::io::Result<()>) -> Result<()> {
        let running = lock(&self.child);
        if running.is_none() {
            bail!("process {} has already ended", self.id());
        }
        kill(self.pid, signal).with_context(|| format!("sending {signal:?} to process {}", self.id()))
    }

    /// Waits until the process has ended.
    pub(crate) async fn ended(&self, within: Duration) -> Result<ExitStatus> {
        let mut status = self.status.clone();
        let ended = tokio::time::timeout(within, status.wait_for(Option::is_some)).await;
        let status = ended.with_context(|| format!("process {} still runs after {within:?}", self.id()))?;
        Ok(status.context("the thread that waits for the process is gone")?.expect("waited for a status"))
    }

    /// Ends the process, asking first, and waits for it. Blocks: for use in `drop`.
    pub(crate) fn end(&self, farewell: Signal) {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if self.signal(farewell).is_ok() {
            // An error other than a time-out means the channel has closed: the process has ended.
            if ended.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = self.signal_group(Signal::KILL);
                let _ = ended.recv_timeout(PATIENCE);
            }
        }
    }
}

/// The value behind a lock that no panic can leave half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
