//! How delimited text is read: the `csv` options.

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::fields::{self, Fields};
use super::node::Node;
use super::source::Span;

/// How delimited text is read. What is not said is nothing: a task's word goes before the
/// pipeline's, and the reader knows the defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// Between fields; default `,`.
    pub delimiter: Option<char>,
    /// Around fields; default `"`.
    pub quote: Option<Quote>,
    /// Before a quote inside quotes; by default the quote is doubled.
    pub escape: Option<char>,
    /// Whether the first record names the columns; default true, false where `columns` is given.
    pub header: Option<bool>,
    /// Names of the columns of a file without header.
    pub columns: Option<Vec<String>>,
    /// Label of the encoding; default `utf-8`.
    pub encoding: Option<String>,
    /// An unquoted field with this text is null; default the empty text.
    pub null_string: Option<String>,
    /// Records with too few or too many fields; default `Fail`.
    pub ragged: Option<Ragged>,
    /// Where they are written.
    pub span: Option<Span>,
}

/// What is around fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote {
    /// Fields are never quoted.
    Never,
    /// This character.
    With(char),
}

/// What to do with records that have too few or too many fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ragged {
    /// The file fails.
    Fail,
    /// What is there is masked, and the rest of the record is kept as it is.
    Keep,
}

impl TextOptions {
    /// Options that say nothing.
    pub(super) const UNSAID: Self = Self {
        delimiter: None,
        quote: None,
        escape: None,
        header: None,
        columns: None,
        encoding: None,
        null_string: None,
        ragged: None,
        span: None,
    };

    /// These options, with `base` for what they do not say.
    #[must_use]
    pub fn over(&self, base: &Self) -> Self {
        let Self {
            delimiter,
            quote,
            escape,
            header,
            columns,
            encoding,
            null_string,
            ragged,
            span,
        } = self.clone();
        // A task that names columns or a header decides both.
        let own = header.is_some() || columns.is_some();
        Self {
            delimiter: delimiter.or(base.delimiter),
            quote: quote.or(base.quote),
            escape: escape.or(base.escape),
            header: if own { header } else { base.header },
            columns: if own { columns } else { base.columns.clone() },
            encoding: encoding.or_else(|| base.encoding.clone()),
            null_string: null_string.or_else(|| base.null_string.clone()),
            ragged: ragged.or(base.ragged),
            span: span.or(base.span),
        }
    }

    /// Reads the keys for delimited text from a mapping that may have others too.
    pub(super) fn parse(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Self {
        let quote = fields.raw("quote").or_else(|| fields.raw("quotechar"));
        let options = Self {
            delimiter: fields
                .get("delimiter")
                .and_then(|node| character(node, diagnostics)),
            quote: quote.and_then(|node| match node.as_str() {
                None if node.is_null() => Some(Quote::Never),
                Some("") => Some(Quote::Never),
                _ => character(node, diagnostics).map(Quote::With),
            }),
            escape: fields
                .get("escape")
                .and_then(|node| character(node, diagnostics)),
            header: fields.flag("header", diagnostics),
            columns: fields.get("columns").map(|node| texts(node, diagnostics)),
            encoding: fields.text("encoding", diagnostics),
            // YAML reads an unquoted `NULL` as no value, which is hardly what was meant.
            null_string: fields
                .raw("null_string")
                .and_then(|node| fields::text(node, diagnostics)),
            ragged: fields.get("ragged").and_then(|node| {
                let choices = [("fail", Ragged::Fail), ("keep", Ragged::Keep)];
                fields::choice(node, &choices, diagnostics)
            }),
            span: Some(fields.node.span),
        };
        if let Some((key, problem)) = options.contradiction() {
            diagnostics.push(
                Diagnostic::new(&codes::CONTRADICTORY_FORMAT, problem).at(fields.key_span(key), ""),
            );
        }
        options
    }

    /// The key and the sentence of a contradiction within the options.
    pub fn contradiction(&self) -> Option<(&'static str, &'static str)> {
        let delimiter = self.delimiter.unwrap_or(',');
        if self.quote.unwrap_or(Quote::With('"')) == Quote::With(delimiter) {
            return Some(("delimiter", "the delimiter is also the quote"));
        }
        if self.escape == Some(delimiter) {
            return Some(("escape", "the delimiter is also the escape"));
        }
        if self.escape.is_some() && self.quote == Some(Quote::Never) {
            return Some(("escape", "there is an escape and no quote"));
        }
        if self.header == Some(true) && self.columns.is_some() {
            return Some(("columns", "a file has a header or `columns`, not both"));
        }
        if self.header == Some(false) && self.columns.is_none() {
            return Some(("header", "a file without a header needs `columns`"));
        }
        None
    }
}

/// One character, also by the name `tab`.
fn character(node: &Node, diagnostics: &mut Diagnostics) -> Option<char> {
    let text = fields::text(node, diagnostics)?;
    let mut chars = text.chars();
    match (text.as_str(), chars.next(), chars.next()) {
        ("tab" | "\\t", ..) => Some('\t'),
        (_, Some(one), None) if one.is_ascii() && !matches!(one, '\n' | '\r') => Some(one),
        (_, Some(_), None) => {
            fields::wrong_value(node, "expected a character of ASCII", diagnostics);
            None
        }
        _ => {
            fields::wrong_value(node, "expected one character", diagnostics);
            None
        }
    }
}

/// Texts, each at most once.
fn texts(node: &Node, diagnostics: &mut Diagnostics) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for item in fields::one_or_many(node) {
        let Some(name) = fields::text(item, diagnostics) else {
            continue;
        };
        if names.contains(&name) {
            let message = format!("the column `{name}` is listed twice");
            fields::wrong_value(item, message, diagnostics);
        }
        names.push(name);
    }
    names
}
