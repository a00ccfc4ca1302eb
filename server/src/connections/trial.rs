//! Does a connection work?

use std::path::Path;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use visard::check::{BuiltMasks, Exposure, Outcome, Tried, try_connection};
use visard::language::{Connection, Diagnostics, Language, Sources};

use super::Secrets;
use super::pipeline::{Written, write_with};
use crate::app::App;
use crate::documents::Document;
use crate::error::ApiError;
use crate::private;

/// How long a place may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the connection is called in its pipeline, and in messages.
const NAME: &str = "connection";

/// Tries a connection, which need not be stored, as what it says it is for. What comes back is worth a
/// warning.
///
/// # Errors
/// 400 with what does not work, without a secret.
pub(crate) async fn try_out(
    app: &App,
    document: &Document,
    secrets: &Secrets,
) -> Result<Option<String>, ApiError> {
    let folder = private::temp_folder(app)?;
    let written = write_with(app, document, secrets, "TRIED", folder.path()).await?;
    let connection = parsed(written, folder.path())?;
    let said = |name: &str| document.body.get(name) == Some(&json!(true));
    let (mut source, mut target) = (
        said("is_file_mask_source"),
        said("is_file_mask_destination"),
    );
    if !source && !target {
        (source, target) = (true, true);
    }
    let tried = Box::pin(try_connection(&connection, "", source, target));
    let tried = tokio::time::timeout(PATIENCE, tried).await.map_err(|_| {
        failed(format!(
            "there was no answer within {} seconds",
            PATIENCE.as_secs()
        ))
    })?;
    judged(
        tried.map_err(|problem| failed(hidden(problem, secrets)))?,
        secrets,
    )
}

/// The connection as pipelines read it.
fn parsed((mapping, variables): Written, folder: &Path) -> Result<Connection, ApiError> {
    let text = json!({"connections": {NAME: mapping}}).to_string();
    let mut sources = Sources::within(folder.to_owned());
    let mut diagnostics = Diagnostics::new();
    let file = sources.add(
        &folder.join("pipeline.yml"),
        text.into_bytes(),
        &mut diagnostics,
    );
    let language = Language {
        masks: &BuiltMasks,
        environment: &variables,
    };
    let connections = file.map(|file| language.connections(file, &mut sources, &mut diagnostics));
    let connection = connections.and_then(|all| all.into_iter().next());
    match connection.filter(|_| !diagnostics.has_errors()) {
        Some(connection) => Ok(connection),
        None => {
            let problems = diagnostics.sorted().into_iter();
            let problems: Vec<&str> = problems.map(|problem| problem.message.as_str()).collect();
            Err(failed(problems.join("; ")))
        }
    }
}

fn judged(tried: Tried, secrets: &Secrets) -> Result<Option<String>, ApiError> {
    let Tried::Files {
        checks, exposure, ..
    } = tried
    else {
        return Ok(None);
    };
    let missing = checks.into_iter().filter_map(|check| match check.outcome {
        Outcome::Missing(reason) => Some(format!("{}: {reason}", check.name)),
        Outcome::Works | Outcome::NotTried(_) => None,
    });
    let missing: Vec<String> = missing.collect();
    if !missing.is_empty() {
        return Err(failed(hidden(missing.join("; "), secrets)));
    }
    match exposure {
        Exposure::Private => Ok(None),
        Exposure::Public(reason) => Err(failed(format!("strangers can read it: {reason}"))),
        Exposure::Unknown(reason) => Ok(Some(hidden(
            format!("could not tell whether strangers can read it: {reason}"),
            secrets,
        ))),
    }
}

/// A message without the secrets, should a driver ever repeat one. Where a short one was cut out of words,
/// the holes would tell it.
fn hidden(message: String, secrets: &Secrets) -> String {
    let secrets = secrets.values().filter(|secret| secret.len() >= 6);
    secrets.fold(message, |message, secret| {
        message.replace(secret.as_str(), "***")
    })
}

fn failed(problem: String) -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        format!("the connection does not work: {problem}"),
    )
}
