//! Diagnostics as people and programs read them.
//!
//! ```text
//! error[V0202]: a rule has no key `colum`
//!   --> rulesets/crm.yml:14:7
//! 14 |     - colum: email
//!    |       ^^^^^ nearest: `column`
//!    = help: its keys are `column`, `masks`
//! ```

use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

use super::diagnostic::{Diagnostic, Diagnostics, Label, Severity};
use super::secret::is_secret_key;
use super::source::{Sources, Span};

/// The most characters of one line that an excerpt shows.
const MAX_EXCERPT: usize = 160;
/// What stands in for a secret.
const HIDDEN: &str = "***";

/// Draws diagnostics as text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Renderer {
    colour: bool,
}

impl Renderer {
    /// Without colours.
    pub const PLAIN: Self = Self { colour: false };

    /// With colours when `stream` is a terminal and `NO_COLOR` is not set.
    pub fn for_stream(stream: &impl IsTerminal) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            colour: wanted && stream.is_terminal(),
        }
    }

    /// All problems, in the order of their places, with an empty line between two.
    pub fn all(self, diagnostics: &Diagnostics, sources: &Sources) -> String {
        let drawn: Vec<_> = diagnostics
            .sorted()
            .into_iter()
            .map(|diagnostic| self.one(diagnostic, sources))
            .collect();
        drawn.join("\n")
    }

    /// One problem; ends with a line break.
    pub fn one(self, diagnostic: &Diagnostic, sources: &Sources) -> String {
        let tone = match diagnostic.severity() {
            Severity::Error => Tone::Error,
            Severity::Warning => Tone::Warning,
        };
        let labels = diagnostic.primary.iter().chain(&diagnostic.secondary);
        let last_line = labels.map(|label| label.span.start.line).max();
        let width = last_line.unwrap_or(1).to_string().len();

        let title = format!("{}[{}]", diagnostic.severity().as_str(), diagnostic.code.id);
        let mut out = format!(
            "{}: {}\n",
            self.paint(tone, &title),
            self.paint(Tone::Strong, &printable(&diagnostic.message)),
        );
        if let Some(label) = &diagnostic.primary {
            self.place(&mut out, width, "-->", label, tone, sources);
        }
        for label in &diagnostic.secondary {
            self.place(&mut out, width, ":::", label, Tone::Frame, sources);
        }
        if let Some(help) = &diagnostic.help {
            let mark = self.paint(Tone::Frame, "=");
            let _ = writeln!(out, "{:width$} {mark} help: {}", "", printable(help));
        }
        out
    }

    /// The lines for one label: place, excerpt, carets.
    fn place(
        self,
        out: &mut String,
        width: usize,
        arrow: &str,
        label: &Label,
        tone: Tone,
        sources: &Sources,
    ) {
        let start = label.span.start;
        let path = sources.path(label.span.file).display().to_string();
        let excerpt = Excerpt::of(label.span, sources);
        let bar = self.paint(Tone::Frame, "|");
        let marks = if arrow == "-->" { "^" } else { "-" }.repeat(excerpt.marked);
        let note = format!("{marks} {}", printable(&label.text));
        let _ = write!(
            out,
            "{:width$}{} {}:{}:{}\n{} {bar} {}\n{:width$} {bar} {:indent$}{}\n",
            "",
            self.paint(Tone::Frame, arrow),
            printable(&path),
            start.line,
            start.column,
            self.paint(Tone::Frame, &format!("{:>width$}", start.line)),
            excerpt.text,
            "",
            "",
            self.paint(tone, note.trim_end()),
            indent = excerpt.indent,
        );
    }

    fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Error => "1;31",
            Tone::Warning => "1;33",
            Tone::Strong => "1",
            Tone::Frame => "1;34",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

#[derive(Clone, Copy)]
enum Tone {
    Error,
    Warning,
    Strong,
    Frame,
}

/// All problems as a JSON list, in the order of their places. Lines and columns count from 1.
pub fn to_json(diagnostics: &Diagnostics, sources: &Sources) -> Value {
    let place = |label: &Label| {
        json!({
            "file": sources.path(label.span.file).display().to_string(),
            "line": label.span.start.line,
            "column": label.span.start.column,
            "end_line": label.span.end.line,
            "end_column": label.span.end.column,
            "label": label.text,
        })
    };
    let one = |diagnostic: &Diagnostic| {
        let mut object = json!({
            "code": diagnostic.code.id,
            "severity": diagnostic.severity().as_str(),
            "message": diagnostic.message,
            "file": null, "line": null, "column": null,
            "end_line": null, "end_column": null, "label": null,
            "help": diagnostic.help,
            "related": diagnostic.secondary.iter().map(place).collect::<Vec<_>>(),
        });
        if let Some(Value::Object(fields)) = diagnostic.primary.as_ref().map(place) {
            for (name, value) in fields {
                object[name] = value;
            }
        }
        object
    };
    diagnostics.sorted().into_iter().map(one).collect()
}

