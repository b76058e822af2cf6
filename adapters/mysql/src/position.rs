//! Positions in a server's binlog: which server, which file and how far, and the transaction that ends there.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use wattle_core::{Position, SourceError};

/// Which server a position belongs to: `mariadb-1`, by its `server_id`, since MariaDB has nothing better that lasts; or
/// `mysql-3e11fa47-…`, by its `server_uuid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity(String);

impl Identity {
    pub(crate) fn mariadb(server_id: u64) -> Self {
        Self(format!("mariadb-{server_id}"))
    }

    pub(crate) fn mysql(server_uuid: &str) -> Self {
        Self(format!("mysql-{server_uuid}"))
    }

    pub(crate) fn is_mariadb(&self) -> bool {
        self.0.starts_with("mariadb-")
    }
}

impl FromStr for Identity {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let id = text.strip_prefix("mariadb-").or_else(|| text.strip_prefix("mysql-"));
        let plain = |id: &str| !id.is_empty() && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        if id.is_some_and(plain) { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A position: text as `mariadb-1 4711 1764150000 0-1-57 binlog.000003`, with `-` for what is not known, and `4711@bill`
/// while the table of the node `bill` is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BinlogPosition {
    pub(crate) identity: Identity,
    pub(crate) file: String,
    /// Bytes into the file.
    pub(crate) offset: u64,
    /// When the file was begun, in seconds since 1970. A file of the same name that was begun at another time is of
    /// another log: one that was reset, or a restored server's.
    pub(crate) created: Option<u32>,
    /// The last transaction up to here; on MySQL, also a set of them.
    pub(crate) gtid: Option<String>,
    /// Nodes whose tables are not there, or not to be seen, by name: their rows are passed over.
    pub(crate) behind: BTreeSet<String>,
}

impl BinlogPosition {
    pub(crate) fn encode(&self) -> Position {
        let created = self.created.map_or_else(|| "-".to_owned(), |created| created.to_string());
        let gtid = self.gtid.as_deref().unwrap_or("-");
        let behind: String = self.behind.iter().map(|node| format!("@{node}")).collect();
        Position::new(format!("{} {}{behind} {created} {gtid} {}", self.identity, self.offset, self.file))
    }

    pub(crate) fn decode(position: &Position) -> Result<Self, SourceError> {
        let parsed = || {
            let mut parts = position.as_str().splitn(5, ' ');
            let identity = parts.next()?.parse().ok()?;
            let mut place = parts.next()?.split('@');
            let offset = place.next()?.parse().ok()?;
            let behind = place.map(str::to_owned).collect();
            let created = match parts.next()? {
                "-" => None,
                seconds => Some(seconds.parse().ok()?),
            };
            let gtid = Some(parts.next()?).filter(|gtid| *gtid != "-").map(str::to_owned);
            let file = parts.next()?.to_owned();
            file_number(&file)?;
            Some(Self { identity, file, offset, created, gtid, behind })
        };
        parsed().ok_or_else(|| SourceError::Bug {
            what: format!("`{}` is not a position of a MySQL or MariaDB source", position.as_str()),
        })
    }

    /// What orders the positions of one log.
    pub(crate) fn place(&self) -> (u64, u64) {
        (file_number(&self.file).unwrap_or(0), self.offset)
    }

    /// Does whoever has come here have everything up to there?
    pub(crate) fn includes(&self, there: &Self) -> bool {
        let same_log = self.file != there.file
            || self.created.zip(there.created).is_none_or(|(here, there)| here == there);
        self.identity == there.identity && same_log && self.place() >= there.place()
    }
}

/// The number at the end of a binlog file's name, by which the files follow each other.
pub(crate) fn file_number(file: &str) -> Option<u64> {
    file.rsplit_once('.')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: &str, offset: u64, created: Option<u32>) -> BinlogPosition {
        BinlogPosition {
            identity: Identity::mariadb(1),
            file: file.into(),
            offset,
            created,
            gtid: Some("0-1-57".into()),
            behind: BTreeSet::new(),
        }
    }

    #[test]
    fn positions_survive_their_text() {
        let mut position = at("bin log.000003", 4711, Some(17));
        assert_eq!(BinlogPosition::decode(&position.encode()).unwrap(), position);
        position.identity = Identity::mysql("3e11fa47-71ca-11e1-9e33-c80aa9429562");
        (position.created, position.gtid) = (None, None);
        position.behind = ["bill".to_owned(), "contact".to_owned()].into();
        assert_eq!(BinlogPosition::decode(&position.encode()).unwrap(), position);
        for other in ["771.16384 0/1A2B", "mariadb-1 4 - - binlog", "mariadb-1 x - - binlog.1"] {
            assert!(BinlogPosition::decode(&Position::new(other)).is_err(), "{other}");
        }
    }

    #[test]
    fn files_follow_each_other_by_number_and_offsets_within() {
        let here = at("binlog.1000000", 4, None);
        assert!(here.includes(&at("binlog.999999", 900, None)));
        assert!(here.includes(&here) && !here.includes(&at("binlog.1000000", 5, None)));
        let reset = at("binlog.000001", 500, Some(2));
        assert!(!reset.includes(&at("binlog.000001", 400, Some(1))), "a file of the same name, begun anew");
        let other = BinlogPosition { identity: Identity::mariadb(2), ..here.clone() };
        assert!(!other.includes(&here));
    }
}
