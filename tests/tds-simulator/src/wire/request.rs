//! What a client asks: a batch of text, a procedure with parameters, a step of a transaction.

use super::{Reader, SqlType, Value, utf16};
use crate::error::SqlError;

/// The number of `sp_executesql`.
const EXECUTE_SQL: u16 = 10;
/// In place of a procedure's name: a number follows.
const BY_NUMBER: u16 = 0xffff;

/// A text to run.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) text: String,
    pub(crate) parameters: Vec<Parameter>,
}

/// A parameter, `@P1` for instance.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    /// In lower case, with its `@`.
    pub(crate) name: String,
    pub(crate) kind: SqlType,
    pub(crate) value: Value,
}

/// A step of a transaction that is asked for outside of any text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransactionRequest {
    /// With the number of an isolation level, zero for the session's.
    Begin(u8),
    Commit,
    Rollback,
}

impl Request {
    /// A batch.
    pub(crate) fn batch(payload: &[u8]) -> Result<Request, SqlError> {
        let mut reader = after_headers(payload)?;
        Ok(Request { text: utf16(reader.rest())?, parameters: Vec::new() })
    }

    /// A call of `sp_executesql`: the text, the declarations, the values.
    pub(crate) fn rpc(payload: &[u8]) -> Result<Request, SqlError> {
        let mut reader = after_headers(payload)?;
        let procedure = match reader.u16()? {
            BY_NUMBER => reader.u16()?.to_string(),
            length => utf16(reader.take(usize::from(length) * 2)?)?,
        };
        if procedure != EXECUTE_SQL.to_string() && !procedure.eq_ignore_ascii_case("sp_executesql") {
            return Err(SqlError::not_simulated(format_args!("procedure {procedure}")));
        }
        let _options = reader.u16()?;
        let mut parameters = Vec::new();
        while !reader.is_empty() {
            let name = reader.short_text()?.to_lowercase();
            let _by_reference = reader.u8()?;
            let kind = SqlType::read(&mut reader)?;
            let value = Value::read(kind, &mut reader)?;
            parameters.push(Parameter { name, kind, value });
        }
        let mut arguments = parameters.into_iter();
        let Some(Parameter { value: Value::Text(text), .. }) = arguments.next() else {
            return Err(SqlError::new(
                214,
                "Procedure expects parameter '@statement' of type 'ntext/nchar/nvarchar'.",
            ));
        };
        let _declarations = arguments.next();
        Ok(Request { text, parameters: arguments.collect() })
    }
}

impl TransactionRequest {
    pub(crate) fn read(payload: &[u8]) -> Result<TransactionRequest, SqlError> {
        let mut reader = after_headers(payload)?;
        match reader.u16()? {
            5 => Ok(TransactionRequest::Begin(reader.u8()?)),
            7 => Ok(TransactionRequest::Commit),
            8 => Ok(TransactionRequest::Rollback),
            other => Err(SqlError::not_simulated(format_args!("transaction manager request {other}"))),
        }
    }
}

/// Every request begins with headers that say how long they are.
fn after_headers(payload: &[u8]) -> Result<Reader<'_>, SqlError> {
    const LENGTH_BYTES: u32 = 4;
    let mut reader = Reader::new(payload);
    let length = reader.u32()?;
    reader.take(length.saturating_sub(LENGTH_BYTES) as usize)?;
    Ok(reader)
}
