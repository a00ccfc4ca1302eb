//! Connections: kept, changed and tried out. Their secrets go in and never come out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::{Map, Value as Any};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Object, RefOr};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::app::App;
use crate::connections::fields::{Described, answer, describe};
use crate::connections::kinds::{KINDS, Takes};
use crate::connections::{Secrets, roots, sealed, secrets, try_out};
use crate::documents::{self, Document, Kind};
use crate::edits;
use crate::error::ApiError;
use crate::extract::{Body, Id, Query};
use crate::page::{Listed, Origin, PageQuery};
use crate::paths::Written;
use crate::store::{Store, StoreError, Transaction};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, change, delete))
        .routes(routes!(test))
        .routes(routes!(test_stored))
}

/// A connection as a client writes it: the fields of its kind.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Request(Map<String, Any>);

/// A connection as it is answered: the fields of its kind, without its secrets.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct Connection(Any);

/// What came of a test.
#[derive(Serialize, ToSchema)]
struct Tested {
    /// What is worth a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// All connections.
#[utoipa::path(get, path = "/api/connections", tag = "connections", params(PageQuery),
    responses((status = 200, body = Listed<Connection>)))]
async fn list(
    State(app): State<App>,
    origin: Origin,
    Query(page): Query<PageQuery>,
) -> Result<Json<Listed<Connection>>, ApiError> {
    let discoveries = last_discoveries(app.store()).await?;
    let documents = documents::all(app.store(), Kind::Connection).await?;
    let connections = documents.iter().map(|document| {
        let last = discoveries.get(&document.id);
        Ok(Connection(answer(
            document,
            &secrets(&app, document)?,
            last,
        )))
    });
    page.of(&origin, connections.collect::<Result<_, ApiError>>()?)
}

/// Keeps a new connection.
#[utoipa::path(post, path = "/api/connections", tag = "connections", request_body = Request,
    responses((status = 201, body = Connection)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(Request(written)): Body<Request>,
) -> Result<(StatusCode, Json<Connection>), ApiError> {
    let described = checked(&app, &written, Secrets::new()).await?;
    let mut document = Document::new(&described.name, "", described.body);
    document.sealed = sealed(&app, &document.id, &described.secrets)?;
    let mut transaction = app.store().begin().await?;
    let kind = Kind::Connection;
    edits::add(transaction.as_mut(), &caller, kind, &document, None).await?;
    transaction.commit().await?;
    let answer = answer(&document, &described.secrets, None);
    Ok((StatusCode::CREATED, Json(Connection(answer))))
}

/// A connection.
#[utoipa::path(get, path = "/api/connections/{id}", tag = "connections", params(("id" = String, Path)),
    responses((status = 200, body = Connection)))]
async fn get(State(app): State<App>, Id(id): Id) -> Result<Json<Connection>, ApiError> {
    let document = documents::get(app.store(), Kind::Connection, &id).await?;
    answered(&app, &document).await
}

/// Writes a connection anew. Secrets that are not mentioned stay.
#[utoipa::path(put, path = "/api/connections/{id}", tag = "connections", params(("id" = String, Path)),
    request_body = Request, responses((status = 200, body = Connection)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(Request(written)): Body<Request>,
) -> Result<Json<Connection>, ApiError> {
    let document = documents::get(app.store(), Kind::Connection, &id).await?;
    update(&app, &caller, document, written).await
}

/// Changes some fields of a connection.
#[utoipa::path(patch, path = "/api/connections/{id}", tag = "connections", params(("id" = String, Path)),
    request_body = Request, responses((status = 200, body = Connection)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(Request(written)): Body<Request>,
) -> Result<Json<Connection>, ApiError> {
    let document = documents::get(app.store(), Kind::Connection, &id).await?;
    let mut whole = document.body.as_object().cloned().unwrap_or_default();
    whole.insert("name".to_owned(), Any::String(document.name.clone()));
    whole.extend(written);
    update(&app, &caller, document, whole).await
}

