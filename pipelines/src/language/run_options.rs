//! The options of a pipeline: how its run behaves.

use std::path::PathBuf;

use super::codes;
use super::connection::Holds;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::fields::{self, Fields};
use super::format::TextOptions;
use super::interpolate;
use super::keys;
use super::node::{Kind, Node};
use super::secret::Secret;
use super::source::Sources;
use super::task::MAX_WORKERS;

/// How a run behaves.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Decides every masked value; generated when there is none.
    pub run_secret: Option<Secret>,
    /// Whether the run secret alone decides.
    pub disable_instance_secret: bool,
    /// File of the instance secret; a relative path has been made relative to the pipeline file.
    pub instance_secret_file: Option<PathBuf>,
    /// Most bytes to hold.
    pub memory_limit_bytes: u64,
    /// Slices worked on at once; one for each core when nothing is said.
    pub workers: Option<usize>,
    /// Files no task selects.
    pub unmatched: Unmatched,
    /// Columns no rule names.
    pub coverage: Coverage,
    /// Whether the source itself is overwritten.
    pub in_place: bool,
    /// Whether a publicly readable bucket or container is accepted.
    pub allow_public: bool,
    /// Whether the other files go on when one fails.
    pub continue_on_failure: bool,
    /// Whether everything but writing is done.
    pub dry_run: bool,
    /// How delimited text is read.
    pub text: TextOptions,
    /// Rows of a table worked on at once, where it is said.
    pub batch_size: Option<usize>,
    /// Most rows of each table that are masked; all when nothing is said.
    pub max_rows: Option<u64>,
    /// How tables are changed.
    pub strategy: Strategy,
    /// Whether a table's triggers are off while it is masked; the ruleset decides when nothing is said.
    pub auto_manage_triggers: Option<bool>,
    /// What is written, for places: `node.span_of("workers")`.
    pub node: Option<Node>,
}

/// What happens to files no task selects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unmatched {
    /// They are left out of the destination; the report lists them.
    #[default]
    Skip,
    /// They are copied as they are, unmasked; the report lists them.
    Copy,
    /// The run is refused.
    Fail,
}

/// What happens to columns no rule names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Coverage {
    /// They stay as they are; the report lists them.
    #[default]
    Report,
    /// The run is refused.
    Strict,
}

/// How a table is changed in place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strategy {
    /// What is faster for the table.
    #[default]
    Auto,
    /// Its rows are updated.
    Update,
    /// It is filled anew.
    Rewrite,
}

impl Strategy {
    /// Reads a strategy.
    pub(super) fn parse(node: &Node, diagnostics: &mut Diagnostics) -> Option<Self> {
        let strategies = [
            ("auto", Self::Auto),
            ("update", Self::Update),
            ("rewrite", Self::Rewrite),
        ];
        fields::choice(node, &strategies, diagnostics)
    }
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            run_secret: None,
            disable_instance_secret: false,
            instance_secret_file: None,
            memory_limit_bytes: 512 * 1024 * 1024,
            workers: None,
            unmatched: Unmatched::default(),
            coverage: Coverage::default(),
            in_place: false,
            allow_public: false,
            continue_on_failure: false,
            dry_run: false,
            text: TextOptions::default(),
            batch_size: None,
            max_rows: None,
            strategy: Strategy::default(),
            auto_manage_triggers: None,
            node: None,
        }
    }
}

/// Options of other servers that mean nothing here.
const IGNORED: [&str; 3] = ["diagnostic_logging", "auto_pull", "auto_pull_branch"];
/// Options that mean nothing for files.
const FOR_TABLES: [&str; 4] = [
    "batch_size",
    "buffer_size",
    "strategy",
    "auto_manage_triggers",
];
/// Options that mean nothing for tables.
const FOR_FILES: [&str; 3] = ["unmatched", "allow_public", "csv"];

/// The most rows that may be worked on at once.
pub(super) const MAX_BATCH_ROWS: usize = 10_000_000;

impl RunOptions {
    /// How many slices are worked on at once.
    pub fn workers_or_cores(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.workers.unwrap_or_else(cores)
    }

    /// Bytes that slices, outputs and copies may hold together: three quarters of the limit, as plans,
    /// threads and the allocator take some, too.
    pub fn memory_budget_bytes(&self) -> u64 {
        self.memory_limit_bytes / 4 * 3
    }

    /// Reads the `options` of a pipeline.
    pub(super) fn parse(node: &Node, sources: &Sources, diagnostics: &mut Diagnostics) -> Self {
        let default = Self::default();
        let Some(fields) = Fields::new(node, "`options`", keys::OPTIONS, diagnostics) else {
            return default;
        };
        ignore(&IGNORED, "here", node, diagnostics);
        let csv = fields
            .get("csv")
            .and_then(|node| Fields::new(node, "`csv`", keys::CSV, diagnostics));
        let secret_file = fields.name("instance_secret_file", diagnostics);
        let memory_limit = fields.get("memory_limit");
        let unmatched = [
            ("skip", Unmatched::Skip),
            ("copy", Unmatched::Copy),
            ("fail", Unmatched::Fail),
        ];
        let coverage = [("report", Coverage::Report), ("strict", Coverage::Strict)];
        let mut flag = |key| fields.flag(key, diagnostics).unwrap_or(false);
        Self {
            disable_instance_secret: flag("disable_instance_secret"),
            in_place: flag("in_place"),
            allow_public: flag("allow_public"),
            continue_on_failure: flag("continue_on_failure"),
            dry_run: flag("dry_run"),
            run_secret: run_secret(&fields, sources, diagnostics),
            instance_secret_file: secret_file
                .map(|path| sources.resolve(path.span.file, &path.value)),
            memory_limit_bytes: memory_limit
                .and_then(|node| enough_memory(node, diagnostics))
                .unwrap_or(default.memory_limit_bytes),
            workers: fields.count("workers", MAX_WORKERS, diagnostics),
            unmatched: fields
                .get("unmatched")
                .and_then(|node| fields::choice(node, &unmatched, diagnostics))
                .unwrap_or_default(),
            coverage: fields
                .get("coverage")
                .and_then(|node| fields::choice(node, &coverage, diagnostics))
                .unwrap_or_default(),
            batch_size: batch_size(&fields, diagnostics),
            max_rows: fields
                .get("max_rows")
                .and_then(|node| row_count(node, diagnostics)),
            strategy: fields
                .get("strategy")
                .and_then(|node| Strategy::parse(node, diagnostics))
                .unwrap_or_default(),
            auto_manage_triggers: fields.flag("auto_manage_triggers", diagnostics),
            text: csv
                .map(|fields| TextOptions::parse(&fields, diagnostics))
                .unwrap_or_default(),
            node: Some(node.clone()),
        }
    }
}

