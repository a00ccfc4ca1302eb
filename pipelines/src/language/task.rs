//! Tasks: flat, in order, each with its files and its rules.

use super::codes::{self, Code};
use super::diagnostic::{Diagnostic, Diagnostics, nearest_label, quoted_list};
use super::fields::{self, Fields, KeySpec};
use super::files::{self, FileFilter};
use super::format::TextOptions;
use super::hash_column;
use super::keys;
use super::mask::MaskCatalogue;
use super::node::{Kind, Node};
use super::rule::{self, Rule, RuleParser, Scope};
use super::source::Span;

/// A `mask_tabular_file` task.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its place among the tasks, for people: `tasks[1].tasks[0]`.
    pub path: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Tasks of an earlier stage are done before it starts; tasks of one stage may run together.
    pub stage: usize,
    /// Which files it works on.
    pub files: FileFilter,
    /// What it masks, at least one rule unless one was reported.
    pub rules: Vec<Rule>,
    /// How many slices it works on at once, where it says so.
    pub workers: Option<usize>,
    /// How its delimited text is read.
    pub text: TextOptions,
    /// Where it is written: its `type`.
    pub span: Span,
}

/// The most workers a task or a run may ask for.
pub(super) const MAX_WORKERS: usize = 1024;

/// What a task type is to us.
enum TaskKind {
    Tabular,
    Parallel,
    Serial,
    /// Left out with a warning.
    Discovery,
    /// Refused.
    NotBuilt(&'static Code, &'static [KeySpec]),
}

const TASK_TYPES: [(&str, TaskKind); 13] = [
    ("mask_tabular_file", TaskKind::Tabular),
    ("parallel", TaskKind::Parallel),
    ("serial", TaskKind::Serial),
    ("run_data_discovery", TaskKind::Discovery),
    ("run_schema_discovery", TaskKind::Discovery),
    ("run_file_data_discovery", TaskKind::Discovery),
    (
        "mask_file",
        TaskKind::NotBuilt(&codes::NO_MASK_FILE, keys::MASK_FILE),
    ),
    (
        "mask_table",
        TaskKind::NotBuilt(&codes::NO_MASK_TABLE, keys::MASK_TABLE),
    ),
    (
        "mask_unique_key",
        TaskKind::NotBuilt(&codes::NO_MASK_UNIQUE_KEY, keys::MASK_UNIQUE_KEY),
    ),
    (
        "run_sql",
        TaskKind::NotBuilt(&codes::NO_RUN_SQL, keys::RUN_SQL),
    ),
    (
        "truncate_table",
        TaskKind::NotBuilt(&codes::NO_TRUNCATE_TABLE, keys::TRUNCATE_TABLE),
    ),
    (
        "build_temp_table",
        TaskKind::NotBuilt(&codes::NO_BUILD_TEMP_TABLE, keys::BUILD_TEMP_TABLE),
    ),
    (
        "unstructured_text",
        TaskKind::NotBuilt(&codes::NO_UNSTRUCTURED_TEXT, keys::MASK_FILE),
    ),
];

/// Reads tasks into one flat list.
pub(super) struct TaskParser<'a> {
    pub masks: &'a dyn MaskCatalogue,
    pub diagnostics: &'a mut Diagnostics,
    pub skip_defaults: Option<super::condition::Condition>,
    pub tasks: Vec<Task>,
}

