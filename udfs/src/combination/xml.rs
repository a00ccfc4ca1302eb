//! `xml`: masks applied to values inside an XML document.
//!
//! - Technique: a combination; the values a path leads to become what its masks give.
//! - Source of the grammar: XML 1.0 (fifth edition); paths are a part of XPath 1.0, see
//!   `xml_places.rs`. Only the bytes of the named values change.
//! - Input: text that holds one well-formed XML document, without a document type definition of its
//!   own and without entities but the five predefined ones. Output: the same document with other
//!   values. A null column value stays null.
//! - Masks see the text of an attribute, of a piece of text, or of an element with all elements in it,
//!   references resolved and line ends as `\n`. What they give replaces the whole of it: an element's
//!   whole inside, with elements and comments there. It is escaped as its place needs.
//! - XML has no null: an element or attribute with nothing inside counts as null, see `on_null`; a
//!   masked null becomes nothing inside.
//! - Draws: as those of `json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::{self, Fallback, Notation, OnMissing, OnNull, Treatment, Value, Values};
use super::xml_places::{Path, RelativePath};
use super::xml_text::{is_text, only_cdata, push, push_attribute, push_cdata};
use super::xml_tree::{Kind, Tree};
use crate::combination::Masks;
use crate::mask::{
    BindError, Binder, Example, Family, Mask, MaskArgs, MaskSpec, OfBlank, OnInvalid, TypeFamily,
    schema_of,
};

pub(crate) const SPEC: MaskSpec = MaskSpec {
    name: "xml",
    summary: "masks applied to values inside an XML document",
    family: Family::Combination,
    takes: TypeFamily::TEXT,
    schema: schema_of::<XmlArgs>,
    bind,
    null: OfBlank::Stays,
    empty: OfBlank::Refused,
    examples: &[
        Example {
            args: r#"{"transforms": [
                {"path": "/people/person/name", "masks": [{"type": "from_fixed", "value": "x & y"}]},
                {"path": "//@card", "masks": [{"type": "partial", "unmasked_from_right": 4}]}
            ]}"#,
            value: Some(
                r#"<people><person card='4111111111111111'><name>Ann</name></person></people>"#,
            ),
            masked: Some(
                r#"<people><person card='************1111'><name>x &amp; y</name></person></people>"#,
            ),
        },
        Example {
            args: r#"{"transforms": [
                {"path": "//name[1]/text()", "masks": [{"type": "transform_case", "transform": "uppercase"}]}
            ]}"#,
            value: Some("<a><name><![CDATA[Ann]]></name> <name>Bea</name></a>"),
            masked: Some("<a><name><![CDATA[ANN]]></name> <name>Bea</name></a>"),
        },
    ],
};

/// Arguments, as a ruleset writes them.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["transforms"]))]
pub(crate) struct XmlArgs {
    /// What to mask in the document, one after the other.
    #[serde(alias = "node_transforms")]
    #[schemars(extend("x-spellings" = ["node_transforms"]))]
    transforms: Vec<Transform>,
    /// For a text that is no well-formed XML document: `fail` the task (default) or `suppress` it to
    /// null.
    on_invalid: OnInvalid,
    /// Masks for a text that is no well-formed XML document, in place of `on_invalid`.
    fallback_masks: Option<Masks>,
}

/// One path into the document and what becomes of the values there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("required" = ["path", "masks"]))]
struct Transform {
    /// A path in a part of XPath: `/a/b` and `//b` for elements, `*` for any, `b[2]` for the second in
    /// its element, `@name`, `@*` or `text()` at the end for attributes and pieces of text (white space
    /// alone is none). A name with a prefix stands for names written so, one without for that name
    /// under any prefix. Of elements inside each other the outermost is masked.
    path: Path,
    /// The masks for each value, as a list or as a map with labels.
    #[serde(default)]
    masks: Masks,
    /// For an element or attribute with nothing inside: `skip` it (default), `error` to fail the task,
    /// or `mask` it as null.
    #[serde(default)]
    on_null: OnNull,
    /// Where a step with a name or number leads nowhere: `error` to fail the task (default) or `skip`.
    #[serde(default)]
    on_missing: OnMissing,
    /// Whether the draw of a value is taken from the value itself, so that equal ones stay equal.
    #[serde(default)]
    force_consistency: bool,
    /// Paths to the values the draw is taken from, each seen from the element that holds the masked
    /// value: `name`, `@name`; `../` goes one out. One that leads nowhere counts as null.
    #[serde(default)]
    hash_sources: Vec<RelativePath>,
    /// Whether draws differ from those of other transforms that draw from the same.
    #[serde(default)]
    advance_hash: bool,
}

