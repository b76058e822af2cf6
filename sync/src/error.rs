//! What can go wrong in sync, and what is done about it.

use sea_orm::DbErr;
use wattle_core::{ErrorClass, SourceError};
use wattle_tenants::{TenantError, database_error_class};

use crate::archive::ArchiveError;

/// A failure of one of a source's loops.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The source's side.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The registry or a session.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// The target's side.
    #[error("the target database failed")]
    Target(#[from] DbErr),
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Another process has taken the source over, or our hold on it was cut.
    #[error("the lease of this source is held by another process")]
    LeaseLost,
    /// A batch would take away more than anyone should lose unasked.
    #[error("{what}; to go on: {fix}")]
    Guard {
        /// What was found.
        what: String,
        /// What to do.
        fix: String,
    },
    /// A job walks through something that the pack no longer has.
    #[error("the pack's graph no longer has what this job walks through")]
    Outdated,
    /// A part of it panicked.
    #[error("its task broke down, which is a defect of Wattle or its adapter: the log says where")]
    BrokeDown,
    /// An invariant does not hold.
    #[error("an invariant is broken: {0}")]
    Bug(String),
}

impl SyncError {
    /// What to do about it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Source(error) => error.class(),
            Self::Tenant(error) => error.class(),
            Self::Target(error) => database_error_class(error),
            Self::Archive(error) => error.class(),
            Self::LeaseLost | Self::BrokeDown => ErrorClass::Transient,
            Self::Guard { .. } | Self::Outdated => ErrorClass::Config,
            Self::Bug(_) => ErrorClass::Bug,
        }
    }

    /// The error with all its causes, for the operator. Never holds values of records.
    pub fn explain(&self) -> String {
        wattle_core::explain(self)
    }
}
