//! YAML text becomes a tree of [`Node`]s.
//!
//! One document, no key twice, aliases and merge keys followed, and never more than
//! [`MAX_NODES`] values or [`MAX_DEPTH`] levels, however few bytes unfold into them.

use serde_saphyr::granit_parser::{ErrorKind, Parser, ScanError, options};

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::node::{Entry, Kind, Node};
use super::secret::is_secret_key;
use super::source::{FileId, Sources, Span};
use super::tree::{Builder, Fatal, position};

/// The most values a file may hold once aliases, merges and references are followed.
pub const MAX_NODES: u64 = 1_000_000;
/// The most levels of lists and mappings.
pub const MAX_DEPTH: u32 = 100;

/// The one document of `file`. Every mistake that parsing can pass over is reported; after one it
/// cannot pass over, nothing is returned.
pub fn parse(file: FileId, sources: &mut Sources, diagnostics: &mut Diagnostics) -> Option<Node> {
    let (root, dropped) = build(file, sources, diagnostics)?;
    let mut hidden = Vec::new();
    collect_secrets(&root, false, &mut hidden);
    for entry in dropped {
        collect_secrets(&entry.value, is_secret_key(&entry.key.text), &mut hidden);
    }
    for span in hidden {
        sources.hide(span);
    }
    Some(root)
}

/// The document, and the entries that lost to one of the same key.
fn build(
    file: FileId,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<(Node, Vec<Entry>)> {
    let text = sources.text(file);
    let mut builder = Builder::new(file, diagnostics);
    let options = options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH as usize,
        block_nesting_limit: MAX_DEPTH as usize,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        let taken = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => Err(syntax_error(file, text, &error)),
        };
        if let Err(diagnostic) = taken {
            builder.diagnostics.push(*diagnostic);
            return None;
        }
    }
    let Builder { root, dropped, .. } = builder;
    if root.is_none() {
        let diagnostic = Diagnostic::new(&codes::NOT_ONE_DOCUMENT, "the file is empty");
        diagnostics.push(diagnostic.at(Span::top(file), ""));
    }
    root.map(|root| (root, dropped))
}

/// What to say when something unfolds into too many values.
pub(super) fn too_big(span: Span) -> Diagnostic {
    let message = format!("the file unfolds into more than {MAX_NODES} values");
    Diagnostic::new(&codes::YAML_TOO_BIG, message)
        .at(span, "this is where the limit is passed")
        .help("use fewer aliases, merges or references inside one another")
}

pub(super) fn too_deep(span: Span) -> Fatal {
    let message = format!("the file is more than {MAX_DEPTH} levels deep");
    Box::new(Diagnostic::new(&codes::YAML_TOO_BIG, message).at(span, "this level is one too many"))
}

/// The parser's error in our words where it is a common one.
fn syntax_error(file: FileId, text: &str, error: &ScanError) -> Fatal {
    let start = position(error.marker());
    let span = Span {
        file,
        start,
        end: start,
    };
    if *error.kind() == ErrorKind::RecursionLimitExceeded {
        return too_deep(span);
    }
    let (message, help) = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => (
            "a tab where only spaces are allowed".to_owned(),
            "indent with spaces",
        ),
        ErrorKind::MappingValueNotAllowed => (
            "a `:` where no value can begin".to_owned(),
            "check the indentation, or put text that holds `: ` in quotes",
        ),
        ErrorKind::UnclosedQuotedScalar => (
            "a quote is not closed".to_owned(),
            "inside single quotes a quote is written twice",
        ),
        ErrorKind::UnclosedFlowCollection { open } => (
            format!("`{open}` is not closed"),
            "text that begins with `[`, `{` or `*` needs quotes",
        ),
        ErrorKind::UnexpectedCharacter { character } => (
            format!("text cannot begin with `{}`", character.escape_default()),
            "put it in quotes",
        ),
        ErrorKind::UnknownQuotedScalarEscape => (
            "an unknown escape in double quotes".to_owned(),
            "write regular expressions in single quotes",
        ),
        kind => (
            kind.to_string().to_lowercase(),
            "check the indentation, and put text with special characters in quotes",
        ),
    };
    let line = text.lines().nth(start.line - 1).unwrap_or_default();
    let help = if line.contains("{{") {
        "`{{ … }}` is not supported: write the value itself"
    } else if line.contains("${") {
        "inside `{ }` and `[ ]` put `${NAME}` in quotes"
    } else {
        help
    };
    Box::new(
        Diagnostic::new(&codes::YAML_SYNTAX, message)
            .at(span, "")
            .help(help),
    )
}

/// The places of all values that lie under the name of a secret.
fn collect_secrets(node: &Node, secret: bool, places: &mut Vec<Span>) {
    match &node.kind {
        Kind::Map(map) => {
            for entry in &map.entries {
                // What a secret is spelled out in is secret as well, but for the path of its file.
                let below = secret && &*entry.key.text != "file";
                let secret = below || is_secret_key(&entry.key.text);
                collect_secrets(&entry.value, secret, places);
            }
        }
        Kind::Seq(items) => {
            for item in items.iter() {
                collect_secrets(item, secret, places);
            }
        }
        _ if secret && !node.is_null() => places.push(node.span),
        _ => {}
    }
}
