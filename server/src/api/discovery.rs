//! Discovery: which columns may hold personal data.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{FixedOffset, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use visard::discovery::Keywords;

use super::runs::RunBody;
use crate::access::Caller;
use crate::app::App;
use crate::discovery::generation::archive;
use crate::discovery::report::{Report, report};
use crate::discovery::wire::{
    ConnectionRef, FileDiscoveryResult, SchemaDiscoveryResult, TableConstraints, TableMetadata,
    provenance,
};
use crate::discovery::{Asked, LooksFor, globals, results, start};
use crate::documents;
use crate::error::ApiError;
use crate::extract::{Body, Query, flag};
use crate::page::{Origin, PageOf, PageQuery};
use crate::runs::{self, Kind, Run};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(schema_discovery))
        .routes(routes!(schema_discovery_by_config))
        .routes(routes!(schema_results))
        .routes(routes!(file_discovery))
        .routes(routes!(file_discovery_by_config))
        .routes(routes!(database_report))
        .routes(routes!(file_results))
        .routes(routes!(config_snapshot))
}

/// Whether and how values are looked at, which discovery does not do yet.
#[derive(Deserialize, ToSchema)]
struct InDataDiscovery {
    /// Only `false` is accepted.
    enabled: Option<bool>,
}

/// Keywords that are looked for in names of columns.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SchemaDiscoveryRequest {
    /// The id of a connection to a database.
    connection: String,
    /// Words that tell of personal data.
    custom_keywords: Option<Vec<String>>,
    /// Words of columns that are left out.
    ignored_keywords: Option<Vec<String>>,
    /// Schemas to look at, in place of the connection's own.
    schemas: Option<Vec<String>>,
    in_data_discovery: Option<InDataDiscovery>,
    disable_built_in_keywords: Option<bool>,
    disable_global_custom_keywords: Option<bool>,
    disable_global_ignored_keywords: Option<bool>,
}

/// A configuration that says what is looked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SchemaDiscoveryByConfigRequest {
    /// The id of a connection to a database.
    connection: String,
    /// The id of a configuration; null for the defaults.
    #[serde(deserialize_with = "present")]
    #[schema(required)]
    discovery_config: Option<String>,
    /// Schemas to look at, in place of the connection's own.
    schemas: Option<Vec<String>>,
}

/// Options of a discovery in files.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FileDiscoveryOptions {
    diagnostic_logging: Option<bool>,
}

/// Which files.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FileFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    glob: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    regex: Option<String>,
    /// `path`, which is usual, or `filename`.
    #[serde(skip_serializing_if = "Option::is_none")]
    match_against: Option<String>,
}

/// Keywords that are looked for in names of columns of files.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FileDiscoveryRequest {
    /// The id of a connection to files.
    connection: String,
    options: Option<FileDiscoveryOptions>,
    /// Words that tell of personal data.
    custom_keywords: Option<Vec<String>>,
    /// Words of columns that are left out.
    ignored_keywords: Option<Vec<String>>,
    disable_built_in_keywords: Option<bool>,
    disable_global_custom_keywords: Option<bool>,
    disable_global_ignored_keywords: Option<bool>,
    in_data_discovery: Option<InDataDiscovery>,
    /// Whether folders are looked into; they are where nothing is said.
    recurse: Option<bool>,
    include: Option<Vec<FileFilter>>,
    skip: Option<Vec<FileFilter>>,
    /// Only UTF-8 is accepted.
    encoding: Option<String>,
    /// Of no effect.
    #[allow(dead_code, reason = "clients send it; all cores are used as they are")]
    workers: Option<u64>,
}

/// A configuration that says what is looked for in files.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FileDiscoveryByConfigRequest {
    /// The id of a connection to files.
    connection: String,
    /// The id of a configuration; null for the defaults.
    #[serde(deserialize_with = "present")]
    #[schema(required)]
    discovery_config: Option<String>,
    options: Option<FileDiscoveryOptions>,
}

/// A field that has to be there, and may be null.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(from)
}

/// Starts to look for keywords in a database.
#[utoipa::path(post, path = "/api/schema-discovery", tag = "discovery",
    request_body = SchemaDiscoveryRequest, responses((status = 201, body = RunBody)))]
