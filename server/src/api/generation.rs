//! Rulesets that are made of what a discovery found.

use axum::Json;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::archives::unpack;
use crate::discovery::generation::{
    Chosen, Generation, Made, connection, keep, last, last_archive, made, masks,
};
use crate::discovery::is_of_files;
use crate::discovery::selection::{
    HashColumns, SelectedColumns, SelectedData, of_columns, of_files, of_reports,
};
use crate::documents::{self, Document, Kind};
use crate::error::ApiError;
use crate::extract::Body;
use crate::uploads::Form;

/// The largest request with a report, and the largest report, unpacked.
const MAX_REPORT_BYTES: usize = 256 << 20;

pub(super) fn routes() -> OpenApiRouter<App> {
    let with_reports = OpenApiRouter::new()
        .routes(routes!(from_report))
        .routes(routes!(from_report_by_config))
        .layer(DefaultBodyLimit::max(MAX_REPORT_BYTES));
    OpenApiRouter::new()
        .routes(routes!(generate))
        .routes(routes!(generate_with_hash_columns))
        .routes(routes!(generate_by_config))
        .routes(routes!(generate_for_files))
        .routes(routes!(generate_for_files_by_config))
        .routes(routes!(status, later))
        .routes(routes!(later_by_config))
        .routes(routes!(download))
        .merge(with_reports)
}

/// Columns of tables, to be masked as is usual.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GenerationRequest {
    /// The id of a connection to a database.
    connection: String,
    /// Columns by schema and table.
    #[schema(value_type = std::collections::BTreeMap<String, std::collections::BTreeMap<String, Vec<String>>>)]
    selected_columns: SelectedColumns,
    /// Hash columns by schema and table.
    #[schema(value_type = Option<std::collections::BTreeMap<String, std::collections::BTreeMap<String, crate::discovery::selection::HashColumnsOfTable>>>)]
    hash_columns: Option<HashColumns>,
}

/// Columns of tables, to be masked as a configuration says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GenerationByConfigRequest {
    /// The id of a connection to a database.
    connection: String,
    /// Columns by schema and table.
    #[schema(value_type = std::collections::BTreeMap<String, std::collections::BTreeMap<String, Vec<String>>>)]
    selected_columns: SelectedColumns,
    /// Hash columns by schema and table.
    #[schema(value_type = Option<std::collections::BTreeMap<String, std::collections::BTreeMap<String, crate::discovery::selection::HashColumnsOfTable>>>)]
    hash_columns: Option<HashColumns>,
    /// The id of a generation configuration; null for the usual masks.
    #[serde(deserialize_with = "present")]
    #[schema(required)]
    rg_config: Option<String>,
}

/// Columns of files, to be masked as is usual.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FileGenerationRequest {
    /// The id of a connection to files.
    connection: String,
    selected_data: Vec<SelectedData>,
}

/// Columns of files, to be masked as a configuration says.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FileGenerationByConfigRequest {
    /// The id of a connection to files.
    connection: String,
    selected_data: Vec<SelectedData>,
    /// The id of a generation configuration; null for the usual masks.
    #[serde(deserialize_with = "present")]
    #[schema(required)]
    rg_config: Option<String>,
}

/// Columns of tables, or of files.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LaterRequest {
    /// Columns by schema and table.
    #[schema(value_type = Option<std::collections::BTreeMap<String, std::collections::BTreeMap<String, Vec<String>>>>)]
    selected_columns: Option<SelectedColumns>,
    /// Hash columns by schema and table.
    #[schema(value_type = Option<std::collections::BTreeMap<String, std::collections::BTreeMap<String, crate::discovery::selection::HashColumnsOfTable>>>)]
    hash_columns: Option<HashColumns>,
    selected_data: Option<Vec<SelectedData>>,
}

