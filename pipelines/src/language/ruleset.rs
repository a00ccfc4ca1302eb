//! A ruleset: what to mask.

use std::sync::LazyLock;

use regex::Regex;

use super::codes;
use super::condition;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::fields::{self, Fields};
use super::interpolate;
use super::keys;
use super::library::{Libraries, Resolver};
use super::mask::MaskCatalogue;
use super::node::{Entry, Kind, Node};
use super::source::{Sources, Span, Spanned};
use super::task::{Task, TaskParser};

/// A ruleset with its references followed and its tasks flat.
#[derive(Debug, Clone, Default)]
pub struct Ruleset {
    /// Free text for readers.
    pub doc: Option<String>,
    /// What is done. Discovery tasks are not among them.
    pub tasks: Vec<Task>,
    /// Whether two tasks that mask one column of one file are worth a warning.
    pub warn_on_duplicate_rules: bool,
    /// Whether archived objects are worth a warning.
    pub warn_on_glacier: bool,
    /// Whether a table's triggers are off while it is masked, where the pipeline does not say.
    pub auto_manage_triggers: Option<Spanned<bool>>,
    /// Whether it asks which columns hold personal data and are not masked: `run_data_discovery`.
    pub asks_coverage: bool,
    /// How many of the errors that were reported lie in rules; others may change what a task is for.
    pub errors_in_rules: usize,
}

/// Lists that hold YAML anchors and are ignored otherwise.
const DEFINITIONS: [&str; 3] = ["mask_definitions", "rule_definitions", "task_definitions"];

/// Whether a file that is asked for as a ruleset is a pipeline, which is reported.
pub(super) fn is_pipeline(
    root: &Node,
    named_at: Option<Span>,
    diagnostics: &mut Diagnostics,
) -> bool {
    let has = |key| root.get(key).is_some();
    let mistaken = ["connections", "source", "ruleset"].into_iter().any(has) && !has("tasks");
    if mistaken {
        let message = "this is a pipeline, and a ruleset is asked for";
        diagnostics.push(
            Diagnostic::new(&codes::MISTAKEN_FILE, message)
                .at(fields::first_line(root), "")
                .and_maybe(named_at, "named here")
                .help("a ruleset has `version` and `tasks`"),
        );
    }
    mistaken
}

/// Reads a ruleset from its tree, but for its version. Every problem is reported; what could be read is given back.
pub(super) fn parse(
    root: &Node,
    libraries: &mut Libraries,
    masks: &dyn MaskCatalogue,
    sources: &mut Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Ruleset> {
    let root = without_definitions(root);
    check_locality(&root, diagnostics);
    let root = Resolver::new(libraries, sources, diagnostics).resolve(&root);
    warn_of_variables(&root, diagnostics);
    let fields = Fields::new(&root, "a ruleset", keys::RULESET, diagnostics)?;

    check_old_keys(&fields, diagnostics);
    let skip_defaults = fields.get("skip_defaults");
    let skip_defaults = skip_defaults.and_then(|node| condition::parse_skip(node, diagnostics));
    let doc = fields.text("doc", diagnostics);
    let mut warn = |key| !fields.flag(key, diagnostics).unwrap_or(false);
    let warn_on_duplicate_rules = warn("disable_warning_on_duplicate_rules");
    let warn_on_glacier = warn("disable_warning_on_glacier_storage");
    let auto_manage_triggers = fields.flag("auto_manage_triggers", diagnostics);
    let auto_manage_triggers = auto_manage_triggers.map(|value| Spanned {
        value,
        span: fields.key_span("auto_manage_triggers"),
    });
    let mut parser = TaskParser {
        masks,
        sources,
        diagnostics,
        skip_defaults,
        errors_in_rules: 0,
        asks_coverage: false,
        tasks: Vec::new(),
    };
    if let Some(tasks) = fields.get("tasks") {
        parser.list(tasks, "tasks", 0, false);
    }
    Some(Ruleset {
        doc,
        asks_coverage: parser.asks_coverage,
        errors_in_rules: parser.errors_in_rules,
        tasks: parser.tasks,
        warn_on_duplicate_rules,
        warn_on_glacier,
        auto_manage_triggers,
    })
}

/// The ruleset with empty definition lists: their anchors have done their work.
fn without_definitions(root: &Node) -> Node {
    let Kind::Map(map) = &root.kind else {
        return root.clone();
    };
    let entries = map.entries.iter().map(|Entry { key, value }| Entry {
        key: key.clone(),
        value: match DEFINITIONS.contains(&&*key.text) {
            true => Node::scalar(Kind::Null, value.span),
            false => value.clone(),
        },
    });
    Node::map(entries.collect(), root.span)
}

fn check_old_keys(fields: &Fields<'_>, diagnostics: &mut Diagnostics) {
    for (key, why) in [
        ("name", "a ruleset is named by its file"),
        (
            "random_seed",
            "the pipeline's `run_secret` decides every value",
        ),
    ] {
        if fields.raw(key).is_some() {
            diagnostics.push(
                Diagnostic::new(
                    &codes::DEPRECATED_KEY,
                    format!("`{key}` has no effect any more"),
                )
                .at(fields.key_span(key), why),
            );
        }
    }
}

/// Refuses `{{ locality }}`, which another server would have replaced.
pub(super) fn check_locality(node: &Node, diagnostics: &mut Diagnostics) {
    static LOCALITY: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\{\{-?\s*locality\b").expect("the pattern is well formed"));
    match &node.kind {
        Kind::Str(text) if LOCALITY.is_match(text) => diagnostics.push(
            Diagnostic::new(&codes::NO_LOCALITY, "`{{ locality }}` is not supported")
                .at(node.span, "")
                .help("write the locality itself, such as `US`"),
        ),
        Kind::Seq(items) => {
            for item in items.iter() {
                check_locality(item, diagnostics);
            }
        }
        Kind::Map(map) => {
            for entry in &map.entries {
                check_locality(&entry.value, diagnostics);
            }
        }
        _ => {}
    }
}

/// Keys whose text is a pattern, where `$` and braces have a meaning of their own, or is for readers.
const NO_VARIABLES: [&str; 3] = ["regex", "matches", "doc"];

/// Warns of `${NAME}`, which somebody may have meant to be replaced as in a pipeline.
fn warn_of_variables(node: &Node, diagnostics: &mut Diagnostics) {
    match &node.kind {
        Kind::Str(text) => {
            if let Some(written) = interpolate::first_variable(text) {
                let message = format!("`{written}` is not replaced in a ruleset");
                diagnostics.push(
                    Diagnostic::new(&codes::NOT_REPLACED, message)
                        .at(node.span, "these very characters are meant")
                        .help("variables of the environment are for the other parts of a pipeline"),
                );
            }
        }
        Kind::Seq(items) => {
            for item in items.iter() {
                warn_of_variables(item, diagnostics);
            }
        }
        Kind::Map(map) => {
            for Entry { key, value } in &map.entries {
                if !NO_VARIABLES.contains(&&*key.text) {
                    warn_of_variables(value, diagnostics);
                }
            }
        }
        _ => {}
    }
}
