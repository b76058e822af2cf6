//! The pre-login and the login record.

use super::{Reader, utf16};
use crate::error::SqlError;

/// The version the simulator says it is: 15.0.4000, which is SQL Server 2019.
pub(crate) const VERSION: [u8; 6] = [15, 0, 0x0f, 0xa0, 0, 0];
/// "Encryption is not available": the simulator speaks plain text only.
const ENCRYPTION_NOT_SUPPORTED: u8 = 2;
/// Bytes of a packet, as the login may ask for.
const PACKET_BYTES: std::ops::RangeInclusive<u32> = 512..=32_767;
const DEFAULT_PACKET_BYTES: u32 = 4096;

/// What the client says when it logs in.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) login: String,
    pub(crate) password: String,
    pub(crate) database: String,
    /// What the client calls itself.
    pub(crate) program: String,
    pub(crate) packet_bytes: u32,
}

/// The answer to any pre-login: a version, no encryption, no instance, no MARS.
pub(crate) fn prelogin_answer() -> Vec<u8> {
    const TERMINATOR: u8 = 0xff;
    let fields: [(u8, &[u8]); 4] = [(0, &VERSION), (1, &[ENCRYPTION_NOT_SUPPORTED]), (2, &[0]), (4, &[0])];
    let (mut table, mut data) = (Vec::<u8>::new(), Vec::<u8>::new());
    let table_bytes = fields.len() * 5 + 1;
    for (option, value) in fields {
        let [high, low] = u16::try_from(table_bytes + data.len()).unwrap_or(u16::MAX).to_be_bytes();
        table.extend([option, high, low, 0, u8::try_from(value.len()).unwrap_or(u8::MAX)]);
        data.extend(value);
    }
    table.push(TERMINATOR);
    table.extend(data);
    table
}

impl Login {
    /// Reads LOGIN7.
    pub(crate) fn read(payload: &[u8]) -> Result<Login, SqlError> {
        const OFFSETS: usize = 36;
        let mut header = Reader::new(payload);
        let (_length, _version, packet_bytes) = (header.u32()?, header.u32()?, header.u32()?);
        // The table of offsets: host, login, password, application, server, extension, library, language, database.
        let field = |number: usize| -> Result<&[u8], SqlError> {
            let mut entry = Reader::new(payload.get(OFFSETS + number * 4..).unwrap_or_default());
            let (offset, length) = (usize::from(entry.u16()?), usize::from(entry.u16()?) * 2);
            let bytes = payload.get(offset..offset + length);
            bytes.ok_or_else(|| SqlError::protocol("a login field outside of the login record"))
        };
        let password: Vec<u8> = field(2)?.iter().map(|byte| (byte ^ 0xa5).rotate_left(4)).collect();
        let packet_bytes =
            if PACKET_BYTES.contains(&packet_bytes) { packet_bytes } else { DEFAULT_PACKET_BYTES };
        Ok(Login {
            login: utf16(field(1)?)?,
            password: utf16(&password)?,
            database: utf16(field(8)?)?,
            program: utf16(field(3)?)?,
            packet_bytes,
        })
    }
}