/// Columns of tables, or of files, and what says their masks.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LaterByConfigRequest {
    /// Columns by schema and table.
    #[schema(value_type = Option<std::collections::BTreeMap<String, std::collections::BTreeMap<String, Vec<String>>>>)]
    selected_columns: Option<SelectedColumns>,
    /// Hash columns by schema and table.
    #[schema(value_type = Option<std::collections::BTreeMap<String, std::collections::BTreeMap<String, crate::discovery::selection::HashColumnsOfTable>>>)]
    hash_columns: Option<HashColumns>,
    selected_data: Option<Vec<SelectedData>>,
    /// The id of a generation configuration; null for the usual masks.
    #[serde(deserialize_with = "present")]
    #[schema(required)]
    rg_config: Option<String>,
}

/// A report that somebody filled in.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it tells what a form has")]
struct ReportForm {
    /// CSV, or a zip archive of its parts.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    csv_or_zip_file: String,
    /// About how many bytes a ruleset may have.
    target_size_bytes: Option<u64>,
}

/// A report that somebody filled in, and what says masks.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it tells what a form has")]
struct ReportByConfigForm {
    /// CSV, or a zip archive of its parts.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    csv_or_zip_file: String,
    /// About how many bytes a ruleset may have.
    target_size_bytes: Option<u64>,
    /// The id of a generation configuration; empty for the usual masks.
    rg_config: String,
}

/// A field that has to be there, and may be null.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(from)
}

/// A ruleset for chosen columns of tables.
#[utoipa::path(post, path = "/api/generate-ruleset", tag = "discovery", request_body = GenerationRequest,
    responses((status = 201, body = serde_json::Value, content_type = "application/yaml")))]
async fn generate(
    State(app): State<App>,
    Body(request): Body<GenerationRequest>,
) -> Result<Response, ApiError> {
    let choices = of_columns(
        request.selected_columns,
        request.hash_columns.unwrap_or_default(),
    );
    yaml(&app, &request.connection, Chosen::Columns(choices), None).await
}

/// A ruleset for chosen columns of tables.
#[utoipa::path(post, path = "/api/generate-ruleset/v2", tag = "discovery", request_body = GenerationRequest,
    responses((status = 201, body = serde_json::Value, content_type = "application/yaml")))]
async fn generate_with_hash_columns(
    state: State<App>,
    body: Body<GenerationRequest>,
) -> Result<Response, ApiError> {
    generate(state, body).await
}

/// A ruleset for chosen columns of tables, with masks of a configuration.
#[utoipa::path(post, path = "/api/generate-ruleset/v3", tag = "discovery",
    request_body = GenerationByConfigRequest,
    responses((status = 201, body = serde_json::Value, content_type = "application/yaml")))]
async fn generate_by_config(
    State(app): State<App>,
    Body(request): Body<GenerationByConfigRequest>,
) -> Result<Response, ApiError> {
    let choices = of_columns(
        request.selected_columns,
        request.hash_columns.unwrap_or_default(),
    );
    yaml(
        &app,
        &request.connection,
        Chosen::Columns(choices),
        request.rg_config.as_deref(),
    )
    .await
}

/// A ruleset for chosen columns of files.
#[utoipa::path(post, path = "/api/generate-file-ruleset", tag = "discovery",
    request_body = FileGenerationRequest,
    responses((status = 201, body = serde_json::Value, content_type = "application/yaml")))]
async fn generate_for_files(
    State(app): State<App>,
    Body(request): Body<FileGenerationRequest>,
) -> Result<Response, ApiError> {
    let choices = of_files(request.selected_data)?;
    yaml(&app, &request.connection, Chosen::Files(choices), None).await
}

/// A ruleset for chosen columns of files, with masks of a configuration.
#[utoipa::path(post, path = "/api/generate-file-ruleset/v2", tag = "discovery",
    request_body = FileGenerationByConfigRequest,
    responses((status = 201, body = serde_json::Value, content_type = "application/yaml")))]