/// Removes a connection that nothing uses any more.
#[utoipa::path(delete, path = "/api/connections/{id}", tag = "connections", params(("id" = String, Path)),
    responses((status = 204), (status = 409, description = "a run or a table reference uses it")))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, ApiError> {
    let document = documents::get(app.store(), Kind::Connection, &id).await?;
    let mut transaction = app.store().begin().await?;
    if let Some(user) = user_of(transaction.as_mut(), &document.id).await? {
        return Err(ApiError::conflict(format!(
            "The connection is used by {user}."
        )));
    }
    let kind = Kind::Connection;
    edits::remove(transaction.as_mut(), &caller, kind, &document).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries a connection that is not kept.
#[utoipa::path(post, path = "/api/connections/test", tag = "connections", request_body = Request,
    responses(
        (status = 200, description = "it works; to a path that ends in a slash", body = Tested),
        (status = 204, description = "it works; to a path that does not"),
    ))]
async fn test(
    State(app): State<App>,
    path: Option<Extension<Written>>,
    Body(Request(mut written)): Body<Request>,
) -> Result<Response, ApiError> {
    // What is not kept needs no name.
    written
        .entry("name")
        .or_insert_with(|| Any::String("test".to_owned()));
    let described = checked(&app, &written, Secrets::new()).await?;
    let document = Document::new(&described.name, "", described.body);
    let message = try_out(&app, &document, &described.secrets).await?;
    // Clients of two generations ask for two statuses.
    Ok(match path {
        Some(Extension(written)) if !written.slash => StatusCode::NO_CONTENT.into_response(),
        _ => Json(Tested { message }).into_response(),
    })
}

/// Tries a connection.
#[utoipa::path(post, path = "/api/connections/{id}/test", tag = "connections", params(("id" = String, Path)),
    responses((status = 200, body = Tested)))]
async fn test_stored(State(app): State<App>, Id(id): Id) -> Result<Json<Tested>, ApiError> {
    let document = documents::get(app.store(), Kind::Connection, &id).await?;
    let secrets = secrets(&app, &document)?;
    let message = try_out(&app, &document, &secrets).await?;
    Ok(Json(Tested { message }))
}

/// What is written, if it is a connection whose files are there and whose folder may be used.
async fn checked(
    app: &App,
    written: &Map<String, Any>,
    old: Secrets,
) -> Result<Described, ApiError> {
    let described = describe(written, old)?;
    if described.name.is_empty() {
        let problem = match written.contains_key("name") {
            true => "This field may not be blank.",
            false => "This field is required.",
        };
        return Err(ApiError::field("name", problem));
    }
    for field in described.kind.fields() {
        let (Takes::File(kind), Some(id)) = (field.takes, described.body[field.name].as_str())
        else {
            continue;
        };
        if documents::find(app.store(), kind, id).await?.is_none() {
            return Err(ApiError::no_such(field.name, id));
        }
    }
    if described.kind.name == "mounted_share_connection" {
        let base = described.body["base_directory"]
            .as_str()
            .unwrap_or_default();
        let folder = roots::folder(base, &app.config().roots);
        folder.map_err(|problem| ApiError::field("base_directory", problem))?;
    }
    Ok(described)
}

async fn update(
    app: &App,
    caller: &Caller,
    mut document: Document,
    written: Map<String, Any>,
) -> Result<Json<Connection>, ApiError> {
    let described = checked(app, &written, secrets(app, &document)?).await?;
    document.name = described.name;
    document.body = described.body;
    document.sealed = sealed(app, &document.id, &described.secrets)?;
    let mut transaction = app.store().begin().await?;
    let kind = Kind::Connection;
    edits::rewrite(transaction.as_mut(), caller, kind, &mut document).await?;
    transaction.commit().await?;
    answered(app, &document).await
}

async fn answered(app: &App, document: &Document) -> Result<Json<Connection>, ApiError> {
    let discoveries = last_discoveries(app.store()).await?;
    let last = discoveries.get(&document.id);
    Ok(Json(Connection(answer(
        document,
        &secrets(app, document)?,
        last,
    ))))
}

