//! Collecting what `check` finds.

use std::fmt::Display;

use wattle_core::{Finding, Severity, SourceError};

use crate::PackError;

/// Findings of one `check`, gathered as it goes.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds one, with the statements that put it right.
    pub fn add(&mut self, severity: Severity, what: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Finding { severity, what: what.into(), fix: fix.into() });
    }

    /// Adds one that keeps sync from starting.
    pub fn refuse(&mut self, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Refused, what, fix);
    }

    /// Refuses what the source would not take.
    ///
    /// # Errors
    /// The error itself where the source just could not be asked.
    pub fn refuse_error(&mut self, error: SourceError, fix: impl Display) -> Result<(), SourceError> {
        match error {
            SourceError::Config { what, .. } | SourceError::Record { what } => self.refuse(what, words(fix)),
            other => return Err(other),
        }
        Ok(())
    }

    /// Refuses a pack for its mistakes.
    pub fn refuse_pack(&mut self, errors: Vec<PackError>) {
        for error in errors {
            self.refuse(error.to_string(), words("correct the pack"));
        }
    }

    /// All of them, what matters most first.
    pub fn sorted(mut self) -> Vec<Finding> {
        self.0.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        self.0
    }
}

/// What to do where no statement helps, as a comment: the fixes of all findings together are a script.
pub fn words(what: impl Display) -> String {
    format!("-- {what}")
}
