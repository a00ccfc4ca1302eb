//! The options of a pipeline: how its run behaves.

use std::path::PathBuf;

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::fields::{self, Fields};
use super::format::TextOptions;
use super::interpolate;
use super::keys;
use super::node::Node;
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
            node: None,
        }
    }
}

/// Options of other servers that mean nothing here.
const IGNORED: [&str; 5] = [
    "batch_size",
    "buffer_size",
    "diagnostic_logging",
    "auto_pull",
    "auto_pull_branch",
];

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
        refuse_max_rows(&fields, diagnostics);
        for key in IGNORED.into_iter().filter(|key| fields.get(key).is_some()) {
            let message = format!("`{key}` has no effect on files");
            let diagnostic = Diagnostic::new(&codes::IGNORED_KEY, message);
            diagnostics.push(diagnostic.at(fields.key_span(key), ""));
        }
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
                .and_then(|node| fields::bytes(node, diagnostics))
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
            text: csv
                .map(|fields| TextOptions::parse(&fields, diagnostics))
                .unwrap_or_default(),
            node: Some(node.clone()),
        }
    }
}

/// The run secret. Its length counts in characters; 16 is the least other servers take, 20 the
/// least they advise.
fn run_secret(
    fields: &Fields<'_>,
    sources: &Sources,
    diagnostics: &mut Diagnostics,
) -> Option<Secret> {
    let node = fields.get("run_secret")?;
    let secret = interpolate::secret(node, sources, diagnostics)?;
    let help = "use 20 random characters or more, or leave it out to have one generated";
    let length = secret.expose().chars().count();
    let short = match length {
        0..16 => Some((
            &codes::SECRET_TOO_SHORT,
            "the run secret is shorter than 16 characters",
        )),
        16..20 => Some((
            &codes::SECRET_SHORT,
            "the run secret is shorter than 20 characters",
        )),
        _ => None,
    };
    if let Some((code, message)) = short {
        let place = fields.key_span("run_secret");
        diagnostics.push(Diagnostic::new(code, message).at(place, "").help(help));
    }
    Some(secret)
}

fn refuse_max_rows(fields: &Fields<'_>, diagnostics: &mut Diagnostics) {
    if fields.get("max_rows").is_none() {
        return;
    }
    diagnostics.push(
        Diagnostic::new(
            &codes::MAX_ROWS,
            "`max_rows` would leave the other rows of a file unmasked",
        )
        .at(fields.key_span("max_rows"), "")
        .help("remove it; to look at a few masked rows use `visard preview`"),
    );
}