/// The least that a run gets by with: smaller budgets leave no room for a slice and its output.
const LEAST_MEMORY: u64 = 16 * 1024 * 1024;

/// A `memory_limit` that a run can keep to.
fn enough_memory(node: &Node, diagnostics: &mut Diagnostics) -> Option<u64> {
    let bytes = fields::bytes(node, diagnostics)?;
    if bytes < LEAST_MEMORY {
        fields::wrong_value(node, "`memory_limit` is at least `16MiB`", diagnostics);
        return None;
    }
    Some(bytes)
}

/// The run secret. Its length counts in characters; 16 is the least other servers take, 20 the
/// least they advise, 256 the most.
fn run_secret(
    fields: &Fields<'_>,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Secret> {
    let node = fields.get("run_secret")?;
    let secret = interpolate::secret(node, sources, diagnostics)?;
    let help = "use 20 random characters or more, or leave it out to have one generated";
    let length = secret.expose().chars().count();
    let wrong = match length {
        0..16 => Some((
            &codes::SECRET_TOO_SHORT,
            "the run secret is shorter than 16 characters",
        )),
        16..20 => Some((
            &codes::SECRET_SHORT,
            "the run secret is shorter than 20 characters",
        )),
        257.. => Some((
            &codes::SECRET_TOO_LONG,
            "the run secret is longer than 256 characters",
        )),
        _ => None,
    };
    if let Some((code, message)) = wrong {
        let place = fields.key_span("run_secret");
        diagnostics.push(Diagnostic::new(code, message).at(place, "").help(help));
    }
    Some(secret)
}

/// Reports options that mean nothing for what the source holds, and the one that files refuse.
pub(super) fn check_source(holds: Holds, options: &Node, diagnostics: &mut Diagnostics) {
    match holds {
        Holds::Files => {
            refuse_max_rows(options, diagnostics);
            ignore(&FOR_TABLES, "on files", options, diagnostics);
        }
        Holds::Tables => ignore(&FOR_FILES, "on tables", options, diagnostics),
    }
}

/// Warns of those of `keys` that are given.
fn ignore(keys: &[&str], on: &str, options: &Node, diagnostics: &mut Diagnostics) {
    let given = |key: &&&str| options.get(key).is_some_and(|value| !value.is_null());
    for key in keys.iter().filter(given) {
        let message = format!("`{key}` has no effect {on}");
        let diagnostic = Diagnostic::new(&codes::IGNORED_KEY, message);
        diagnostics.push(diagnostic.at(options.key_span(key), ""));
    }
}

fn refuse_max_rows(options: &Node, diagnostics: &mut Diagnostics) {
    if options.get("max_rows").is_none_or(Node::is_null) {
        return;
    }
    diagnostics.push(
        Diagnostic::new(
            &codes::MAX_ROWS,
            "`max_rows` would leave the other rows of a file unmasked",
        )
        .at(options.key_span("max_rows"), "")
        .help("remove it; to look at a few masked rows use `visard preview`"),
    );
}

/// `batch_size`, or by its older name `buffer_size`.
fn batch_size(fields: &Fields<'_>, diagnostics: &mut Diagnostics) -> Option<usize> {
    let new = fields.count("batch_size", MAX_BATCH_ROWS, diagnostics);
    let old = fields.count("buffer_size", MAX_BATCH_ROWS, diagnostics);
    if fields.get("buffer_size").is_some() {
        let place = fields.key_span("buffer_size");
        let message = "`buffer_size` is `batch_size` now";
        diagnostics.push(Diagnostic::new(&codes::OLD_KEY, message).at(place, ""));
        if fields.get("batch_size").is_some() {
            let message = "`batch_size` and `buffer_size` are the same";
            diagnostics.push(Diagnostic::new(&codes::WRONG_VALUE, message).at(place, ""));
        }
    }
    new.or(old)
}

/// A number of rows, which other servers take as text as well.
fn row_count(node: &Node, diagnostics: &mut Diagnostics) -> Option<u64> {
    let written = match &node.kind {
        Kind::Int(number) => number.to_string(),
        Kind::Str(text) => text.to_string(),
        _ => {
            fields::wrong_type(node, "a whole number", diagnostics);
            return None;
        }
    };
    let count = written.parse().ok().filter(|count| *count > 0);
    if count.is_none() {
        fields::wrong_value(node, "expected a number of rows from 1", diagnostics);
    }
    count
}