/// What still uses a connection, in words; nothing where nothing does.
async fn user_of(
    transaction: &mut dyn Transaction,
    id: &str,
) -> Result<Option<&'static str>, StoreError> {
    let sql = "SELECT 1 FROM runs WHERE (source = $1 OR destination = $1) \
               AND status NOT IN ('finished', 'finished_with_warnings', 'failed', 'cancelled') LIMIT 1";
    if !transaction.query(sql, &[id.into()]).await?.is_empty() {
        return Ok(Some("a run that is not over"));
    }
    let sql = "SELECT body FROM documents WHERE kind = $1 AND archived = 0";
    for row in transaction
        .query(sql, &[Kind::TableReference.name().into()])
        .await?
    {
        let body: Option<Any> = serde_json::from_str(row.text(0)?).ok();
        if body.is_some_and(|body| body["connection"] == id) {
            return Ok(Some("a table reference"));
        }
    }
    Ok(None)
}

/// The last discovery run of each connection that ended well, and when it did.
async fn last_discoveries(
    store: &dyn Store,
) -> Result<BTreeMap<String, (i64, String)>, StoreError> {
    let sql = "SELECT source, id, ended FROM runs WHERE kind LIKE '%discovery%' AND ended IS NOT NULL \
               AND status IN ('finished', 'finished_with_warnings') ORDER BY id";
    let rows = store.query(sql, &[]).await?;
    // Of several of one connection the last one stays.
    rows.iter()
        .map(|row| {
            Ok((
                row.text(0)?.to_owned(),
                (row.int(1)?, row.text(2)?.to_owned()),
            ))
        })
        .collect()
}

impl utoipa::PartialSchema for Request {
    fn schema() -> RefOr<Schema> {
        let mut object = described_fields();
        for kind in KINDS {
            for secret in kind.secrets() {
                object = object.property(secret, text());
            }
        }
        object
            .property("dbpassword", text())
            .description(Some(
                "A connection as a client writes it: the fields of its kind.",
            ))
            .required("name")
            .into()
    }
}

impl ToSchema for Request {
    fn name() -> Cow<'static, str> {
        "ConnectionRequest".into()
    }
}

impl utoipa::PartialSchema for Connection {
    fn schema() -> RefOr<Schema> {
        let mut object = described_fields()
            .property("id", of(Type::String))
            .property("last_discovery_run_id", maybe(Type::Integer))
            .property("last_discovery_run_date", maybe(Type::String));
        for kind in KINDS {
            for secret in kind.secrets() {
                let encrypted = ObjectBuilder::new().schema_type(SchemaType::from(Type::Null));
                object = object
                    .property(format!("{secret}_encrypted"), encrypted)
                    .property(format!("has_{secret}"), of(Type::Boolean));
            }
        }
        let required = ["id", "name", "version", "mask_type"];
        let object = required.into_iter().fold(object, ObjectBuilder::required);
        object
            .description(Some(
                "A connection: the fields of its kind, without its secrets.",
            ))
            .into()
    }
}

impl ToSchema for Connection {
    fn name() -> Cow<'static, str> {
        "Connection".into()
    }
}

/// The fields of all kinds that are no secrets.
fn described_fields() -> ObjectBuilder {
    let named = |files: bool| {
        let kinds = KINDS.iter().filter(move |kind| kind.holds_files == files);
        text().enum_values(Some(kinds.map(|kind| kind.name)))
    };
    let mut object = ObjectBuilder::new()
        .property("name", of(Type::String))
        .property("version", of(Type::String))
        .property("mask_type", text().enum_values(Some(["database", "file"])))
        .property("db_type", named(false))
        .property("type", named(true))
        .property("is_file_mask_source", of(Type::Boolean))
        .property("is_file_mask_destination", of(Type::Boolean));
    for field in KINDS.iter().flat_map(|kind| kind.fields()) {
        let schema = match field.takes {
            Takes::Text(_) | Takes::MaybeText | Takes::File(_) => maybe(Type::String),
            Takes::Port | Takes::Seconds => maybe(Type::Integer),
            Takes::Flag(_) => maybe(Type::Boolean),
            Takes::Settings | Takes::Encryption => maybe(Type::Object),
            Takes::Secret => continue,
        };
        object = object.property(field.name, schema);
    }
    object
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::from(Type::String))
}

fn of(kind: Type) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::from(kind))
        .build()
}

fn maybe(kind: Type) -> Object {
    let kinds = SchemaType::from_iter([kind, Type::Null]);
    ObjectBuilder::new().schema_type(kinds).build()
}
