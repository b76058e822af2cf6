//! Reading numbers and runs of bytes, in the order in which the binlog has them.

use super::Malformed;

const SHORT: Malformed = Malformed("it is cut short");

/// What is left of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of up to eight bytes, the least significant first.
    pub(crate) fn number(&mut self, width: usize) -> Result<u64, Malformed> {
        let bytes = self.take(width)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(crate) fn size(&mut self, width: usize) -> Result<usize, Malformed> {
        usize::try_from(self.number(width)?).map_err(|_| SHORT)
    }

    /// A number whose first byte says how many follow.
    pub(crate) fn packed(&mut self) -> Result<usize, Malformed> {
        match self.number(1)? {
            0xfc => self.size(2),
            0xfd => self.size(3),
            0xfe => self.size(8),
            small => Ok(small as usize),
        }
    }
}
