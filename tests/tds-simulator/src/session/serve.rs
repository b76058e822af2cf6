//! A connection: the login, then requests until it ends.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio_postgres::NoTls;

use super::{Outcome, Session};
use crate::error::{Effect, SqlError};
use crate::wire::{
    Answer, Done, Kind, Login, Message, Request, TransactionRequest, prelogin_answer, read_message,
    write_message,
};

/// Packets before the login has said how large they are to be.
const FIRST_PACKET_BYTES: usize = 4096;
/// Batches and procedure calls of all clients of this process.
pub(super) static REQUESTS: AtomicU64 = AtomicU64::new(0);
/// A client sends its next request when it has the answer, apart from an attention.
const WAITING_MESSAGES: usize = 4;

/// Serves one client to its end. Whatever ends it, the connection to PostgreSQL goes with it.
pub(crate) async fn serve(stream: TcpStream, postgres: SocketAddr) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut read, mut write) = stream.into_split();
    let Some((session, packet_bytes)) = log_in(&mut read, &mut write, postgres).await? else { return Ok(()) };
    let (sender, messages) = mpsc::channel(WAITING_MESSAGES);
    // Reading goes on while a statement runs, so that an attention or a lost client is heard.
    let reader = tokio::spawn(async move {
        while let Ok(Some(message)) = read_message(&mut read).await {
            if sender.send(message).await.is_err() {
                return;
            }
        }
    });
    let result = Connection { session, write, messages, packet_bytes }.requests().await;
    reader.abort();
    result
}

/// Pre-login and login; none when the client was turned away.
async fn log_in(
    read: &mut OwnedReadHalf,
    write: &mut OwnedWriteHalf,
    postgres: SocketAddr,
) -> std::io::Result<Option<(Session, usize)>> {
    loop {
        let Some(message) = read_message(read).await? else { return Ok(None) };
        let mut answer = Answer::default();
        match message.kind {
            Kind::PreLogin => write_message(write, &prelogin_answer(), FIRST_PACKET_BYTES).await?,
            Kind::Login => match open(&message.payload, postgres).await {
                Ok((session, login)) => {
                    answer.logged_in(&login.database, login.packet_bytes);
                    answer.done(Done::Statement, None);
                    write_message(write, &answer.finish(), FIRST_PACKET_BYTES).await?;
                    return Ok(Some((session, login.packet_bytes as usize)));
                }
                // PostgreSQL is not there: neither is SQL Server.
                Err(failure) if failure.number == 596 => return Ok(None),
                Err(failure) => {
                    answer.failed(Done::Statement, &failure);
                    write_message(write, &answer.finish(), FIRST_PACKET_BYTES).await?;
                    return Ok(None);
                }
            },
            _ => return Ok(None),
        }
    }
}

async fn open(payload: &[u8], postgres: SocketAddr) -> Result<(Session, Login), SqlError> {
    let login = Login::read(payload)?;
    let Login { login: name, password, database, program, .. } = &login;
    let session = Session::open(postgres, name, password, database, program).await?;
    Ok((session, login))
}

struct Connection {
    session: Session,
    write: OwnedWriteHalf,
    messages: mpsc::Receiver<Message>,
    packet_bytes: usize,
}

/// What came while a request ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interruption {
    None,
    Attention,
    ClientGone,
}

