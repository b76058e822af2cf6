//! What the kit found, for an engineer who has never seen Wattle.

use std::fmt;

use serde::Serialize;

/// What is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The source is ready: the adapter's own `check` refuses nothing.
    Ready,
    /// Each node's relation and key columns are there, and its keys have the types that the graph gives.
    Graph,
    /// Pages of any size yield every key once, and a cursor can be resumed.
    Paging,
    /// Each key of a batch is answered at most once, by its own ordinal, and as when asked for alone.
    Fetch,
    /// The statements of a fetch grow with the collections that the records have, and not with the keys.
    Batch,
    /// Indexes serve a batch of keys: no large relation is read from end to end, by the source's own plan.
    Index,
    /// Keys that the source holds equal find the row, and others do not.
    Equality,
    /// A key that the source does not have is a miss.
    Miss,
    /// A key with another number of values or another type is an error, never a miss.
    BadKey,
    /// Bodies meet the rules of the CDR, and read the same twice.
    Values,
    /// Rows lead to the records that are built from them, and owners to what they own, in pages of any size.
    Paths,
    /// An inserted row is heard.
    Insert,
    /// An updated row is heard.
    Update,
    /// A row that takes another key is heard under both.
    KeyChange,
    /// A row that moves to another owner is heard.
    Move,
    /// A deleted row is heard, and is a miss from then on.
    Delete,
    /// A transaction that was rolled back is not heard.
    Rollback,
    /// Every row of a large transaction is heard.
    LargeTransaction,
    /// A snapshot shows whatever the feed has said before.
    Fence,
    /// Numbers stand in a record with every digit, the largest too.
    Numbers,
    /// Texts stand in a record with every character, the longest too.
    Texts,
    /// Dates and times stand in a record as the retailer's zone has them.
    Times,
    /// What is NULL is left out of a record.
    Nulls,
    /// An altered table is noticed, and keeps nothing else from being read.
    SchemaDrift,
    /// After its connections are cut the adapter goes on, and has lost nothing.
    Reconnect,
}

impl Check {
    /// Every check, in the order of the report.
    pub const ALL: [Self; 25] = [
        Self::Ready,
        Self::Graph,
        Self::Paging,
        Self::Fetch,
        Self::Batch,
        Self::Index,
        Self::Equality,
        Self::Miss,
        Self::BadKey,
        Self::Values,
        Self::Paths,
        Self::Insert,
        Self::Update,
        Self::KeyChange,
        Self::Move,
        Self::Delete,
        Self::Rollback,
        Self::LargeTransaction,
        Self::Fence,
        Self::Numbers,
        Self::Texts,
        Self::Times,
        Self::Nulls,
        Self::SchemaDrift,
        Self::Reconnect,
    ];

    /// What it proves, as a heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ready => "the source is ready",
            Self::Graph => "the graph fits the catalogue",
            Self::Paging => "pages of keys yield every key once",
            Self::Fetch => "a batch answers each key once",
            Self::Batch => "a batch costs no query for each key",
            Self::Index => "indexes serve a batch",
            Self::Equality => "the source's own equality decides",
            Self::Miss => "a key that is not there is a miss",
            Self::BadKey => "a key that cannot be is an error",
            Self::Values => "records meet the CDR's rules, and read the same twice",
            Self::Paths => "changed rows lead to their records",
            Self::Insert => "an insert is heard",
            Self::Update => "an update is heard",
            Self::KeyChange => "a key change is heard under both keys",
            Self::Move => "a move to another owner is heard",
            Self::Delete => "a delete is heard, and is a miss",
            Self::Rollback => "what was rolled back is not heard",
            Self::LargeTransaction => "a large transaction is heard whole",
            Self::Fence => "a snapshot shows what the feed has said",
            Self::Numbers => "numbers are exact, the largest too",
            Self::Texts => "texts keep every character, the longest too",
            Self::Times => "dates and times are the retailer's own",
            Self::Nulls => "what is NULL is left out",
            Self::SchemaDrift => "an altered table is noticed",
            Self::Reconnect => "cut connections lose nothing",
        }
    }

    /// Does it change rows?
    pub fn writes(self) -> bool {
        self >= Self::Insert
    }
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// It holds.
    Passed {
        /// How much was looked at.
        seen: String,
    },
    /// It does not.
    Failed {
        /// What the contract asks for.
        expected: String,
        /// What happened.
        seen: String,
        /// Where to look.
        fix: String,
    },
    /// It could not be tried.
    NotApplicable {
        /// Why.
        reason: String,
    },
}

/// One check of one subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What was proved.
    pub check: Check,
    /// Of which node, entity or path; `source` for all of it.
    pub subject: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// All that was found. Each check of [`Check::ALL`] has at least one entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order of [`Check::ALL`].
    pub entries: Vec<Entry>,
}

impl Report {
    pub(crate) fn passed(&mut self, check: Check, subject: &str, seen: impl Into<String>) {
        self.add(check, subject, Outcome::Passed { seen: seen.into() });
    }

    pub(crate) fn failed(
        &mut self,
        check: Check,
        subject: &str,
        expected: impl Into<String>,
        seen: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let outcome = Outcome::Failed { expected: expected.into(), seen: seen.into(), fix: fix.into() };
        self.add(check, subject, outcome);
    }

    pub(crate) fn not_applicable(&mut self, check: Check, subject: &str, reason: impl Into<String>) {
        self.add(check, subject, Outcome::NotApplicable { reason: reason.into() });
    }

    pub(crate) fn add(&mut self, check: Check, subject: &str, outcome: Outcome) {
        self.entries.push(Entry { check, subject: subject.to_owned(), outcome });
    }

    /// Puts the entries in order, and says of each check without one that it was not tried.
    pub(crate) fn finish(&mut self) {
        for check in Check::ALL {
            if self.of(check).next().is_none() {
                self.not_applicable(check, "source", "no node of this source gave occasion to try it");
            }
        }
        self.entries.sort_by_key(|entry| entry.check);
    }

    /// The entries of a check.
    pub fn of(&self, check: Check) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.check == check)
    }

    /// Did nothing fail?
    pub fn is_good(&self) -> bool {
        !self.entries.iter().any(|entry| matches!(entry.outcome, Outcome::Failed { .. }))
    }

    /// How many entries passed, failed and were not applicable.
    pub fn counts(&self) -> (usize, usize, usize) {
        self.entries.iter().fold((0, 0, 0), |(passed, failed, not), entry| match entry.outcome {
            Outcome::Passed { .. } => (passed + 1, failed, not),
            Outcome::Failed { .. } => (passed, failed + 1, not),
            Outcome::NotApplicable { .. } => (passed, failed, not + 1),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in Check::ALL {
            writeln!(f, "{}", check.title())?;
            for Entry { subject, outcome, .. } in self.of(check) {
                match outcome {
                    Outcome::Passed { seen } => writeln!(f, "  passed          {subject}: {seen}")?,
                    Outcome::NotApplicable { reason } => {
                        writeln!(f, "  not applicable  {subject}: {reason}")?
                    }
                    Outcome::Failed { expected, seen, fix } => {
                        writeln!(f, "  FAILED          {subject}: {seen}")?;
                        writeln!(f, "                  expected: {expected}")?;
                        writeln!(f, "                  to fix it: {fix}")?;
                    }
                }
            }
        }
        let (passed, failed, not) = self.counts();
        write!(f, "{passed} passed, {failed} failed, {not} not applicable")
    }
}
