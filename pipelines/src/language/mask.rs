//! Masks as a ruleset writes them: a type, its arguments, perhaps a domain.

use serde_json::Value;

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics, nearest_label, quoted_list};
use super::fields;
use super::node::{Entry, Key, Kind, MERGE_KEY, Map, Node};
use super::source::{Span, Spanned};

/// What is known about the masks of this build.
pub trait MaskCatalogue {
    /// Whether a mask can run.
    fn is_built(&self, name: &str) -> bool;
    /// Its parameters; nothing when they are checked elsewhere.
    fn parameters(&self, name: &str) -> Option<Vec<Parameter>>;
}

/// One parameter of a mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Other spellings of the name.
    pub spellings: Vec<String>,
    /// Whether the mask is nothing without it.
    pub required: bool,
}

impl Parameter {
    /// Its name and the other spellings.
    fn names(&self) -> impl Iterator<Item = &str> {
        let names = [&self.name].into_iter().chain(&self.spellings);
        names.map(String::as_str)
    }
}

/// Every mask type that has a meaning, built or not.
pub const KNOWN_MASKS: [&str; 61] = [
    "from_fixed",
    "suppress",
    "from_column",
    "from_file",
    "from_choices",
    "from_format_string",
    "from_blob",
    "from_json_path",
    "secure_shuffle",
    "hash",
    "imitate",
    "partial",
    "from_random_text",
    "transform_case",
    "take_substring",
    "replace_substring",
    "replace_regex",
    "credit_card",
    "social_security_number",
    "brazilian_cpf",
    "set_checksum",
    "from_random_number",
    "from_random_boolean",
    "numeric_bucket",
    "from_random_date",
    "from_random_datetime",
    "retain_age",
    "retain_year",
    "retain_date_component",
    "typecast",
    "do_nothing",
    "chain",
    "concat",
    "from_unique",
    "from_unique_imitate",
    "imitate_unique",
    "imitate_uuid",
    "imitate_nz_ird",
    "json",
    "xml",
    "unstructured_text",
    "substitute",
    "add_noise",
    "address",
    "email",
    "fpe",
    "generalize_date",
    "generalize_ip",
    "generalize_number",
    "generalize_zip",
    "iban",
    "ip_address",
    "mac_address",
    "national_id",
    "person_name",
    "phone",
    "round",
    "shift_date",
    "url",
    "uuid",
    "tokenize",
];

/// Masks that go by no hash columns: the value, or the row, decides.
const WITHOUT_HASH_COLUMNS: [&str; 3] = ["from_unique", "from_unique_imitate", "secure_shuffle"];

/// Masks that go by the value alone, and heed no hash columns beside it.
const BY_VALUE_ALONE: [&str; 3] = ["imitate_unique", "imitate_uuid", "imitate_nz_ird"];

/// Names that are often tried, and what was meant.
const MEANT: [(&str, &str); 7] = [
    ("mask_json", "json"),
    ("mask_xml", "xml"),
    ("hash_text", "hash"),
    ("from_random_string", "from_random_text"),
    ("take_first", "take_substring"),
    ("redact", "suppress"),
    ("null", "suppress"),
];

/// One mask of a rule.
#[derive(Debug, Clone)]
pub struct MaskNode {
    /// Its type, by its present name.
    pub kind: String,
    /// Where the type is written.
    pub span: Span,
    /// The kind of value it stands for, where the ruleset says one.
    pub domain: Option<String>,
    /// Its arguments. Nested masks are a list under `masks`, also where the ruleset has a mapping.
    pub args: serde_json::Map<String, Value>,
    /// The whole mask in the same shape, for places: `node.span_of("masks[1].regex")`.
    pub node: Node,
}

impl MaskNode {
    /// A mask that `span` asks for, with these arguments.
    pub(super) fn with_texts(
        kind: &str,
        span: Span,
        args: impl IntoIterator<Item = (&'static str, Spanned<String>)>,
    ) -> Self {
        let (mut entries, mut values) = (Vec::new(), serde_json::Map::new());
        for (name, text) in args {
            let key = Key {
                text: name.into(),
                span: text.span,
            };
            let value = Node::scalar(Kind::Str(text.value.as_str().into()), text.span);
            entries.push(Entry { key, value });
            values.insert(name.to_owned(), text.value.into());
        }
        Self {
            kind: kind.to_owned(),
            span,
            domain: None,
            args: values,
            node: Node::map(entries, span),
        }
    }

    /// The mask here, or in a chain of it, that hash columns cannot be given to.
    pub(super) fn without_hash_columns(&self) -> Option<&'static str> {
        find_in_chain(&self.node, &WITHOUT_HASH_COLUMNS)
    }

