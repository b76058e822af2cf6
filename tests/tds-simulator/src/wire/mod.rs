//! The bytes of TDS 7.4: packets, the login, requests, values and answers.

mod answer;
mod login;
mod numeric;
mod packet;
mod request;
mod value;

pub(crate) use answer::{Answer, Column, Done};
pub(crate) use login::{Login, prelogin_answer};
pub(crate) use packet::{Kind, Message, read_message, write_message};
pub(crate) use request::{Request, TransactionRequest};
pub(crate) use value::{SqlType, Value};

use crate::error::SqlError;

/// Reads the fields of a message; every read is bounded by its end.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], SqlError> {
        if length > self.bytes.len() {
            return Err(SqlError::protocol("a message ends in the middle of a field"));
        }
        let (field, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        Ok(field)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SqlError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, SqlError> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, SqlError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, SqlError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn i32(&mut self) -> Result<i32, SqlError> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, SqlError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Text whose length in characters stands before it in one byte.
    pub(crate) fn short_text(&mut self) -> Result<String, SqlError> {
        let length = usize::from(self.u8()?);
        utf16(self.take(length * 2)?)
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.bytes)
    }
}

/// UTF-16, little endian.
pub(crate) fn utf16(bytes: &[u8]) -> Result<String, SqlError> {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(units)
        .collect::<Result<String, _>>()
        .map_err(|_| SqlError::protocol("text that is not UTF-16"))
}
