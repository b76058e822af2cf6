//! Collecting what `check` finds.

use std::fmt::Display;

use wattle_core::{Finding, QueryPlan, Severity, SourceError};

use crate::PackError;

/// Findings of one `check`, gathered as it goes.
#[derive(Debug, Default)]
pub struct Findings {
    found: Vec<Finding>,
    plans: Vec<QueryPlan>,
}

impl Findings {
    /// Adds one, with the statements that put it right.
    pub fn add(&mut self, severity: Severity, what: impl Into<String>, fix: impl Into<String>) {
        self.found.push(Finding { severity, what: what.into(), fix: fix.into() });
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

    /// Keeps how the source would run a query, and warns of the large tables that it would read from end to end.
    pub fn plan(&mut self, query: impl Into<String>, whole: Vec<(String, u64)>) {
        let plan = QueryPlan { query: query.into(), whole };
        for (table, _) in plan.large() {
            self.add(
                Severity::Warning,
                format!("{} reads all of {table} for a batch of keys", plan.query),
                words("index the columns that it is joined by, or write the join so that an index serves"),
            );
        }
        self.plans.push(plan);
    }

    /// All of them, what matters most first.
    pub fn sorted(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        self.found
    }

    /// How the source would run the queries, as far as they were looked at.
    pub fn into_plans(self) -> Vec<QueryPlan> {
        self.plans
    }
}

/// What to do where no statement helps, as a comment: the fixes of all findings together are a script.
pub fn words(what: impl Display) -> String {
    format!("-- {what}")
}