/// An error that has neither code nor place, in the form of those of [`to_json`].
pub fn problem_to_json(message: &str) -> Value {
    json!({
        "code": null, "severity": Severity::Error.as_str(), "message": message,
        "file": null, "line": null, "column": null,
        "end_line": null, "end_column": null, "label": null,
        "help": null, "related": [],
    })
}

/// One line of a file, fit to be shown, and what to mark in it.
struct Excerpt {
    text: String,
    /// Characters before the mark.
    indent: usize,
    /// Characters marked, at least one.
    marked: usize,
}

impl Excerpt {
    fn of(span: Span, sources: &Sources) -> Self {
        let text = sources.text(span.file);
        let at = text.floor_char_boundary(span.start.byte);
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[at..]
            .find('\n')
            .map_or(text.len(), |length| at + length);
        let line = text[start..end].trim_end_matches('\r');

        let from = span.start.column - 1;
        let to = if span.end.line > span.start.line {
            line.trim_end().chars().count()
        } else {
            span.end.column - 1
        };
        let (shown, from, to) = match secret_start(sources, span, start, line) {
            None => (line.to_owned(), from, to),
            Some(cut) => {
                let kept = line[..cut].chars().count();
                let shown = format!("{}{HIDDEN}", &line[..cut]);
                (shown, from.min(kept), to.min(kept + HIDDEN.len()))
            }
        };
        Self::window(&shown, from, to.max(from + 1))
    }

    /// Cuts a long line down to the part around the mark.
    fn window(line: &str, from: usize, to: usize) -> Self {
        let length = line.chars().count();
        if length <= MAX_EXCERPT {
            return Self {
                text: printable(line),
                indent: from,
                marked: to - from,
            };
        }
        let first = from.saturating_sub(MAX_EXCERPT / 4);
        let shown: String = line.chars().skip(first).take(MAX_EXCERPT).collect();
        let head = if first > 0 { "…" } else { "" };
        let tail = if first + MAX_EXCERPT < length {
            "…"
        } else {
            ""
        };
        Self {
            text: printable(&format!("{head}{shown}{tail}")),
            indent: from - first + head.chars().count(),
            marked: to.min(first + MAX_EXCERPT).saturating_sub(from).max(1),
        }
    }
}

/// Where in `line`, which starts at byte `start`, a secret begins.
///
/// Secrets of a file that was read whole are known by their place. A file with a mistake in it is
/// judged by the names in the line, or by the nearest name above it.
fn secret_start(sources: &Sources, span: Span, start: usize, line: &str) -> Option<usize> {
    let end = start + line.len();
    let hidden = sources.hidden(span.file).iter();
    let by_place = hidden
        .filter(|range| range.start < end && range.end > start)
        .map(|range| range.start.saturating_sub(start));
    let by_name = KEY
        .captures_iter(line)
        .filter(|key| is_secret_key(&key[1]))
        .filter_map(|key| key.get(0).map(|whole| whole.end()))
        .filter(|end| *end < line.trim_end().len());
    let above = || {
        let before = sources.text(span.file)[..start].lines().rev();
        let mut names = before.filter_map(|line| KEY.captures_iter(line).last());
        names.next().is_some_and(|key| is_secret_key(&key[1]))
    };
    let first = by_place.chain(by_name).min();
    first.or_else(|| (!KEY.is_match(line) && above()).then_some(0))
}

/// `name:` wherever it may be a key.
static KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"([A-Za-z0-9_.-]+)["']?\s*:(?:\s+|$)"#).expect("the pattern is well formed")
});

/// Text without characters that would move the cursor, change colours or reorder the line.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' => ' ',
            c if disturbs(c) => '\u{FFFD}',
            c => c,
        })
        .collect()
}

/// Text as one line in which every character is seen: a line break in a file's name is `\n`.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match disturbs(c) {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    line
}

fn disturbs(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_a_name_is_seen() {
        for (name, seen) in [
            ("a b/é.csv", "a b/é.csv"),
            ("a\nb\t\u{1b}[31m", "a\\nb\\t\\u{1b}[31m"),
            ("\u{202E}vsc.a", "\\u{202e}vsc.a"),
        ] {
            assert_eq!(one_line(name), seen);
        }
    }
}