impl Connection {
    async fn requests(mut self) -> std::io::Result<()> {
        loop {
            let message = tokio::select! {
                message = self.messages.recv() => message,
                _ = &mut self.session.connection => None,
            };
            let Some(message) = message else { return Ok(()) };
            let mut answer = Answer::default();
            if matches!(message.kind, Kind::Batch | Kind::Rpc) {
                REQUESTS.fetch_add(1, Ordering::Relaxed);
            }
            let (outcomes, done) = match message.kind {
                Kind::Attention => {
                    answer.cancelled();
                    write_message(&mut self.write, &answer.finish(), self.packet_bytes).await?;
                    continue;
                }
                Kind::Batch => (self.text(Request::batch(&message.payload)).await, Done::Statement),
                Kind::Rpc => (self.text(Request::rpc(&message.payload)).await, Done::InProcedure),
                Kind::TransactionManager => (self.transaction(&message.payload).await, Done::Statement),
                Kind::Login | Kind::PreLogin | Kind::Other(_) => {
                    let failure =
                        SqlError::not_simulated(format_args!("a message of kind {:?}", message.kind));
                    ((vec![Outcome::Failed(failure)], Interruption::None), Done::Statement)
                }
            };
            let (outcomes, interruption) = outcomes;
            let lost = outcomes.iter().any(
                |outcome| matches!(outcome, Outcome::Failed(failure) if failure.effect == Effect::Connection),
            );
            match interruption {
                Interruption::ClientGone => return Ok(()),
                Interruption::Attention => answer.cancelled(),
                Interruption::None => write_outcomes(&mut answer, outcomes, done),
            }
            write_message(&mut self.write, &answer.finish(), self.packet_bytes).await?;
            if lost {
                return Ok(());
            }
        }
    }

    async fn transaction(&mut self, payload: &[u8]) -> (Vec<Outcome>, Interruption) {
        let outcomes = match TransactionRequest::read(payload) {
            Ok(request) => self.session.run_transaction(request).await,
            Err(failure) => vec![Outcome::Failed(failure)],
        };
        (outcomes, Interruption::None)
    }

    /// Runs a text; an attention or the end of the client cancels what PostgreSQL is doing.
    async fn text(&mut self, request: Result<Request, SqlError>) -> (Vec<Outcome>, Interruption) {
        let request = match request {
            Ok(request) => request,
            Err(failure) => return (vec![Outcome::Failed(failure)], Interruption::None),
        };
        let cancel = self.session.client.cancel_token();
        let mut interruption = Interruption::None;
        let mut work = std::pin::pin!(self.session.run(request));
        loop {
            tokio::select! {
                outcomes = &mut work => return (outcomes, interruption),
                message = self.messages.recv(), if interruption == Interruption::None => {
                    interruption = match message {
                        Some(Message { kind: Kind::Attention, .. }) => Interruption::Attention,
                        // Two requests at once are no part of the protocol.
                        Some(_) | None => Interruption::ClientGone,
                    };
                    // A cancellation that fails leaves the statement to end by itself.
                    drop(cancel.cancel_query(NoTls).await);
                }
            }
        }
    }
}

fn write_outcomes(answer: &mut Answer, outcomes: Vec<Outcome>, done: Done) {
    let mut status = 0;
    for outcome in outcomes {
        match outcome {
            Outcome::Rows { columns, rows } => {
                answer.columns(&columns);
                let written = rows.iter().try_for_each(|row| answer.row(&columns, row));
                match written {
                    Ok(()) => answer.done(done, Some(rows.len() as u64)),
                    Err(failure) => answer.failed(done, &failure),
                }
            }
            Outcome::Count(count) => answer.done(done, Some(count)),
            Outcome::Done => answer.done(done, None),
            Outcome::Print(text) => answer.info(0, &text),
            Outcome::Began(descriptor) => {
                answer.transaction_began(descriptor);
                answer.done(done, None);
            }
            Outcome::Committed(descriptor) => {
                answer.transaction_committed(descriptor);
                answer.done(done, None);
            }
            Outcome::RolledBack(descriptor) => {
                answer.transaction_rolled_back(descriptor);
                answer.done(done, None);
            }
            Outcome::Failed(failure) => {
                status = i32::try_from(failure.number).unwrap_or(i32::MAX);
                answer.failed(done, &failure);
            }
        }
    }
    if done == Done::InProcedure {
        answer.return_status(status);
        answer.done(Done::Procedure, None);
    }
}