    /// The mask here, or in a chain of it, that goes by the value alone.
    pub(super) fn by_value_alone(&self) -> Option<&'static str> {
        find_in_chain(&self.node, &BY_VALUE_ALONE)
    }
}

fn find_in_chain(mask: &Node, names: &[&'static str]) -> Option<&'static str> {
    let kind = mask.get("type").and_then(Node::as_str)?;
    let here = names.iter().find(|name| **name == kind);
    let inner = mask.get("masks").and_then(Node::as_seq).unwrap_or_default();
    let mut inner = inner.iter().filter(|_| kind == "chain");
    here.copied()
        .or_else(|| inner.find_map(|mask| find_in_chain(mask, names)))
}

/// A list of masks, a mapping of labels to masks, or one mask. What is wrong is reported.
pub(super) fn parse_list(
    node: &Node,
    catalogue: &dyn MaskCatalogue,
    diagnostics: &mut Diagnostics,
) -> Vec<MaskNode> {
    let listed = normalised(node);
    let Some(items) = listed.as_seq() else {
        fields::wrong_type(node, "a list of masks", diagnostics);
        return Vec::new();
    };
    if items.is_empty() {
        diagnostics.push(
            Diagnostic::new(&codes::NO_MASKS, "the list of masks is empty")
                .at(node.span, "")
                .help("to keep a value on purpose write `- type: do_nothing`"),
        );
    }
    let items = items.iter();
    items
        .filter_map(|item| parse_one(item, catalogue, diagnostics))
        .collect()
}

/// Masks as a list, and so every list of masks inside them.
fn normalised(masks: &Node) -> Node {
    let items: Vec<Node> = match &masks.kind {
        Kind::Seq(items) => items.iter().map(with_listed_masks).collect(),
        Kind::Map(map) if map.get("type").is_some_and(|kind| kind.as_map().is_none()) => {
            vec![with_listed_masks(masks)]
        }
        Kind::Map(map) => {
            let values = map.entries.iter().map(|entry| &entry.value);
            values.map(with_listed_masks).collect()
        }
        Kind::Null
        | Kind::Bool(_)
        | Kind::Int(_)
        | Kind::Float(_)
        | Kind::Str(_)
        | Kind::Broken => {
            return masks.clone();
        }
    };
    Node::seq(items, masks.span)
}

/// A mask in which all masks inside it, at whatever depth, are lists.
fn with_listed_masks(node: &Node) -> Node {
    match &node.kind {
        Kind::Map(map) => {
            let entries = map.entries.iter().map(|Entry { key, value }| Entry {
                key: key.clone(),
                value: match &*key.text {
                    "masks" | "fallback_masks" => normalised(value),
                    _ => with_listed_masks(value),
                },
            });
            Node::map(entries.collect(), node.span)
        }
        Kind::Seq(items) => Node::seq(items.iter().map(with_listed_masks).collect(), node.span),
        _ => node.clone(),
    }
}

fn parse_one(
    node: &Node,
    catalogue: &dyn MaskCatalogue,
    diagnostics: &mut Diagnostics,
) -> Option<MaskNode> {
    let Kind::Map(map) = &node.kind else {
        fields::wrong_type(node, "a mask, such as `{type: do_nothing}`", diagnostics);
        return None;
    };
    let Some(kind) = map.get("type") else {
        if map.lost_a_merge() {
            return None;
        }
        let first = map
            .entries
            .first()
            .map_or(node.span, |entry| entry.key.span);
        diagnostics.push(
            Diagnostic::new(&codes::MISSING_KEY, "a mask needs `type`")
                .at(first, "")
                .help("for example `type: do_nothing`"),
        );
        return None;
    };
    let span = kind.span;
    let written = fields::text(kind, diagnostics)?;
    let kind = present_name(&written, span, diagnostics)?;
    let domain = map.get("domain").filter(|domain| !domain.is_null());
    let domain = domain.and_then(|domain| fields::named(domain, diagnostics));

    if catalogue.is_built(kind) {
        check_arguments(kind, node, map, catalogue, diagnostics);
    } else {
        not_built(kind, span, diagnostics);
    }
    // Nested masks are judged as those of a rule are, then stay where they are.
    for inner in inner_masks(kind, map) {
        parse_list(inner, catalogue, diagnostics);
    }

    let args = map.entries.iter().filter(|entry| !is_common(&entry.key));
    Some(MaskNode {
        kind: kind.to_owned(),
        span,
        domain: domain.map(|domain| domain.value),
        args: args
            .map(|entry| (entry.key.text.to_string(), entry.value.to_json()))
            .collect(),
        node: node.clone(),
    })
}

/// The lists of masks in a mask: its own, or one for each label of `unstructured_text`.
fn inner_masks<'n>(kind: &str, map: &'n Map) -> Vec<&'n Node> {
    let masks = map.get("masks");
    match kind {
        "unstructured_text" => {
            let labelled = masks.and_then(Node::as_seq).unwrap_or_default().iter();
            labelled.filter_map(|one| one.get("masks")).collect()
        }
        _ => masks.into_iter().collect(),
    }
}

