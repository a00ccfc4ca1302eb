//! YAML as a tree in which everything knows its place.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::secret::is_secret_key;
use super::source::Span;

/// A value with its place. Cloning is cheap: lists and mappings are shared.
#[derive(Clone)]
pub struct Node {
    /// What it holds.
    pub kind: Kind,
    /// Where it is written; for an alias, where its anchor is.
    pub span: Span,
    /// Whether its text came through `${NAME}`, so that it may also stand for a number or a flag.
    pub from_environment: bool,
    size: u64,
    depth: u32,
}

/// What a [`Node`] holds.
#[derive(Clone)]
pub enum Kind {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number from -2^63 to 2^64-1.
    Int(i128),
    /// A number with a fraction or exponent; finite.
    Float(f64),
    /// Text.
    Str(Arc<str>),
    /// A list.
    Seq(Arc<Vec<Node>>),
    /// A mapping.
    Map(Arc<Map>),
    /// A value whose problem has been reported already: whoever meets it stays silent.
    Broken,
}

/// The key that merges other mappings into its own.
pub(super) const MERGE_KEY: &str = "<<";

/// A mapping in the order it is written; no key is there twice. Where a merge failed, a broken value
/// stands under `<<`.
#[derive(Clone, Default)]
pub struct Map {
    /// Its entries.
    pub entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Node,
}

/// A key. A number or flag as a key counts as its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its text.
    pub text: Arc<str>,
    /// Where it is written.
    pub span: Span,
}

impl Map {
    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Whether a merge failed, which has been reported: what is missing may have come with it.
    pub(super) fn lost_a_merge(&self) -> bool {
        let merged = self.get(MERGE_KEY);
        merged.is_some_and(|merged| matches!(merged.kind, Kind::Broken))
    }

    /// The entry of `key`.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| &*entry.key.text == key)
    }
}

impl Node {
    /// A value without parts.
    pub fn scalar(kind: Kind, span: Span) -> Self {
        Self {
            kind,
            span,
            from_environment: false,
            size: 1,
            depth: 1,
        }
    }

    /// The same, marked as text that came through `${NAME}`.
    pub(super) fn taken_from_environment(mut self) -> Self {
        self.from_environment = true;
        self
    }

    /// A list.
    pub fn seq(items: Vec<Node>, span: Span) -> Self {
        let (size, depth) = measure(items.iter());
        Self {
            kind: Kind::Seq(Arc::new(items)),
            size,
            depth,
            ..Self::scalar(Kind::Null, span)
        }
    }

    /// A mapping.
    pub fn map(entries: Vec<Entry>, span: Span) -> Self {
        let (size, depth) = measure(entries.iter().map(|entry| &entry.value));
        Self {
            kind: Kind::Map(Arc::new(Map { entries })),
            size,
            depth,
            ..Self::scalar(Kind::Null, span)
        }
    }

    /// A value whose problem has been reported.
    pub fn broken(span: Span) -> Self {
        Self::scalar(Kind::Broken, span)
    }

    /// Nodes in it once every alias and reference is followed, itself included.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Levels in it, itself included.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// What it is, in words: `a list`.
    pub fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Int(_) => "a whole number",
            Kind::Float(_) => "a number",
            Kind::Str(_) => "text",
            Kind::Seq(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Broken => "a broken value",
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// Its text, when it is text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Its items, when it is a list.
    pub fn as_seq(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// Whether it, or anything in it, has a problem that has been reported.
    pub fn is_broken(&self) -> bool {
        match &self.kind {
            Kind::Seq(items) => items.iter().any(Self::is_broken),
            Kind::Map(map) => map.entries.iter().any(|entry| entry.value.is_broken()),
            kind => matches!(kind, Kind::Broken),
        }
    }

    /// Its entries, when it is a mapping.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.kind {
            Kind::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The value under `key`, when it is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key)
    }

    /// The place of `key`, or of the whole mapping.
    pub fn key_span(&self, key: &str) -> Span {
        let entry = self.as_map().and_then(|map| map.entry(key));
        entry.map_or(self.span, |entry| entry.key.span)
    }

    /// The node at a path such as `masks[1].regex`.
    pub fn at(&self, path: &str) -> Option<&Node> {
        let mut node = self;
        for step in steps(path) {
            node = node.step(step)?;
        }
        Some(node)
    }

    /// The place of the node at a path, or of the nearest node above it that exists.
    pub fn span_of(&self, path: &str) -> Span {
        let mut node = self;
        for step in steps(path) {
            match node.step(step) {
                Some(next) => node = next,
                None => break,
            }
        }
        node.span
    }

    fn step(&self, step: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Seq(items) => items.get(step.parse::<usize>().ok()?),
            Kind::Map(map) => map.get(step),
            _ => None,
        }
    }

    /// The value without its places.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null | Kind::Broken => Value::Null,
            Kind::Bool(flag) => Value::Bool(*flag),
            Kind::Int(number) => match u64::try_from(*number) {
                Ok(number) => number.into(),
                Err(_) => i64::try_from(*number).map_or(Value::Null, Value::from),
            },
            Kind::Float(number) => Value::from(*number),
            Kind::Str(text) => Value::from(&**text),
            Kind::Seq(items) => items.iter().map(Node::to_json).collect(),
            Kind::Map(map) => Value::Object(
                map.entries
                    .iter()
                    .map(|entry| (entry.key.text.to_string(), entry.value.to_json()))
                    .collect(),
            ),
        }
    }
}

/// `a.b[1]` as `a`, `b`, `1`.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', '[', ']']).filter(|step| !step.is_empty())
}

/// Size and depth of a collection of `parts`.
fn measure<'a>(parts: impl Iterator<Item = &'a Node>) -> (u64, u32) {
    parts.fold((1, 1), |(size, depth), part| {
        (size.saturating_add(part.size), depth.max(part.depth + 1))
    })
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Null => f.write_str("null"),
            Kind::Broken => f.write_str("broken"),
            Kind::Bool(flag) => write!(f, "{flag}"),
            Kind::Int(number) => write!(f, "{number}"),
            Kind::Float(number) => write!(f, "{number:?}"),
            Kind::Str(_) if self.from_environment => f.write_str("***"),
            Kind::Str(text) => write!(f, "{text:?}"),
            Kind::Seq(items) => f.debug_list().entries(items.iter()).finish(),
            Kind::Map(map) => map.fmt(f),
        }
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for Entry { key, value } in &self.entries {
            if is_secret_key(&key.text) {
                map.entry(&&*key.text, &format_args!("***"));
            } else {
                map.entry(&&*key.text, value);
            }
        }
        map.finish()
    }
}