async fn schema_discovery(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<SchemaDiscoveryRequest>,
) -> Result<(StatusCode, Json<RunBody>), ApiError> {
    refuse_values(request.in_data_discovery.as_ref())?;
    let said = Said {
        custom: request.custom_keywords.unwrap_or_default(),
        ignored: request.ignored_keywords.unwrap_or_default(),
        without_built_in: request.disable_built_in_keywords == Some(true),
        without_global_custom: request.disable_global_custom_keywords == Some(true),
        without_global_ignored: request.disable_global_ignored_keywords == Some(true),
    };
    let schemas = request.schemas.unwrap_or_default();
    let mut options = said.options();
    options["schemas"] = json!(schemas);
    let asked = Asked {
        kind: Kind::SchemaDiscovery,
        connection: request.connection,
        looks_for: LooksFor::Keywords(said.keywords(&app, Value::Null).await?),
        schemas,
        options,
    };
    started(&app, &caller, asked).await
}

/// Starts to look in a database for what a configuration says.
#[utoipa::path(post, path = "/api/schema-discovery/v2", tag = "discovery",
    request_body = SchemaDiscoveryByConfigRequest, responses((status = 201, body = RunBody)))]
async fn schema_discovery_by_config(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<SchemaDiscoveryByConfigRequest>,
) -> Result<(StatusCode, Json<RunBody>), ApiError> {
    let schemas = request.schemas.unwrap_or_default();
    let options = json!({"schemas": schemas, "discovery_config": request.discovery_config});
    let asked = Asked {
        kind: Kind::SchemaDiscovery,
        connection: request.connection,
        looks_for: looks_for(&app, request.discovery_config).await?,
        schemas,
        options,
    };
    started(&app, &caller, asked).await
}

/// Starts to look for keywords in files.
#[utoipa::path(post, path = "/api/run-file-data-discovery", tag = "discovery",
    request_body = FileDiscoveryRequest, responses((status = 201, body = RunBody)))]
async fn file_discovery(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<FileDiscoveryRequest>,
) -> Result<(StatusCode, Json<RunBody>), ApiError> {
    refuse_values(request.in_data_discovery.as_ref())?;
    let encoding = request.encoding.as_deref().unwrap_or("utf-8");
    if !["utf-8", "utf8", ""].contains(&encoding.to_ascii_lowercase().as_str()) {
        let problem = "Only files in UTF-8 are looked at yet.";
        return Err(ApiError::field("encoding", problem));
    }
    for (field, filters) in [("include", &request.include), ("skip", &request.skip)] {
        for filter in filters.iter().flatten() {
            check_filter(field, filter)?;
        }
    }
    let said = Said {
        custom: request.custom_keywords.unwrap_or_default(),
        ignored: request.ignored_keywords.unwrap_or_default(),
        without_built_in: request.disable_built_in_keywords == Some(true),
        without_global_custom: request.disable_global_custom_keywords == Some(true),
        without_global_ignored: request.disable_global_ignored_keywords == Some(true),
    };
    let files = json!({
        "recurse": request.recurse.unwrap_or(true),
        "include": request.include.unwrap_or_default(),
        "skip": request.skip.unwrap_or_default(),
    });
    let mut options = said.options();
    let logging = request.options.unwrap_or_default().diagnostic_logging;
    options["diagnostic_logging"] = json!(logging == Some(true));
    options["files"] = files.clone();
    let asked = Asked {
        kind: Kind::FileDiscovery,
        connection: request.connection,
        looks_for: LooksFor::Keywords(said.keywords(&app, files).await?),
        schemas: Vec::new(),
        options,
    };
    started(&app, &caller, asked).await
}

/// Starts to look in files for what a configuration says.
#[utoipa::path(post, path = "/api/run-file-data-discovery/v2", tag = "discovery",
    request_body = FileDiscoveryByConfigRequest, responses((status = 201, body = RunBody)))]
async fn file_discovery_by_config(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<FileDiscoveryByConfigRequest>,
) -> Result<(StatusCode, Json<RunBody>), ApiError> {
    let logging = request.options.unwrap_or_default().diagnostic_logging;
    let options = json!({
        "discovery_config": request.discovery_config,
        "diagnostic_logging": logging == Some(true),
    });
    let asked = Asked {
        kind: Kind::FileDiscovery,
        connection: request.connection,
        looks_for: looks_for(&app, request.discovery_config).await?,
        schemas: Vec::new(),
        options,
    };
    started(&app, &caller, asked).await
}