async fn generate_for_files_by_config(
    State(app): State<App>,
    Body(request): Body<FileGenerationByConfigRequest>,
) -> Result<Response, ApiError> {
    let choices = of_files(request.selected_data)?;
    yaml(
        &app,
        &request.connection,
        Chosen::Files(choices),
        request.rg_config.as_deref(),
    )
    .await
}

async fn yaml(
    app: &App,
    connection_id: &str,
    chosen: Chosen,
    rg_config: Option<&str>,
) -> Result<Response, ApiError> {
    let connection = connection(app, connection_id, matches!(chosen, Chosen::Files(_))).await?;
    let config = masks(app, rg_config).await?;
    let (made, warnings) = made(app, &connection, chosen, config, None).await?;
    for warning in warnings {
        tracing::info!("a generated ruleset: {warning}");
    }
    let text = match made {
        Made::One(text) => text,
        Made::Parts(parts) => parts.into_iter().map(|(_, text)| text).collect(),
    };
    let headers = [(header::CONTENT_TYPE, "application/yaml")];
    Ok((StatusCode::CREATED, headers, text).into_response())
}

/// Makes a ruleset for chosen columns and keeps it.
#[utoipa::path(post, path = "/api/async-generate-ruleset/{connection_id}", tag = "discovery",
    params(("connection_id" = String, Path)), request_body = LaterRequest,
    responses((status = 201, body = Generation)))]
async fn later(
    State(app): State<App>,
    Path(id): Path<String>,
    Body(request): Body<LaterRequest>,
) -> Result<(StatusCode, Json<Generation>), ApiError> {
    let request = LaterByConfigRequest {
        selected_columns: request.selected_columns,
        hash_columns: request.hash_columns,
        selected_data: request.selected_data,
        rg_config: None,
    };
    kept(&app, &id, request).await
}

/// Makes a ruleset for chosen columns, with masks of a configuration, and keeps it.
#[utoipa::path(post, path = "/api/async-generate-ruleset/v2/{connection_id}", tag = "discovery",
    params(("connection_id" = String, Path)), request_body = LaterByConfigRequest,
    responses((status = 201, body = Generation)))]
async fn later_by_config(
    State(app): State<App>,
    Path(id): Path<String>,
    Body(request): Body<LaterByConfigRequest>,
) -> Result<(StatusCode, Json<Generation>), ApiError> {
    kept(&app, &id, request).await
}

async fn kept(
    app: &App,
    id: &str,
    request: LaterByConfigRequest,
) -> Result<(StatusCode, Json<Generation>), ApiError> {
    let connection = documents::get(app.store(), Kind::Connection, id).await?;
    let chosen = match (request.selected_columns, request.selected_data) {
        (Some(columns), None) if !is_of_files(&connection) => Chosen::Columns(of_columns(
            columns,
            request.hash_columns.unwrap_or_default(),
        )),
        (None, Some(data)) if is_of_files(&connection) => Chosen::Files(of_files(data)?),
        (_, Some(_)) => {
            let problem = "This connection is to a database: give `selected_columns`.";
            return Err(ApiError::field("selected_data", problem));
        }
        (Some(_), None) => {
            let problem = "This connection is to files: give `selected_data`.";
            return Err(ApiError::field("selected_columns", problem));
        }
        (None, None) => {
            let field = match is_of_files(&connection) {
                true => "selected_data",
                false => "selected_columns",
            };
            return Err(ApiError::field(field, "This field is required."));
        }
    };
    let config = masks(app, request.rg_config.as_deref()).await?;
    finished(app, &connection, chosen, config, None).await
}

/// Makes what was chosen, and keeps it or why it cannot be made.
async fn finished(
    app: &App,
    connection: &Document,
    chosen: Chosen,
    config: visard::language::GenerationConfig,
    in_parts: Option<Option<usize>>,
) -> Result<(StatusCode, Json<Generation>), ApiError> {
    let ended = match made(app, connection, chosen, config, in_parts).await {
        Ok(made) => Ok(made),
        Err(error) if error.status == StatusCode::BAD_REQUEST => Err(error.told()),
        Err(error) => return Err(error),
    };
    let generation = keep(app, &connection.id, ended).await?;
    Ok((StatusCode::CREATED, Json(generation)))
}

