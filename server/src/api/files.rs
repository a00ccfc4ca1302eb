//! Files that users keep: seed files, wallets of Oracle, filesets of connections, keys of Snowflake.

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::app::App;
use crate::documents::{self, Document, Kind};
use crate::edits;
use crate::error::ApiError;
use crate::extract::Id;
use crate::files;
use crate::rulesets::{Text, library_name, revalidate};
use crate::uploads::Form;

/// The largest form with a file in it.
pub(super) const MAX_FORM: usize = 64 * 1024 * 1024;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(seeds, add_seed))
        .routes(routes!(seed, remove_seed))
        .routes(routes!(wallets, add_wallet))
        .routes(routes!(wallet, remove_wallet))
        .routes(routes!(filesets, add_fileset))
        .routes(routes!(fileset, replace_fileset, remove_fileset))
        .routes(routes!(keys, add_key))
        .routes(routes!(key, remove_key))
        .layer(DefaultBodyLimit::max(MAX_FORM))
}

/// A file, without its bytes.
#[derive(Debug, Serialize, ToSchema)]
struct StoredFile {
    id: String,
    name: String,
    /// As it was called where it comes from.
    filename: String,
    created_date: String,
    modified_date: String,
    /// Of a seed file.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// Of a seed file: where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed_file: Option<String>,
    /// Of a fileset: where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    zip_archive: Option<String>,
    /// Of a fileset: for which databases it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    database_type: Option<String>,
}

impl StoredFile {
    fn of(kind: Kind, document: &Document) -> Self {
        let text = |key: &str| document.body[key].as_str().map(str::to_owned);
        let filename = text("filename").unwrap_or_default();
        let at = |folder: &str| Some(format!("{folder}/{}/{filename}", document.id));
        Self {
            id: document.id.clone(),
            name: document.name.clone(),
            created_date: document.created.clone(),
            modified_date: document.modified.clone(),
            description: text("description"),
            database_type: text("database_type"),
            seed_file: if kind == Kind::Seed {
                at("seeds")
            } else {
                None
            },
            zip_archive: match kind {
                Kind::ConnectionFileset => at("connection-filesets"),
                _ => None,
            },
            filename,
        }
    }
}

/// A seed file, as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it tells of a form")]
struct SeedForm {
    /// What rulesets call it; the name of the file where nothing is said.
    name: Option<String>,
    description: Option<String>,
    #[schema(value_type = String, format = Binary)]
    seed_file: Vec<u8>,
}

/// A wallet of Oracle, as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it tells of a form")]
struct WalletForm {
    name: Option<String>,
    #[schema(value_type = String, format = Binary)]
    zip_archive: Vec<u8>,
}

/// Certificates for connections, as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it tells of a form")]
struct FilesetForm {
    name: Option<String>,
    /// `mysql` or `mariadb`.
    database_type: String,
    #[schema(value_type = String, format = Binary)]
    zip_archive: Vec<u8>,
}

/// A key of Snowflake, as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it tells of a form")]
struct KeyForm {
    name: Option<String>,
    #[schema(value_type = String, format = Binary)]
    key_file: Vec<u8>,
}

/// All seed files that were uploaded.
#[utoipa::path(get, path = "/api/seeds", tag = "files", responses((status = 200, body = Vec<StoredFile>)))]
async fn seeds(State(app): State<App>) -> Result<Json<Vec<StoredFile>>, ApiError> {
    list(&app, Kind::Seed).await
}

/// Keeps a new seed file.
#[utoipa::path(post, path = "/api/seeds", tag = "files",
    request_body(content = SeedForm, content_type = "multipart/form-data"),
    responses((status = 201, body = StoredFile)))]
async fn add_seed(
    State(app): State<App>,
    caller: Caller,
    form: Form,
) -> Result<(StatusCode, Json<StoredFile>), ApiError> {
    let made = add(&app, &caller, Kind::Seed, "seed_file", &form).await?;
    seed_changed(&app, &[&made.name, &made.filename]).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// A seed file, without its rows.
#[utoipa::path(get, path = "/api/seeds/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 200, body = StoredFile)))]
async fn seed(State(app): State<App>, Id(id): Id) -> Result<Json<StoredFile>, ApiError> {
    one(&app, Kind::Seed, &id).await
}

/// Removes a seed file. Rulesets that name it become invalid, unless one of this name is shipped.
#[utoipa::path(delete, path = "/api/seeds/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 204)))]
async fn remove_seed(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, ApiError> {
    let removed = remove(&app, &caller, Kind::Seed, &id).await?;
    let removed = StoredFile::of(Kind::Seed, &removed);
    seed_changed(&app, &[&removed.name, &removed.filename]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All wallets of Oracle.
#[utoipa::path(get, path = "/api/oracle-wallets", tag = "files",
    responses((status = 200, body = Vec<StoredFile>)))]
async fn wallets(State(app): State<App>) -> Result<Json<Vec<StoredFile>>, ApiError> {
    list(&app, Kind::OracleWallet).await
}

/// Keeps a new wallet of Oracle.
#[utoipa::path(post, path = "/api/oracle-wallets", tag = "files",
    request_body(content = WalletForm, content_type = "multipart/form-data"),
    responses((status = 201, body = StoredFile)))]
