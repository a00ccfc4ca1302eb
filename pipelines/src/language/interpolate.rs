//! What a pipeline takes from outside itself: `${NAME}` from the environment, `file:` secrets.
//!
//! `${NAME}` stands anywhere in a value and is replaced by the variable's text; `$${NAME}` writes
//! `${NAME}` itself. A secret may be written as `file:PATH` or `{file: PATH}`: then it is the
//! file's text without the line break at its end, and the path is relative to the pipeline file.
//!
//! Nothing is replaced in a ruleset, in a file of its own or not: what is masked, and how, is the same
//! on every machine, and `$` and braces belong to its patterns.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroize;

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::fields;
use super::node::{Entry, Kind, Node};
use super::secret::Secret;
use super::source::{Sources, Span, allowed};

/// The largest file of a secret, in bytes.
const MAX_SECRET_BYTES: u64 = 1024 * 1024;

/// Where variables come from.
pub trait Environment {
    /// The text of a variable, or nothing when it is not set or is not UTF-8.
    fn get(&self, name: &str) -> Option<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

impl Environment for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }
}

/// `node` with every `${NAME}` in its values replaced. Keys stay as they are. A value that lacks a
/// variable is reported and becomes broken.
pub(super) fn interpolate(
    node: &Node,
    environment: &dyn Environment,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Node {
    match &node.kind {
        Kind::Str(text) if text.contains("${") => {
            match replace(text, node.span, environment, sources, diagnostics) {
                Some(text) => {
                    Node::scalar(Kind::Str(Arc::from(text)), node.span).taken_from_environment()
                }
                None => Node::broken(node.span),
            }
        }
        Kind::Seq(items) => {
            let items = items.iter();
            let replaced = items.map(|item| interpolate(item, environment, sources, diagnostics));
            Node::seq(replaced.collect(), node.span)
        }
        Kind::Map(map) => {
            let entries = map.entries.iter().map(|entry| Entry {
                key: entry.key.clone(),
                value: interpolate(&entry.value, environment, sources, diagnostics),
            });
            Node::map(entries.collect(), node.span)
        }
        _ => node.clone(),
    }
}

fn replace(
    text: &str,
    span: Span,
    environment: &dyn Environment,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut whole = true;
    while let Some(start) = rest.find("${") {
        if rest[..start].ends_with('$') {
            out.push_str(&rest[..start - 1]);
            out.push_str("${");
            rest = &rest[start + 2..];
            continue;
        }
        out.push_str(&rest[..start]);
        let name = rest[start + 2..].split_once('}').map(|(name, _)| name);
        let Some(name) = name.filter(|name| is_variable(name)) else {
            let place = find("${", span, sources);
            let message = match name {
                Some("") => "`${}` names no variable",
                _ => "`${` is not followed by a name and `}`",
            };
            diagnostics.push(
                Diagnostic::new(&codes::VARIABLE_SYNTAX, message)
                    .at(place, "")
                    .help("write `${NAME}`, or `$${` where `${` itself is meant"),
            );
            return None;
        };
        let written = format!("${{{name}}}");
        match environment.get(name) {
            Some(value) => out.push_str(&value),
            None => {
                whole = false;
                let message = format!("the environment variable `{name}` is not set");
                let place = find(&written, span, sources);
                diagnostics.push(
                    Diagnostic::new(&codes::VARIABLE_MISSING, message)
                        .at(place, "")
                        .help(format!(
                            "set `{name}`, or write `$${{{name}}}` for the text itself"
                        )),
                );
            }
        }
        rest = &rest[start + written.len()..];
    }
    out.push_str(rest);
    whole.then_some(out)
}

/// The first `${NAME}` in a text that nothing is replaced in, as it is written.
pub(super) fn first_variable(text: &str) -> Option<&str> {
    text.match_indices("${").find_map(|(start, _)| {
        let (name, _) = text[start + 2..].split_once('}')?;
        is_variable(name).then(|| &text[start..start + name.len() + 3])
    })
}

fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The place of `part` in a value, or the whole value where its text is written in another way.
fn find(part: &str, span: Span, sources: &Sources) -> Span {
    let Some(at) = sources.slice(span).find(part) else {
        return span;
    };
    let start = span.start.after(&sources.slice(span)[..at]);
    Span {
        start,
        end: start.after(part),
        ..span
    }
}

/// The secret a node gives: its text, or that of the file it names.
pub(super) fn secret(
    node: &Node,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Secret> {
    let named = match &node.kind {
        Kind::Map(_) => Some(fields::text(node.get("file").unwrap_or(node), diagnostics)?),
        _ => None,
    };
    let path = match named {
        Some(path) => path,
        None => {
            let text = fields::text(node, diagnostics)?;
            if node.from_environment && sources.confined_to().is_some() {
                return Some(Secret::new(text));
            }
            match text.strip_prefix("file:") {
                Some(path) => path.trim().to_owned(),
                None => return Some(Secret::new(text)),
            }
        }
    };
    let path = sources.resolve(node.span.file, &path);
    match read_secret(&path, sources.confined_to()) {
        Ok(secret) => Some(secret),
        Err(problem) => {
            let message = format!("the secret file `{}` {problem}", path.display());
            diagnostics.push(
                Diagnostic::new(&codes::SECRET_UNREADABLE, message)
                    .at(node.span, "")
                    .help("a relative path begins at the folder of the file that names it"),
            );
            None
        }
    }
}

fn read_secret(path: &Path, within: Option<&Path>) -> Result<Secret, String> {
    let size = allowed(path, within)
        .and_then(|()| std::fs::metadata(path))
        .map_err(|error| format!("cannot be read: {error}"))?
        .len();
    if size > MAX_SECRET_BYTES {
        return Err("is larger than 1 MiB".to_owned());
    }
    let mut text =
        std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let secret = Secret::new(text.trim_end_matches(['\r', '\n']));
    text.zeroize();
    if secret.expose().is_empty() {
        return Err("is empty".to_owned());
    }
    Ok(secret)
}
