//! The language: YAML text becomes a checked pipeline and ruleset, or a list of every problem.
//!
//! | Question | File |
//! |---|---|
//! | which files were read, and where in them are we? | `source.rs` |
//! | what is a problem, and how is it shown? | `diagnostic.rs`, `codes.rs`, `render.rs` |
//! | what does the YAML say? | `yaml.rs`, `tree.rs`, `scalar.rs`, `node.rs` |
//! | which keys are there, and is a value of the right kind? | `keys/`, `fields.rs` |
//! | what comes from outside? | `interpolate.rs`, `library.rs` |
//! | what is never shown? | `secret.rs`, `strangers.rs` |
//! | where to read and write, and how? | `pipeline.rs`, `connection/`, `run_options.rs`, `format.rs` |
//! | what to mask? | `ruleset.rs`, `task.rs`, `files.rs`, `table_task.rs`, `identifier.rs`, `rule.rs`, `condition.rs`, `hash_column.rs`, `mask.rs` |
//! | what is looked for, and what becomes of it? | `discovery_config.rs`, `generation_config.rs` |
//! | how does an editor know? | `schema.rs`, `mask_schema.rs` |
//!
//! Not here: checks against the columns of real files.

pub mod codes;
mod condition;
pub(crate) mod connection;
mod diagnostic;
mod discovery_config;
mod fields;
mod files;
mod format;
mod generation_config;
mod hash_column;
mod identifier;
mod interpolate;
mod keys;
mod library;
mod mask;
mod mask_schema;
mod node;
mod pipeline;
mod render;
mod rule;
mod ruleset;
mod run_options;
mod scalar;
pub mod schema;
mod secret;
mod source;
mod strangers;
mod table_task;
mod task;
#[cfg(test)]
mod tests;
mod tree;
mod unique_key;
pub mod yaml;

use std::path::{Path, PathBuf};

pub use codes::{CODES, Code};
pub use condition::{Condition, Literal, Subject, Test};
pub use connection::{Connection, ConnectionKind, DatabaseConnection, DbType, Holds, SslMode};
pub use diagnostic::{
    Diagnostic, Diagnostics, Label, Severity, nearest, nearest_label, quoted_list,
};
pub use discovery_config::{
    ColumnTest, DiscoveryConfig, DiscoveryLabel, MetadataRule, check_discovery_library,
    discovery_imports,
};
pub use fields::KeySpec;
pub use files::{FileFilter, FilePattern, Verdict};
pub use format::{Quote, Ragged, TextOptions};
pub use generation_config::{GenerationConfig, LabelMask};
pub use hash_column::{Case, HashColumn, HashSource, PathStep};
pub use identifier::{Identifier, TableName};
pub use interpolate::{Environment, ProcessEnvironment};
pub use keys::TABLES;
pub use library::{Libraries, name_problem};
pub use mask::{KNOWN_MASKS, MaskCatalogue, MaskNode, Parameter};
pub use node::{Entry, Key, Kind, Map, Node};
pub use pipeline::{CopyFormat, CopyMode, Pipeline, Place, RulesetSource};
pub use render::{Renderer, one_line, problem_to_json, to_json};
pub use rule::{ColumnPattern, Rule};
pub use ruleset::Ruleset;
pub use run_options::{Coverage, RunOptions, Strategy, Unmatched};
pub use secret::{Secret, is_secret_key};
pub(crate) use source::allowed;
pub use source::{FileId, MAX_BYTES, Position, Sources, Span, Spanned};
pub use table_task::{Cascade, Join, RowKey, TableTask};
pub use task::{Task, TaskKind};

/// What the language needs to know from outside.
#[derive(Clone, Copy)]
pub struct Language<'a> {
    /// The masks of this build.
    pub masks: &'a dyn MaskCatalogue,
    /// Where `${NAME}` comes from.
    pub environment: &'a dyn Environment,
}

