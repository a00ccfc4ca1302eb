//! Rulesets made of what a discovery found, and what is kept of the last one of each connection.

use std::collections::BTreeSet;
use std::io::{Cursor, Write};

use serde::Serialize;
use utoipa::ToSchema;
use visard::discovery::{Choice, FileChoice, Generated, generate, generate_for_files};
use visard::language::GenerationConfig;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::configs::{Judged, generation_config};
use super::place::is_of_files;
use super::results::{described, files, latest};
use crate::app::App;
use crate::documents::{self, Document};
use crate::error::ApiError;
use crate::runs::Kind;
use crate::store::{Store, StoreError, Value, next_id};
use crate::time;

/// How a generation ended. One that was started has ended before its request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GenerationStatus {
    Finished,
    /// Something that was chosen is not masked; the ruleset says what.
    FinishedWithWarnings,
    Failed,
}

impl GenerationStatus {
    const ALL: [(&'static str, Self); 3] = [
        ("finished", Self::Finished),
        ("finished_with_warnings", Self::FinishedWithWarnings),
        ("failed", Self::Failed),
    ];

    fn name(self) -> &'static str {
        let mut all = Self::ALL.into_iter();
        all.find(|(_, status)| *status == self)
            .map_or("", |(name, _)| name)
    }
}

/// The last generation for a connection.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Generation {
    pub(crate) id: i64,
    pub(crate) connection_id: String,
    /// Null where it failed, and where several were made of a report.
    pub(crate) generated_ruleset: Option<String>,
    pub(crate) status: GenerationStatus,
    /// Why it failed, or what is not masked.
    pub(crate) error_message: Option<String>,
}

/// What was chosen.
pub(crate) enum Chosen {
    Columns(Vec<Choice>),
    Files(Vec<FileChoice>),
}

/// What was made.
pub(crate) enum Made {
    /// One ruleset.
    One(String),
    /// Several, by the names of their files.
    Parts(Vec<(String, String)>),
}

/// The connection of this id, which is one to files, or to a database.
///
/// # Errors
/// 400 under the field `connection`.
pub(crate) async fn connection(app: &App, id: &str, of_files: bool) -> Result<Document, ApiError> {
    let found = documents::find(app.store(), documents::Kind::Connection, id).await?;
    let connection = found.ok_or_else(|| ApiError::no_such("connection", id))?;
    match (is_of_files(&connection), of_files) {
        (true, false) => Err(ApiError::field(
            "connection",
            "This is a connection to files.",
        )),
        (false, true) => Err(ApiError::field(
            "connection",
            "This is a connection to a database.",
        )),
        _ => Ok(connection),
    }
}

/// The generation configuration of this id, or the usual one.
///
/// # Errors
/// 400 under the field `rg_config`.
pub(crate) async fn masks(app: &App, id: Option<&str>) -> Result<GenerationConfig, ApiError> {
    let unsound = |message: String| {
        ApiError::field(
            "rg_config",
            format!("The RG config is not valid: {message}."),
        )
    };
    let Some(id) = id.filter(|id| !id.is_empty()) else {
        return generation_config(None).map_err(|problem| ApiError::internal(&problem.message));
    };
    let found = documents::find(app.store(), documents::Kind::GenerationConfig, id).await?;
    let found = found.ok_or_else(|| ApiError::no_such("rg_config", id))?;
    let text = Judged::of(&found)?.config_yaml;
    generation_config(Some(&text)).map_err(|problem| unsound(problem.message))
}

/// A ruleset for what was chosen, with what is not masked. A report's comes in parts of about `target_bytes`.
///
/// # Errors
/// 400 where nothing was discovered on the connection, and under the field of what was chosen.
pub(crate) async fn made(
    app: &App,
    connection: &Document,
    chosen: Chosen,
    config: GenerationConfig,
    in_parts: Option<Option<usize>>,
) -> Result<(Made, Vec<String>), ApiError> {
    let kind = match &chosen {
        Chosen::Columns(_) => Kind::SchemaDiscovery,
        Chosen::Files(_) => Kind::FileDiscovery,
    };
    let run = latest(app.store(), kind, &connection.id).await?;
    let run = run.ok_or_else(|| {
        let problem = "No discovery has finished on this connection: run one first.";
        ApiError::field("connection", problem)
    })?;
    match chosen {
        Chosen::Columns(choices) => {
            let generated = of_columns(app.store(), run, choices, config).await?;
            let made = match in_parts {
                None => Made::One(
                    generated
                        .parts(None)
                        .into_iter()
                        .map(|part| part.text)
                        .collect(),
                ),
                Some(target) => Made::Parts(named(&generated, target)),
            };
            Ok((made, generated.warnings))
        }
        Chosen::Files(choices) => {
            let found = files(app.store(), run).await?;
            let generated =
                off_the_runtime(move || generate_for_files(&found, &choices, &config)).await?;
            let (text, warnings) =
                generated.map_err(|error| ApiError::field("selected_data", error.to_string()))?;
            Ok((Made::One(text), warnings))
        }
    }
}

