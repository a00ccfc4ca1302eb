//! How a discovery is asked for: what it looks for is kept with it as it is now.

use serde_json::Value as Json;
use visard::discovery::Keywords;

use super::configs::{Judged, judge_config, libraries};
use super::place::is_of_files;
use super::results::{UsedConfig, keep_config};
use crate::access::Caller;
use crate::app::App;
use crate::audit::{self, Category};
use crate::connections;
use crate::documents::{self, Document};
use crate::error::ApiError;
use crate::private;
use crate::runs::{self, Kind, NewRun, Run};

/// What is asked of a discovery.
pub(crate) struct Asked {
    /// [`Kind::SchemaDiscovery`] or [`Kind::FileDiscovery`].
    pub(crate) kind: Kind,
    /// The id of a connection.
    pub(crate) connection: String,
    pub(crate) looks_for: LooksFor,
    /// Schemas to look at, in place of the connection's own.
    pub(crate) schemas: Vec<String>,
    /// As they are shown.
    pub(crate) options: Json,
}

/// What a discovery looks for.
pub(crate) enum LooksFor {
    Keywords(Keywords),
    /// A configuration that a user keeps, by its id.
    Config(String),
}

/// Adds a discovery for `caller`, and tells the queue of it.
///
/// # Errors
/// 400 for what cannot be done, under the field that is in the way.
pub(crate) async fn start(app: &App, caller: &Caller, asked: Asked) -> Result<Run, ApiError> {
    let connection = connection(app, &asked).await?;
    let config = config(app, &asked).await?;
    let is_of_files = asked.kind == Kind::FileDiscovery;
    let (name, mask_type) = match is_of_files {
        true => ("$auto_file_data_discovery", "file_data_discovery"),
        false => ("$auto_schema_discovery", "database"),
    };
    let new = NewRun {
        name: name.to_owned(),
        kind: asked.kind,
        mask_type,
        source: (connection.id, connection.name),
        destination: None,
        ruleset: (None, name.to_owned()),
        user_id: caller.user_id,
        options: asked.options,
        is_dry_run: false,
    };
    let mut transaction = app.store().begin().await?;
    let run = runs::insert(app, transaction.as_mut(), new).await?;
    keep_config(transaction.as_mut(), run.id, &config).await?;
    let said = format!("run {} on {}", run.id, run.source_name);
    let username = &caller.username;
    audit::note(
        transaction.as_mut(),
        username,
        Category::Run,
        "started",
        &said,
    )
    .await?;
    transaction.commit().await?;
    app.runs().wake();
    Ok(run)
}

async fn connection(app: &App, asked: &Asked) -> Result<Document, ApiError> {
    let kind = documents::Kind::Connection;
    let found = documents::find(app.store(), kind, &asked.connection).await?;
    let connection = found.ok_or_else(|| ApiError::no_such("connection", &asked.connection))?;
    let of_files = is_of_files(&connection);
    let problem = match (asked.kind == Kind::FileDiscovery, of_files) {
        (true, false) => "This is a connection to a database, and one to files is needed.",
        (false, true) => "This is a connection to files, and one to a database is needed.",
        _ => {
            // What no connector can open is told now.
            let folder = private::temp_folder(app)?;
            connections::write_out(app, &connection, "SOURCE", folder.path()).await?;
            return Ok(connection);
        }
    };
    Err(ApiError::field("connection", problem))
}

async fn config(app: &App, asked: &Asked) -> Result<UsedConfig, ApiError> {
    let id = match &asked.looks_for {
        LooksFor::Keywords(keywords) => {
            return Ok(UsedConfig {
                text: keywords.to_config(),
                schemas: asked.schemas.clone(),
                ..UsedConfig::default()
            });
        }
        LooksFor::Config(id) => id,
    };
    let field = "discovery_config";
    let found = documents::find(app.store(), documents::Kind::DiscoveryConfig, id).await?;
    let variant = match asked.kind {
        Kind::FileDiscovery => "file",
        Kind::SchemaDiscovery | Kind::Masking => "database",
    };
    let config = found.filter(|config| config.variant == variant);
    let config = config.ok_or_else(|| ApiError::no_such(field, id))?;
    let libraries = libraries(app).await?;
    // Libraries may have changed since it was judged.
    let judged = judge_config(&Judged::of(&config)?.config_yaml, &libraries);
    if let Some(problem) = judged.first() {
        let problem = format!("The discovery config is not valid: {problem}.");
        return Err(ApiError::field(field, problem));
    }
    let used = libraries
        .into_iter()
        .filter(|(name, _)| judged.imports.contains(name));
    Ok(UsedConfig {
        text: judged.config_yaml,
        libraries: used.collect(),
        kept: Some((config.id, config.name, config.modified)),
        schemas: asked.schemas.clone(),
    })
}

/// Keywords that admins set for all discoveries: custom ones, and ignored ones.
///
/// # Errors
/// As of the store.
pub(crate) async fn globals(app: &App) -> Result<(Vec<String>, Vec<String>), ApiError> {
    let settings = app.settings().await?;
    Ok((
        settings.custom_keywords.clone(),
        settings.ignored_keywords.clone(),
    ))
}
