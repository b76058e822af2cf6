//! SQLite's errors in the words of the contract.

use std::path::Path;

use wattle_core::SourceError;

/// What a statement says of a value that it cannot take; the only errors with SQLite's general code that are not
/// about the statement itself.
const DATA_ERRORS: [&str; 3] = ["malformed JSON", "integer overflow", "JSON path error"];

/// What an error of the driver means.
pub(crate) fn source_error(file: &Path, doing: &str, error: sqlx::Error) -> SourceError {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    let message = error.as_database_error().map(|error| error.message().to_owned()).unwrap_or_default();
    let config = |fix: &str| SourceError::Config {
        what: format!("could not {doing} in {}: {message}", file.display()),
        fix: fix.to_owned(),
    };
    let is_data_error = DATA_ERRORS.iter().any(|start| message.starts_with(start));
    match code.map(|code| (code & 0xFF, code)) {
        Some((1, _)) if !is_data_error => config("make the pack and the source agree: run `wattle check`"),
        // Too big, mismatch, range.
        Some((1 | 18 | 20 | 25, _)) => {
            SourceError::Record { what: format!("could not {doing}: a value is out of range or malformed") }
        }
        // A crashed writer left a journal, which only a writer may roll back.
        Some((8, 264 | 520 | 776)) => unavailable(doing, error),
        Some((3 | 8 | 23, _)) => {
            config("let Wattle's user read the file, and write to it and its folder: the outbox is in it")
        }
        Some((11, _)) => config("the file is damaged: restore it, then start sync again"),
        Some((14, _)) => config("name an existing SQLite file that Wattle's user may open, as sqlite:PATH"),
        Some((26, _)) => config("name a SQLite file, as sqlite:PATH"),
        // Busy, locked, interrupted by our own time-out, disk trouble, and whatever else there may be.
        _ => unavailable(doing, error),
    }
}

fn unavailable(doing: &str, error: sqlx::Error) -> SourceError {
    SourceError::Unavailable { what: format!("could not {doing}"), cause: Some(Box::new(error)) }
}
