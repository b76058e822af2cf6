//! Packets: a message is cut into pieces of the negotiated size.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const HEADER_BYTES: usize = 8;
/// A statement with its parameters; a bound against a client that never ends a message.
const MESSAGE_LIMIT_BYTES: usize = 256 * 1024 * 1024;
const END_OF_MESSAGE: u8 = 1;
/// The client no longer wants the message that it was sending.
const IGNORE: u8 = 2;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Batch,
    Rpc,
    Attention,
    TransactionManager,
    Login,
    PreLogin,
    /// A bulk load, an SSPI token …
    Other(u8),
}

/// A message of the client, put together.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
}

/// Reads the packets of one message; none when the client has closed the connection.
pub(crate) async fn read_message(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Message>> {
    let mut payload = Vec::new();
    loop {
        let mut header = [0; HEADER_BYTES];
        if let Err(failure) = from.read_exact(&mut header).await {
            let closed = failure.kind() == io::ErrorKind::UnexpectedEof && payload.is_empty();
            return if closed { Ok(None) } else { Err(failure) };
        }
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let start = payload.len();
        if length < HEADER_BYTES || start + length > MESSAGE_LIMIT_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet of an impossible size"));
        }
        payload.resize(start + length - HEADER_BYTES, 0);
        from.read_exact(&mut payload[start..]).await?;
        if header[1] & IGNORE != 0 {
            payload.clear();
        } else if header[1] & END_OF_MESSAGE != 0 {
            return Ok(Some(Message { kind: kind(header[0]), payload }));
        }
    }
}

fn kind(byte: u8) -> Kind {
    match byte {
        0x01 => Kind::Batch,
        0x03 => Kind::Rpc,
        0x06 => Kind::Attention,
        0x0e => Kind::TransactionManager,
        0x10 => Kind::Login,
        0x12 => Kind::PreLogin,
        other => Kind::Other(other),
    }
}

/// Sends an answer.
pub(crate) async fn write_message(
    to: &mut (impl AsyncWrite + Unpin),
    payload: &[u8],
    packet_bytes: usize,
) -> io::Result<()> {
    const TABULAR_RESULT: u8 = 0x04;
    let chunk_bytes = packet_bytes - HEADER_BYTES;
    let count = payload.len().div_ceil(chunk_bytes);
    let mut framed = Vec::with_capacity(payload.len() + count * HEADER_BYTES);
    for (number, chunk) in payload.chunks(chunk_bytes).enumerate() {
        let status = if number + 1 == count { END_OF_MESSAGE } else { 0 };
        let length = u16::try_from(chunk.len() + HEADER_BYTES).map_err(io::Error::other)?.to_be_bytes();
        let number = u8::try_from((number + 1) % 256).map_err(io::Error::other)?;
        framed.extend([TABULAR_RESULT, status, length[0], length[1], 0, 0, number, 0]);
        framed.extend(chunk);
    }
    to.write_all(&framed).await?;
    to.flush().await
}