impl TaskParser<'_> {
    /// Reads a list of tasks that begins at `stage`; gives the first stage after them.
    pub(super) fn list(&mut self, node: &Node, path: &str, stage: usize, parallel: bool) -> usize {
        let Some(items) = node.as_seq() else {
            fields::wrong_type(node, "a list of tasks", self.diagnostics);
            return stage;
        };
        if items.is_empty() {
            let message = "the list of tasks is empty";
            self.diagnostics
                .push(Diagnostic::new(&codes::NO_TASKS, message).at(node.span, ""));
        }
        let (mut next, mut end) = (stage, stage);
        for (index, item) in items.iter().enumerate() {
            let after = self.one(item, format!("{path}[{index}]"), next);
            end = end.max(after);
            if !parallel {
                next = after;
            }
        }
        end
    }

    fn one(&mut self, node: &Node, path: String, stage: usize) -> usize {
        let Some(kind) = self.kind_of(node) else {
            return stage;
        };
        let name = node.get("type").and_then(Node::as_str).unwrap_or_default();
        let what = format!("the task `{name}`");
        match kind {
            TaskKind::Tabular => {
                let fields = Fields::new(node, &what, keys::MASK_TABULAR_FILE, self.diagnostics);
                if let Some(fields) = fields {
                    self.tabular(&fields, path, stage);
                }
                stage + 1
            }
            TaskKind::Parallel | TaskKind::Serial => {
                let Some(fields) = Fields::new(node, &what, keys::GROUP, self.diagnostics) else {
                    return stage;
                };
                let parallel = matches!(kind, TaskKind::Parallel);
                match fields.get("tasks") {
                    Some(tasks) => self.list(tasks, &format!("{path}.tasks"), stage, parallel),
                    None => stage,
                }
            }
            TaskKind::Discovery => {
                Fields::new(node, &what, keys::DISCOVERY, self.diagnostics);
                let message = format!("{what} is left out");
                self.diagnostics.push(
                    Diagnostic::new(&codes::NO_DISCOVERY, message)
                        .at(node.span_of("type"), "discovery is not built yet"),
                );
                stage
            }
            TaskKind::NotBuilt(code, keys) => {
                Fields::new(node, &what, keys, self.diagnostics);
                self.diagnostics.push(
                    Diagnostic::new(code, format!("{what} is not built yet"))
                        .at(node.span_of("type"), "")
                        .help(
                            "move it to a ruleset of its own; nothing of this one runs until then",
                        ),
                );
                stage
            }
        }
    }

    fn kind_of(&mut self, node: &Node) -> Option<&'static TaskKind> {
        let Kind::Map(map) = &node.kind else {
            fields::wrong_type(node, "a task, which is a mapping", self.diagnostics);
            return None;
        };
        let names = || TASK_TYPES.iter().map(|(name, _)| *name);
        let Some(kind) = map.get("type") else {
            if map.lost_a_merge() {
                return None;
            }
            let place = map
                .entries
                .first()
                .map_or(node.span, |entry| entry.key.span);
            self.diagnostics.push(
                Diagnostic::new(&codes::MISSING_KEY, "a task needs `type`")
                    .at(place, "")
                    .help("for example `type: mask_tabular_file`"),
            );
            return None;
        };
        let written = fields::text(kind, self.diagnostics)?;
        let known = TASK_TYPES.iter().find(|(name, _)| *name == written);
        if known.is_none() {
            let message = format!("there is no task type `{written}`");
            self.diagnostics.push(
                Diagnostic::new(&codes::UNKNOWN_TASK, message)
                    .at(kind.span, nearest_label(&written, names()))
                    .help(format!("task types are {}", quoted_list(names()))),
            );
        }
        known.map(|(_, kind)| kind)
    }

    fn tabular(&mut self, fields: &Fields<'_>, path: String, stage: usize) {
        const FIXED_WIDTH: [&str; 4] = [
            "fixed_width_extension",
            "fixed_width_columns_indexes",
            "fixed_width_column_names",
            "fixed_width_too_wide_action",
        ];
        if let Some(key) = FIXED_WIDTH
            .into_iter()
            .find(|key| fields.get(key).is_some())
        {
            let message = "fixed-width files are not built yet";
            self.diagnostics.push(
                Diagnostic::new(&codes::NO_FIXED_WIDTH, message).at(fields.key_span(key), ""),
            );
        }
        let hash_columns = fields
            .raw("hash_columns")
            .map(|node| hash_column::parse(node, self.diagnostics));
        let scope = Scope {
            hash_columns,
            skip_defaults: self.skip_defaults.clone(),
            ..Scope::default()
        };
        let mut parser = RuleParser::new(self.masks, self.diagnostics);
        if let Some(rules) = fields.get("rules") {
            parser.list(rules, &scope);
            parser.check_task_hash_columns(&scope, fields.key_span("hash_columns"));
        }
        let rules = parser.rules;
        rule::check_duplicates(&rules, self.diagnostics);
        self.tasks.push(Task {
            path,
            name: fields.text("name", self.diagnostics),
            stage,
            files: files::parse(fields, self.diagnostics),
            rules,
            workers: fields.count("workers", MAX_WORKERS, self.diagnostics),
            text: TextOptions::parse(fields, self.diagnostics),
            span: fields.node.span_of("type"),
        });
    }
}
