//! Errors as SQL Server numbers them.

use std::fmt;

use tokio_postgres::error::{DbError, SqlState};

/// What a statement of unknown shape gets.
pub(crate) const NOT_SIMULATED: u32 = 50_000;
/// The severity of most errors of a statement.
const CLASS_STATEMENT: u8 = 16;

/// An error as the client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SqlError {
    pub(crate) number: u32,
    pub(crate) state: u8,
    pub(crate) class: u8,
    pub(crate) message: String,
    /// What happens besides the statement's failure.
    pub(crate) effect: Effect,
}

/// What an error takes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The statement.
    Statement,
    /// The transaction too.
    Transaction,
    /// The connection too.
    Connection,
}

impl SqlError {
    pub(crate) fn new(number: u32, message: impl Into<String>) -> SqlError {
        let class = match number {
            1205 => 13,
            229 | 230 | 262 | 297 | 2627 | 2601 | 18_456 => 14,
            102 | 156 => 15,
            4060 => 11,
            _ => CLASS_STATEMENT,
        };
        SqlError { number, state: 1, class, message: message.into(), effect: Effect::Statement }
    }

    pub(crate) fn with_effect(mut self, effect: Effect) -> SqlError {
        self.effect = effect;
        self
    }

    /// A statement, or a part of one, that the simulator does not know.
    pub(crate) fn not_simulated(what: impl fmt::Display) -> SqlError {
        SqlError::new(NOT_SIMULATED, format!("The simulator of SQL Server does not know: {what}"))
    }

    /// A client that does not keep to the protocol.
    pub(crate) fn protocol(what: &str) -> SqlError {
        SqlError::new(
            4002,
            format!("The incoming tabular data stream (TDS) protocol stream is incorrect: {what}."),
        )
        .with_effect(Effect::Connection)
    }

    /// What PostgreSQL said, in SQL Server's numbers.
    pub(crate) fn from_postgres(failure: &tokio_postgres::Error) -> SqlError {
        match failure.as_db_error() {
            Some(error) => from_db_error(error),
            None => SqlError::new(
                596,
                format!("Cannot continue the execution because the session is in the kill state. {failure}"),
            )
            .with_effect(Effect::Connection),
        }
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "error {}: {}", self.number, self.message)
    }
}

impl From<tokio_postgres::Error> for SqlError {
    fn from(failure: tokio_postgres::Error) -> SqlError {
        SqlError::from_postgres(&failure)
    }
}

/// What stands between the first pair of double quotes.
fn quoted(message: &str) -> &str {
    message.split('"').nth(1).unwrap_or(message)
}

fn from_db_error(error: &DbError) -> SqlError {
    let message = error.message();
    // Functions of the simulator raise SQL Server's errors themselves.
    if let Some((number, text)) = message.strip_prefix("mssql:").and_then(|rest| rest.split_once(':')) {
        return SqlError::new(number.parse().unwrap_or(NOT_SIMULATED), text);
    }
    let code = error.code();
    let known = |number, text: String| SqlError::new(number, text);
    match *code {
        SqlState::UNDEFINED_TABLE | SqlState::INVALID_SCHEMA_NAME => {
            known(208, format!("Invalid object name '{}'.", quoted(message)))
        }
        SqlState::UNDEFINED_FUNCTION => match not_tracked(message) {
            Some(table) => known(22_105, format!("Change tracking is not enabled on table '{table}'.")),
            None => SqlError::not_simulated(format_args!("{message}")),
        },
        SqlState::UNDEFINED_COLUMN => {
            let column = message.strip_prefix("column ").and_then(|rest| rest.split_once(" does not exist"));
            let column = column.map_or(quoted(message), |(name, _)| name).replace('"', "");
            known(207, format!("Invalid column name '{}'.", column.rsplit('.').next().unwrap_or(&column)))
        }
        SqlState::INSUFFICIENT_PRIVILEGE => permission_denied(message),
        SqlState::UNIQUE_VIOLATION => unique_violation(error),
        SqlState::FOREIGN_KEY_VIOLATION | SqlState::CHECK_VIOLATION => check_violation(error),
        SqlState::NOT_NULL_VIOLATION => known(
            515,
            format!(
                "Cannot insert the value NULL into column '{}', table '{}'; column does not allow nulls.",
                error.column().unwrap_or_default(),
                error.table().unwrap_or_default()
            ),
        ),
        SqlState::STRING_DATA_RIGHT_TRUNCATION => {
            known(2628, format!("String or binary data would be truncated: {message}."))
        }
        SqlState::INVALID_TEXT_REPRESENTATION => conversion_failed(message),
        SqlState::INVALID_DATETIME_FORMAT | SqlState::DATETIME_FIELD_OVERFLOW => {
            known(241, "Conversion failed when converting date and/or time from character string.".to_owned())
        }
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE => {
            known(8115, format!("Arithmetic overflow error converting expression: {message}."))
        }
        SqlState::COLLATION_MISMATCH | SqlState::INDETERMINATE_COLLATION => {
            known(468, format!("Cannot resolve the collation conflict: {message}."))
        }
        SqlState::GENERATED_ALWAYS => known(
            544,
            format!(
                "Cannot insert explicit value for identity column in table when IDENTITY_INSERT is set to OFF: {message}."
            ),
        ),
        SqlState::DIVISION_BY_ZERO => known(8134, "Divide by zero error encountered.".to_owned()),
        SqlState::DUPLICATE_TABLE | SqlState::DUPLICATE_SCHEMA => {
            known(2714, format!("There is already an object named '{}' in the database.", quoted(message)))
        }
        SqlState::SYNTAX_ERROR => known(102, format!("Incorrect syntax: {message}.")),
        _ => beyond_the_statement(code).unwrap_or_else(|| {
            SqlError::not_simulated(format_args!("PostgreSQL's error {}: {message}", code.code()))
        }),
    }
}

