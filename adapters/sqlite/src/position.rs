//! Positions in a file's outbox.

use wattle_core::{Position, SourceError};

/// A position: text as `4f1c…9a 1207 -8163…`. The token is random for each row of the outbox, so that a file which
/// was set back and written to again is not taken for the one that was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutboxPosition {
    /// Made with the outbox.
    pub(crate) identity: String,
    pub(crate) seq: i64,
    pub(crate) token: i64,
}

impl OutboxPosition {
    pub(crate) fn encode(&self) -> Position {
        Position::new(format!("{} {} {}", self.identity, self.seq, self.token))
    }

    pub(crate) fn decode(position: &Position) -> Result<Self, SourceError> {
        let parsed = || {
            let mut parts = position.as_str().split(' ');
            let identity = parts.next()?.to_owned();
            let (seq, token) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            parts.next().is_none().then_some(Self { identity, seq, token })
        };
        parsed().ok_or_else(|| SourceError::Bug {
            what: format!("`{}` is not a position of a SQLite source", position.as_str()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_survive_their_text() {
        let position = OutboxPosition { identity: "4f1c".into(), seq: 12, token: -7 };
        assert_eq!(OutboxPosition::decode(&position.encode()).unwrap(), position);
        assert!(OutboxPosition::decode(&Position::new("771.16384 0/1A2B")).is_err());
    }
}
