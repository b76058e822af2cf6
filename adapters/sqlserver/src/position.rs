//! Positions in what a database tells of its changes: which database, since which restore, and how far.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use wattle_core::{Position, SourceError};

use crate::settings::Capture;

/// Which database a position belongs to, and which of its lives.
///
/// A backup keeps the broker GUID, so a restored database is the same one; it begins a new recovery fork or a new date of
/// creation, and its versions may have been set back without a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The broker GUID, in lower case.
    pub(crate) broker: String,
    /// The recovery fork, as far as the login may see it, and the date of creation.
    pub(crate) life: String,
}

/// How far, in the way in which changes are told: marks of one way have an order, which is that of the commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    /// Change tracking's version of a transaction.
    Version(i64),
    /// The place of a commit in the log, ten bytes.
    Lsn(u128),
}

/// The hexadecimal digits of a place in the log.
const LSN_DIGITS: usize = 20;

impl Mark {
    /// A place in the log as the server writes it: `0x0000002A000001780008`, `0000002a:00000178:0008`.
    pub(crate) fn lsn(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("0x").unwrap_or(text).replace(':', "");
        let is_lsn = digits.len() == LSN_DIGITS && digits.chars().all(|c| c.is_ascii_hexdigit());
        is_lsn.then(|| u128::from_str_radix(&digits, 16).ok()).flatten().map(Self::Lsn)
    }

    /// The mark before this one.
    pub(crate) fn before(self) -> Self {
        match self {
            Self::Version(version) => Self::Version(version - 1),
            Self::Lsn(lsn) => Self::Lsn(lsn.saturating_sub(1)),
        }
    }

    pub(crate) fn capture(self) -> Capture {
        match self {
            Self::Version(_) => Capture::ChangeTracking,
            Self::Lsn(_) => Capture::Cdc,
        }
    }
}

/// As T-SQL writes it.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "{version}"),
            Self::Lsn(lsn) => write!(f, "0x{lsn:0LSN_DIGITS$X}"),
        }
    }
}

impl FromStr for Mark {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text.starts_with("0x") {
            true => Self::lsn(text).ok_or(()),
            false => text.parse().map(Self::Version).map_err(drop),
        }
    }
}

/// A position: text as `3e11fa47-… 5c0f…/2026-11-26T13:20:01 4711`, and ` bill@4700` while the table of the node `bill`
/// is not there. In place of versions, change data capture has places in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrackedPosition {
    pub(crate) identity: Identity,
    /// That of the last transaction up to here.
    pub(crate) mark: Mark,
    /// Nodes whose tables are not there, by name, and up to where each was heard.
    pub(crate) behind: BTreeMap<String, Mark>,
}

impl Identity {
    /// Is this the same life of the same database? A fork that the login could not see says nothing.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let (Some((fork, date)), Some((other_fork, other_date))) =
            (self.life.split_once('/'), other.life.split_once('/'))
        else {
            return false;
        };
        let unseen = fork == UNSEEN || other_fork == UNSEEN;
        self.broker == other.broker && date == other_date && (unseen || fork == other_fork)
    }
}

/// In place of a fork that the login may not see.
pub(crate) const UNSEEN: &str = "-";

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.broker, self.life)
    }
}

impl FromStr for TrackedPosition {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let parts: Vec<&str> = text.split(' ').collect();
        let &[broker, life, mark, ref behind @ ..] = parts.as_slice() else { return Err(()) };
        let is_guid = broker.len() == 36 && broker.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        if !is_guid || !life.contains('/') {
            return Err(());
        }
        let identity = Identity { broker: broker.into(), life: life.into() };
        let behind = behind.iter().map(|part| {
            let (node, mark) = part.rsplit_once('@').ok_or(())?;
            Ok((node.to_owned(), mark.parse()?))
        });
        Ok(Self { identity, mark: mark.parse()?, behind: behind.collect::<Result<_, ()>>()? })
    }
}

impl TrackedPosition {
    /// The place after this mark, where no table is missing.
    pub(crate) fn new(identity: Identity, mark: Mark) -> Self {
        Self { identity, mark, behind: BTreeMap::new() }
    }

    pub(crate) fn encode(&self) -> Position {
        let behind: String = self.behind.iter().map(|(node, mark)| format!(" {node}@{mark}")).collect();
        Position::new(format!("{} {}{behind}", self.identity, self.mark))
    }

    pub(crate) fn decode(position: &Position) -> Result<Self, SourceError> {
        position.as_str().parse().map_err(|()| SourceError::Bug {
            what: format!("`{}` is not a position of a SQL Server source", position.as_str()),
        })
    }

    /// Does whoever has come here have everything up to there?
    pub(crate) fn includes(&self, there: &Self) -> bool {
        self.identity.is_same(&there.identity)
            && self.mark.capture() == there.mark.capture()
            && self.mark >= there.mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(life: &str, version: i64) -> TrackedPosition {
        let broker = "3e11fa47-71ca-11e1-9e33-c80aa9429562".to_owned();
        TrackedPosition::new(Identity { broker, life: life.into() }, Mark::Version(version))
    }

    #[test]
    fn positions_survive_their_text() {
        let mut position = at("-/2026-11-26T13:20:01", 4711);
        assert_eq!(TrackedPosition::decode(&position.encode()).unwrap(), position);
        let version = Mark::Version;
        position.behind =
            BTreeMap::from([("bill".to_owned(), version(4700)), ("contact".to_owned(), version(12))]);
        assert_eq!(TrackedPosition::decode(&position.encode()).unwrap(), position);
        position.mark = Mark::lsn("0000002a:00000178:0008").unwrap();
        position.behind = BTreeMap::from([("bill".to_owned(), position.mark.before())]);
        let text = position.encode();
        assert!(text.as_str().ends_with(" 0x0000002A000001780008 bill@0x0000002A000001780007"), "{text:?}");
        assert_eq!(TrackedPosition::decode(&text).unwrap(), position);
        let guid = "3e11fa47-71ca-11e1-9e33-c80aa9429562 a/b";
        let broken = [
            format!("{guid} x"),
            format!("{guid} 0x12"),
            format!("{guid} 1 bill"),
            format!("{guid} 1 bill@x"),
        ];
        let others = ["mariadb-1 4 - - binlog.1", "a b/c 1", ""];
        for other in others.into_iter().chain(broken.iter().map(String::as_str)) {
            assert!(TrackedPosition::decode(&Position::new(other)).is_err(), "{other}");
        }
    }

    #[test]
    fn a_restored_database_reaches_no_position_of_before() {
        let here = at("f1/2026", 9);
        assert!(here.includes(&at("f1/2026", 9)) && !here.includes(&at("f1/2026", 10)));
        assert!(!here.includes(&at("f2/2026", 3)), "another life");
        assert!(here.includes(&at("-/2026", 3)), "a right to see the fork is no other life");
        assert!(!here.includes(&at("-/2027", 3)));
        let log = TrackedPosition { mark: Mark::Lsn(3), ..at("f1/2026", 0) };
        assert!(!here.includes(&log) && !log.includes(&at("f1/2026", 3)), "another way of telling changes");
    }
}
