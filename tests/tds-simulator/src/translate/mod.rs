//! T-SQL into steps that the session runs, with the SQL for PostgreSQL.
//!
//! A batch is cut into statements by the parser itself, as T-SQL needs no semicolons. What `sqlparser` knows becomes a
//! tree that is rewritten ([`rewrite`]); what it does not know (settings, change tracking, logins, grants) is read from
//! the tokens. Whatever is neither is refused with error 50000 and named.

mod admin;
mod batch;
mod control;
mod ddl;
mod dml;
mod functions;
mod rewrite;
mod types;

pub(crate) use batch::{Context, steps};
pub(crate) use types::remembered as remembered_type;

use crate::wire::SqlType;

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// A statement for PostgreSQL.
    Run(Statement),
    /// Statements of the simulator's own for PostgreSQL, without parameters and results.
    Admin(Vec<String>),
    Begin,
    Commit,
    Rollback,
    Isolation(Isolation),
    /// Milliseconds; below zero, without a limit.
    LockTimeout(i64),
    /// Whether any error takes the transaction with it.
    XactAbort(Switch),
    /// Whether plans are answered, and nothing is run.
    Showplan(Switch),
    /// Whether a table's identity column takes values; the table as PostgreSQL writes it.
    IdentityInsert(String, Switch),
    /// Something that makes no difference here.
    Nothing,
    Declare {
        name: String,
        kind: SqlType,
        value: Option<Statement>,
    },
    Assign {
        name: String,
        value: Statement,
    },
    If {
        condition: Statement,
        then: Vec<Step>,
        otherwise: Vec<Step>,
    },
    Throw {
        number: u32,
        message: String,
    },
    /// Text that the client gets as a message.
    Print(String),
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    On,
    Off,
}

/// An isolation level, as far as the simulator tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    ReadCommitted,
    RepeatableRead,
    Serializable,
    Snapshot,
}

/// One statement for PostgreSQL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    /// The variables behind `$1`, `$2` …, in lower case.
    pub(crate) variables: Vec<String>,
    /// The names of the result's columns as the client wrote them; none where PostgreSQL's are right.
    pub(crate) names: Option<Vec<String>>,
    pub(crate) kind: StatementKind,
}

/// What a statement answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StatementKind {
    Query,
    /// Rows are counted; with an OUTPUT clause they come too.
    Change,
    /// An insert, which has to say so when it sets an identity column of this table.
    Insert {
        table: String,
        columns: InsertColumns,
    },
    Definition,
}

/// Whether an insert says which columns it sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InsertColumns {
    Listed,
    All,
}
