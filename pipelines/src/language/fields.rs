//! Typed access to nodes: what is there, of the right kind, and nothing else.

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics, nearest_label, quoted_list};
use super::node::{Kind, MERGE_KEY, Map, Node};
use super::scalar::{self, Plain};
use super::source::{Span, Spanned};

/// A key of a mapping: the parser accepts it and the JSON Schema describes it.
#[derive(Debug, Clone, Copy)]
pub struct KeySpec {
    /// Its name.
    pub name: &'static str,
    /// Whether the mapping is nothing without it.
    pub required: bool,
    /// Whether an explicit `null` is accepted: it says as much as a key that is left out.
    pub null: bool,
    /// The JSON Schema of its value.
    pub shape: &'static str,
    /// What it means, in one sentence.
    pub doc: &'static str,
}

/// A mapping read with a table of its keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'n> {
    /// The mapping itself.
    pub node: &'n Node,
    /// Its entries.
    pub map: &'n Map,
    keys: &'static [KeySpec],
}

impl<'n> Fields<'n> {
    /// Reads `node` as `what` ("a rule") with these keys. Unknown and missing keys are reported;
    /// what is no mapping is reported and gives nothing.
    pub(super) fn new(
        node: &'n Node,
        what: &str,
        keys: &'static [KeySpec],
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let Kind::Map(map) = &node.kind else {
            wrong_type(node, &format!("{what}, which is a mapping"), diagnostics);
            return None;
        };
        let names = || keys.iter().map(|key| key.name);
        let lost_a_merge = map.lost_a_merge();
        for entry in &map.entries {
            let name = &*entry.key.text;
            if names().any(|known| known == name) || (lost_a_merge && name == MERGE_KEY) {
                continue;
            }
            diagnostics.push(
                Diagnostic::new(&codes::UNKNOWN_KEY, format!("{what} has no key `{name}`"))
                    .at(entry.key.span, nearest_label(name, names()))
                    .help(format!("its keys are {}", quoted_list(names()))),
            );
        }
        for key in keys.iter().filter(|key| key.required) {
            if map.get(key.name).is_none_or(Node::is_null) && !lost_a_merge {
                diagnostics.push(
                    Diagnostic::new(&codes::MISSING_KEY, format!("{what} needs `{}`", key.name))
                        .at(first_line(node), "")
                        .help(format!("`{}`: {}", key.name, key.doc)),
                );
            }
        }
        Some(Self { node, map, keys })
    }

    /// The value of a key; an explicit `null` is a value.
    pub(super) fn raw(&self, name: &str) -> Option<&'n Node> {
        debug_assert!(self.keys.iter().any(|key| key.name == name), "{name}");
        self.map.get(name)
    }

    /// The value of a key; an explicit `null` is none.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.raw(name).filter(|node| !node.is_null())
    }

    /// The text under a key.
    pub(super) fn text(&self, name: &str, diagnostics: &mut Diagnostics) -> Option<String> {
        text(self.get(name)?, diagnostics)
    }

    /// The text under a key, with its place.
    pub(super) fn name(
        &self,
        name: &str,
        diagnostics: &mut Diagnostics,
    ) -> Option<Spanned<String>> {
        named(self.get(name)?, diagnostics)
    }

    /// The flag under a key.
    pub(super) fn flag(&self, name: &str, diagnostics: &mut Diagnostics) -> Option<bool> {
        flag(self.get(name)?, diagnostics)
    }

    /// The whole number under a key, from 1 to `most`.
    pub(super) fn count(
        &self,
        name: &str,
        most: usize,
        diagnostics: &mut Diagnostics,
    ) -> Option<usize> {
        count(self.get(name)?, most, diagnostics)
    }

    /// The place of a key, or of the mapping.
    pub(super) fn key_span(&self, name: &str) -> Span {
        self.node.key_span(name)
    }
}

/// The first line of a mapping is enough to point at it.
pub(super) fn first_line(node: &Node) -> Span {
    let first = node.as_map().and_then(|map| map.entries.first());
    first.map_or(node.span, |entry| entry.key.span)
}

/// Reports a value of the wrong kind: "expected …".
pub(super) fn wrong_type(node: &Node, expected: &str, diagnostics: &mut Diagnostics) {
    if matches!(node.kind, Kind::Broken) {
        return;
    }
    let message = format!("expected {expected}, found {}", node.describe());
    let span = if node.as_map().is_some() {
        first_line(node)
    } else {
        node.span
    };
    let mut diagnostic = Diagnostic::new(&codes::WRONG_TYPE, message).at(span, "");
    if let Some(help) = type_help(node, expected) {
        diagnostic = diagnostic.help(help);
    }
    diagnostics.push(diagnostic);
}

fn type_help(node: &Node, expected: &str) -> Option<&'static str> {
    let text = node.as_str().map(str::to_lowercase);
    match (expected, text.as_deref()) {
        ("true or false", Some("yes" | "on" | "y")) => Some("write `true`"),
        ("true or false", Some("no" | "off" | "n")) => Some("write `false`"),
        ("text", None) if matches!(node.kind, Kind::Bool(_) | Kind::Int(_) | Kind::Float(_)) => {
            Some("put it in quotes")
        }
        ("a list of masks", Some(_)) => Some("for example `masks: [{type: hash}]`"),
        (_, Some(text)) if expected.contains("number") && scalar::plain(text) != Plain::Text => {
            Some("remove the quotes")
        }
        _ => None,
    }
}