async fn started(
    app: &App,
    caller: &Caller,
    asked: Asked,
) -> Result<(StatusCode, Json<RunBody>), ApiError> {
    let run = start(app, caller, asked).await?;
    Ok((StatusCode::CREATED, Json(RunBody::of(run, false)?)))
}

/// The configuration that is named, or the defaults with the keywords that admins set.
async fn looks_for(app: &App, config: Option<String>) -> Result<LooksFor, ApiError> {
    match config {
        Some(id) => Ok(LooksFor::Config(id)),
        None => Ok(LooksFor::Keywords(
            Said::default().keywords(app, Value::Null).await?,
        )),
    }
}

/// What a request says of keywords.
#[derive(Default)]
struct Said {
    custom: Vec<String>,
    ignored: Vec<String>,
    without_built_in: bool,
    without_global_custom: bool,
    without_global_ignored: bool,
}

impl Said {
    /// As they are shown with the run.
    fn options(&self) -> Value {
        json!({
            "custom_keywords": self.custom,
            "ignored_keywords": self.ignored,
            "disable_built_in_keywords": self.without_built_in,
            "disable_global_custom_keywords": self.without_global_custom,
            "disable_global_ignored_keywords": self.without_global_ignored,
        })
    }

    /// With those that admins set.
    async fn keywords(mut self, app: &App, files: Value) -> Result<Keywords, ApiError> {
        let (custom, ignored) = globals(app).await?;
        if !self.without_global_custom {
            self.custom.extend(custom);
        }
        if !self.without_global_ignored {
            self.ignored.extend(ignored);
        }
        Ok(Keywords {
            built_in: !self.without_built_in,
            custom: self.custom,
            ignored: self.ignored,
            files,
        })
    }
}

/// Nothing that asks for values is answered as if they had been looked at.
fn refuse_values(asked: Option<&InDataDiscovery>) -> Result<(), ApiError> {
    match asked {
        Some(asked) if asked.enabled != Some(false) => Err(ApiError::field(
            "in_data_discovery",
            "In-data discovery is not built yet: leave it out, or set `enabled` to false.",
        )),
        _ => Ok(()),
    }
}

fn check_filter(field: &str, filter: &FileFilter) -> Result<(), ApiError> {
    let against = filter.match_against.as_deref();
    if !matches!(against, None | Some("path" | "filename")) {
        return Err(ApiError::field(
            field,
            "`match_against` is `path` or `filename`.",
        ));
    }
    let text = match (&filter.glob, &filter.regex) {
        (Some(glob), None) => glob,
        (None, Some(regex)) => regex,
        _ => {
            return Err(ApiError::field(
                field,
                "A filter has exactly one of `glob` and `regex`.",
            ));
        }
    };
    let labelled = json!({"version": "1.0", "files": {field: [filter]}}).to_string();
    match crate::discovery::configs::rules(&labelled, &std::collections::BTreeMap::new()) {
        Ok(_) if !text.is_empty() => Ok(()),
        Ok(_) => Err(ApiError::field(field, "A filter may not be blank.")),
        Err(problem) => Err(ApiError::field(field, problem.message)),
    }
}

/// A page of columns, with the constraints of their tables.
#[derive(Serialize, ToSchema)]
struct SchemaDiscoveryPage {
    #[serde(flatten)]
    page: PageOf<SchemaDiscoveryResult>,
    /// By schema, which may be empty, and table.
    table_metadata: TableMetadata,
}

/// What was found in a database, by pages.
#[utoipa::path(get, path = "/api/schema-discovery/v2/{id}", tag = "discovery",
    params(("id" = i64, Path), PageQuery), responses((status = 200, body = SchemaDiscoveryPage)))]
