//! Patterns of rulesets.

use regex::Regex;

use crate::mask::BindError;

/// `pattern`, compiled.
///
/// # Errors
/// When it is empty or does not compile; the problem is laid at `argument`.
pub(super) fn compiled(pattern: &str, argument: &str) -> Result<Regex, BindError> {
    if pattern.is_empty() {
        return Err(BindError::new(
            argument,
            format!("`{argument}` is required"),
        ));
    }
    Regex::new(pattern).map_err(|error| {
        // The lines before the last draw the pattern again.
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        BindError::new(argument, last.trim_start_matches("error: "))
    })
}