/// Reports a value of the right kind that is not accepted.
pub(super) fn wrong_value(node: &Node, message: impl Into<String>, diagnostics: &mut Diagnostics) {
    diagnostics.push(Diagnostic::new(&codes::WRONG_VALUE, message).at(node.span, ""));
}

/// Text.
pub(super) fn text(node: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    let text = node.as_str().map(str::to_owned);
    if text.is_none() {
        wrong_type(node, "text", diagnostics);
    }
    text
}

/// Text that is not empty, with its place.
pub(super) fn named(node: &Node, diagnostics: &mut Diagnostics) -> Option<Spanned<String>> {
    let value = text(node, diagnostics)?;
    if value.is_empty() {
        wrong_value(node, "the text is empty", diagnostics);
        return None;
    }
    Some(Spanned {
        value,
        span: node.span,
    })
}

/// What a scalar means, where text from the environment may stand for a number or a flag.
fn meaning(node: &Node) -> Option<Plain> {
    match &node.kind {
        Kind::Bool(flag) => Some(Plain::Bool(*flag)),
        Kind::Int(number) => Some(Plain::Int(*number)),
        Kind::Str(text) if node.from_environment => Some(scalar::plain(text)),
        _ => None,
    }
}

/// `true` or `false`.
pub(super) fn flag(node: &Node, diagnostics: &mut Diagnostics) -> Option<bool> {
    if let Some(Plain::Bool(flag)) = meaning(node) {
        return Some(flag);
    }
    wrong_type(node, "true or false", diagnostics);
    None
}

/// A whole number from 1 to `most`.
pub(super) fn count(node: &Node, most: usize, diagnostics: &mut Diagnostics) -> Option<usize> {
    let Some(Plain::Int(number)) = meaning(node) else {
        wrong_type(node, "a whole number", diagnostics);
        return None;
    };
    match usize::try_from(number) {
        Ok(count) if (1..=most).contains(&count) => Some(count),
        _ => {
            let message = format!("expected a number from 1 to {most}, found {number}");
            wrong_value(node, message, diagnostics);
            None
        }
    }
}

/// One of a few words.
pub(super) fn choice<T: Copy>(
    node: &Node,
    choices: &[(&str, T)],
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    let word = text(node, diagnostics)?;
    if let Some((_, value)) = choices.iter().find(|(name, _)| *name == word) {
        return Some(*value);
    }
    let names = || choices.iter().map(|(name, _)| *name);
    diagnostics.push(
        Diagnostic::new(
            &codes::WRONG_VALUE,
            format!("`{word}` is not accepted here"),
        )
        .at(node.span, nearest_label(&word, names()))
        .help(format!("choose one of {}", quoted_list(names()))),
    );
    None
}

/// The items of a list, or one item written without a list.
pub(super) fn one_or_many(node: &Node) -> &[Node] {
    node.as_seq().unwrap_or(std::slice::from_ref(node))
}

/// A number of bytes: `512MiB`, `2 GB`, or a whole number.
pub(super) fn bytes(node: &Node, diagnostics: &mut Diagnostics) -> Option<u64> {
    const UNITS: [(&str, u64); 8] = [
        ("", 1),
        ("B", 1),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
    ];
    let written = match &node.kind {
        Kind::Int(number) => number.to_string(),
        Kind::Str(text) => text.to_string(),
        _ => {
            wrong_type(node, "a size such as `512MiB`", diagnostics);
            return None;
        }
    };
    let written = written.trim();
    let digits = written.len()
        - written
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .len();
    let unit = written[digits..].trim();
    let size = written[..digits].parse::<u64>().ok().and_then(|number| {
        let (_, factor) = UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
        number.checked_mul(*factor)
    });
    if size.is_none_or(|size| size == 0) {
        diagnostics.push(
            Diagnostic::new(&codes::WRONG_VALUE, "the size cannot be understood")
                .at(node.span, "")
                .help("write a whole number and `KiB`, `MiB` or `GiB`, such as `512MiB`"),
        );
        return None;
    }
    size
}

/// Checks `version`, which is the text '1.0' or the number 1.0.
pub(super) fn check_version(root: &Node, diagnostics: &mut Diagnostics) {
    let help = "write `version: '1.0'`";
    match root.as_map().map(|map| map.get("version")) {
        None => {}
        Some(None) => diagnostics.push(
            Diagnostic::new(&codes::WRONG_VERSION, "`version` is missing")
                .at(first_line(root), "")
                .help(help),
        ),
        Some(Some(version)) => {
            let right = match &version.kind {
                Kind::Str(text) => &**text == "1.0",
                Kind::Float(number) => *number == 1.0,
                _ => false,
            };
            if !right {
                diagnostics.push(
                    Diagnostic::new(&codes::WRONG_VERSION, "this version is not supported")
                        .at(version.span, "")
                        .help(help),
                );
            }
        }
    }
}

/// The last line of a regular expression's error: what is wrong, without its drawing.
pub(super) fn regex_problem(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

/// A regular expression, found anywhere in a text unless it is anchored.
pub(super) fn regex(node: &Node, diagnostics: &mut Diagnostics) -> Option<regex::Regex> {
    let pattern = text(node, diagnostics)?;
    match regex::Regex::new(&pattern) {
        Ok(regex) => Some(regex),
        Err(error) => {
            let message = format!("not a regular expression: {}", regex_problem(&error));
            diagnostics.push(
                Diagnostic::new(&codes::BAD_PATTERN, message)
                    .at(node.span, "")
                    .help("look-around and back references are not supported"),
            );
            None
        }
    }
}