async fn schema_results(
    State(app): State<App>,
    origin: Origin,
    Path(id): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<SchemaDiscoveryPage>, ApiError> {
    let page = page.always()?;
    let run = discovered(&app, &id, Kind::SchemaDiscovery).await?;
    let store = app.store();
    let count = results::count_columns(store, run.id).await?;
    let columns = results::columns(store, run.id, page.offset, page.limit).await?;
    let mut metadata = TableMetadata::new();
    let mut found = Vec::new();
    if let (Some((_, first)), Some((_, last))) = (columns.first(), columns.last()) {
        let from = first.table.unsigned_abs();
        let tables =
            results::tables(store, run.id, from, last.table.unsigned_abs() + 1 - from).await?;
        for (number, kept) in &columns {
            let table = tables.iter().find(|(at, _)| *at == kept.table);
            if let Some((_, table)) = table {
                found.push(SchemaDiscoveryResult::of(
                    *number,
                    &table.table,
                    &kept.column,
                ));
            }
        }
        for (_, kept) in &tables {
            let schema = kept.table.schema.clone().unwrap_or_default();
            let of_schema = metadata.entry(schema).or_default();
            of_schema.insert(kept.table.name.clone(), TableConstraints::of(&kept.table));
        }
    }
    Ok(Json(SchemaDiscoveryPage {
        page: page.with(&origin, count, found),
        table_metadata: metadata,
    }))
}

/// How a report looks.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ReportQuery {
    /// Whether there is a column in which columns are chosen; there is where nothing is said.
    #[param(value_type = Option<bool>)]
    include_selection_column: Option<String>,
}

/// What was found in a database, as CSV; a long report is a zip archive of numbered parts.
#[utoipa::path(get, path = "/api/runs/{id}/db-discovery-results/report", tag = "discovery",
    params(("id" = i64, Path), ReportQuery),
    responses((status = 200, content((String = "text/csv"), (Vec<u8> = "application/zip")))))]
async fn database_report(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<ReportQuery>,
) -> Result<Response, ApiError> {
    let selection = query.include_selection_column.as_deref();
    let with_selection = flag("include_selection_column", selection, true)?;
    let run = discovered(&app, &id, Kind::SchemaDiscovery).await?;
    let (media_type, ending, bytes) = match report(app.store(), run.id, with_selection).await? {
        Report::Csv(bytes) => ("text/csv", "csv", bytes),
        Report::Zip(bytes) => ("application/zip", "zip", bytes),
    };
    let name = format!(
        "attachment; filename=\"discovery_report_{}.{ending}\"",
        run.id
    );
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, bytes).into_response())
}

/// What was found in files.
#[utoipa::path(get, path = "/api/runs/{id}/file-discovery-results", tag = "discovery",
    params(("id" = i64, Path)), responses((status = 200, body = Vec<FileDiscoveryResult>)))]
async fn file_results(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Vec<FileDiscoveryResult>>, ApiError> {
    let run = discovered(&app, &id, Kind::FileDiscovery).await?;
    let connection = ConnectionRef {
        id: run.source.clone(),
        name: run.source_name.clone(),
    };
    let files = results::files(app.store(), run.id).await?;
    let files = (1..).zip(files);
    let files = files.map(|(number, file)| FileDiscoveryResult::of(number, &connection, file));
    Ok(Json(files.collect()))
}

/// Where the time of a snapshot is told.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct SnapshotQuery {
    /// An offset from UTC such as `+13:00`.
    timezone: Option<String>,
}

/// What a discovery looked for, as a zip archive of one configuration.
#[utoipa::path(get, path = "/api/discovery/runs/{id}/config-snapshot", tag = "discovery",
    params(("id" = i64, Path), SnapshotQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/zip")))]
async fn config_snapshot(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<SnapshotQuery>,
) -> Result<Response, ApiError> {
    let offset = offset(query.timezone.as_deref())?;
    let id: i64 = id.parse().map_err(|_| ApiError::not_found())?;
    let config = results::config(app.store(), id).await?;
    let config = config.ok_or_else(ApiError::not_found)?;
    let kept = match &config.kept {
        None => None,
        Some((id, name, modified)) => {
            let kind = documents::Kind::DiscoveryConfig;
            let now = documents::find(app.store(), kind, id).await?;
            let is_changed = now.map(|document| document.modified != *modified);
            Some((name.as_str(), is_changed))
        }
    };
    let at = Utc::now().with_timezone(&offset);
    let at = at.to_rfc3339_opts(SecondsFormat::Secs, false);
    let text = format!("{}{}", provenance(kept, &at), config.text);
    let name = format!("discovery_config_{id}.yml");
    let archive = archive(vec![(name, text)]).map_err(|error| ApiError::internal(&error))?;
    let disposition = format!("attachment; filename=\"discovery_config_{id}.zip\"");
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, archive).into_response())
}

