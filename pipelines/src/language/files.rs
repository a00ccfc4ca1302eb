//! Which files a task works on.
//!
//! Paths lie below the connection's base directory, with `/` between folders. Without
//! `recurse: true` only files in the base directory itself are looked at. A glob without `/` is
//! matched with the file's name, one with `/` with the whole path; `*` stays within a name and
//! `**` crosses folders. Upper and lower case differ.

use globset::{GlobBuilder, GlobMatcher};
use regex::Regex;

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::fields::{self, Fields};
use super::keys;
use super::node::Node;
use super::source::Span;

/// Which files a task works on.
#[derive(Debug, Clone, Default)]
pub struct FileFilter {
    /// What is included; everything when empty.
    pub include: Vec<FilePattern>,
    /// What is left out even when included.
    pub skip: Vec<FilePattern>,
    /// Whether files in folders are looked at.
    pub recurse: bool,
}

/// One filter.
#[derive(Debug, Clone)]
pub struct FilePattern {
    /// As it is written.
    pub text: String,
    /// Where it is written.
    pub span: Span,
    name_only: bool,
    matcher: Matcher,
}

#[derive(Debug, Clone)]
enum Matcher {
    Glob(GlobMatcher),
    Regex(Regex),
}

/// What a filter says about one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The task works on it.
    Selected,
    /// It lies in a folder, and the task does not look into folders.
    InFolder,
    /// No include filter matches it.
    NotIncluded,
    /// This skip filter matches it.
    Skipped(&'a FilePattern),
}

impl FileFilter {
    /// What the filter says about the file at `path`.
    pub fn verdict(&self, path: &str) -> Verdict<'_> {
        if !self.recurse && path.contains('/') {
            return Verdict::InFolder;
        }
        let included = self.include.is_empty() || self.include.iter().any(|p| p.matches(path));
        if !included {
            return Verdict::NotIncluded;
        }
        match self.skip.iter().find(|pattern| pattern.matches(path)) {
            Some(pattern) => Verdict::Skipped(pattern),
            None => Verdict::Selected,
        }
    }

    /// Whether the task works on the file at `path`.
    pub fn selects(&self, path: &str) -> bool {
        self.verdict(path) == Verdict::Selected
    }
}

impl PartialEq for FilePattern {
    fn eq(&self, other: &Self) -> bool {
        self.span == other.span && self.text == other.text
    }
}

impl Eq for FilePattern {}

impl FilePattern {
    /// Whether it matches the file at `path`.
    pub fn matches(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let text = if self.name_only { name } else { path };
        match &self.matcher {
            Matcher::Glob(glob) => glob.is_match(text),
            Matcher::Regex(regex) => regex.is_match(text),
        }
    }
}

/// The filter a task's `recurse`, `include` and `skip` make; `recurses` stands where nothing is said.
pub(super) fn parse(
    fields: &Fields<'_>,
    recurses: bool,
    diagnostics: &mut Diagnostics,
) -> FileFilter {
    let recurse = fields.flag("recurse", diagnostics).unwrap_or(recurses);
    let mut patterns = |key: &str| -> Vec<FilePattern> {
        let items = fields.get(key).map_or(&[][..], fields::one_or_many);
        let items = items.iter();
        items
            .filter_map(|item| parse_one(item, diagnostics))
            .collect()
    };
    let (include, skip) = (patterns("include"), patterns("skip"));
    for pattern in include.iter().filter(|_| !recurse) {
        let looks_deeper = !pattern.name_only
            && matches!(&pattern.matcher, Matcher::Glob(_))
            && !pattern.text.trim_start_matches("**/").is_empty()
            && pattern.text.trim_start_matches("**/").contains('/');
        if looks_deeper {
            let message = "this filter only matches files in folders";
            diagnostics.push(
                Diagnostic::new(&codes::NEVER_MATCHES, message)
                    .at(pattern.span, "the task does not look into folders")
                    .help("add `recurse: true` to the task"),
            );
        }
    }
    FileFilter {
        include,
        skip,
        recurse,
    }
}

fn parse_one(node: &Node, diagnostics: &mut Diagnostics) -> Option<FilePattern> {
    if node.as_map().is_none() {
        return glob(node, false, diagnostics);
    }
    let fields = Fields::new(node, "a file filter", keys::FILE_FILTER, diagnostics)?;
    let against = fields.get("match_against");
    let choices = [("path", false), ("filename", true)];
    let name_only = against
        .and_then(|against| fields::choice(against, &choices, diagnostics))
        .unwrap_or(false);
    match (fields.get("glob"), fields.get("regex")) {
        (Some(pattern), None) => glob(pattern, name_only, diagnostics),
        (None, Some(pattern)) => {
            let regex = fields::regex(pattern, diagnostics)?;
            Some(FilePattern {
                text: regex.as_str().to_owned(),
                span: pattern.span,
                name_only,
                matcher: Matcher::Regex(regex),
            })
        }
        _ => {
            let message = "a file filter needs exactly one of `glob` and `regex`";
            diagnostics.push(
                Diagnostic::new(&codes::AMBIGUOUS_FILTER, message)
                    .at(node.span, "")
                    .help("for example `- glob: '*.csv'`"),
            );
            None
        }
    }
}

fn glob(node: &Node, name_only: bool, diagnostics: &mut Diagnostics) -> Option<FilePattern> {
    let text = fields::named(node, diagnostics)?.value;
    let pattern = text.trim_start_matches("./").trim_start_matches('/');
    let built = GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .build();
    match built {
        Ok(glob) => Some(FilePattern {
            name_only: name_only || !text.contains('/'),
            span: node.span,
            matcher: Matcher::Glob(glob.compile_matcher()),
            text,
        }),
        Err(error) => {
            diagnostics.push(
                Diagnostic::new(&codes::BAD_PATTERN, format!("not a glob: {}", error.kind()))
                    .at(node.span, "")
                    .help("put `\\` before a character that is meant as itself"),
            );
            None
        }
    }
}
