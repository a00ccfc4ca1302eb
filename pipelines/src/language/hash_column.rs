//! Hash columns: the values that decide a masked value.

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::fields::{self, Fields};
use super::identifier::Identifier;
use super::keys;
use super::node::{Kind, Node};
use super::rule::ColumnPattern;
use super::source::{Span, Spanned};

/// One value that decides a masked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashColumn {
    /// Where the value comes from.
    pub source: HashSource,
    /// Letter case it is brought to first.
    pub case: Option<Case>,
    /// Whether white space around it is removed first.
    pub trim: bool,
    /// Path to a value in the column's JSON; empty for the whole value.
    pub json_path: Vec<PathStep>,
    /// Where it is written.
    pub span: Span,
}

/// Where a hash value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashSource {
    /// The column that is masked.
    Own,
    /// A column by its name.
    Column(Spanned<Identifier>),
}

impl HashColumn {
    /// Whether it is the masked column itself, which is one of these.
    pub(super) fn is_one_of(&self, masked: &[ColumnPattern]) -> bool {
        match &self.source {
            HashSource::Own => true,
            HashSource::Column(name) => {
                masked.iter().any(|column| column.matches(&name.value.text))
            }
        }
    }
}

/// A letter case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Case {
    /// Capital letters.
    Upper,
    /// Small letters.
    Lower,
}

/// A step into JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PathStep {
    /// Into an object.
    Key(String),
    /// Into an array, from 0.
    Index(usize),
}

/// A list of hash columns, or one of them. `null` and an empty list give an empty list, which asks
/// for random values.
pub(super) fn parse(node: &Node, diagnostics: &mut Diagnostics) -> Vec<HashColumn> {
    if node.is_null() {
        return Vec::new();
    }
    let items = fields::one_or_many(node).iter();
    items
        .filter_map(|item| parse_one(item, diagnostics))
        .collect()
}

fn parse_one(node: &Node, diagnostics: &mut Diagnostics) -> Option<HashColumn> {
    let column =
        |name: Spanned<String>| HashSource::Column(name.map(|name| Identifier::parse(&name)));
    let plain = |source| HashColumn {
        source,
        case: None,
        trim: false,
        json_path: Vec::new(),
        span: node.span,
    };
    if node.as_map().is_none() {
        let name = fields::named(node, diagnostics)?;
        return Some(plain(column(name)));
    }
    let fields = Fields::new(node, "a hash column", keys::HASH_COLUMN, diagnostics)?;
    let name = fields.name("column_name", diagnostics);
    let own = fields
        .get("source")
        .and_then(|source| fields::choice(source, &[("self", ())], diagnostics))
        .is_some();
    let source = match (name, own) {
        (Some(name), false) => column(name),
        (None, true) => HashSource::Own,
        (Some(_), true) => {
            return bad(
                &fields,
                "a hash column has both `column_name` and `source`",
                diagnostics,
            );
        }
        (None, false) if fields.get("source").is_some() || fields.get("column_name").is_some() => {
            return None;
        }
        (None, false) => {
            return bad(
                &fields,
                "a hash column has neither `column_name` nor `source`",
                diagnostics,
            );
        }
    };
    let cases = [("upper", Case::Upper), ("lower", Case::Lower)];
    let case = fields.get("case_transform");
    let steps = fields.get("json_path").map_or(&[][..], fields::one_or_many);
    Some(HashColumn {
        case: case.and_then(|case| fields::choice(case, &cases, diagnostics)),
        trim: fields.flag("trim", diagnostics).unwrap_or(false),
        json_path: steps
            .iter()
            .filter_map(|step| path_step(step, diagnostics))
            .collect(),
        ..plain(source)
    })
}

fn path_step(node: &Node, diagnostics: &mut Diagnostics) -> Option<PathStep> {
    match &node.kind {
        Kind::Str(key) => Some(PathStep::Key(key.to_string())),
        Kind::Int(index) if usize::try_from(*index).is_ok() => {
            usize::try_from(*index).ok().map(PathStep::Index)
        }
        _ => {
            fields::wrong_type(node, "a key, or an index from 0", diagnostics);
            None
        }
    }
}

fn bad<T>(fields: &Fields<'_>, message: &str, diagnostics: &mut Diagnostics) -> Option<T> {
    diagnostics.push(
        Diagnostic::new(&codes::BAD_HASH_COLUMN, message)
            .at(fields.node.span, "")
            .help("write a column's name, `{column_name: NAME}` or `{source: self}`"),
    );
    None
}
