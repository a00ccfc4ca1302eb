//! Events of the YAML parser become [`Node`]s, one event after the other.

use std::collections::HashMap;
use std::sync::Arc;

use serde_saphyr::granit_parser::{
    Event, Marker, ScalarStyle, Span as YamlSpan, StructureStyle, Tag,
};

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::node::{Entry, Key, Kind, MERGE_KEY, Node};
use super::scalar::{self, Plain};
use super::source::{FileId, Position, Span};
use super::yaml::{MAX_DEPTH, MAX_NODES, too_big, too_deep};

/// Turns events into nodes with a stack of unfinished collections.
pub(super) struct Builder<'a> {
    file: FileId,
    pub(super) diagnostics: &'a mut Diagnostics,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    pub(super) root: Option<Node>,
    pub(super) dropped: Vec<Entry>,
    documents: usize,
    nodes: u64,
}

/// A collection whose end has not come yet.
struct Frame {
    start: Position,
    anchor: usize,
    flow: bool,
    parts: Parts,
}

enum Parts {
    Seq(Vec<Node>),
    Map(Box<MapParts>),
}

#[derive(Default)]
struct MapParts {
    entries: Vec<Entry>,
    places: HashMap<Arc<str>, usize>,
    merged: Option<Merged>,
    pending: Option<Pending>,
}

/// What `<<` is given, and where `<<` is written.
struct Merged {
    at: Span,
    node: Node,
}

/// A key that waits for its value.
enum Pending {
    Key(Key),
    Merge(Span),
    /// Not a usable key; reported.
    Unusable,
}

/// An event that parsing cannot pass over.
pub(super) type Fatal = Box<Diagnostic>;

impl<'a> Builder<'a> {
    pub(super) fn new(file: FileId, diagnostics: &'a mut Diagnostics) -> Self {
        Self {
            file,
            diagnostics,
            frames: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            dropped: Vec::new(),
            documents: 0,
            nodes: 0,
        }
    }
}

