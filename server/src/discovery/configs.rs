//! Configurations of discovery and of generation, as users write them: are they sound?

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use visard::check::BuiltMasks;
use visard::discovery::{Rules, generation_defaults, presets};
use visard::language::{
    Diagnostics, DiscoveryConfig, GenerationConfig, Severity, Sources, check_discovery_library,
    discovery_imports,
};

use crate::app::App;
use crate::documents::{self, Document, Kind};
use crate::error::ApiError;
use crate::store::Transaction;

/// The longest text of a configuration, in bytes.
const MAX_BYTES: usize = 1 << 20;
/// What a configuration is called where it is read.
const OWN: &str = "config.yml";

/// Whether something is sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConfigValidity {
    Valid,
    Invalid,
}

/// One problem, with its place where it lies in the text itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ConfigProblem {
    pub(crate) message: String,
    /// From 1.
    pub(crate) line_number: Option<usize>,
    /// In characters, from 1.
    pub(crate) column_number: Option<usize>,
}

/// What was found out about a text, and the text: what the store keeps of a configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Judged {
    pub(crate) config_yaml: String,
    pub(crate) problems: Vec<ConfigProblem>,
    /// Names of the libraries that it imports.
    pub(crate) imports: Vec<String>,
}

impl Judged {
    /// What is kept of a configuration.
    ///
    /// # Errors
    /// When the store holds something else.
    pub(crate) fn of(document: &Document) -> Result<Self, ApiError> {
        serde_json::from_value(document.body.clone())
            .map_err(|_| ApiError::internal(&"a stored configuration has another form"))
    }

    /// The same as the store takes it.
    pub(crate) fn body(&self) -> serde_json::Value {
        json!(self)
    }

    /// Whether it is sound.
    pub(crate) fn validity(&self) -> ConfigValidity {
        match self.problems.is_empty() {
            true => ConfigValidity::Valid,
            false => ConfigValidity::Invalid,
        }
    }

    /// The first problem in words.
    pub(crate) fn first(&self) -> Option<String> {
        self.problems
            .first()
            .map(|problem| match problem.line_number {
                Some(line) => format!("line {line}: {}", problem.message),
                None => problem.message.clone(),
            })
    }
}

/// A text being read.
struct Reading {
    sources: Sources,
    diagnostics: Diagnostics,
}

impl Reading {
    /// Has `read` read the text, with libraries; what comes of it, and what was found wrong.
    fn of<T>(
        text: &str,
        read: impl FnOnce(visard::language::FileId, &mut Sources, &mut Diagnostics) -> Option<T>,
    ) -> (Option<T>, Self) {
        // No file of this machine is ever read.
        let mut sources = Sources::within(OWN.into());
        let mut diagnostics = Diagnostics::new();
        let file = sources.add(Path::new(OWN), text.as_bytes().to_vec(), &mut diagnostics);
        let found = file.and_then(|file| read(file, &mut sources, &mut diagnostics));
        let reading = Self {
            sources,
            diagnostics,
        };
        (found, reading)
    }

    fn judged(self, text: &str, imports: Vec<String>) -> Judged {
        let errors = self.diagnostics.sorted().into_iter();
        let errors = errors.filter(|problem| problem.severity() == Severity::Error);
        let problems = errors.map(|problem| {
            let label = problem.primary.as_ref();
            let inside = label.filter(|label| self.sources.path(label.span.file) == Path::new(OWN));
            let mut message = problem.message.clone();
            match (label, inside) {
                (Some(label), None) => {
                    let library = self.sources.path(label.span.file).with_extension("");
                    message = format!("library `{}`: {message}", library.display());
                }
                (Some(label), _) if !label.text.is_empty() => {
                    message = format!("{message}; {}", label.text);
                }
                _ => {}
            }
            ConfigProblem {
                message,
                line_number: inside.map(|label| label.span.start.line),
                column_number: inside.map(|label| label.span.start.column),
            }
        });
        Judged {
            problems: problems.collect(),
            config_yaml: text.to_owned(),
            imports,
        }
    }
}

/// What is wrong with a discovery configuration.
pub(crate) fn judge_config(text: &str, libraries: &BTreeMap<String, String>) -> Judged {
    let mut imports = Vec::new();
    let (_, reading) = Reading::of(text, |file, sources, diagnostics| {
        imports = discovery_imports(file, sources);
        DiscoveryConfig::parse(file, libraries, sources, diagnostics)
    });
    reading.judged(text, imports)
}

/// What is wrong with a library of discovery configurations.
pub(crate) fn judge_library(text: &str) -> Judged {
    let (_, reading) = Reading::of(text, |file, sources, diagnostics| {
        check_discovery_library(file, sources, diagnostics);
        Some(())
    });
    reading.judged(text, Vec::new())
}

