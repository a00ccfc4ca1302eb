//! What was found wrong with a ruleset or library.

use std::path::Path;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use visard::language::{Diagnostic, Diagnostics, Severity, Sources, codes};

use super::locality::NO_LOCALITY_SET;

/// Errors that are told at most: a large ruleset may have one in each line.
const MAX_ERRORS: usize = 100;

/// Whether something is sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Validity {
    Valid,
    Invalid,
    /// It is being looked at.
    InProgress,
}

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ErrorType {
    /// The text itself.
    Ruleset,
    /// A library that is imported is not there.
    LibraryMissing,
    /// A library is wrong.
    LibraryInvalid,
    /// References into libraries lead nowhere.
    Expansion,
}

/// One problem, with its place where it lies in the text itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ValidationError {
    pub(crate) message: String,
    pub(crate) validation_error_type: ErrorType,
    /// From 1.
    pub(crate) line_number: Option<usize>,
    /// In characters, from 1.
    pub(crate) column_number: Option<usize>,
    /// The library it is about, as `namespace/name`.
    pub(crate) library: Option<String>,
}

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) is_valid: Validity,
    pub(crate) validation_errors: Vec<ValidationError>,
    /// Names of the libraries that are imported.
    pub(crate) imports: Vec<String>,
}

impl Verdict {
    /// Of what is still to be looked at.
    pub(crate) fn in_progress(imports: Vec<String>) -> Self {
        Self {
            is_valid: Validity::InProgress,
            validation_errors: Vec::new(),
            imports,
        }
    }
}

/// What a check of the file `path` in `folder` found.
pub(super) fn of(
    diagnostics: &Diagnostics,
    sources: &Sources,
    folder: &Path,
    path: &Path,
    imports: Vec<String>,
    own: ErrorType,
) -> Verdict {
    let errors = diagnostics.sorted().into_iter();
    let errors = errors.filter(|problem| problem.severity() == Severity::Error);
    let validation_errors: Vec<_> = errors
        .take(MAX_ERRORS)
        .map(|problem| error(problem, sources, folder, path, own))
        .collect();
    Verdict {
        is_valid: match validation_errors.is_empty() {
            true => Validity::Valid,
            false => Validity::Invalid,
        },
        validation_errors,
        imports,
    }
}

fn error(
    problem: &Diagnostic,
    sources: &Sources,
    folder: &Path,
    path: &Path,
    own: ErrorType,
) -> ValidationError {
    let mut message = problem.message.clone();
    if problem.code == &codes::NO_LOCALITY {
        message = NO_LOCALITY_SET.to_owned();
    }
    if let Some(label) = problem
        .primary
        .as_ref()
        .filter(|label| !label.text.is_empty())
    {
        message = format!("{message}; {}", label.text);
    }
    // Where the server keeps its files is nobody's business.
    let message = message.replace(&format!("{}/", folder.display()), "");
    let place = problem.primary.as_ref().map(|label| label.span);
    let inside = place.filter(|span| sources.path(span.file) == path);
    let library = match (place, inside) {
        (Some(span), None) => library_at(sources.path(span.file), folder),
        _ if problem.code == &codes::LIBRARY_NOT_FOUND => quoted(&problem.message),
        _ => None,
    };
    let validation_error_type = match problem.code.id {
        id if id == codes::LIBRARY_NOT_FOUND.id => ErrorType::LibraryMissing,
        _ if place.is_some() && inside.is_none() => ErrorType::LibraryInvalid,
        id if id.starts_with("V07") && own == ErrorType::Ruleset => ErrorType::Expansion,
        _ => own,
    };
    ValidationError {
        message: match (place, inside, &library) {
            (Some(span), None, Some(name)) => {
                format!("library `{name}`, line {}: {message}", span.start.line)
            }
            _ => message,
        },
        validation_error_type,
        line_number: inside.map(|span| span.start.line),
        column_number: inside.map(|span| span.start.column),
        library,
    }
}

/// The name of the library in a file below `folder`.
fn library_at(path: &Path, folder: &Path) -> Option<String> {
    let path = path
        .strip_prefix(folder.join(super::write_out::LIBRARIES))
        .ok()?;
    Some(path.with_extension("").to_str()?.to_owned())
}

/// The first name in backticks.
fn quoted(message: &str) -> Option<String> {
    message.split('`').nth(1).map(str::to_owned)
}
