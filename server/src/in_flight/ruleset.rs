//! An in-flight ruleset: lists of masks, without tasks and columns.
//!
//! It is read as the ruleset of a run with one task for each of its rules, so that masks are spelled and
//! checked as in any other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use visard::check::BuiltMasks;
use visard::language::{
    self, Condition, Diagnostic, Diagnostics, Entry, Key, Kind, Language, Libraries, MaskNode,
    Node, Severity, Sources, Span, codes, yaml,
};

/// What a rule masks, as masks and their messages call it.
pub(super) const VALUE: &str = "value";

/// Masks that need the rows of a table, or files that are kept for one.
const WITHOUT_ROWS: [&str; 4] = ["from_column", "from_unique", "secure_shuffle", "from_blob"];
/// Arguments that name a column of a table.
const FILTERS: [&str; 2] = ["table_filter_column", "seed_filter_column"];
/// Keys of a rule.
const RULE: [&str; 5] = ["masks", "name", "doc", "hash_columns", "skip"];

/// The rules of a ruleset, in order.
#[derive(Debug)]
pub(crate) struct Ruleset {
    /// The rules.
    pub(super) rules: Vec<Rule>,
    /// Names of the seed files in them.
    pub(crate) seeds: BTreeSet<String>,
    /// What to know of it.
    pub(crate) warnings: Vec<Problem>,
}

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    /// Its masks, as a masker takes them.
    pub(super) masks: Value,
    /// Which values it masks, by `skip` and `skip_defaults`; all where there is nothing.
    pub(super) condition: Option<Condition>,
    /// Whether each value draws for itself, whatever hash values there are: `hash_columns` is empty.
    pub(super) draws_alone: bool,
}

/// What is wrong with a ruleset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) message: String,
    /// Line and column, from 1.
    pub(crate) place: Option<(usize, usize)>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place {
            None => f.write_str(&self.message),
            Some((line, column)) => {
                write!(f, "{} (line {line}, column {column})", self.message)
            }
        }
    }
}

impl Ruleset {
    /// Reads a ruleset.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn read(yaml: &str) -> Result<Self, Vec<Problem>> {
        let mut diagnostics = Diagnostics::new();
        let read = read(yaml, &mut diagnostics);
        let (errors, warnings): (Vec<_>, Vec<_>) = diagnostics
            .sorted()
            .into_iter()
            .partition(|problem| problem.severity() == Severity::Error);
        let told = |problems: Vec<&Diagnostic>| problems.into_iter().map(problem).collect();
        match read {
            Some(rules) if errors.is_empty() => {
                let mut seeds = BTreeSet::new();
                for mask in rules.iter().flat_map(|rule| &rule.masks) {
                    add_seeds(&mask.node, &mut seeds);
                }
                let rules = rules.iter().map(|rule| Rule {
                    masks: rule.masks.iter().map(mask_json).collect(),
                    condition: rule.condition.clone(),
                    draws_alone: rule.hash_columns.is_some(),
                });
                Ok(Self {
                    rules: rules.collect(),
                    seeds,
                    warnings: told(warnings),
                })
            }
            _ => Err(told(errors)),
        }
    }
}

fn problem(diagnostic: &Diagnostic) -> Problem {
    let start = diagnostic.primary.as_ref().map(|label| label.span.start);
    let message = match &diagnostic.help {
        None => diagnostic.message.clone(),
        Some(help) => format!("{}; {help}", diagnostic.message),
    };
    Problem {
        message,
        place: start.map(|start| (start.line, start.column)),
    }
}

/// The rules, as a ruleset of a run has them.
fn read(yaml: &str, diagnostics: &mut Diagnostics) -> Option<Vec<language::Rule>> {
    // A folder that nothing lies in: no rule leads to a file.
    let mut sources = Sources::within(PathBuf::from("in-flight"));
    let file = sources.add(Path::new("ruleset.yml"), yaml.into(), diagnostics)?;
    let root = yaml::parse(file, &mut sources, diagnostics)?;
    let root = with_tasks(&root, diagnostics)?;
    let language = Language {
        masks: &BuiltMasks,
        environment: &BTreeMap::new(),
    };
    let mut libraries = Libraries::new(Vec::new());
    let ruleset = language.ruleset(&root, &mut libraries, &mut sources, diagnostics)?;
    let rules = ruleset.tasks.into_iter().flat_map(|task| task.rules);
    let rules: Vec<language::Rule> = rules.collect();
    for rule in &rules {
        if rule
            .hash_columns
            .as_ref()
            .is_some_and(|columns| !columns.is_empty())
        {
            let message = "there are no columns in flight: a request brings `hash_values`";
            diagnostics.push(Diagnostic::new(&codes::WRONG_VALUE, message).at(rule.span, ""));
        }
        for mask in &rule.masks {
            refuse_needing_rows(&mask.node, diagnostics);
        }
    }
    Some(rules)
}