async fn add_wallet(
    State(app): State<App>,
    caller: Caller,
    form: Form,
) -> Result<(StatusCode, Json<StoredFile>), ApiError> {
    let made = add(&app, &caller, Kind::OracleWallet, "zip_archive", &form).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// A wallet of Oracle, without what is in it.
#[utoipa::path(get, path = "/api/oracle-wallets/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 200, body = StoredFile)))]
async fn wallet(State(app): State<App>, Id(id): Id) -> Result<Json<StoredFile>, ApiError> {
    one(&app, Kind::OracleWallet, &id).await
}

/// Removes a wallet of Oracle that no connection uses.
#[utoipa::path(delete, path = "/api/oracle-wallets/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 204), (status = 409, description = "a connection uses it")))]
async fn remove_wallet(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, ApiError> {
    remove(&app, &caller, Kind::OracleWallet, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All filesets.
#[utoipa::path(get, path = "/api/connection-filesets", tag = "files",
    responses((status = 200, body = Vec<StoredFile>)))]
async fn filesets(State(app): State<App>) -> Result<Json<Vec<StoredFile>>, ApiError> {
    list(&app, Kind::ConnectionFileset).await
}

/// Keeps a new fileset: an archive with the certificate of the authority that signs a server's, as `ca.pem`.
#[utoipa::path(post, path = "/api/connection-filesets", tag = "files",
    request_body(content = FilesetForm, content_type = "multipart/form-data"),
    responses((status = 201, body = StoredFile)))]
async fn add_fileset(
    State(app): State<App>,
    caller: Caller,
    form: Form,
) -> Result<(StatusCode, Json<StoredFile>), ApiError> {
    let made = add(&app, &caller, Kind::ConnectionFileset, "zip_archive", &form).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// A fileset, without what is in it.
#[utoipa::path(get, path = "/api/connection-filesets/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 200, body = StoredFile)))]
async fn fileset(State(app): State<App>, Id(id): Id) -> Result<Json<StoredFile>, ApiError> {
    one(&app, Kind::ConnectionFileset, &id).await
}

/// Writes a fileset anew.
#[utoipa::path(put, path = "/api/connection-filesets/{id}", tag = "files", params(("id" = String, Path)),
    request_body(content = FilesetForm, content_type = "multipart/form-data"),
    responses((status = 200, body = StoredFile)))]
async fn replace_fileset(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    form: Form,
) -> Result<Json<StoredFile>, ApiError> {
    let kind = Kind::ConnectionFileset;
    let mut document = documents::get(app.store(), kind, &id).await?;
    let made = read(kind, "zip_archive", &form)?;
    (document.name, document.body) = (made.name, made.body);
    let content = files::kept(&app, kind, &document.id, &form.file("zip_archive")?.bytes)?;
    let mut transaction = app.store().begin().await?;
    edits::rewrite(transaction.as_mut(), &caller, kind, &mut document).await?;
    documents::set_content(transaction.as_mut(), kind, &document.id, content).await?;
    transaction.commit().await?;
    Ok(Json(StoredFile::of(kind, &document)))
}

/// Removes a fileset that no connection uses.
#[utoipa::path(delete, path = "/api/connection-filesets/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 204), (status = 409, description = "a connection uses it")))]
async fn remove_fileset(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, ApiError> {
    remove(&app, &caller, Kind::ConnectionFileset, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All keys of Snowflake.
#[utoipa::path(get, path = "/api/files/snowflake-keys", tag = "files",
    responses((status = 200, body = Vec<StoredFile>)))]
async fn keys(State(app): State<App>) -> Result<Json<Vec<StoredFile>>, ApiError> {
    list(&app, Kind::SnowflakeKey).await
}

/// Keeps a new key of Snowflake.
#[utoipa::path(post, path = "/api/files/snowflake-keys", tag = "files",
    request_body(content = KeyForm, content_type = "multipart/form-data"),
    responses((status = 201, body = StoredFile)))]
