//! The binlog as the server streams it, read in a task of its own: what makes the driver panic ends the stream and not
//! the process.

use std::time::{Duration, Instant};

use futures::StreamExt;
use mysql_async::binlog::events::Event;
use mysql_async::{BinlogStream, BinlogStreamRequest};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wattle_core::SourceError;

use crate::connect::Session;
use crate::error::source_error;
use crate::position::BinlogPosition;

/// How often the server says that there is nothing to say.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// A server that has said nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(20);
/// Events read ahead. A row event has eight kilobytes at most unless a single row has more, which may be a megabyte.
const READ_AHEAD: usize = 64;
/// COM_BINLOG_DUMP has four bytes for the offset.
const MAX_START: u64 = u32::MAX as u64;

pub(crate) struct Stream {
    events: mpsc::Receiver<Result<Event, SourceError>>,
    task: JoinHandle<()>,
    heard: Instant,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stream {
    /// Asks for the log from a position on. Whether the server has it shows in the first event.
    pub(crate) async fn start(mut session: Session, from: &BinlogPosition) -> Result<Self, SourceError> {
        if from.offset > MAX_START {
            return Err(SourceError::LostPosition {
                what: format!("{} is longer than can be asked for ({} bytes)", from.file, from.offset),
            });
        }
        let nanos = HEARTBEAT.as_nanos();
        let identity = uuid::Uuid::new_v4();
        // The names of MariaDB, of MySQL, and of newer MySQL. Without the capability MariaDB leaves out its own events.
        let set = format!(
            "set @mariadb_slave_capability = 4, @master_heartbeat_period = {nanos}, @source_heartbeat_period = {nanos}, @slave_uuid = '{identity}', @replica_uuid = '{identity}'"
        );
        session.run("prepare to read the binlog", &set).await?;
        // The server ends the older of two streams with one id, so each gets one that nobody else is likely to have: in
        // the upper half of the numbers, where no server's own is.
        let server_id = identity.as_u128() as u32 | 1 << 31;
        let request = BinlogStreamRequest::new(server_id)
            .with_hostname(b"wattle")
            .with_filename(from.file.as_bytes())
            .with_pos(from.offset);
        let stream = session.into_conn().get_binlog_stream(request).await;
        let stream = stream.map_err(|error| source_error("read the binlog", error))?;
        let (sender, events) = mpsc::channel(READ_AHEAD);
        Ok(Self { events, task: tokio::spawn(read(stream, sender)), heard: Instant::now() })
    }

    /// The next event. A caller that gives up waiting has lost nothing.
    pub(crate) async fn next(&mut self) -> Result<Event, SourceError> {
        let unavailable = |what: String| SourceError::Unavailable { what, cause: None };
        let silent_at = tokio::time::Instant::from_std(self.heard + SILENCE);
        let event = tokio::time::timeout_at(silent_at, self.events.recv()).await;
        let event = event.map_err(|_| unavailable(format!("the server has said nothing for {SILENCE:?}")))?;
        self.heard = Instant::now();
        // Only a panic ends the task without a word.
        event.ok_or_else(|| {
            unavailable("the binlog could not be read: the driver gave up on an event".into())
        })?
    }
}

async fn read(mut stream: BinlogStream, sender: mpsc::Sender<Result<Event, SourceError>>) {
    loop {
        let event = match stream.next().await {
            Some(event) => event.map_err(|error| source_error("read the binlog", error)),
            None => Err(SourceError::Unavailable {
                what: "the server ended the stream: it stops, or another client came with our server id"
                    .into(),
                cause: None,
            }),
        };
        let ends = event.is_err();
        if sender.send(event).await.is_err() || ends {
            return;
        }
    }
}
