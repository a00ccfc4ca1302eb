//! An XML document as a list of its nodes, each with the bytes it is written in.
//!
//! - Source: Extensible Markup Language (XML) 1.0, fifth edition.
//! - Only well-formed documents are read, so that no other reader finds a value where this one finds
//!   none. A document type definition inside the document is refused, as entities come from there.
//! - Nothing here calls itself: how deep elements nest costs memory, not stack.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::attributes::Attributes;
use quick_xml::events::{BytesStart, Event};

use super::xml_text::{is_name, is_text, is_white, read, read_attribute};

/// The nodes of a document, in its order.
#[derive(Debug)]
pub(super) struct Tree<'d> {
    document: &'d str,
    nodes: Vec<Node<'d>>,
}

/// A node. Its attributes and what it holds follow it, up to `end`.
#[derive(Debug)]
pub(super) struct Node<'d> {
    pub(super) kind: Kind<'d>,
    /// The bytes of what is inside: between the tags, between the quotes, the text itself.
    pub(super) inside: Range<usize>,
    /// The node that holds it; the document holds itself.
    pub(super) parent: usize,
    /// The first node that is neither this one nor in it.
    pub(super) end: usize,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'d> {
    /// The first node, which holds all others.
    Document,
    /// `<a>` to `</a>`.
    Element { name: &'d str },
    /// `<a/>`; its inside is the `/>`.
    EmptyTag { name: &'d str },
    /// Declarations of namespaces are none.
    Attribute { name: &'d str, quote: char },
    /// Text and CDATA sections with nothing between them.
    Text,
}

impl<'d> Tree<'d> {
    /// The nodes of `document`; `None` if it is not well-formed.
    pub(super) fn parse(document: &'d str) -> Option<Self> {
        // A byte order mark is no part of the document.
        let start = document.len() - document.trim_start_matches('\u{FEFF}').len();
        if start > '\u{FEFF}'.len_utf8() {
            return None;
        }
        let mut reader = Reader::from_str(&document[start..]);
        reader.config_mut().check_end_names = false;
        let root = Node {
            kind: Kind::Document,
            inside: 0..document.len(),
            parent: 0,
            end: 0,
        };
        let mut parser = Parser {
            tree: Self {
                document,
                nodes: vec![root],
            },
            open: vec![0],
            text: None,
            prologue: Prologue::Start,
            names: vec![],
        };
        loop {
            let from = start + usize::try_from(reader.buffer_position()).ok()?;
            let event = reader.read_event().ok()?;
            let to = start + usize::try_from(reader.buffer_position()).ok()?;
            if let Event::Eof = event {
                return parser.finish();
            }
            parser.event(&event, from..to)?;
        }
    }

    /// All nodes, the document first.
    pub(super) fn nodes(&self) -> &[Node<'d>] {
        &self.nodes
    }

    /// The attributes and what else `node` holds, without what they hold.
    pub(super) fn children(&self, node: usize) -> impl Iterator<Item = usize> {
        let end = self.nodes[node].end;
        let mut next = node + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next = self.nodes[child].end;
            Some(child)
        })
    }

    /// The bytes of what is inside `node`.
    pub(super) fn raw(&self, node: usize) -> &'d str {
        &self.document[self.nodes[node].inside.clone()]
    }

    /// The text of `node`, that of elements in it included; `None` where there is nothing inside.
    pub(super) fn text(&self, node: usize) -> Option<String> {
        let raw = self.raw(node);
        match self.nodes[node].kind {
            Kind::EmptyTag { .. } => None,
            _ if raw.is_empty() => None,
            Kind::Attribute { .. } => read_attribute(raw).map(String::from),
            Kind::Text => read(raw).map(String::from),
            Kind::Document | Kind::Element { .. } => {
                let texts = (node..self.nodes[node].end)
                    .filter(|&inner| self.nodes[inner].kind == Kind::Text);
                texts.map(|inner| read(self.raw(inner))).collect()
            }
        }
    }
}

