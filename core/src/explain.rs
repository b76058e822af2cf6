//! Errors for the operator.

use std::error::Error;

/// An error with all its causes, each said once: some drivers repeat theirs in their own words.
pub fn explain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let further = error.to_string();
        if text.is_empty() {
            text = further;
        } else if !text.contains(&further) {
            text = format!("{text}: {further}");
        }
        cause = error.source();
    }
    text
}