impl Builder<'_> {
    pub(super) fn take(&mut self, event: Event<'_>, span: YamlSpan) -> Result<(), Fatal> {
        let span = self.span(span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Box::new(
                        Diagnostic::new(&codes::NOT_ONE_DOCUMENT, "a second document begins here")
                            .at(span, "")
                            .help("one file holds one document: remove `---`, or split the file"),
                    ));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = if self.wants_key() {
                    self.take_key(&text, style, tag.as_deref(), span);
                    (anchor != 0).then(|| Node::scalar(Kind::Str(Arc::from(&*text)), span))
                } else {
                    let node = self.scalar(&text, style, tag.as_deref(), span);
                    self.push(node.clone())?;
                    Some(node)
                };
                if let (Some(node), true) = (node, anchor != 0) {
                    self.anchors.insert(anchor, node);
                }
                Ok(())
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "seq", span);
                self.open(span, anchor, style, Parts::Seq(Vec::new()))
            }
            Event::MappingStart(style, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), "map", span);
                self.open(span, anchor, style, Parts::Map(Box::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(id) => match self.anchors.get(&id) {
                Some(node) => {
                    let node = node.clone();
                    self.push(node)
                }
                None => self.bad_alias(
                    span,
                    "an alias inside its own anchor",
                    "a value cannot hold itself",
                ),
            },
            // Its name is not told: text that begins with `*` may be a secret without quotes.
            Event::UnresolvedAlias(_) => self.bad_alias(
                span,
                "an alias has no anchor before it",
                "set the anchor earlier in the file; text that begins with `*` needs quotes",
            ),
            _ => Ok(()),
        }
    }

    fn span(&self, span: YamlSpan) -> Span {
        Span {
            file: self.file,
            start: position(&span.start),
            end: position(&span.end),
        }
    }

    fn wants_key(&self) -> bool {
        matches!(
            self.frames.last(),
            Some(Frame { parts: Parts::Map(map), .. }) if map.pending.is_none()
        )
    }

    fn take_key(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) {
        let merge = text == MERGE_KEY && style == ScalarStyle::Plain && tag.is_none();
        let pending = if merge {
            Pending::Merge(span)
        } else {
            Pending::Key(Key {
                text: Arc::from(text),
                span,
            })
        };
        if let Some(Frame {
            parts: Parts::Map(map),
            ..
        }) = self.frames.last_mut()
        {
            map.pending = Some(pending);
        }
    }

    fn open(
        &mut self,
        span: Span,
        anchor: usize,
        style: StructureStyle,
        parts: Parts,
    ) -> Result<(), Fatal> {
        if self.frames.len() as u32 >= MAX_DEPTH {
            return Err(too_deep(span));
        }
        self.frames.push(Frame {
            start: span.start,
            anchor,
            flow: style == StructureStyle::Flow,
            parts,
        });
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), Fatal> {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let whole = |last: Option<&Node>| Span {
            file: end.file,
            start: frame.start,
            end: match last {
                Some(last) if !frame.flow && last.span.end > frame.start => last.span.end,
                _ => end.end,
            },
        };
        let node = match frame.parts {
            Parts::Seq(items) => {
                let span = whole(items.last());
                Node::seq(items, span)
            }
            Parts::Map(map) => {
                let span = whole(map.entries.last().map(|entry| &entry.value));
                let entries = self.merge(*map)?;
                Node::map(entries, span)
            }
        };
        if frame.anchor != 0 {
            self.anchors.insert(frame.anchor, node.clone());
        }
        // Its parts have been counted as they came.
        self.spend(1, node.span)?;
        self.place(node)
    }

    /// Adds a finished value and all that an alias brings with it.
    fn push(&mut self, node: Node) -> Result<(), Fatal> {
        self.spend(node.size(), node.span)?;
        self.place(node)
    }

    fn spend(&mut self, nodes: u64, span: Span) -> Result<(), Fatal> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(Box::new(too_big(span)));
        }
        Ok(())
    }

    fn place(&mut self, mut node: Node) -> Result<(), Fatal> {
        if self.frames.len() as u32 + node.depth() > MAX_DEPTH {
            return Err(too_deep(node.span));
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut frame.parts {
            Parts::Seq(items) => items.push(node),
            Parts::Map(map) => match map.pending.take() {
                None => {
                    map.pending = Some(match node.as_str() {
                        Some(text) => Pending::Key(Key {
                            text: Arc::from(text),
                            span: node.span,
                        }),
                        None if matches!(node.kind, Kind::Broken) => Pending::Unusable,
                        None => {
                            let message = format!("{} cannot be a key", node.describe());
                            self.diagnostics.push(
                                Diagnostic::new(&codes::BAD_KEY, message)
                                    .at(node.span, "")
                                    .help("a value that begins with `{` or `[` needs quotes"),
                            );
                            Pending::Unusable
                        }
                    });
                }
                Some(Pending::Unusable) => {}
                Some(Pending::Merge(span)) => {
                    let first = map.merged.replace(Merged { at: span, node });
                    if first.is_some() {
                        let message = "a mapping has `<<` twice";
                        self.diagnostics.push(
                            Diagnostic::new(&codes::DUPLICATE_KEY, message)
                                .at(span, "second")
                                .help("merge several mappings with a list: `<<: [*a, *b]`"),
                        );
                    }
                }
                Some(Pending::Key(key)) => {
                    // Nothing written means null: its place is its key.
                    if node.is_null() && node.span.start.byte >= node.span.end.byte {
                        node.span = key.span;
                    }
                    match map.places.get(&key.text) {
                        Some(&first) => {
                            let message = format!("the key `{}` is there twice", key.text);
                            self.diagnostics.push(
                                Diagnostic::new(&codes::DUPLICATE_KEY, message)
                                    .at(key.span, "second")
                                    .and(map.entries[first].key.span, "first")
                                    .help("remove or rename one of them"),
                            );
                            self.dropped.push(Entry { key, value: node });
                        }
                        None => {
                            map.places.insert(Arc::clone(&key.text), map.entries.len());
                            map.entries.push(Entry { key, value: node });
                        }
                    }
                }
            },
        }
        Ok(())
    }

    /// The entries of a mapping with those of its merge key: merged ones first and in their order,
    /// an own value in the place of a merged one, then the other own entries.
    fn merge(&mut self, map: MapParts) -> Result<Vec<Entry>, Fatal> {
        let Some(Merged { at, node: merged }) = map.merged else {
            return Ok(map.entries);
        };
        let sources = match &merged.kind {
            Kind::Map(_) => std::slice::from_ref(&merged),
            Kind::Seq(items) => items.as_slice(),
            _ => &[],
        };
        let mergeable = |source: &Node| matches!(source.kind, Kind::Map(_) | Kind::Broken);
        let is_reported = matches!(merged.kind, Kind::Broken);
        if !is_reported && (sources.is_empty() || !sources.iter().all(mergeable)) {
            let message = format!("`<<` cannot merge {}", merged.describe());
            let mut diagnostic = Diagnostic::new(&codes::BAD_MERGE, message)
                .at(at, "expected a mapping, or a list of mappings");
            // An alias leads elsewhere: say where.
            if merged.span.start.line != at.start.line {
                diagnostic = diagnostic.and(merged.span, "what it is given");
            }
            self.diagnostics.push(diagnostic);
        }
        let mut entries: Vec<Entry> = Vec::new();
        let mut places: HashMap<Arc<str>, usize> = HashMap::new();
        if is_reported || !sources.iter().all(|source| source.as_map().is_some()) {
            entries.push(Entry {
                key: Key {
                    text: Arc::from(MERGE_KEY),
                    span: at,
                },
                value: Node::broken(at),
            });
        }
        for entry in sources
            .iter()
            .filter_map(Node::as_map)
            .flat_map(|map| &map.entries)
        {
            if !places.contains_key(&entry.key.text) {
                self.spend(entry.value.size(), entry.key.span)?;
                places.insert(Arc::clone(&entry.key.text), entries.len());
                entries.push(entry.clone());
            }
        }
        for entry in map.entries {
            match places.get(&entry.key.text) {
                Some(&place) => entries[place] = entry,
                None => entries.push(entry),
            }
        }
        Ok(entries)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node {
        let string = || Node::scalar(Kind::Str(Arc::from(text)), span);
        let core = tag.map(|tag| (tag, tag.core_suffix()));
        let wanted = match core {
            None if style != ScalarStyle::Plain => return string(),
            None => None,
            Some((_, Some("str"))) => return string(),
            Some((tag, None)) if tag.handle() == "!" && tag.suffix().is_empty() => return string(),
            Some((_, Some(suffix))) => Some(suffix),
            Some((_, None)) => return self.bad_tag(span, "a tag has no meaning here"),
        };
        let kind = match scalar::plain(text) {
            Plain::Null => Kind::Null,
            Plain::Bool(flag) => Kind::Bool(flag),
            Plain::Int(number) => Kind::Int(number),
            Plain::Float(number) => Kind::Float(number),
            Plain::Text => Kind::Str(Arc::from(text)),
            Plain::TooLarge => return self.bad_number(span, "the number does not fit 64 bits"),
            Plain::NotFinite => return self.bad_number(span, "the number is not finite"),
        };
        if matches!(kind, Kind::Int(_)) && scalar::has_leading_zero(text) {
            let message = "a number with a zero in front loses the zero";
            self.diagnostics.push(
                Diagnostic::new(&codes::LEADING_ZERO, message)
                    .at(span, "")
                    .help("put it in quotes when it is meant as text"),
            );
        }
        let kind = match (wanted, kind) {
            (None, kind)
            | (Some("null"), kind @ Kind::Null)
            | (Some("bool"), kind @ Kind::Bool(_))
            | (Some("int"), kind @ Kind::Int(_))
            | (Some("float"), kind @ Kind::Float(_)) => kind,
            (Some("float"), Kind::Int(number)) => Kind::Float(number as f64),
            (Some(_), _) => return self.bad_tag(span, "the value does not fit its tag"),
        };
        Node::scalar(kind, span)
    }

    fn bad_number(&mut self, span: Span, message: &str) -> Node {
        self.diagnostics.push(
            Diagnostic::new(&codes::BAD_NUMBER, message)
                .at(span, "")
                .help("put it in quotes when it is meant as text"),
        );
        Node::broken(span)
    }

    fn bad_tag(&mut self, span: Span, message: &str) -> Node {
        self.diagnostics
            .push(Diagnostic::new(&codes::BAD_TAG, message).at(span, ""));
        Node::broken(span)
    }

    /// Reports an alias that stands for nothing; what is around it is read on.
    fn bad_alias(&mut self, span: Span, message: &str, help: &str) -> Result<(), Fatal> {
        self.diagnostics.push(
            Diagnostic::new(&codes::BAD_ALIAS, message)
                .at(span, "")
                .help(help),
        );
        self.push(Node::broken(span))
    }

    fn check_collection_tag(&mut self, tag: Option<&Tag>, fitting: &str, span: Span) {
        if tag.is_some_and(|tag| tag.core_suffix() != Some(fitting)) {
            self.bad_tag(span, "a tag has no meaning here");
        }
    }
}

/// A place as we count: columns from 1.
pub(super) fn position(marker: &Marker) -> Position {
    Position {
        byte: marker.byte_offset().unwrap_or(marker.index()),
        line: marker.line().max(1),
        column: marker.col() + 1,
    }
}