/// How far a document has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Prologue {
    Start,
    Begun,
    Typed,
    Root,
}

struct Parser<'d> {
    tree: Tree<'d>,
    /// The nodes that are not closed yet, the document first.
    open: Vec<usize>,
    /// Text and CDATA sections that perhaps go on.
    text: Option<Range<usize>>,
    prologue: Prologue,
    /// Of the attributes of one tag.
    names: Vec<&'d str>,
}

impl<'d> Parser<'d> {
    fn event(&mut self, event: &Event<'_>, at: Range<usize>) -> Option<()> {
        let raw = self.tree.document.get(at.clone())?;
        let before = self.prologue;
        self.prologue = before.max(Prologue::Begun);
        if let Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) = event {
            let from = self.text.as_ref().map_or(at.start, |text| text.start);
            self.text = Some(from..at.end);
            return Some(());
        }
        self.end_text()?;
        match event {
            Event::Start(tag) => {
                let name = self.start(tag, &at)?;
                let node = self.push(Kind::Element { name }, at.end..at.end);
                self.open.push(node);
                self.attributes(at.start + 1..at.end - ">".len(), name)?;
            }
            Event::Empty(tag) => {
                let name = self.start(tag, &at)?;
                let node = self.push(Kind::EmptyTag { name }, at.end - "/>".len()..at.end);
                self.open.push(node);
                self.attributes(at.start + 1..at.end - "/>".len(), name)?;
                self.close()?;
            }
            Event::End(_) => {
                let node = *self.open.last()?;
                let Kind::Element { name } = self.tree.nodes[node].kind else {
                    return None;
                };
                let rest = raw.strip_prefix("</")?.strip_prefix(name)?;
                is_white(rest.strip_suffix('>')?).then_some(())?;
                self.tree.nodes[node].inside.end = at.start;
                self.close()?;
            }
            Event::Comment(_) => {
                let inside = raw.get("<!--".len()..raw.len().checked_sub("-->".len())?)?;
                let is_fit = !inside.contains("--") && !inside.ends_with('-') && is_text(inside);
                is_fit.then_some(())?;
            }
            Event::PI(instruction) => {
                let target = std::str::from_utf8(instruction.target()).ok()?;
                let is_fit = is_name(target) && !target.eq_ignore_ascii_case("xml");
                (is_fit && is_text(raw)).then_some(())?;
            }
            Event::Decl(_) => {
                (before == Prologue::Start && is_declaration(raw)).then_some(())?;
            }
            Event::DocType(_) => {
                (before < Prologue::Typed && is_document_type(raw)).then_some(())?;
                self.prologue = Prologue::Typed;
            }
            Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) | Event::Eof => {}
        }
        Some(())
    }

    /// The name of an element that begins here.
    fn start(&mut self, tag: &BytesStart<'_>, at: &Range<usize>) -> Option<&'d str> {
        if self.open.len() == 1 {
            (self.prologue < Prologue::Root).then_some(())?;
            self.prologue = Prologue::Root;
        }
        let from = at.start + 1;
        let name = self
            .tree
            .document
            .get(from..from + tag.name().as_ref().len())?;
        is_name(name).then_some(name)
    }

    /// The attributes of the tag at `at`, as nodes of the element `name` it begins.
    fn attributes(&mut self, at: Range<usize>, name: &str) -> Option<()> {
        self.names.clear();
        let document = self.tree.document;
        let start = at.start;
        for attribute in attributes(document.get(at)?, name.len()) {
            let (name, value) = attribute?;
            let name = document.get(start + name.start..start + name.end)?;
            let value = start + value.start..start + value.end;
            is_name(name).then_some(())?;
            read_attribute(document.get(value.clone())?)?;
            self.names.push(name);
            if name != "xmlns" && !name.starts_with("xmlns:") {
                let quote = char::from(*document.as_bytes().get(value.start - 1)?);
                self.push(Kind::Attribute { name, quote }, value);
            }
        }
        self.names.sort_unstable();
        let mut pairs = self.names.windows(2);
        pairs.all(|pair| pair[0] != pair[1]).then_some(())
    }

    /// Text came to its end: it is a node of the innermost element, or white space around the root.
    fn end_text(&mut self) -> Option<()> {
        let Some(text) = self.text.take() else {
            return Some(());
        };
        let raw = self.tree.document.get(text.clone())?;
        if self.open.len() == 1 {
            return is_white(raw).then_some(());
        }
        read(raw)?;
        self.push(Kind::Text, text);
        Some(())
    }

    fn push(&mut self, kind: Kind<'d>, inside: Range<usize>) -> usize {
        let node = self.tree.nodes.len();
        let parent = self.open.last().copied().unwrap_or(0);
        let end = node + 1;
        self.tree.nodes.push(Node {
            kind,
            inside,
            parent,
            end,
        });
        node
    }

    fn close(&mut self) -> Option<()> {
        let node = self.open.pop()?;
        self.tree.nodes[node].end = self.tree.nodes.len();
        Some(())
    }

    fn finish(mut self) -> Option<Tree<'d>> {
        self.end_text()?;
        let is_whole = self.prologue == Prologue::Root && self.open == [0];
        self.close()?;
        is_whole.then_some(self.tree)
    }
}