/// What comes from other sessions, and what ends more than a statement.
fn beyond_the_statement(code: &SqlState) -> Option<SqlError> {
    let (number, message, effect) = match *code {
        SqlState::T_R_DEADLOCK_DETECTED => (
            1205,
            "Transaction was deadlocked on lock resources with another process and has been chosen as the deadlock \
             victim. Rerun the transaction.",
            Effect::Transaction,
        ),
        SqlState::T_R_SERIALIZATION_FAILURE => {
            (3960, "Snapshot isolation transaction aborted due to update conflict.", Effect::Transaction)
        }
        SqlState::LOCK_NOT_AVAILABLE => (1222, "Lock request time out period exceeded.", Effect::Statement),
        SqlState::QUERY_CANCELED => (3617, "The request was cancelled.", Effect::Statement),
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN => {
            (6005, "SHUTDOWN is in progress.", Effect::Connection)
        }
        _ => return None,
    };
    Some(SqlError::new(number, message).with_effect(effect))
}

/// The table whose function of changes does not exist: `function sys.changes of dbo.t(integer) does not exist`.
fn not_tracked(message: &str) -> Option<&str> {
    message.strip_prefix("function sys.changes of ")?.split('(').next()
}

fn conversion_failed(message: &str) -> SqlError {
    // `invalid input syntax for type integer: "abc"`
    let kind = message.strip_prefix("invalid input syntax for type ").unwrap_or(message);
    let (kind, value) = kind.split_once(": ").unwrap_or((kind, ""));
    let value = value.trim_matches('"');
    match kind {
        "integer" | "bigint" | "smallint" | "boolean" => {
            let kind = kind.replace("integer", "int").replace("boolean", "bit");
            SqlError::new(
                245,
                format!(
                    "Conversion failed when converting the nvarchar value '{value}' to data type {kind}."
                ),
            )
        }
        "date" | "timestamp" | "time" => {
            SqlError::new(241, "Conversion failed when converting date and/or time from character string.")
        }
        "uuid" => SqlError::new(
            8169,
            "Conversion failed when converting from a character string to uniqueidentifier.",
        ),
        kind => SqlError::new(8114, format!("Error converting data type nvarchar to {kind}.")),
    }
}

fn permission_denied(message: &str) -> SqlError {
    // `permission denied for table invoice`
    let object = message.rsplit(' ').next().unwrap_or(message);
    SqlError::new(229, format!("The permission was denied on the object '{object}'. ({message})"))
}

fn unique_violation(error: &DbError) -> SqlError {
    let (name, table) = (error.constraint().unwrap_or_default(), error.table().unwrap_or_default());
    SqlError::new(
        2627,
        format!(
            "Violation of PRIMARY KEY or UNIQUE constraint '{name}'. Cannot insert duplicate key in object \
             '{}.{table}'.",
            error.schema().unwrap_or_default()
        ),
    )
}

fn check_violation(error: &DbError) -> SqlError {
    // The check of a domain is the length of a text type.
    if let Some(kind) = error.datatype() {
        return SqlError::new(2628, format!("String or binary data would be truncated to {kind}."));
    }
    let name = error.constraint().unwrap_or_default();
    SqlError::new(547, format!("The statement conflicted with the constraint \"{name}\"."))
}
