//! What can go wrong with the archive, and what is done about it.

use std::io;

use object_store::Error as StoreError;
use wattle_core::ErrorClass;

/// A failure of the archive. Names objects and places, never credentials.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// What the settings say makes no sense, or the folder cannot be used.
    #[error("{what}; to fix it: {fix}")]
    Config {
        /// What is wrong.
        what: String,
        /// What to do.
        fix: String,
    },
    /// The store cannot be reached, or gave up for now: a time-out, a server's own error, a full disk.
    #[error("the archive at {place} cannot be used for now: {doing}")]
    Unavailable {
        /// The archive.
        place: String,
        /// What was being done.
        doing: String,
        /// The store's error.
        #[source]
        cause: Box<StoreError>,
    },
    /// The store does not let us.
    #[error(
        "the archive at {place} refuses: {doing}; to fix it: see that the place exists and that this user or these credentials may read, list and write there"
    )]
    Refused {
        /// The archive.
        place: String,
        /// What was being done.
        doing: String,
        /// The store's error.
        #[source]
        cause: Box<StoreError>,
    },
    /// Someone else moved the mark: the loop looks again where it stands.
    #[error("the mark of the archive was moved by another process")]
    Moved,
    /// The stream does not hold what is to be archived.
    #[error(
        "the {lane} lane cannot be archived: {what}; to fix it: look at this source's rows of stream_event"
    )]
    Stream {
        /// Which lane.
        lane: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// An object is not what its manifest says.
    #[error("{object} is damaged: {what}")]
    Damaged {
        /// Its name within the archive.
        object: String,
        /// In which way.
        what: String,
    },
    /// An object that should be there is not.
    #[error("{object} is missing")]
    Missing {
        /// Its name within the archive.
        object: String,
    },
    /// The files of a lane do not join up.
    #[error("changes {first_seq} to {last_seq} of the {lane} lane are in no whole file; look at {object}")]
    Gap {
        /// Which lane.
        lane: &'static str,
        /// The first change that is missing.
        first_seq: i64,
        /// The last one.
        last_seq: i64,
        /// The manifest that a file there lacks, or the file that follows.
        object: String,
    },
    /// Two files of a lane hold the same changes: two targets wrote to one place, or one was set back.
    #[error("{object} holds changes that {other} holds already")]
    Overlap {
        /// The later file.
        object: String,
        /// The earlier one.
        other: String,
    },
}

impl ArchiveError {
    pub(crate) fn config(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Config { what: what.into(), fix: fix.into() }
    }

    /// What a store's error means for us. Its kinds may grow, so what it does not say to be someone's to fix is tried
    /// again.
    pub(crate) fn of_store(place: &str, doing: String, cause: StoreError) -> Self {
        let (place, refused) = (place.to_owned(), is_refusal(&cause));
        let cause = Box::new(cause);
        if refused {
            Self::Refused { place, doing, cause }
        } else {
            Self::Unavailable { place, doing, cause }
        }
    }

    /// What to do about it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unavailable { .. } | Self::Moved => ErrorClass::Transient,
            Self::Config { .. }
            | Self::Refused { .. }
            | Self::Stream { .. }
            | Self::Damaged { .. }
            | Self::Missing { .. }
            | Self::Gap { .. }
            | Self::Overlap { .. } => ErrorClass::Config,
        }
    }

    /// Is it about what the archive holds, rather than about getting at it? Then whoever reads may go on without.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Missing { .. } | Self::Gap { .. } | Self::Overlap { .. } => true,
            Self::Config { .. }
            | Self::Unavailable { .. }
            | Self::Refused { .. }
            | Self::Moved
            | Self::Stream { .. } => false,
        }
    }
}

fn is_refusal(error: &StoreError) -> bool {
    match error {
        // What is written to is a bucket that is not there; what is read is looked at before.
        StoreError::NotFound { .. }
        | StoreError::PermissionDenied { .. }
        | StoreError::Unauthenticated { .. }
        | StoreError::InvalidPath { .. }
        | StoreError::NotSupported { .. }
        | StoreError::NotImplemented { .. }
        | StoreError::UnknownConfigurationKey { .. } => true,
        other => io_kind(other).is_some_and(|kind| {
            matches!(
                kind,
                io::ErrorKind::NotFound
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::AlreadyExists
                    | io::ErrorKind::ReadOnlyFilesystem
            )
        }),
    }
}

/// What the operating system said, if it was asked.
fn io_kind(error: &StoreError) -> Option<io::ErrorKind> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: io::ErrorKind) -> ErrorClass {
        let source = Box::new(io::Error::from(kind));
        let error = StoreError::Generic { store: "test", source };
        ArchiveError::of_store("here", "writing x".into(), error).class()
    }

    #[test]
    fn a_full_disk_is_waited_for_and_a_forbidden_one_is_somebodys_to_fix() {
        assert_eq!(of(io::ErrorKind::StorageFull), ErrorClass::Transient);
        assert_eq!(of(io::ErrorKind::QuotaExceeded), ErrorClass::Transient);
        assert_eq!(of(io::ErrorKind::TimedOut), ErrorClass::Transient);
        assert_eq!(of(io::ErrorKind::PermissionDenied), ErrorClass::Config);
        assert_eq!(of(io::ErrorKind::NotADirectory), ErrorClass::Config);
    }
}
