//! Tasks: flat, in order, each with what it works on and its rules.

use super::codes::{self, Code};
use super::connection::Holds;
use super::diagnostic::{Diagnostic, Diagnostics, nearest_label, quoted_list};
use super::fields::{self, Fields, KeySpec};
use super::files::{self, FileFilter};
use super::format::TextOptions;
use super::hash_column;
use super::identifier::TableName;
use super::keys;
use super::mask::MaskCatalogue;
use super::node::{Kind, Node};
use super::rule::{self, Rule, RuleParser, Scope};
use super::source::{Sources, Span, Spanned};
use super::table_task::{self, TableTask};
use super::unique_key;

/// One step of a ruleset.
#[derive(Debug, Clone)]
pub struct Task {
    /// Its place among the tasks, for people: `tasks[1].tasks[0]`.
    pub path: String,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Tasks of an earlier stage are done before it starts; tasks of one stage may run together.
    pub stage: usize,
    /// What it masks: at least one rule unless one was reported, none where it masks nothing.
    pub rules: Vec<Rule>,
    /// How many slices it works on at once, where it says so.
    pub workers: Option<usize>,
    /// What it does.
    pub kind: TaskKind,
    /// Where it is written: its `type`.
    pub span: Span,
}

/// What a task does.
#[derive(Debug, Clone)]
pub enum TaskKind {
    /// It masks CSV, Parquet and the like.
    TabularFile {
        /// Which files it works on.
        files: FileFilter,
        /// How its delimited text is read.
        text: TextOptions,
        /// The table that they are loaded into, where the destination is a database.
        into: Option<Spanned<TableName>>,
    },
    /// It masks a table.
    Table(TableTask),
    /// It runs SQL.
    RunSql {
        /// The statements; of a file, with the place that names it.
        sql: Spanned<String>,
    },
    /// It empties a table.
    TruncateTable {
        /// The table.
        table: Spanned<TableName>,
    },
    /// It fills a temporary table.
    BuildTempTable {
        /// The temporary table.
        table: Spanned<TableName>,
        /// The query that fills it. It does not end with `;`.
        select: Spanned<String>,
    },
}

impl TaskKind {
    /// The `type` of its tasks.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::TabularFile { .. } => "mask_tabular_file",
            Self::Table(_) => "mask_table",
            Self::RunSql { .. } => "run_sql",
            Self::TruncateTable { .. } => "truncate_table",
            Self::BuildTempTable { .. } => "build_temp_table",
        }
    }

    /// What it works on.
    pub(super) fn works_on(&self) -> Holds {
        match self {
            Self::TabularFile { .. } => Holds::Files,
            Self::Table(_)
            | Self::RunSql { .. }
            | Self::TruncateTable { .. }
            | Self::BuildTempTable { .. } => Holds::Tables,
        }
    }
}

/// What a task that is not for files says about text.
static NO_TEXT: TextOptions = TextOptions::UNSAID;

impl Task {
    /// Which files it works on; nothing where it is for a database.
    pub fn files(&self) -> Option<&FileFilter> {
        match &self.kind {
            TaskKind::TabularFile { files, .. } => Some(files),
            _ => None,
        }
    }

    /// How its delimited text is read; it says nothing where it is for a database.
    pub fn text(&self) -> &TextOptions {
        match &self.kind {
            TaskKind::TabularFile { text, .. } => text,
            _ => &NO_TEXT,
        }
    }
}

/// The most workers a task or a run may ask for.
pub(super) const MAX_WORKERS: usize = 1024;

/// What a task type is to us.
enum TaskType {
    Tabular,
    Table,
    RunSql,
    TruncateTable,
    BuildTempTable,
    UniqueKey,
    Parallel,
    Serial,
    /// Left out with a warning.
    Discovery,
    /// Refused.
    NotBuilt(&'static Code, &'static [KeySpec]),
}

const TASK_TYPES: [(&str, TaskType); 13] = [
    ("mask_tabular_file", TaskType::Tabular),
    ("mask_table", TaskType::Table),
    ("run_sql", TaskType::RunSql),
    ("truncate_table", TaskType::TruncateTable),
    ("build_temp_table", TaskType::BuildTempTable),
    ("parallel", TaskType::Parallel),
    ("serial", TaskType::Serial),
    ("run_data_discovery", TaskType::Discovery),
    ("run_schema_discovery", TaskType::Discovery),
    ("run_file_data_discovery", TaskType::Discovery),
    (
        "mask_file",
        TaskType::NotBuilt(&codes::NO_MASK_FILE, keys::MASK_FILE),
    ),
    ("mask_unique_key", TaskType::UniqueKey),
    (
        "unstructured_text",
        TaskType::NotBuilt(&codes::NO_UNSTRUCTURED_TEXT, keys::MASK_FILE),
    ),
];