fn offset(written: Option<&str>) -> Result<FixedOffset, ApiError> {
    let wrong = || ApiError::field("timezone", "Write an offset from UTC such as `+13:00`.");
    // A plus that is not escaped is a space in a query.
    let written = written.unwrap_or("+00:00").trim();
    let (sign, digits) = match written.split_at_checked(1) {
        Some(("-", digits)) => (-1, digits),
        Some(("+", digits)) => (1, digits),
        _ => (1, written),
    };
    let (hours, minutes) = digits.split_once(':').ok_or_else(wrong)?;
    let number = |text: &str, most: i32| {
        let is_plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse()
            .ok()
            .filter(|number: &i32| is_plain && *number <= most)
    };
    let (Some(hours), Some(minutes)) = (number(hours, 14), number(minutes, 59)) else {
        return Err(wrong());
    };
    FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60)).ok_or_else(wrong)
}

/// A discovery of this kind that came to its end.
async fn discovered(app: &App, id: &str, kind: Kind) -> Result<Run, ApiError> {
    let id: i64 = id.parse().map_err(|_| ApiError::not_found())?;
    let run = runs::find(app.store(), id).await?;
    let run = run
        .filter(|run| run.kind == kind)
        .ok_or_else(ApiError::not_found)?;
    match run.status {
        runs::Status::Finished | runs::Status::FinishedWithWarnings => Ok(run),
        other => {
            let detail = format!("The run is {}: it has no results.", other.name());
            Err(ApiError::new(StatusCode::NOT_FOUND, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use crate::discovery::fixtures::{crm, database, ended, folder};
    use crate::testing::Server;

    use super::*;

    fn unzipped(bytes: Vec<u8>) -> String {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut text = String::new();
        archive
            .by_index(0)
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_found_in_a_database() {
        let server = Server::start().await;
        let (_, run) = crm(&server).await;
        let at = format!("/api/schema-discovery/v2/{run}/");
        let page = server
            .get("builder", &format!("{at}?limit=2"))
            .await
            .json(200);
        assert_eq!(
            (&page["count"], &page["results"].as_array().unwrap().len()),
            (&json!(5), &2)
        );
        let next = page["next"].as_str().unwrap();
        assert!(next.contains("offset=2"), "{next}");
        let email = &page["results"][1];
        assert_eq!(
            (&email["id"], &email["schema"], &email["column"]),
            (&json!(2), &json!("crm"), &json!("email"))
        );
        assert_eq!(email["data"]["max_length"], 40);
        assert_eq!(
            email["data"]["discovery_matches"][0]["label"],
            "email_address"
        );
        let id = &page["results"][0]["data"];
        assert_eq!(
            (&id["constraint"], &id["pk_constraint_name"]),
            (&json!("Primary"), &json!("people_pkey"))
        );
        assert_eq!(
            id["referencing_foreign_keys"][0]["referencing_column"],
            "crm.orders.person"
        );
        assert_eq!(page["table_metadata"]["crm"]["people"]["row_count"], 1000);
        let last = server
            .get("builder", &format!("{at}?limit=2&offset=4"))
            .await
            .json(200);
        assert_eq!(
            last["results"][0]["data"]["foreign_keys"][0]["referenced_column"],
            "crm.people.id"
        );
        assert_eq!(last["table_metadata"]["crm"].as_object().unwrap().len(), 1);
        let none = server
            .get("builder", &format!("{at}?offset=9"))
            .await
            .json(200);
        assert_eq!(
            (&none["results"], &none["table_metadata"]),
            (&json!([]), &json!({}))
        );

        let report = server
            .get(
                "builder",
                &format!("/api/runs/{run}/db-discovery-results/report/"),
            )
            .await;
        let text = String::from_utf8(report.bytes).unwrap();
        assert!(text.starts_with("Selected,Table schema,"), "{text}");
        assert!(
            text.contains(",crm,people,email,character varying(40),,,40,,,email_address,MDD,PII\n"),
            "{text}"
        );
        assert!(
            text.contains("Foreign(person),\"[\"\"orders_person\"\",\"\"crm.people.id\"\"]\""),
            "{text}"
        );
        let without =
            format!("/api/runs/{run}/db-discovery-results/report/?include_selection_column=false");
        let without = server.get("builder", &without).await;
        assert!(without.bytes.starts_with(b"Table schema,"));
        let wrong =
            format!("/api/runs/{run}/db-discovery-results/report/?include_selection_column=x");
        server.get("builder", &wrong).await.json(400);

        let snapshot = format!("/api/discovery/runs/{run}/config-snapshot/?timezone=%2B13:00");
        let snapshot = server.get("builder", &snapshot).await;
        assert_eq!(snapshot.headers[header::CONTENT_TYPE], "application/zip");
        let text = unzipped(snapshot.bytes);
        assert!(
            text.starts_with("# ") && text.contains("+13:00\n") && text.contains("email_address"),
            "{text}"
        );
        server
            .get(
                "builder",
                &format!("/api/discovery/runs/{run}/config-snapshot/?timezone=x"),
            )
            .await
            .json(400);

        // Of another kind, or of none.
        for path in [
            format!("/api/runs/{run}/file-discovery-results/"),
            "/api/schema-discovery/v2/99/".to_owned(),
            "/api/schema-discovery/v2/x/".to_owned(),
            "/api/runs/99/db-discovery-results/report/".to_owned(),
            "/api/discovery/runs/99/config-snapshot/".to_owned(),
        ] {
            server.get("builder", &path).await.json(404);
        }
        server.get("runner", &at).await.json(403);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn files_are_looked_at() {
        let server = Server::start().await;
        let queue = runs::start(&server.app, 1).unwrap();
        let share = folder(&server).await;
        let body = json!({"connection": share, "recurse": true, "skip": [{"glob": "*.docx"}]});
        let run = server
            .post("builder", "/api/run-file-data-discovery/", body)
            .await
            .json(201);
        assert_eq!(
            (&run["mask_type"], &run["ruleset_name"]),
            (
                &json!("file_data_discovery"),
                &json!("$auto_file_data_discovery")
            )
        );
        let run = ended(&server, &run).await;
        assert_eq!(run["status"], "finished", "{run}");
        let found = format!("/api/runs/{}/file-discovery-results/", run["id"]);
        let found = server.get("builder", &found).await.json(200);
        let files = found.as_array().unwrap();
        assert_eq!(files.len(), 2);
        assert_eq!(
            files[0]["connection"],
            json!({"id": share, "name": "share"})
        );
        assert_eq!(files[0]["files"][0]["path"], "deep/people.csv");
        assert_eq!(files[0]["results"][1]["locator"], "first_name");
        assert_eq!(
            files[0]["results"][1]["matches"][0]["categories"],
            json!(["PII"])
        );

        let config = json!({
            "name": "ours", "config_type": "file",
            "config_yaml": "labels: [{name: row}]\nmetadata_rules: [{label: row, column: {type: regex, pattern: ^id$}}]\n\
                            files: {recurse: false}\n",
        });
        let config = server
            .post("builder", "/api/discovery/configs/", config)
            .await
            .json(201);
        let body = json!({"connection": share, "discovery_config": config["id"]});
        let run = server
            .post("builder", "/api/run-file-data-discovery/v2/", body)
            .await
            .json(201);
        let run = ended(&server, &run).await;
        // What is neither text nor Parquet is told.
        assert_eq!(run["status"], "finished_with_warnings", "{run}");
        let found = format!("/api/runs/{}/file-discovery-results/", run["id"]);
        let found = server.get("builder", &found).await.json(200);
        assert_eq!(found[0]["results"][0]["matches"][0]["label"], "row");
        assert_eq!(found[0]["results"][1]["matches"], json!([]));
        let at = format!("/api/discovery/configs/{}/", config["id"].as_str().unwrap());
        server.delete("builder", &at).await.empty(204);
        let snapshot = format!("/api/discovery/runs/{}/config-snapshot/", run["id"]);
        let text = unzipped(server.get("builder", &snapshot).await.bytes);
        assert!(text.contains("\"ours\", which was deleted since"), "{text}");
        queue.shut_down().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_database_that_is_not_there_fails_the_run() {
        let server = Server::start().await;
        let queue = runs::start(&server.app, 1).unwrap();
        let connection = database(&server, "gone").await;
        let body = json!({"connection": connection, "discovery_config": null, "schemas": ["crm"]});
        let run = server
            .post("builder", "/api/schema-discovery/v2/", body)
            .await
            .json(201);
        assert_eq!(
            (&run["mask_type"], &run["ruleset_name"]),
            (&json!("database"), &json!("$auto_schema_discovery"))
        );
        let run = ended(&server, &run).await;
        assert_eq!(run["status"], "failed");
        let told = run["error_message"].as_str().unwrap();
        assert!(!told.is_empty() && !told.contains("quiet-plum"), "{told}");
        server
            .get(
                "builder",
                &format!("/api/schema-discovery/v2/{}/", run["id"]),
            )
            .await
            .json(404);
        queue.shut_down().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_cannot_be_looked_for() {
        let server = Server::start().await;
        let (database, share) = (database(&server, "crm").await, folder(&server).await);
        let config =
            json!({"name": "broken", "config_type": "database", "config_yaml": "labels: 1"});
        let broken = server
            .post("builder", "/api/discovery/configs/", config)
            .await
            .json(201);
        let (schema, files) = ("/api/schema-discovery/", "/api/run-file-data-discovery/");
        let nowhere = "00000000-0000-4000-8000-000000000000";
        for (path, body, field, words) in [
            (schema, json!({}), "connection", "required"),
            (
                schema,
                json!({"connection": nowhere}),
                "connection",
                "object does not exist",
            ),
            (
                schema,
                json!({"connection": share}),
                "connection",
                "to files",
            ),
            (
                schema,
                json!({"connection": database, "in_data_discovery": {"enabled": true}}),
                "in_data_discovery",
                "not built yet",
            ),
            (
                schema,
                json!({"connection": database, "in_data_discovery": {}}),
                "in_data_discovery",
                "not built yet",
            ),
            (
                schema,
                json!({"connection": database, "discovery_config": null}),
                "discovery_config",
                "unknown field",
            ),
            (
                "/api/schema-discovery/v2/",
                json!({"connection": database}),
                "discovery_config",
                "required",
            ),
            (
                "/api/schema-discovery/v2/",
                json!({"connection": database, "discovery_config": nowhere}),
                "discovery_config",
                "object does not exist",
            ),
            (
                "/api/schema-discovery/v2/",
                json!({"connection": database, "discovery_config": broken["id"]}),
                "discovery_config",
                "not valid",
            ),
            (
                files,
                json!({"connection": database}),
                "connection",
                "to a database",
            ),
            (
                files,
                json!({"connection": share, "include": [{"glob": "a", "regex": "b"}]}),
                "include",
                "exactly one",
            ),
            (
                files,
                json!({"connection": share, "skip": [{"regex": "("}]}),
                "skip",
                "not a regular expression",
            ),
            (
                files,
                json!({"connection": share, "encoding": "utf-16"}),
                "encoding",
                "UTF-8",
            ),
            (
                "/api/run-file-data-discovery/v2/",
                json!({"connection": share, "discovery_config": broken["id"]}),
                "discovery_config",
                "object does not exist",
            ),
        ] {
            let refused = server.post("builder", path, body.clone()).await.json(400);
            let told = refused[field][0].as_str().unwrap_or_default();
            assert!(told.contains(words), "{path} {body}: {refused}");
        }
        server.post("runner", schema, json!({})).await.json(403);
    }

    #[test]
    fn offsets_from_utc() {
        for (written, seconds) in [
            (None, Some(0)),
            (Some("+13:00"), Some(46800)),
            (Some(" 13:00"), Some(46800)),
            (Some("-03:30"), Some(-12600)),
            (Some("13"), None),
            (Some("+99:00"), None),
            (Some("+1:00"), None),
            (Some("é"), None),
        ] {
            let found = offset(written).ok().map(|offset| offset.local_minus_utc());
            assert_eq!(found, seconds, "{written:?}");
        }
    }
}