fn bind(args: &MaskArgs, binder: &mut Binder<'_>) -> Result<Box<dyn Mask>, BindError> {
    let XmlArgs {
        transforms,
        on_invalid,
        fallback_masks,
    } = binder.parse(args)?;
    let transforms = transforms.into_iter().map(|transform| {
        let paths = Paths {
            path: transform.path,
            hash_sources: transform.hash_sources,
        };
        let treatment = Treatment {
            masks: transform.masks,
            on_null: transform.on_null,
            on_missing: transform.on_missing,
            force_consistency: transform.force_consistency,
            advance_hash: transform.advance_hash,
        };
        (paths, treatment)
    });
    let fallback = Fallback {
        on_invalid,
        masks: fallback_masks,
    };
    document::bind(transforms, fallback, binder)
}

#[derive(Debug)]
struct Paths {
    path: Path,
    hash_sources: Vec<RelativePath>,
}

/// How a value is written.
#[derive(Debug)]
enum Form {
    Text,
    Cdata,
    /// Between these quotes.
    Attribute(char),
    /// As the end of `<name/>`.
    EmptyTag(String),
}

impl Notation for Paths {
    type Form = Form;
    const DOCUMENT: &'static str = "a well-formed XML document without entities of its own";
    const COMPLETE: &'static str = "an XML document with a value at every path";
    const WITHOUT_NULL: &'static str = "an XML document with something in each value at its paths";
    const WRITABLE: &'static str = "one whose masked text XML can hold";
    const IS_JSON: bool = false;

    fn sources(&self) -> usize {
        self.hash_sources.len()
    }

    fn values(&self, document: &str) -> Option<Values<Form>> {
        let tree = Tree::parse(document)?;
        let places = self.path.places(&tree);
        let mut sources: Vec<Source<'_>> = self.hash_sources.iter().map(Source::new).collect();
        let values = places.found.into_iter().map(|place| {
            let node = &tree.nodes()[place];
            let raw = tree.raw(place);
            let (span, form) = match (node.kind, only_cdata(raw)) {
                (Kind::EmptyTag { name }, _) => (0..raw.len(), Form::EmptyTag(name.to_owned())),
                (Kind::Attribute { quote, .. }, _) => (0..raw.len(), Form::Attribute(quote)),
                (_, Some(inside)) => (inside, Form::Cdata),
                (_, None) => (0..raw.len(), Form::Text),
            };
            let start = node.inside.start;
            Value {
                span: start + span.start..start + span.end,
                form,
                text: tree.text(place),
                sources: sources
                    .iter_mut()
                    .map(|source| source.text(&tree, node.parent))
                    .collect(),
            }
        });
        Some(Values {
            found: values.collect(),
            missing: places.missing,
        })
    }

    fn push(text: &mut String, masked: Option<&str>, old: &str, form: &Form) -> bool {
        let masked = masked.unwrap_or("");
        match form {
            Form::Text => push(text, masked),
            Form::Cdata => push_cdata(text, masked),
            Form::Attribute(quote) => push_attribute(text, masked, *quote),
            Form::EmptyTag(_) if masked.is_empty() => text.push_str(old),
            Form::EmptyTag(name) => {
                text.push('>');
                push(text, masked);
                text.push_str("</");
                text.push_str(name);
                text.push('>');
            }
        }
        is_text(masked)
    }
}

/// A hash source and what it last led to: values side by side mostly share what is further out.
struct Source<'p> {
    path: &'p RelativePath,
    last: Option<(usize, Option<String>)>,
}

impl<'p> Source<'p> {
    fn new(path: &'p RelativePath) -> Self {
        Self { path, last: None }
    }

    fn text(&mut self, tree: &Tree<'_>, element: usize) -> Option<String> {
        let base = self.path.base(tree, element)?;
        match &self.last {
            Some((last, text)) if *last == base => text.clone(),
            _ => {
                let text = self.path.text(tree, base);
                self.last = Some((base, text.clone()));
                text
            }
        }
    }
}

#[cfg(test)]
mod tests;