/// Reads tasks into one flat list.
pub(super) struct TaskParser<'a> {
    pub masks: &'a dyn MaskCatalogue,
    /// Takes in the files that tasks name.
    pub sources: &'a mut Sources,
    pub diagnostics: &'a mut Diagnostics,
    pub skip_defaults: Option<super::condition::Condition>,
    /// Errors found in rules.
    pub errors_in_rules: usize,
    /// Whether a task asks which columns hold personal data and are not masked.
    pub asks_coverage: bool,
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
        let keys = match kind {
            TaskType::Tabular => keys::MASK_TABULAR_FILE,
            TaskType::Table => keys::MASK_TABLE,
            TaskType::RunSql => keys::RUN_SQL,
            TaskType::TruncateTable => keys::TRUNCATE_TABLE,
            TaskType::BuildTempTable => keys::BUILD_TEMP_TABLE,
            TaskType::UniqueKey => keys::MASK_UNIQUE_KEY,
            TaskType::Parallel | TaskType::Serial => keys::GROUP,
            TaskType::Discovery => keys::DISCOVERY,
            TaskType::NotBuilt(_, keys) => keys,
        };
        let Some(fields) = Fields::new(node, &what, keys, self.diagnostics) else {
            return stage;
        };
        match kind {
            TaskType::Parallel | TaskType::Serial => {
                let parallel = matches!(kind, TaskType::Parallel);
                match fields.get("tasks") {
                    Some(tasks) => self.list(tasks, &format!("{path}.tasks"), stage, parallel),
                    None => stage,
                }
            }
            TaskType::Discovery => {
                self.asks_coverage |= name == "run_data_discovery";
                let message = format!("{what} is left out");
                self.diagnostics.push(
                    Diagnostic::new(&codes::NO_DISCOVERY, message)
                        .at(node.span_of("type"), "discovery is not built yet"),
                );
                stage
            }
            TaskType::NotBuilt(code, _) => {
                self.diagnostics.push(
                    Diagnostic::new(code, format!("{what} is not built yet"))
                        .at(node.span_of("type"), "")
                        .help(
                            "move it to a ruleset of its own; nothing of this one runs until then",
                        ),
                );
                stage
            }
            TaskType::Tabular => {
                let rules = self.rules(&fields, false);
                let kind = self.tabular(&fields);
                self.push(&fields, path, stage, rules, Some(kind))
            }
            TaskType::Table => {
                let rules = self.rules(&fields, true);
                let kind = TableTask::parse(&fields, self.diagnostics).map(TaskKind::Table);
                self.push(&fields, path, stage, rules, kind)
            }
            TaskType::RunSql => {
                let kind = table_task::run_sql(&fields, self.sources, self.diagnostics);
                self.push(&fields, path, stage, Vec::new(), kind)
            }
            TaskType::TruncateTable => {
                let kind = table_task::truncate_table(&fields, self.diagnostics);
                self.push(&fields, path, stage, Vec::new(), kind)
            }
            TaskType::UniqueKey => {
                let (rules, kind) = unique_key::parse(&fields, self.diagnostics).unzip();
                let kind = kind.map(TaskKind::Table);
                self.push(&fields, path, stage, rules.unwrap_or_default(), kind)
            }
            TaskType::BuildTempTable => {
                let kind = table_task::build_temp_table(&fields, self.diagnostics);
                self.push(&fields, path, stage, Vec::new(), kind)
            }
        }
    }

    /// Adds a task; one without a kind has been reported. Gives the stage after it.
    fn push(
        &mut self,
        fields: &Fields<'_>,
        path: String,
        stage: usize,
        rules: Vec<Rule>,
        kind: Option<TaskKind>,
    ) -> usize {
        let name = fields.text("name", self.diagnostics);
        let workers = match kind {
            Some(TaskKind::TabularFile { .. } | TaskKind::Table(_)) => {
                fields.count("workers", MAX_WORKERS, self.diagnostics)
            }
            _ => None,
        };
        self.tasks.extend(kind.map(|kind| Task {
            path,
            name,
            stage,
            rules,
            workers,
            kind,
            span: fields.node.span_of("type"),
        }));
        stage + 1
    }

    fn kind_of(&mut self, node: &Node) -> Option<&'static TaskType> {
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

    fn tabular(&mut self, fields: &Fields<'_>) -> TaskKind {
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
        TaskKind::TabularFile {
            files: files::parse(fields, false, self.diagnostics),
            text: TextOptions::parse(fields, self.diagnostics),
            into: table_task::table(fields, self.diagnostics),
        }
    }

    /// The rules of a task, `of_table` or for files.
    fn rules(&mut self, fields: &Fields<'_>, of_table: bool) -> Vec<Rule> {
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
            let before = parser.errors_added();
            parser.list(rules, &scope);
            self.errors_in_rules += parser.errors_added() - before;
            parser.check_task_hash_columns(&scope, fields.key_span("hash_columns"));
        }
        let rules = parser.rules;
        rule::check_duplicates(&rules, of_table, self.diagnostics);
        rules
    }
}
