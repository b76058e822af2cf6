//! Positions in a server's log: which server and database, how far, and by which transaction.

use std::fmt;

use wattle_core::{Position, SourceError};

/// Which server and database a position belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The cluster's `system_identifier`.
    pub(crate) system: u64,
    /// The database's oid.
    pub(crate) database: u32,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.system, self.database)
    }
}

impl Identity {
    /// Reads what it is displayed as.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (system, database) = text.split_once('.')?;
        Some(Self { system: system.parse().ok()?, database: database.parse().ok()? })
    }
}

/// A position: text as `7711559788127014347.16384 0/1A2B3C4 731`, the transaction id left out where there is none. Where
/// a feed may go on, `-` is in its place, and the terms on which it listened follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PgPosition {
    pub(crate) identity: Identity,
    pub(crate) lsn: u64,
    /// The transaction that must be visible, by its 32-bit id.
    pub(crate) xid: Option<u32>,
}

impl PgPosition {
    pub(crate) fn encode(self) -> Position {
        let lsn = format_lsn(self.lsn);
        Position::new(match self.xid {
            Some(xid) => format!("{} {lsn} {xid}", self.identity),
            None => format!("{} {lsn}", self.identity),
        })
    }

    /// A position to go on from.
    pub(crate) fn encode_with(self, terms: &str) -> Position {
        Position::new(format!("{} {} - {terms}", self.identity, format_lsn(self.lsn)))
    }

    pub(crate) fn decode(position: &Position) -> Result<Self, SourceError> {
        let parsed = || {
            let mut parts = position.as_str().split(' ');
            let identity = Identity::parse(parts.next()?)?;
            let lsn = lsn_of(parts.next()?)?;
            let xid = parts.next().filter(|xid| *xid != "-").map(str::parse).transpose().ok()?;
            Some(Self { identity, lsn, xid })
        };
        parsed().ok_or_else(|| SourceError::Bug {
            what: format!("`{}` is not a position of a PostgreSQL source", position.as_str()),
        })
    }
}

/// The terms that a position to go on from holds.
pub(crate) fn terms_of(position: &Position) -> Option<&str> {
    position.as_str().split(' ').nth(3)
}

pub(crate) fn format_lsn(lsn: u64) -> String {
    format!("{:X}/{:X}", lsn >> 32, lsn & 0xFFFF_FFFF)
}

fn lsn_of(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    Some(u64::from_str_radix(high, 16).ok()? << 32 | u64::from_str_radix(low, 16).ok()?)
}

pub(crate) fn parse_lsn(text: &str) -> Result<u64, SourceError> {
    lsn_of(text).ok_or_else(|| SourceError::Bug { what: format!("`{text}` is not an LSN") })
}

/// What a snapshot sees: `pg_current_snapshot()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visibility {
    next: u64,
    in_progress: Vec<u64>,
}

impl Visibility {
    /// Reads `xmin:xmax:xip_list`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        parts.next()?;
        let next = parts.next()?.parse().ok()?;
        let listed = parts.next()?;
        let in_progress: Result<Vec<u64>, _> =
            listed.split(',').filter(|xid| !xid.is_empty()).map(str::parse).collect();
        Some(Self { next, in_progress: in_progress.ok()? })
    }

    /// Is a transaction that is known to have committed visible here?
    pub(crate) fn includes(&self, xid: u32) -> bool {
        let full = self.full(xid);
        full < self.next && !self.in_progress.contains(&full)
    }

    /// The 64-bit id nearest to the snapshot: a transaction heard of is never half the id space away.
    fn full(&self, xid: u32) -> u64 {
        let ahead = xid.wrapping_sub(self.next as u32) as i32;
        self.next.wrapping_add_signed(i64::from(ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_survive_their_text() {
        let identity = Identity { system: 7_711_559_788_127_014_347, database: 16384 };
        for xid in [None, Some(731)] {
            let position = PgPosition { identity, lsn: 0x1_0000_ABCD, xid };
            assert_eq!(PgPosition::decode(&position.encode()).unwrap(), position);
            assert_eq!(terms_of(&position.encode()), None);
        }
        let position = PgPosition { identity, lsn: 0x1_0000_ABCD, xid: None };
        let with = position.encode_with("00000001:ab,cd");
        assert_eq!(PgPosition::decode(&with).unwrap(), position);
        assert_eq!(terms_of(&with), Some("00000001:ab,cd"));
        assert!(PgPosition::decode(&Position::new("gtid 1-2-3")).is_err());
    }

    #[test]
    fn a_snapshot_includes_what_has_ended_before_it() {
        let sees = Visibility::parse("725:730:726,728").unwrap();
        assert!(sees.includes(724) && sees.includes(725) && sees.includes(727) && sees.includes(729));
        assert!(!sees.includes(726) && !sees.includes(728) && !sees.includes(730) && !sees.includes(900));
    }

    #[test]
    fn transaction_ids_wrap_around() {
        let epoch = 3u64 << 32;
        let sees = Visibility::parse(&format!("{}:{}:{}", epoch - 2, epoch + 5, epoch - 1)).unwrap();
        assert!(sees.includes(u32::MAX - 1), "before the wrap");
        assert!(!sees.includes(u32::MAX), "in progress before the wrap");
        assert!(sees.includes(4) && !sees.includes(5), "after the wrap");
    }
}