async fn add_key(
    State(app): State<App>,
    caller: Caller,
    form: Form,
) -> Result<(StatusCode, Json<StoredFile>), ApiError> {
    let made = add(&app, &caller, Kind::SnowflakeKey, "key_file", &form).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// A key of Snowflake, without the key.
#[utoipa::path(get, path = "/api/files/snowflake-keys/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 200, body = StoredFile)))]
async fn key(State(app): State<App>, Id(id): Id) -> Result<Json<StoredFile>, ApiError> {
    one(&app, Kind::SnowflakeKey, &id).await
}

/// Removes a key of Snowflake that no connection uses.
#[utoipa::path(delete, path = "/api/files/snowflake-keys/{id}", tag = "files", params(("id" = String, Path)),
    responses((status = 204), (status = 409, description = "a connection uses it")))]
async fn remove_key(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, ApiError> {
    remove(&app, &caller, Kind::SnowflakeKey, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(app: &App, kind: Kind) -> Result<Json<Vec<StoredFile>>, ApiError> {
    let documents = documents::all(app.store(), kind).await?;
    let files = documents
        .iter()
        .map(|document| StoredFile::of(kind, document));
    Ok(Json(files.collect()))
}

async fn one(app: &App, kind: Kind, id: &str) -> Result<Json<StoredFile>, ApiError> {
    let document = documents::get(app.store(), kind, id).await?;
    Ok(Json(StoredFile::of(kind, &document)))
}

async fn add(
    app: &App,
    caller: &Caller,
    kind: Kind,
    part: &str,
    form: &Form,
) -> Result<StoredFile, ApiError> {
    let document = read(kind, part, form)?;
    let content = files::kept(app, kind, &document.id, &form.file(part)?.bytes)?;
    let mut transaction = app.store().begin().await?;
    edits::add(transaction.as_mut(), caller, kind, &document, Some(content)).await?;
    transaction.commit().await?;
    Ok(StoredFile::of(kind, &document))
}

/// The file of a form, checked.
fn read(kind: Kind, part: &str, form: &Form) -> Result<Document, ApiError> {
    let upload = form.file(part)?;
    let name = files::name(kind, form.text("name").unwrap_or(&upload.filename))?;
    tokio::task::block_in_place(|| files::check(kind, &name, part, upload))?;
    let mut body = json!({"filename": upload.filename});
    if kind == Kind::Seed {
        body["description"] = json!(form.text("description").unwrap_or_default());
    }
    if kind == Kind::ConnectionFileset {
        let problem = match form.text("database_type") {
            Some("mysql" | "mariadb") => None,
            Some(_) => Some("Not a valid choice: it is `mysql` or `mariadb`."),
            None => Some("This field is required."),
        };
        if let Some(problem) = problem {
            return Err(ApiError::field("database_type", problem));
        }
        body["database_type"] = json!(form.text("database_type"));
    }
    Ok(Document::new(&name, "", body))
}

/// Removes a file that nothing uses.
async fn remove(app: &App, caller: &Caller, kind: Kind, id: &str) -> Result<Document, ApiError> {
    let document = documents::get(app.store(), kind, id).await?;
    let mut transaction = app.store().begin().await?;
    let field = match kind {
        Kind::ConnectionFileset => "connection_fileset",
        Kind::OracleWallet => "oracle_wallet",
        Kind::SnowflakeKey => "snowflake_private_key",
        _ => "",
    };
    let sql = "SELECT body FROM documents WHERE kind = $1 AND archived = 0";
    for row in transaction
        .query(sql, &[Kind::Connection.name().into()])
        .await?
    {
        let body: Option<serde_json::Value> = serde_json::from_str(row.text(0)?).ok();
        if body.is_some_and(|body| body[field] == document.id.as_str()) {
            return Err(ApiError::conflict("The file is used by a connection."));
        }
    }
    edits::remove(transaction.as_mut(), caller, kind, &document).await?;
    transaction.commit().await?;
    Ok(document)
}

/// Has rulesets looked at again that name a seed file, by themselves or in their libraries.
async fn seed_changed(app: &App, names: &[&str]) -> Result<(), ApiError> {
    let named = |text: &Text| {
        let mut names = names.iter().filter(|name| !name.is_empty());
        names.any(|name| text.config_yaml.contains(name))
    };
    let mut libraries = Vec::new();
    for library in documents::all(app.store(), Kind::RulesetLibrary).await? {
        if named(&Text::of(&library)?) {
            libraries.push(library_name(&library.variant, &library.name));
        }
    }
    revalidate(app, |ruleset| {
        let mut imports = ruleset.verdict.imports.iter();
        named(ruleset) || imports.any(|import| libraries.contains(import))
    })
    .await
}