/// Makes rulesets for the columns that are selected in a report, and keeps them.
#[utoipa::path(post, path = "/api/async-generate-ruleset/{connection_id}/from-csv", tag = "discovery",
    params(("connection_id" = String, Path)),
    request_body(content = ReportForm, content_type = "multipart/form-data"),
    responses((status = 201, body = Generation)))]
async fn from_report(
    State(app): State<App>,
    Path(id): Path<String>,
    form: Form,
) -> Result<(StatusCode, Json<Generation>), ApiError> {
    of_form(&app, &id, &form).await
}

/// Makes rulesets for the columns that are selected in a report, with masks of a configuration, and keeps them.
#[utoipa::path(post, path = "/api/async-generate-ruleset/v2/{connection_id}/from-csv", tag = "discovery",
    params(("connection_id" = String, Path)),
    request_body(content = ReportByConfigForm, content_type = "multipart/form-data"),
    responses((status = 201, body = Generation)))]
async fn from_report_by_config(
    State(app): State<App>,
    Path(id): Path<String>,
    form: Form,
) -> Result<(StatusCode, Json<Generation>), ApiError> {
    of_form(&app, &id, &form).await
}

async fn of_form(
    app: &App,
    id: &str,
    form: &Form,
) -> Result<(StatusCode, Json<Generation>), ApiError> {
    let field = "csv_or_zip_file";
    let connection = documents::get(app.store(), Kind::Connection, id).await?;
    if is_of_files(&connection) {
        return Err(ApiError::field(
            "connection",
            "This is a connection to files.",
        ));
    }
    let file = form.file(field)?;
    let target = match form.text("target_size_bytes").map(str::parse::<usize>) {
        None => None,
        Some(Ok(target)) if target > 0 => Some(target),
        Some(_) => {
            let problem = "A valid integer is required.";
            return Err(ApiError::field("target_size_bytes", problem));
        }
    };
    let config = masks(app, form.text("rg_config")).await?;
    let wrong =
        |problem: String| ApiError::field(field, format!("The report cannot be read: {problem}."));
    let choices = match file.bytes.starts_with(b"PK\x03\x04") {
        true => {
            let files = unpack(&file.bytes, MAX_REPORT_BYTES as u64);
            let files = files.map_err(|error| wrong(error.to_string()))?;
            of_reports(files.iter().map(|file| file.bytes.as_slice()))
        }
        false => of_reports([file.bytes.as_ref()]),
    };
    let choices = choices.map_err(wrong)?;
    finished(
        app,
        &connection,
        Chosen::Columns(choices),
        config,
        Some(target),
    )
    .await
}

/// How the last generation for a connection ended.
#[utoipa::path(get, path = "/api/async-generate-ruleset/{connection_id}", tag = "discovery",
    params(("connection_id" = String, Path)), responses((status = 200, body = Generation)))]
async fn status(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Generation>, ApiError> {
    let id = documents::id_of(&id).ok_or_else(ApiError::not_found)?;
    let generation = last(app.store(), &id).await?;
    generation.map(Json).ok_or_else(ApiError::not_found)
}

/// The rulesets that were made of a report, as a zip archive; of anything else, where they are.
#[utoipa::path(get, path = "/api/async-generate-ruleset/{connection_id}/download-rulesets", tag = "discovery",
    params(("connection_id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/zip"), (status = 303)))]