async fn of_columns(
    store: &dyn Store,
    run: i64,
    choices: Vec<Choice>,
    config: GenerationConfig,
) -> Result<Generated, ApiError> {
    let wanted: BTreeSet<(&str, &str)> = choices
        .iter()
        .map(|choice| (choice.schema.as_str(), choice.table.as_str()))
        .collect();
    let found = described(store, run, |schema, table| {
        wanted.contains(&(schema, table))
    })
    .await?;
    let generated = off_the_runtime(move || generate(&found, &choices, &config)).await?;
    generated.map_err(|error| ApiError::field("selected_columns", error.to_string()))
}

/// Masks of many columns are tried out: that takes its time.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ApiError::internal(&error))
}

/// Parts by the names of their files: day, number, first and last table.
fn named(generated: &Generated, target_bytes: Option<usize>) -> Vec<(String, String)> {
    let day = time::now().format("%Y%m%d");
    let plain = |name: &str| -> String {
        let plain = |c: char| {
            if c.is_alphanumeric() || c == '_' {
                c
            } else {
                '_'
            }
        };
        name.chars().take(60).map(plain).collect()
    };
    let parts = generated.parts(target_bytes).into_iter().enumerate();
    let parts = parts.map(|(number, part)| {
        let (first, last) = (plain(&part.first), plain(&part.last));
        let name = format!("{day}_{:03}_TABLE_{first}_to_TABLE_{last}.yml", number + 1);
        (name, part.text)
    });
    parts.collect()
}

/// Keeps how a generation ended, in place of the one before of the connection.
///
/// # Errors
/// As of the store.
pub(crate) async fn keep(
    app: &App,
    connection: &str,
    ended: Result<(Made, Vec<String>), String>,
) -> Result<Generation, ApiError> {
    let (status, message, ruleset, archive) = match ended {
        Err(why) => (GenerationStatus::Failed, Some(why), None, None),
        Ok((made, warnings)) => {
            let status = match warnings.is_empty() {
                true => GenerationStatus::Finished,
                false => GenerationStatus::FinishedWithWarnings,
            };
            let message = (!warnings.is_empty()).then(|| warnings.join("; "));
            match made {
                Made::One(text) => (status, message, Some(text), None),
                Made::Parts(parts) => {
                    let archive = archive(parts).map_err(|error| ApiError::internal(&error))?;
                    (status, message, None, Some(archive))
                }
            }
        }
    };
    let mut transaction = app.store().begin().await?;
    let id = next_id(transaction.as_mut(), "generations").await?;
    let sql = "INSERT INTO generations (connection_id, id, status, generated_ruleset, error_message, archive) \
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (connection_id) DO UPDATE SET id = excluded.id, \
               status = excluded.status, generated_ruleset = excluded.generated_ruleset, \
               error_message = excluded.error_message, archive = excluded.archive";
    let parameters = [
        connection.into(),
        Value::Int(id),
        status.name().into(),
        ruleset.clone().into(),
        message.clone().into(),
        archive.into(),
    ];
    transaction.query(sql, &parameters).await?;
    transaction.commit().await?;
    Ok(Generation {
        id,
        connection_id: connection.to_owned(),
        generated_ruleset: ruleset,
        status,
        error_message: message,
    })
}

/// The last generation for a connection.
///
/// # Errors
/// As of the store.
pub(crate) async fn last(
    store: &dyn Store,
    connection: &str,
) -> Result<Option<Generation>, StoreError> {
    let sql = "SELECT id, status, generated_ruleset, error_message FROM generations WHERE connection_id = $1";
    let rows = store.query(sql, &[connection.into()]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let status = row.text(1)?;
    let mut all = GenerationStatus::ALL.into_iter();
    let status = all
        .find(|(name, _)| *name == status)
        .map(|(_, status)| status);
    Ok(Some(Generation {
        id: row.int(0)?,
        connection_id: connection.to_owned(),
        status: status.ok_or(StoreError::Unexpected("no status"))?,
        generated_ruleset: row.maybe_text(2)?.map(str::to_owned),
        error_message: row.maybe_text(3)?.map(str::to_owned),
    }))
}

/// The archive of the last generation for a connection, where there is one.
///
/// # Errors
/// As of the store.
pub(crate) async fn last_archive(
    store: &dyn Store,
    connection: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT archive FROM generations WHERE connection_id = $1";
    let rows = store.query(sql, &[connection.into()]).await?;
    match rows.first() {
        None => Ok(None),
        Some(row) => Ok(row.maybe_bytes(0)?.map(<[u8]>::to_vec)),
    }
}

/// A zip archive of texts by the names of their files.
///
/// # Errors
/// When it cannot be packed.
pub(crate) fn archive(files: Vec<(String, String)>) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        archive.start_file(name, SimpleFileOptions::default())?;
        archive.write_all(text.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}