/// The same with a task in the place of each rule.
fn with_tasks(root: &Node, diagnostics: &mut Diagnostics) -> Option<Node> {
    let mut wrong = |message: &str, place: Span| {
        diagnostics.push(Diagnostic::new(&codes::WRONG_VALUE, message).at(place, ""));
    };
    let Some(map) = root.as_map() else {
        wrong(
            "a ruleset is a mapping with `version` and `rules`",
            root.span,
        );
        return None;
    };
    match map.get("version").map(|version| &version.kind) {
        Some(Kind::Str(version)) if &**version == "1.0" => {}
        Some(_) => wrong(
            "the version is `\"1.0\"`, in quotes",
            root.span_of("version"),
        ),
        None => wrong("a ruleset needs `version: \"1.0\"`", root.span),
    }
    for key in ["tasks", "imports"] {
        if map.get(key).is_some() {
            let message = format!("an in-flight ruleset has no `{key}`");
            wrong(&message, root.key_span(key));
        }
    }
    let Some(rules) = map.get("rules") else {
        wrong("a ruleset needs `rules`", root.span);
        return None;
    };
    let listed: Vec<&Node> = match &rules.kind {
        Kind::Seq(items) => items.iter().collect(),
        Kind::Map(map) if map.get("masks").is_some() => vec![rules],
        Kind::Map(map) => map.entries.iter().map(|entry| &entry.value).collect(),
        _ => Vec::new(),
    };
    if listed.is_empty() {
        wrong("`rules` is a list of rules, with one at least", rules.span);
        return None;
    }
    let tasks = listed.into_iter().map(|rule| {
        for entry in rule.as_map().into_iter().flat_map(|map| &map.entries) {
            let name = &*entry.key.text;
            if !RULE.contains(&name) && name != "<<" {
                let message = format!("a rule of an in-flight ruleset has no key `{name}`");
                wrong(&message, entry.key.span);
            }
        }
        task_of(rule)
    });
    let tasks = Node::seq(tasks.collect(), rules.span);
    let entries = map
        .entries
        .iter()
        .map(|Entry { key, value }| match &*key.text {
            "rules" => entry("tasks", key.span, tasks.clone()),
            _ => Entry {
                key: key.clone(),
                value: value.clone(),
            },
        });
    let entries = entries.filter(|entry| &*entry.key.text != "imports");
    Some(Node::map(entries.collect(), root.span))
}

/// A task for files with this one rule, on the one column there is.
fn task_of(rule: &Node) -> Node {
    let span = rule.span;
    let text = |text: &str| Node::scalar(Kind::Str(text.into()), span);
    let rule = match rule.as_map() {
        None => rule.clone(),
        Some(map) => {
            let own = map
                .entries
                .iter()
                .filter(|entry| RULE.contains(&&*entry.key.text));
            let mut entries: Vec<Entry> = own.cloned().collect();
            entries.push(entry("column", span, text(VALUE)));
            Node::map(entries, span)
        }
    };
    let entries = vec![
        entry("type", span, text("mask_tabular_file")),
        entry("rules", span, Node::seq(vec![rule], span)),
    ];
    Node::map(entries, span)
}

fn entry(key: &str, span: Span, value: Node) -> Entry {
    let text = key.into();
    Entry {
        key: Key { text, span },
        value,
    }
}

/// Reports masks, here or in masks inside, that need more than a value.
fn refuse_needing_rows(mask: &Node, diagnostics: &mut Diagnostics) {
    let mut wrong = |message: String, place: Span| {
        diagnostics.push(Diagnostic::new(&codes::BAD_MASK, message).at(place, ""));
    };
    let kind = mask.get("type").and_then(Node::as_str).unwrap_or_default();
    if WITHOUT_ROWS.contains(&kind) {
        let message =
            format!("the mask `{kind}` needs the rows of a table: it cannot mask in flight");
        wrong(message, mask.span_of("type"));
    }
    if kind == "from_file" {
        for key in FILTERS.into_iter().filter(|key| mask.get(key).is_some()) {
            let message = format!("`{key}` needs the rows of a table: it cannot filter in flight");
            wrong(message, mask.key_span(key));
        }
    }
    for inner in inside(mask) {
        refuse_needing_rows(inner, diagnostics);
    }
}

