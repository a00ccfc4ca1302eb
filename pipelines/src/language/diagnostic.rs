//! Problems in what was written: each with a stable code, a place and a way out.

use std::collections::HashSet;

use super::codes::Code;
use super::source::Span;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is run.
    Error,
    /// The run goes on and its report repeats this.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A place and what to say beside it; the text may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What stands behind the carets.
    pub text: String,
}

/// One problem.
///
/// The message is lower case without a full stop, with names in backticks. It never holds a secret
/// or a cell value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of problem it is.
    pub code: &'static Code,
    /// The sentence.
    pub message: String,
    /// Where it is.
    pub primary: Option<Label>,
    /// Other places that matter.
    pub secondary: Vec<Label>,
    /// The way out.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A problem without a place.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            primary: None,
            secondary: Vec::new(),
            help: None,
        }
    }

    /// Places it.
    #[must_use]
    pub fn at(mut self, span: Span, label: impl Into<String>) -> Self {
        self.primary = Some(Label {
            span,
            text: label.into(),
        });
        self
    }

    /// Places it where a place is known.
    #[must_use]
    pub fn at_maybe(self, span: Option<Span>, label: impl Into<String>) -> Self {
        match span {
            Some(span) => self.at(span, label),
            None => self,
        }
    }

    /// Adds another place.
    #[must_use]
    pub fn and(mut self, span: Span, label: impl Into<String>) -> Self {
        self.secondary.push(Label {
            span,
            text: label.into(),
        });
        self
    }

    /// Adds another place where it is known.
    #[must_use]
    pub fn and_maybe(self, span: Option<Span>, label: impl Into<String>) -> Self {
        match span {
            Some(span) => self.and(span, label),
            None => self,
        }
    }

    /// Says the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// How bad it is: the code decides.
    pub fn severity(&self) -> Severity {
        self.code.severity
    }
}

/// Every problem found so far. The same problem at the same place is kept once, however many
/// aliases lead to it.
#[derive(Debug, Default, Clone)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
    /// Errors that were added, those that were there before too.
    errors_added: usize,
    seen: HashSet<(&'static str, Option<Span>, String)>,
}

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.errors_added += usize::from(diagnostic.severity() == Severity::Error);
        let span = diagnostic.primary.as_ref().map(|label| label.span);
        let key = (diagnostic.code.id, span, diagnostic.message.clone());
        if self.seen.insert(key) {
            self.found.push(diagnostic);
        }
    }

    /// Adds the problems of `others`.
    pub(crate) fn append(&mut self, others: Self) {
        for diagnostic in others.found {
            self.push(diagnostic);
        }
    }

    /// All problems by file and place; those without a place first.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<_> = self.found.iter().collect();
        sorted.sort_by_key(|diagnostic| diagnostic.primary.as_ref().map(|label| label.span));
        sorted
    }

    /// All problems as they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.found.iter()
    }

    /// How many are as bad as `severity`.
    pub fn count(&self, severity: Severity) -> usize {
        let same = |diagnostic: &&Diagnostic| diagnostic.severity() == severity;
        self.found.iter().filter(same).count()
    }

    /// How many errors were added so far. One that several aliases lead to is added several times, so that
    /// each place that uses it can tell that it is broken.
    pub(crate) fn errors_added(&self) -> usize {
        self.errors_added
    }

    /// Whether a run must be refused.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// The candidate that `name` was most likely meant to be, or none when all are far off.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let name = plain(name);
    let allowed = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&name, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The label beside a wrong name: ``nearest: `email` ``, or nothing.
pub fn nearest_label<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(name, candidates) {
        Some(candidate) => format!("nearest: `{candidate}`"),
        None => String::new(),
    }
}

/// Names in backticks with commas between them: `` `a`, `b` ``.
pub fn quoted_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names() {
        let columns = ["id", "name", "email", "created_at"];
        for (name, expected) in [
            ("emial", Some("email")),
            ("EMAIL", Some("email")),
            ("created-at", Some("created_at")),
            ("nme", Some("name")),
            ("postcode", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, columns), expected, "{name}");
        }
    }
}