/// Keys that every mask has.
fn is_common(key: &Key) -> bool {
    matches!(&*key.text, "type" | "domain")
}

/// The present name of a mask type, or nothing when there is none.
fn present_name(written: &str, span: Span, diagnostics: &mut Diagnostics) -> Option<&'static str> {
    if written == "substitute" {
        diagnostics.push(
            Diagnostic::new(
                &codes::DEPRECATED_MASK,
                "`substitute` is now called `imitate`",
            )
            .at(span, "write `imitate`"),
        );
        return Some("imitate");
    }
    if written == "from_unique_imitate" {
        diagnostics.push(
            Diagnostic::new(
                &codes::DEPRECATED_MASK,
                "`from_unique_imitate` is now called `imitate_unique`",
            )
            .at(span, "write `imitate_unique` where it has no arguments"),
        );
    }
    let known = KNOWN_MASKS.iter().copied().find(|name| *name == written);
    if known.is_none() {
        let meant = MEANT.iter().find(|(name, _)| *name == written);
        let label = match meant {
            Some((_, meant)) => format!("nearest: `{meant}`"),
            None => nearest_label(written, KNOWN_MASKS),
        };
        diagnostics.push(
            Diagnostic::new(
                &codes::UNKNOWN_MASK,
                format!("there is no mask `{written}`"),
            )
            .at(span, label)
            .help("`visard masks` lists all masks"),
        );
    }
    known
}

fn not_built(kind: &str, span: Span, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::new(
            &codes::MASK_NOT_BUILT,
            format!("the mask `{kind}` is not built yet"),
        )
        .at(span, "")
        .help("`visard masks` lists the masks of this version"),
    );
}

fn check_arguments(
    kind: &str,
    node: &Node,
    map: &Map,
    catalogue: &dyn MaskCatalogue,
    diagnostics: &mut Diagnostics,
) {
    let Some(parameters) = catalogue.parameters(kind) else {
        return;
    };
    let names = || parameters.iter().flat_map(Parameter::names);
    for entry in map.entries.iter().filter(|entry| !is_common(&entry.key)) {
        let name = &*entry.key.text;
        let merge_failed = name == MERGE_KEY && map.lost_a_merge();
        if names().any(|known| known == name) || merge_failed {
            continue;
        }
        let help = match parameters.is_empty() {
            true => format!("`{kind}` takes no arguments"),
            false => {
                let names = parameters.iter().map(|parameter| parameter.name.as_str());
                format!("its arguments are {}", quoted_list(names))
            }
        };
        diagnostics.push(
            Diagnostic::new(
                &codes::UNKNOWN_ARGUMENT,
                format!("the mask `{kind}` has no argument `{name}`"),
            )
            .at(entry.key.span, nearest_label(name, names()))
            .help(help),
        );
    }
    for parameter in parameters.iter().filter(|parameter| parameter.required) {
        if parameter.names().all(|name| map.get(name).is_none()) && !map.lost_a_merge() {
            let message = format!("the mask `{kind}` needs `{}`", parameter.name);
            let place = map.get("type").map_or(node.span, |kind| kind.span);
            diagnostics.push(Diagnostic::new(&codes::MISSING_ARGUMENT, message).at(place, ""));
        }
    }
}