/// What lies directly in a value.
fn inside(node: &Node) -> Vec<&Node> {
    match &node.kind {
        Kind::Seq(items) => items.iter().collect(),
        Kind::Map(map) => map.entries.iter().map(|entry| &entry.value).collect(),
        _ => Vec::new(),
    }
}

fn add_seeds(mask: &Node, seeds: &mut BTreeSet<String>) {
    seeds.extend(
        mask.get("seed_file")
            .and_then(Node::as_str)
            .map(str::to_owned),
    );
    for inner in inside(mask) {
        add_seeds(inner, seeds);
    }
}

fn mask_json(mask: &MaskNode) -> Value {
    let mut json = Map::new();
    json.insert("type".to_owned(), json!(mask.kind));
    json.extend(
        mask.domain
            .iter()
            .map(|domain| ("domain".to_owned(), json!(domain))),
    );
    json.extend(mask.args.clone());
    Value::Object(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_their_seeds() {
        let read = Ruleset::read(
            "version: \"1.0\"\nmask_definitions:\n  - &lower {type: transform_case, transform: lowercase}\n\
             rules:\n  - masks:\n      - {type: from_file, seed_file: DataMasque_lastNames_v2.csv}\n      - *lower\n  \
             - masks: {type: imitate}\n",
        )
        .unwrap();
        assert_eq!(read.rules.len(), 2);
        assert_eq!(read.rules[0].masks[1]["type"], "transform_case");
        assert!(!read.rules[0].draws_alone);
        assert_eq!(
            read.seeds.into_iter().collect::<Vec<_>>(),
            ["DataMasque_lastNames_v2.csv"]
        );
        let labelled = "version: '1.0'\nrules:\n  a: {masks: [{type: imitate}]}\n";
        assert_eq!(Ruleset::read(labelled).unwrap().rules.len(), 1);
        let alone = "version: '1.0'\nrules:\n  - hash_columns: []\n    masks: [{type: imitate}]\n";
        assert!(Ruleset::read(alone).unwrap().rules[0].draws_alone);
    }

    #[test]
    fn what_cannot_mask_in_flight() {
        let head = "version: \"1.0\"\nrules:\n  - masks: ";
        let of = |mask: &str| format!("{head}[{mask}]\n");
        for (yaml, part, line) in [
            (
                "version: 1.0\nrules: [{masks: [{type: imitate}]}]\n".to_owned(),
                "in quotes",
                1,
            ),
            (
                "rules: [{masks: [{type: imitate}]}]\n".to_owned(),
                "needs `version",
                1,
            ),
            ("version: \"1.0\"\n".to_owned(), "needs `rules`", 1),
            (
                "version: \"1.0\"\nrules: []\n".to_owned(),
                "one at least",
                2,
            ),
            (
                "version: \"1.0\"\ntasks: []\nrules: [{masks: [{type: imitate}]}]\n".to_owned(),
                "no `tasks`",
                2,
            ),
            ("- a\n".to_owned(), "a mapping", 1),
            (
                of("{type: from_column, source_column: a}"),
                "needs the rows",
                3,
            ),
            (
                of("{type: from_unique, format: '{[0-9],3}'}"),
                "needs the rows",
                3,
            ),
            (of("{type: secure_shuffle}"), "needs the rows", 3),
            (of("{type: from_blob, blob_file: a}"), "needs the rows", 3),
            (
                of("{type: chain, masks: [{type: from_blob, blob_file: a}]}"),
                "needs the rows",
                3,
            ),
            (
                of(
                    "{type: json, transforms: [{path: [a], masks: [{type: from_column, source_column: a}]}]}",
                ),
                "needs the rows",
                3,
            ),
            (
                of(
                    "{type: from_file, seed_file: a.csv, seed_filter_column: b, table_filter_column: c}",
                ),
                "needs the rows",
                3,
            ),
            (of("{type: imitat}"), "there is no mask", 3),
            (of("{$ref: 'a/b#masks/c'}"), "library", 3),
            (
                format!("{head}[{{type: imitate}}]\n    hash_columns: [a]\n"),
                "no columns in flight",
                3,
            ),
            (
                format!("{head}[{{type: imitate}}]\n    column: a\n"),
                "no key `column`",
                4,
            ),
            (
                format!("{head}[{{type: imitate}}]\n    if: [{{column: a, equals: b}}]\n"),
                "no key `if`",
                4,
            ),
        ] {
            let problems = Ruleset::read(&yaml).unwrap_err();
            let found = problems.iter().any(|problem| {
                problem.message.contains(part) && problem.place.is_some_and(|(at, _)| at == line)
            });
            assert!(found, "{yaml}{problems:?}");
        }
    }
}
