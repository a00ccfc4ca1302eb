//! Table references: names for tables of identities that lie in a connection.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::app::App;
use crate::documents::{self, Document, Kind};
use crate::edits;
use crate::error::ApiError;
use crate::extract::{Body, Id};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, change, delete))
}

/// How the file of a table is read; of no effect for a table of a database.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(default)]
struct TableReferenceOptions {
    format: TableFormat,
    /// One character.
    delimiter: String,
    encoding: String,
    /// One character.
    quotechar: String,
    /// What stands for null, if anything does.
    null_string: Option<String>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TableFormat {
    #[default]
    Csv,
    Parquet,
}

impl Default for TableReferenceOptions {
    fn default() -> Self {
        Self {
            format: TableFormat::default(),
            delimiter: ",".to_owned(),
            encoding: "utf-8".to_owned(),
            quotechar: "\"".to_owned(),
            null_string: None,
        }
    }
}

/// A table reference.
#[derive(Debug, Serialize, ToSchema)]
struct TableReference {
    id: String,
    name: String,
    /// The id of a connection.
    connection: String,
    /// The path of a file, or a table as `schema.table`.
    source: String,
    options: TableReferenceOptions,
    created: String,
    modified: String,
}

/// What is kept of one, besides its name.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    connection: String,
    source: String,
    options: TableReferenceOptions,
}

/// A table reference as a client writes it.
#[derive(Deserialize, ToSchema)]
struct TableReferenceRequest {
    name: String,
    /// The id of a connection.
    connection: String,
    /// The path of a file, or a table as `schema.table`.
    source: String,
    /// As they were, or their defaults, where there are none.
    options: Option<TableReferenceOptions>,
}

/// What a client changes of one.
#[derive(Deserialize, ToSchema)]
struct TableReferenceChange {
    name: Option<String>,
    connection: Option<String>,
    source: Option<String>,
    options: Option<TableReferenceOptions>,
}

/// All table references.
#[utoipa::path(get, path = "/api/table-references", tag = "table references",
    responses((status = 200, body = Vec<TableReference>)))]
async fn list(State(app): State<App>) -> Result<Json<Vec<TableReference>>, ApiError> {
    let documents = documents::all(app.store(), Kind::TableReference).await?;
    let references = documents.iter().map(answer);
    Ok(Json(references.collect::<Result<_, _>>()?))
}

/// Keeps a new table reference.
#[utoipa::path(post, path = "/api/table-references", tag = "table references",
    request_body = TableReferenceRequest, responses((status = 201, body = TableReference)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<TableReferenceRequest>,
) -> Result<(StatusCode, Json<TableReference>), ApiError> {
    let name = documents::name("name", &request.name)?;
    let stored = Stored {
        connection: request.connection,
        source: request.source,
        options: request.options.unwrap_or_default(),
    };
    let stored = checked(&app, stored).await?;
    let document = Document::new(&name, "", json!(stored));
    let mut transaction = app.store().begin().await?;
    let kind = Kind::TableReference;
    edits::add(transaction.as_mut(), &caller, kind, &document, None).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(answer(&document)?)))
}

/// A table reference.
#[utoipa::path(get, path = "/api/table-references/{id}", tag = "table references",
    params(("id" = String, Path)), responses((status = 200, body = TableReference)))]
async fn get(State(app): State<App>, Id(id): Id) -> Result<Json<TableReference>, ApiError> {
    let document = documents::get(app.store(), Kind::TableReference, &id).await?;
    Ok(Json(answer(&document)?))
}

/// Writes a table reference anew; its options stay where none are given.
#[utoipa::path(put, path = "/api/table-references/{id}", tag = "table references",
    params(("id" = String, Path)), request_body = TableReferenceRequest,
    responses((status = 200, body = TableReference)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<TableReferenceRequest>,
) -> Result<Json<TableReference>, ApiError> {
    let request = TableReferenceChange {
        name: Some(request.name),
        connection: Some(request.connection),
        source: Some(request.source),
        options: request.options,
    };
    update(&app, &caller, &id, request).await
}

/// Changes some fields of a table reference.
#[utoipa::path(patch, path = "/api/table-references/{id}", tag = "table references",
    params(("id" = String, Path)), request_body = TableReferenceChange,
    responses((status = 200, body = TableReference)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<TableReferenceChange>,
) -> Result<Json<TableReference>, ApiError> {
    update(&app, &caller, &id, request).await
}

/// Removes a table reference; its name is free again.
#[utoipa::path(delete, path = "/api/table-references/{id}", tag = "table references",
    params(("id" = String, Path)), responses((status = 204)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, ApiError> {
    let document = documents::get(app.store(), Kind::TableReference, &id).await?;
    let mut transaction = app.store().begin().await?;
    let kind = Kind::TableReference;
    edits::remove(transaction.as_mut(), &caller, kind, &document).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn update(
    app: &App,
    caller: &Caller,
    id: &str,
    request: TableReferenceChange,
) -> Result<Json<TableReference>, ApiError> {
    let mut document = documents::get(app.store(), Kind::TableReference, id).await?;
    let old = stored(&document)?;
    if let Some(name) = request.name {
        document.name = documents::name("name", &name)?;
    }
    let new = Stored {
        connection: request.connection.unwrap_or(old.connection),
        source: request.source.unwrap_or(old.source),
        options: request.options.unwrap_or(old.options),
    };
    document.body = json!(checked(app, new).await?);
    let mut transaction = app.store().begin().await?;
    let kind = Kind::TableReference;
    edits::rewrite(transaction.as_mut(), caller, kind, &mut document).await?;
    transaction.commit().await?;
    Ok(Json(answer(&document)?))
}

/// A reference to a connection that is there, with a source and options that can be read.
async fn checked(app: &App, mut reference: Stored) -> Result<Stored, ApiError> {
    let connection = documents::find(app.store(), Kind::Connection, &reference.connection).await?;
    let connection =
        connection.ok_or_else(|| ApiError::no_such("connection", &reference.connection))?;
    reference.connection = connection.id;
    let source = reference.source.trim();
    if source.is_empty() || source.contains(char::is_control) {
        return Err(ApiError::field("source", "This field may not be blank."));
    }
    if source.split('/').any(|part| part == "..") {
        return Err(ApiError::field("source", "A path cannot have `..` in it."));
    }
    let TableReferenceOptions {
        delimiter,
        quotechar,
        ..
    } = &reference.options;
    if [delimiter, quotechar]
        .iter()
        .any(|text| text.chars().count() != 1)
    {
        let problem = "`delimiter` and `quotechar` are one character each.";
        return Err(ApiError::field("options", problem));
    }
    Ok(reference)
}

fn stored(document: &Document) -> Result<Stored, ApiError> {
    serde_json::from_value(document.body.clone())
        .map_err(|_| ApiError::internal(&"a stored table reference has another body"))
}

fn answer(document: &Document) -> Result<TableReference, ApiError> {
    let Stored {
        connection,
        source,
        options,
    } = stored(document)?;
    Ok(TableReference {
        id: document.id.clone(),
        name: document.name.clone(),
        connection,
        source,
        options,
        created: document.created.clone(),
        modified: document.modified.clone(),
    })
}
