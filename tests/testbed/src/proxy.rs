//! A TCP proxy that fails on request.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::process::lock;
use crate::{eventually, machine};

/// What one read takes: the unit that [`Fault::Slow`] delays.
const CHUNK_BYTES: usize = 16 * 1024;
/// How long a proxy that refused connections waits for its old port.
const PORT_LIMIT: Duration = Duration::from_secs(10);

/// What the proxy does with connections, old and new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Forwards everything.
    Pass,
    /// Refuses new connections, as a server that is down does. Old ones go on; see [`Proxy::cut`].
    Refuse,
    /// Accepts new connections and forwards nothing, as a network that loses packets does. Nobody is told. What was
    /// held goes on its way when the fault ends.
    BlackHole,
    /// Forwards what clients send and holds every answer: a following cut loses the answer to work that was done.
    HoldAnswers,
    /// Delays every chunk of at most 16 KiB, in both directions.
    Slow(Duration),
}

/// A proxy in front of one server, on a port of its own. It is driven by the runtime it was started in, and ends with
/// the handle: connections are reset then.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    fault: watch::Sender<Fault>,
    links: Arc<Links>,
    /// The task that accepts connections; none while they are refused.
    accepting: AsyncMutex<Option<JoinHandle<()>>>,
}

/// The connections that pass through.
#[derive(Debug)]
struct Links {
    target: SocketAddr,
    fault: watch::Receiver<Fault>,
    tasks: Mutex<JoinSet<()>>,
    accepted: AtomicU64,
}

/// The way a chunk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Answer,
}

impl Proxy {
    /// Starts forwarding to the server at `target`.
    pub async fn start(target: SocketAddr) -> Result<Proxy> {
        let listener = eventually(PORT_LIMIT, async || {
            Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, machine::free_port()?)).await?)
        });
        let listener = listener.await.context("finding a port for a proxy")?;
        let port = listener.local_addr()?.port();
        let (fault, current) = watch::channel(Fault::Pass);
        let (tasks, accepted) = (Mutex::new(JoinSet::new()), AtomicU64::new(0));
        let links = Arc::new(Links { target, fault: current, tasks, accepted });
        let accepting = AsyncMutex::new(Some(tokio::spawn(Arc::clone(&links).accept(listener))));
        Ok(Proxy { port, fault, links, accepting })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The address of a server, with the proxy in its place.
    pub fn url(&self, server_url: &str) -> String {
        server_url.replace(&self.links.target.to_string(), &self.address().to_string())
    }

    /// Switches the fault. It holds for every connection made and everything sent after this returns; a chunk the proxy
    /// was already writing still arrives.
    pub async fn set(&self, fault: Fault) -> Result<()> {
        let mut accepting = self.accepting.lock().await;
        if fault == Fault::Refuse
            && let Some(task) = accepting.take()
        {
            task.abort();
            let _ = task.await; // the port is closed once the task is gone
        }
        self.fault.send_replace(fault);
        if fault != Fault::Refuse && accepting.is_none() {
            let listener =
                eventually(PORT_LIMIT, async || Ok(TcpListener::bind(self.address()).await?)).await;
            let listener = listener.context("listening on the proxy's port again")?;
            *accepting = Some(tokio::spawn(Arc::clone(&self.links).accept(listener)));
        }
        Ok(())
    }

    /// Resets every connection that exists. New ones are served as the fault says.
    pub async fn cut(&self) {
        let mut cut = std::mem::take(&mut *lock(&self.links.tasks));
        cut.shutdown().await;
    }

    /// How many connections clients have made so far.
    pub fn accepted_count(&self) -> u64 {
        self.links.accepted.load(Ordering::Relaxed)
    }

    /// How many connections exist.
    pub fn open_count(&self) -> usize {
        self.links.tasks().len()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(task) = self.accepting.get_mut().take() {
            task.abort();
        }
        lock(&self.links.tasks).abort_all();
    }
}

impl Links {
    async fn accept(self: Arc<Links>, listener: TcpListener) {
        loop {
            let Ok((client, _)) = listener.accept().await else {
                // The connection is already gone, or the process has no file left to open and needs a moment.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            self.accepted.fetch_add(1, Ordering::Relaxed);
            let link = forward(client, self.target, self.fault.clone());
            self.tasks().spawn(async move { drop(link.await) });
        }
    }

    /// The connections that have not ended.
    fn tasks(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks
    }
}

/// Carries one connection until both sides have closed it, either fails, or the task is aborted. In the last two cases
/// the peers see a reset.
async fn forward(client: TcpStream, target: SocketAddr, mut fault: watch::Receiver<Fault>) -> Result<()> {
    let mut client = Resetting { stream: client, finished: false };
    let _ = client.stream.set_nodelay(true);
    passable(Direction::Request, &mut fault).await?;
    let mut server = Resetting { stream: TcpStream::connect(target).await?, finished: false };
    let _ = server.stream.set_nodelay(true);
    let (client_read, client_write) = client.stream.split();
    let (server_read, server_write) = server.stream.split();
    tokio::try_join!(
        pump(client_read, server_write, Direction::Request, fault.clone()),
        pump(server_read, client_write, Direction::Answer, fault),
    )?;
    (client.finished, server.finished) = (true, true);
    Ok(())
}

/// Carries one direction until its sender closes it.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    mut fault: watch::Receiver<Fault>,
) -> Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = from.read(&mut chunk).await?;
        // Asked after the read and before the write, so that a fault switched on meanwhile holds for this chunk too.
        if let Fault::Slow(delay) = passable(direction, &mut fault).await? {
            tokio::time::sleep(delay).await;
            passable(direction, &mut fault).await?;
        }
        if length == 0 {
            return Ok(to.shutdown().await?);
        }
        to.write_all(&chunk[..length]).await?;
    }
}

/// Waits until the fault lets this direction through; answers it.
async fn passable(direction: Direction, fault: &mut watch::Receiver<Fault>) -> Result<Fault> {
    let open = |fault: &Fault| match fault {
        Fault::Pass | Fault::Refuse | Fault::Slow(_) => true,
        Fault::BlackHole => false,
        Fault::HoldAnswers => direction == Direction::Request,
    };
    Ok(*fault.wait_for(open).await?)
}

/// A connection whose peer sees a reset, not an orderly end, unless both sides had finished.
struct Resetting {
    stream: TcpStream,
    finished: bool,
}

impl Drop for Resetting {
    fn drop(&mut self) {
        if !self.finished {
            let _: io::Result<()> = self.stream.set_zero_linger();
        }
    }
}