async fn download(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    let id = documents::id_of(&id).ok_or_else(ApiError::not_found)?;
    if last(app.store(), &id).await?.is_none() {
        return Err(ApiError::not_found());
    }
    let Some(archive) = last_archive(app.store(), &id).await? else {
        let status = format!("/api/async-generate-ruleset/{id}/");
        return Ok(Redirect::to(&status).into_response());
    };
    let headers = [
        (header::CONTENT_TYPE, "application/zip"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"rulesets.zip\"",
        ),
    ];
    Ok((headers, archive).into_response())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read, Write};

    use axum::body::Body as Content;
    use axum::http::Request;
    use serde_json::{Value, json};

    use crate::discovery::fixtures::{crm, database, ended, folder};
    use crate::runs;
    use crate::testing::{Answer, Server};

    use super::*;

    const SELECTED: &str =
        r#"{"crm": {"people": ["id", "email", "income"], "orders": ["person"]}}"#;

    fn selected() -> Value {
        serde_json::from_str(SELECTED).unwrap()
    }

    /// A form with a report.
    async fn send(server: &Server, path: &str, report: &[u8], fields: &[(&str, &str)]) -> Answer {
        let mut body = Vec::new();
        for (name, value) in fields {
            let part = format!(
                "--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend_from_slice(part.as_bytes());
        }
        let part = "--x\r\ncontent-disposition: form-data; name=\"csv_or_zip_file\"; filename=\"r.csv\"\r\n\r\n";
        body.extend_from_slice(part.as_bytes());
        body.extend_from_slice(report);
        body.extend_from_slice(b"\r\n--x--\r\n");
        let request =
            Request::post(path).header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
        server
            .send("builder", request.body(Content::from(body)).unwrap())
            .await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn rulesets_for_tables() {
        let server = Server::start().await;
        let (connection, _) = crm(&server).await;
        let mut body = json!({"connection": connection, "selected_columns": selected()});
        for path in ["/api/generate-ruleset/", "/api/generate-ruleset/v2/"] {
            let answer = server.post("builder", path, body.clone()).await;
            let text = String::from_utf8(answer.bytes).unwrap();
            assert_eq!(answer.status, 201, "{text}");
            assert!(text.contains("masks: [{type: imitate_unique}]"), "{text}");
            assert!(
                text.contains("hash_columns: [{source: self}]\n        masks: [{type: email}]"),
                "{text}"
            );
            assert!(!text.contains("column: person"), "{text}");
        }
        body["hash_columns"] =
            json!({"crm": {"people": {"table": ["id"], "columns": {"income": null}}}});
        let answer = server
            .post("builder", "/api/generate-ruleset/v2/", body.clone())
            .await;
        let text = String::from_utf8(answer.bytes).unwrap();
        assert!(
            text.contains("hash_columns: [id]\n        masks: [{type: email}]"),
            "{text}"
        );
        assert!(
            text.contains("hash_columns: []\n        masks: [{type: imitate}]"),
            "{text}"
        );

        let config = json!({"name": "ours", "config_yaml": "labels:\n  email_address: {masks: [{type: suppress}]}\n"});
        let config = server
            .post("builder", "/api/ruleset-generation-configs/", config)
            .await
            .json(201);
        body["rg_config"] = config["id"].clone();
        let answer = server
            .post("builder", "/api/generate-ruleset/v3/", body.clone())
            .await;
        let text = String::from_utf8(answer.bytes).unwrap();
        assert!(
            text.contains("- column: email\n        masks: [{type: suppress}]"),
            "{text}"
        );
        body["rg_config"] = json!(null);
        assert_eq!(
            server
                .post("builder", "/api/generate-ruleset/v3/", body)
                .await
                .status,
            201
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_no_ruleset_comes_of() {
        let server = Server::start().await;
        let (connection, _) = crm(&server).await;
        let (unknown, share) = (database(&server, "unknown").await, folder(&server).await);
        let nowhere = "00000000-0000-4000-8000-000000000000";
        let all = selected();
        for (path, body, field, words) in [
            (
                "/api/generate-ruleset/",
                json!({"connection": connection}),
                "selected_columns",
                "required",
            ),
            (
                "/api/generate-ruleset/",
                json!({"connection": nowhere, "selected_columns": all}),
                "connection",
                "object does not exist",
            ),
            (
                "/api/generate-ruleset/",
                json!({"connection": unknown, "selected_columns": all}),
                "connection",
                "run one first",
            ),
            (
                "/api/generate-ruleset/",
                json!({"connection": share, "selected_columns": all}),
                "connection",
                "to files",
            ),
            (
                "/api/generate-ruleset/",
                json!({"connection": connection, "selected_columns": {"crm": {"none": ["a"]}}}),
                "selected_columns",
                "no table",
            ),
            (
                "/api/generate-ruleset/",
                json!({"connection": connection, "selected_columns": {}}),
                "selected_columns",
                "nothing is left",
            ),
            (
                "/api/generate-ruleset/v3/",
                json!({"connection": connection, "selected_columns": all}),
                "rg_config",
                "required",
            ),
            (
                "/api/generate-ruleset/v3/",
                json!({"connection": connection, "selected_columns": all, "rg_config": nowhere}),
                "rg_config",
                "object does not exist",
            ),
            (
                "/api/generate-file-ruleset/",
                json!({"connection": share, "selected_data": [{"files": ["a.csv"], "locators": ["a"]}]}),
                "connection",
                "run one first",
            ),
            (
                "/api/generate-file-ruleset/",
                json!({"connection": share, "selected_data": [{"files": ["a.json"], "locators": [["a", 0, "*"]]}]}),
                "selected_data",
                "not masked yet",
            ),
        ] {
            let refused = server.post("builder", path, body.clone()).await.json(400);
            let told = refused[field][0].as_str().unwrap_or_default();
            assert!(told.contains(words), "{path} {body}: {refused}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_ruleset_that_is_kept() {
        let server = Server::start().await;
        let (connection, _) = crm(&server).await;
        let at = format!("/api/async-generate-ruleset/{connection}/");
        server.get("builder", &at).await.json(404);
        server
            .get("builder", &format!("{at}download-rulesets/"))
            .await
            .json(404);
        let body = json!({"selected_columns": selected()});
        let kept = server.post("builder", &at, body).await.json(201);
        assert_eq!(
            (&kept["status"], &kept["connection_id"]),
            (&json!("finished"), &json!(connection))
        );
        let again = server.get("builder", &at).await.json(200);
        assert_eq!(kept, again);
        assert!(
            again["generated_ruleset"]
                .as_str()
                .unwrap()
                .starts_with("version: '1.0'")
        );
        let download = server
            .get("builder", &format!("{at}download-rulesets/"))
            .await;
        assert_eq!(download.status, 303);
        assert_eq!(download.headers[header::LOCATION], at.as_str());

        let by_config = format!("/api/async-generate-ruleset/v2/{connection}/");
        let lonely =
            json!({"selected_columns": {"crm": {"orders": ["id", "person"]}}, "rg_config": null});
        let kept = server.post("builder", &by_config, lonely).await.json(201);
        assert_eq!(kept["status"], "finished_with_warnings");
        assert!(
            kept["error_message"]
                .as_str()
                .unwrap()
                .contains("crm.people.id"),
            "{kept}"
        );
        let wrong = json!({"selected_columns": {"crm": {"none": ["id"]}}, "rg_config": null});
        let failed = server.post("builder", &by_config, wrong).await.json(201);
        assert_eq!(
            (&failed["status"], &failed["generated_ruleset"]),
            (&json!("failed"), &Value::Null)
        );
        for body in [json!({}), json!({"selected_data": []})] {
            server.post("builder", &at, body).await.json(400);
        }
        let nowhere = "/api/async-generate-ruleset/00000000-0000-4000-8000-000000000000/";
        server.post("builder", nowhere, json!({})).await.json(404);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn rulesets_of_a_report() {
        let server = Server::start().await;
        let (connection, run) = crm(&server).await;
        let report = server
            .get(
                "builder",
                &format!("/api/runs/{run}/db-discovery-results/report/"),
            )
            .await;
        let report = String::from_utf8(report.bytes).unwrap();
        let filled = report.replace("\n,crm,", "\nyes,crm,");
        let at = format!("/api/async-generate-ruleset/{connection}/");
        let kept = send(
            &server,
            &format!("{at}from-csv/"),
            filled.as_bytes(),
            &[("target_size_bytes", "10")],
        )
        .await;
        let kept = kept.json(201);
        assert_eq!(
            (&kept["status"], &kept["generated_ruleset"]),
            (&json!("finished"), &Value::Null)
        );
        let download = server
            .get("builder", &format!("{at}download-rulesets/"))
            .await;
        let disposition = download.headers[header::CONTENT_DISPOSITION]
            .to_str()
            .unwrap();
        assert!(disposition.starts_with("attachment"), "{disposition}");
        let mut archive = zip::ZipArchive::new(Cursor::new(download.bytes)).unwrap();
        assert_eq!(archive.len(), 2);
        let mut text = String::new();
        let mut first = archive.by_index(0).unwrap();
        let name = first.name().unwrap().into_owned();
        assert!(
            name.ends_with("_001_TABLE_orders_to_TABLE_orders.yml"),
            "{name}"
        );
        first.read_to_string(&mut text).unwrap();
        assert!(text.contains("table: crm.orders"), "{text}");

        // The same in an archive, and with a configuration, of which an empty one is none.
        let mut zipped = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zipped
            .start_file("part_001.csv", zip::write::SimpleFileOptions::default())
            .unwrap();
        zipped.write_all(filled.as_bytes()).unwrap();
        let zipped = zipped.finish().unwrap().into_inner();
        let by_config = format!("/api/async-generate-ruleset/v2/{connection}/from-csv/");
        let kept = send(&server, &by_config, &zipped, &[("rg_config", "")])
            .await
            .json(201);
        assert_eq!(kept["status"], "finished");
        for (report, fields, field) in [
            (report.as_bytes(), &[][..], "csv_or_zip_file"),
            (b"PK\x03\x04", &[], "csv_or_zip_file"),
            (b"", &[], "csv_or_zip_file"),
            (
                filled.as_bytes(),
                &[("target_size_bytes", "x")],
                "target_size_bytes",
            ),
            (filled.as_bytes(), &[("rg_config", "none")], "rg_config"),
        ] {
            let refused = send(&server, &by_config, report, fields).await.json(400);
            assert!(refused.get(field).is_some(), "{refused}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn rulesets_for_files() {
        let server = Server::start().await;
        let queue = runs::start(&server.app, 1).unwrap();
        let share = folder(&server).await;
        let body = json!({"connection": share, "discovery_config": null});
        let run = server
            .post("builder", "/api/run-file-data-discovery/v2/", body)
            .await
            .json(201);
        ended(&server, &run).await;
        let data = json!([{"files": ["people.csv", "deep/people.csv"], "locators": ["first_name", "email"]}]);
        let mut body = json!({"connection": share, "selected_data": data});
        let answer = server
            .post("builder", "/api/generate-file-ruleset/", body.clone())
            .await;
        let text = String::from_utf8(answer.bytes).unwrap();
        assert_eq!(answer.status, 201, "{text}");
        assert!(
            text.contains("type: mask_tabular_file") && text.contains("masks: [{type: email}]"),
            "{text}"
        );
        body["rg_config"] = json!(null);
        assert_eq!(
            server
                .post("builder", "/api/generate-file-ruleset/v2/", body)
                .await
                .status,
            201
        );
        let at = format!("/api/async-generate-ruleset/{share}/");
        let kept = server
            .post("builder", &at, json!({"selected_data": data}))
            .await
            .json(201);
        assert_eq!(kept["status"], "finished");
        queue.shut_down().await;
    }
}