/// The places of each name and value in a tag, without its brackets and quotes; the tag's own name has
/// `from` bytes. Nothing for one that is not well-formed.
fn attributes(
    tag: &str,
    from: usize,
) -> impl Iterator<Item = Option<(Range<usize>, Range<usize>)>> {
    let mut attributes = Attributes::new(tag, from);
    // The library's own search for duplicates takes quadratic time.
    attributes.with_checks(false);
    attributes.map(move |attribute| {
        let attribute = attribute.ok()?;
        // Both are pieces of the tag.
        let place = |piece: &[u8]| {
            let at = (piece.as_ptr() as usize).checked_sub(tag.as_ptr() as usize)?;
            Some(at..at + piece.len())
        };
        let (name, value) = (place(attribute.key.as_ref())?, place(&attribute.value)?);
        is_white(tag.get(name.start.checked_sub(1)?..name.start)?).then_some((name, value))
    })
}

/// `<?xml version="1.0" encoding="..." standalone="..."?>`, the last two as they like. The encoding is
/// that of a file; a column's text has been decoded.
fn is_declaration(raw: &str) -> bool {
    let inside = raw
        .strip_prefix("<?")
        .and_then(|raw| raw.strip_suffix("?>"));
    let written = inside.and_then(|inside| {
        attributes(inside, "xml".len())
            .map(|attribute| {
                let (name, value) = attribute?;
                Some((inside.get(name)?, inside.get(value)?))
            })
            .collect::<Option<Vec<_>>>()
    });
    let is_encoding = |value: &str| {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        value.starts_with(|c: char| c.is_ascii_alphabetic()) && value.chars().all(is_letter)
    };
    match written.as_deref() {
        Some([("version", "1.0"), more @ ..]) => match more {
            [] | [("standalone", "yes" | "no")] => true,
            [("encoding", encoding)] | [("encoding", encoding), ("standalone", "yes" | "no")] => {
                is_encoding(encoding)
            }
            _ => false,
        },
        _ => false,
    }
}

/// A document type that leaves everything to a file elsewhere.
fn is_document_type(raw: &str) -> bool {
    let inside = raw
        .strip_prefix("<!DOCTYPE")
        .and_then(|raw| raw.strip_suffix('>'));
    inside.is_some_and(|inside| {
        let mut words = inside.split([' ', '\t', '\n', '\r']);
        let is_named =
            words.next() == Some("") && words.find(|word| !word.is_empty()).is_some_and(is_name);
        is_named && is_text(inside) && !inside.contains(['[', '<'])
    })
}