impl Language<'_> {
    /// Reads a pipeline file, its ruleset and the libraries it names. All problems are reported at
    /// once; a part is missing only where nothing could be read. Nothing may run when
    /// [`Diagnostics::has_errors`].
    pub fn load(
        &self,
        path: &Path,
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) -> (Option<Pipeline>, Option<Ruleset>) {
        let root = sources
            .read(path, None, diagnostics)
            .and_then(|file| yaml::parse(file, sources, diagnostics));
        for place in root.iter().flat_map(strangers::places) {
            sources.hide(place);
        }
        let parsed =
            root.and_then(|root| pipeline::parse(&root, self.environment, sources, diagnostics));
        let Some((pipeline, around)) = parsed else {
            return (None, None);
        };
        let mut libraries = Libraries::new(around.libraries);
        let ruleset = match &around.ruleset {
            None => None,
            // The version of the pipeline is that of a ruleset inside it.
            Some(RulesetSource::Inline(root)) if root.get("version").is_none() => {
                ruleset::parse(root, &mut libraries, self.masks, sources, diagnostics)
            }
            Some(RulesetSource::Inline(root)) => {
                self.ruleset(root, &mut libraries, sources, diagnostics)
            }
            Some(RulesetSource::File(path)) => sources
                .read(&path.value, Some(path.span), diagnostics)
                .and_then(|file| yaml::parse(file, sources, diagnostics))
                .filter(|root| !ruleset::is_pipeline(root, Some(path.span), diagnostics))
                .and_then(|root| self.ruleset(&root, &mut libraries, sources, diagnostics)),
        };
        let ruleset = ruleset.map(|mut ruleset| {
            for task in &mut ruleset.tasks {
                apply_text_options(task, &around.text, diagnostics);
            }
            if let Some((holds, named_at)) = around.source {
                check_source(&ruleset, holds, Some(named_at), diagnostics);
            }
            if let (Some((Holds::Files, _)), Some((destination, _))) =
                (around.source, around.destination)
            {
                check_named_tables(&ruleset, destination, diagnostics);
            }
            ruleset
        });
        (pipeline, ruleset)
    }

    /// Reads the `connections` of a file, which may have nothing else. All problems are reported at once;
    /// connections that have one are left out.
    pub fn connections(
        &self,
        file: FileId,
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) -> Vec<Connection> {
        let Some(root) = yaml::parse(file, sources, diagnostics) else {
            return Vec::new();
        };
        for place in strangers::places(&root) {
            sources.hide(place);
        }
        pipeline::connections(&root, self.environment, sources, diagnostics)
    }

    /// Reads the ruleset at `path`, for a source that holds what `source` says, with libraries from these
    /// folders. All problems are reported at once.
    pub fn ruleset_file(
        &self,
        path: &Path,
        libraries: Vec<PathBuf>,
        source: Holds,
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) -> Option<Ruleset> {
        let file = sources.read(path, None, diagnostics)?;
        let root = yaml::parse(file, sources, diagnostics)?;
        if ruleset::is_pipeline(&root, None, diagnostics) {
            return None;
        }
        let mut libraries = Libraries::new(libraries);
        let ruleset = self.ruleset(&root, &mut libraries, sources, diagnostics)?;
        check_source(&ruleset, source, None, diagnostics);
        Some(ruleset)
    }

    /// Reads a ruleset from its tree, without a pipeline around it.
    pub fn ruleset(
        &self,
        root: &Node,
        libraries: &mut Libraries,
        sources: &mut Sources,
        diagnostics: &mut Diagnostics,
    ) -> Option<Ruleset> {
        fields::check_version(root, diagnostics);
        ruleset::parse(root, libraries, self.masks, sources, diagnostics)
    }
}

/// Completes a task's text options with the pipeline's; together they may contradict each other.
fn apply_text_options(task: &mut Task, base: &TextOptions, diagnostics: &mut Diagnostics) {
    let TaskKind::TabularFile { text, .. } = &mut task.kind else {
        return;
    };
    let merged = text.over(base);
    let sound = text.contradiction().is_none() && base.contradiction().is_none();
    if let Some((key, problem)) = merged.contradiction().filter(|_| sound) {
        let message = format!("{problem}, once the task and the pipeline's `csv` are put together");
        diagnostics.push(
            Diagnostic::new(&codes::CONTRADICTORY_FORMAT, message)
                .at(task.span, "")
                .help(format!("set `{key}` in the task too")),
        );
    }
    *text = merged;
}

/// Reports tasks for files that name no table though files become rows, or name one though they do not.
fn check_named_tables(ruleset: &Ruleset, destination: Holds, diagnostics: &mut Diagnostics) {
    for task in &ruleset.tasks {
        let TaskKind::TabularFile { into, .. } = &task.kind else {
            continue;
        };
        let (message, place, help) = match (destination, into) {
            (Holds::Tables, None) => (
                "the task does not say which table its files are loaded into",
                task.span,
                "add `table: schema.table`: the destination is a database",
            ),
            (Holds::Files, Some(table)) => (
                "the task names a table, and its files become files",
                table.span,
                "remove `table`, or name a database as `destination`",
            ),
            _ => continue,
        };
        let problem = Diagnostic::new(&codes::NO_TABLE_NAMED, message);
        diagnostics.push(problem.at(place, "").help(help));
    }
}

/// Reports tasks, and what else a ruleset says, that do not go with what the source holds.
fn check_source(
    ruleset: &Ruleset,
    holds: Holds,
    named_at: Option<Span>,
    diagnostics: &mut Diagnostics,
) {
    let strangers = ruleset.tasks.iter();
    let strangers = strangers.filter(|task| task.kind.works_on() != holds);
    for task in strangers {
        let (is_for, source) = match holds {
            Holds::Files => ("a database", "holds files"),
            Holds::Tables => ("files", "is a database"),
        };
        let name = task.kind.type_name();
        let message = format!("`{name}` is for {is_for}, and the source {source}");
        diagnostics.push(
            Diagnostic::new(&codes::WRONG_SOURCE, message)
                .at(task.span, "")
                .and_maybe(named_at, "the source")
                .help(
                    "one ruleset is for files or for a database; write two, with a pipeline each",
                ),
        );
    }
    if let (Holds::Files, Some(triggers)) = (holds, &ruleset.auto_manage_triggers)
        && triggers.value
    {
        let message = "`auto_manage_triggers` has no effect on files";
        diagnostics.push(Diagnostic::new(&codes::IGNORED_KEY, message).at(triggers.span, ""));
    }
}