/// What is wrong with a generation configuration.
pub(crate) fn judge_generation(text: &str) -> Judged {
    let (_, reading) = Reading::of(text, |file, sources, diagnostics| {
        GenerationConfig::parse(file, &presets(), &BuiltMasks, sources, diagnostics)
    });
    reading.judged(text, Vec::new())
}

/// The rules that a discovery configuration says; else what is wrong with it.
///
/// # Errors
/// The first problem.
pub(crate) fn rules(
    text: &str,
    libraries: &BTreeMap<String, String>,
) -> Result<Rules, ConfigProblem> {
    let (config, reading) = Reading::of(text, |file, sources, diagnostics| {
        DiscoveryConfig::parse(file, libraries, sources, diagnostics)
    });
    match config {
        Some(config) => Ok(Rules::new(config)),
        None => Err(first(reading.judged(text, Vec::new()))),
    }
}

/// The masks that a generation configuration says, or the usual ones.
///
/// # Errors
/// The first problem.
pub(crate) fn generation_config(text: Option<&str>) -> Result<GenerationConfig, ConfigProblem> {
    let text = text.map_or_else(generation_defaults, str::to_owned);
    let (config, reading) = Reading::of(&text, |file, sources, diagnostics| {
        GenerationConfig::parse(file, &presets(), &BuiltMasks, sources, diagnostics)
    });
    config.ok_or_else(|| first(reading.judged(&text, Vec::new())))
}

fn first(judged: Judged) -> ConfigProblem {
    let mut problems = judged.problems.into_iter();
    problems.next().unwrap_or_else(|| ConfigProblem {
        message: "the configuration cannot be read".to_owned(),
        line_number: None,
        column_number: None,
    })
}

/// Refuses a text that is longer than a configuration may be.
///
/// # Errors
/// 400 for the field `config_yaml`.
pub(crate) fn check_size(text: &str) -> Result<(), ApiError> {
    let problem = match text {
        "" => "This field may not be blank.".to_owned(),
        text if text.len() > MAX_BYTES => {
            format!("Ensure this field has no more than {MAX_BYTES} bytes.")
        }
        _ => return Ok(()),
    };
    Err(ApiError::field("config_yaml", problem))
}

/// The name by which a library is imported.
pub(crate) fn library_name(document: &Document) -> String {
    crate::rulesets::library_name(&document.variant, &document.name)
}

/// All libraries of discovery configurations, by the names that they are imported by.
///
/// # Errors
/// As of the store.
pub(crate) async fn libraries(app: &App) -> Result<BTreeMap<String, String>, ApiError> {
    let documents = documents::all(app.store(), Kind::DiscoveryConfigLibrary).await?;
    let texts = documents.iter().map(|document| {
        let judged = Judged::of(document)?;
        Ok((library_name(document), judged.config_yaml))
    });
    texts.collect()
}

/// Judges the configurations again that import one of `changed`, which were written or removed by the
/// transaction; `libraries` are those that are left.
///
/// # Errors
/// As of the transaction.
pub(crate) async fn judge_importers(
    app: &App,
    transaction: &mut dyn Transaction,
    changed: &[String],
    libraries: &BTreeMap<String, String>,
) -> Result<(), ApiError> {
    for mut document in documents::all(app.store(), Kind::DiscoveryConfig).await? {
        let judged = Judged::of(&document)?;
        if !judged.imports.iter().any(|import| changed.contains(import)) {
            continue;
        }
        document.body = judge_config(&judged.config_yaml, libraries).body();
        documents::set_body(transaction, Kind::DiscoveryConfig, &document).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_and_their_places() {
        let libraries = BTreeMap::from([("our/own".to_owned(), "labels: [".to_owned())]);
        let judged = judge_config("labels: []\nmasks: 1\n", &libraries);
        assert_eq!(judged.problems[0].line_number, Some(2));
        assert!(judged.first().unwrap().starts_with("line 2: "));
        let judged = judge_config("imports: [our/own]\nlabels: []\n", &libraries);
        assert_eq!(judged.imports, ["our/own"]);
        assert!(
            judged.problems[0]
                .message
                .starts_with("library `our/own`: "),
            "{judged:?}"
        );
        assert_eq!(judged.problems[0].line_number, None);
        assert!(judge_library("labels: [{name: a}]").problems.is_empty());
        assert_eq!(
            judge_library("imports: [a/b]").validity(),
            ConfigValidity::Invalid
        );
        assert!(judge_generation(&generation_defaults()).problems.is_empty());
        assert!(generation_config(None).is_ok());
        assert!(generation_config(Some("labels: 1")).is_err());
        assert!(rules("labels: 1", &BTreeMap::new()).is_err());
    }
}
