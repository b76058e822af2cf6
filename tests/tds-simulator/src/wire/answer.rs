//! The tokens of an answer.

use super::login::VERSION;
use super::{SqlType, Value};
use crate::error::SqlError;

/// The name that errors carry as their server.
const SERVER: &str = "simulator";
/// TDS 7.4.
const PROTOCOL: [u8; 4] = [0x74, 0, 0, 4];
/// Nullable and updatable, as far as anybody knows.
const COLUMN_FLAGS: u16 = 0x0009;

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: SqlType,
}

/// Which token ends a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Of a batch.
    Statement,
    /// Of the text of a procedure call.
    InProcedure,
    /// The procedure call itself.
    Procedure,
}

/// An answer that is being written.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    bytes: Vec<u8>,
    /// Where the status of the last DONE stands.
    last_status: Option<usize>,
}

impl Answer {
    const MORE: u16 = 0x0001;
    const ERROR: u16 = 0x0002;
    const COUNT: u16 = 0x0010;
    const ATTENTION: u16 = 0x0020;

    pub(crate) fn columns(&mut self, columns: &[Column]) {
        self.bytes.push(0x81);
        self.bytes.extend((columns.len() as u16).to_le_bytes());
        for column in columns {
            self.bytes.extend(0_u32.to_le_bytes());
            self.bytes.extend(COLUMN_FLAGS.to_le_bytes());
            column.kind.write(&mut self.bytes);
            short_text(&mut self.bytes, &column.name);
        }
    }

    pub(crate) fn row(&mut self, columns: &[Column], values: &[Value]) -> Result<(), SqlError> {
        let start = self.bytes.len();
        self.bytes.push(0xd1);
        for (column, value) in columns.iter().zip(values) {
            if let Err(failure) = value.write(column.kind, &mut self.bytes) {
                self.bytes.truncate(start);
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Ends a statement; `count` is of rows, where the statement has any.
    pub(crate) fn done(&mut self, done: Done, count: Option<u64>) {
        let status = Answer::MORE | if count.is_some() { Answer::COUNT } else { 0 };
        self.done_with(done, status, count.unwrap_or(0));
    }

    /// Ends a statement that failed.
    pub(crate) fn failed(&mut self, done: Done, error: &SqlError) {
        self.error(error);
        self.done_with(done, Answer::MORE | Answer::ERROR, 0);
    }

    /// Says that the request was cancelled.
    pub(crate) fn cancelled(&mut self) {
        self.done_with(Done::Statement, Answer::ATTENTION, 0);
    }

    /// The answer's bytes: nothing comes after the last DONE.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.last_status.is_none() {
            self.done_with(Done::Statement, 0, 0);
        }
        if let Some(at) = self.last_status {
            self.bytes[at] &= !(Answer::MORE as u8);
        }
        self.bytes
    }

    pub(crate) fn return_status(&mut self, status: i32) {
        self.bytes.push(0x79);
        self.bytes.extend(status.to_le_bytes());
    }

    pub(crate) fn error(&mut self, error: &SqlError) {
        self.message(0xaa, error.number, error.state, error.class, &error.message);
    }

    pub(crate) fn info(&mut self, number: u32, text: &str) {
        self.message(0xab, number, 1, 0, text);
    }

    /// A successful login: database, language, packet size, and who answers.
    pub(crate) fn logged_in(&mut self, database: &str, packet_bytes: u32) {
        self.environment(1, |bytes| {
            short_text(bytes, database);
            short_text(bytes, "master");
        });
        self.info(5701, &format!("Changed database context to '{database}'."));
        self.environment(2, |bytes| {
            short_text(bytes, "us_english");
            short_text(bytes, "");
        });
        self.info(5703, "Changed language setting to us_english.");
        let mut body = vec![1];
        body.extend(PROTOCOL);
        short_text(&mut body, "Microsoft SQL Server");
        body.extend(&VERSION[..4]);
        self.token(0xad, &body);
        self.environment(4, |bytes| {
            short_text(bytes, &packet_bytes.to_string());
            short_text(bytes, "4096");
        });
    }

    pub(crate) fn transaction_began(&mut self, descriptor: u64) {
        self.environment(8, |bytes| {
            bytes.push(8);
            bytes.extend(descriptor.to_le_bytes());
            bytes.push(0);
        });
    }

    pub(crate) fn transaction_committed(&mut self, descriptor: u64) {
        self.transaction_ended(9, descriptor);
    }

    pub(crate) fn transaction_rolled_back(&mut self, descriptor: u64) {
        self.transaction_ended(10, descriptor);
    }

    fn transaction_ended(&mut self, kind: u8, descriptor: u64) {
        self.environment(kind, |bytes| {
            bytes.push(0);
            bytes.push(8);
            bytes.extend(descriptor.to_le_bytes());
        });
    }

    fn done_with(&mut self, done: Done, status: u16, count: u64) {
        self.bytes.push(match done {
            Done::Statement => 0xfd,
            Done::InProcedure => 0xff,
            Done::Procedure => 0xfe,
        });
        self.last_status = Some(self.bytes.len());
        self.bytes.extend(status.to_le_bytes());
        self.bytes.extend(0_u16.to_le_bytes());
        self.bytes.extend(count.to_le_bytes());
    }

    fn environment(&mut self, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
        let mut body = vec![kind];
        write(&mut body);
        self.token(0xe3, &body);
    }

    fn message(&mut self, token: u8, number: u32, state: u8, class: u8, text: &str) {
        let mut body = number.to_le_bytes().to_vec();
        body.extend([state, class]);
        // The length of a token has two bytes.
        let text: String = text.chars().take(4_000).collect();
        body.extend((text.encode_utf16().count() as u16).to_le_bytes());
        body.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        short_text(&mut body, SERVER);
        short_text(&mut body, "");
        body.extend(1_u32.to_le_bytes());
        self.token(token, &body);
    }

    fn token(&mut self, token: u8, body: &[u8]) {
        self.bytes.push(token);
        self.bytes.extend((body.len() as u16).to_le_bytes());
        self.bytes.extend(body);
    }
}

/// Text with its length in characters before it, in one byte.
fn short_text(to: &mut Vec<u8>, text: &str) {
    let units: Vec<u16> = text.encode_utf16().take(255).collect();
    to.push(units.len() as u8);
    to.extend(units.into_iter().flat_map(u16::to_le_bytes));
}
