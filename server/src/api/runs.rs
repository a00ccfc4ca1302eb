//! Masking runs: starting, watching, cancelling.

use std::future::ready;

use axum::Json;
use axum::body::{Body as AnswerBody, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use futures::stream::{StreamExt, once, try_unfold};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{Body, Query};
use crate::page::{Listed, Origin, Page, PageQuery};
use crate::rulesets::MaskType;
use crate::runs::{self, Asked, Filter, Options, OptionsSchema, Run, Status, log, report};
use crate::settings::Generation;

/// Runs of a whole list that are in memory at once.
pub(super) const PART: u64 = 250;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(cancel))
        .routes(routes!(log_of))
        .routes(routes!(sdd_report))
        .routes(routes!(run_report))
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Run)]
pub(super) struct RunBody {
    id: i64,
    name: String,
    status: Status,
    /// `database`, `file` or `file_data_discovery`.
    mask_type: String,
    /// As `source_connection`.
    connection: String,
    /// As `source_connection_name`.
    connection_name: String,
    source_connection: String,
    source_connection_name: String,
    destination_connection: Option<String>,
    destination_connection_name: Option<String>,
    ruleset: Option<String>,
    ruleset_name: String,
    created_time: String,
    start_time: Option<String>,
    end_time: Option<String>,
    #[schema(value_type = Shown)]
    options: Box<RawValue>,
    has_sdd_report: bool,
    /// Why it failed.
    error_message: Option<String>,
}

/// The options of a run, without its secret.
#[derive(ToSchema)]
#[schema(as = RunOptionsShown)]
#[allow(dead_code, reason = "it tells what the stored JSON is")]
struct Shown {
    /// Always true: a run without a given secret gets one of its own.
    has_run_secret: Option<bool>,
    dry_run: Option<bool>,
    continue_on_failure: Option<bool>,
    disable_instance_secret: Option<bool>,
    batch_size: Option<u64>,
    max_rows: Option<u64>,
    /// Only in the answer to the request that started the run.
    run_secret: Option<String>,
}

impl RunBody {
    /// The run for clients of the generation `second`, if that is said, or else of the third.
    pub(super) fn of(run: Run, second: bool) -> Result<Self, ApiError> {
        let options = RawValue::from_string(run.options);
        Ok(Self {
            id: run.id,
            name: run.name,
            status: match second {
                true => run.status.of_second_generation(),
                false => run.status,
            },
            mask_type: run.mask_type,
            connection: run.source.clone(),
            connection_name: run.source_name.clone(),
            source_connection: run.source,
            source_connection_name: run.source_name,
            destination_connection: run.destination,
            destination_connection_name: run.destination_name,
            ruleset: run.ruleset,
            ruleset_name: run.ruleset_name,
            created_time: run.created,
            start_time: run.started,
            end_time: run.ended,
            options: options.map_err(|error| ApiError::internal(&error))?,
            has_sdd_report: run.has_sdd_report,
            error_message: run.error_message,
        })
    }
}

/// Whether clients of the second generation are served, which know fewer statuses.
async fn second_generation(app: &App) -> Result<bool, ApiError> {
    Ok(app.settings().await?.run_status_generation == Generation::V2)
}

/// Which runs are listed.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Runs of this status.
    #[param(value_type = Option<Status>)]
    run_status: Option<String>,
    /// Runs of the ruleset of this name.
    ruleset_name: Option<String>,
    /// Runs with this text in the name of a connection or the ruleset; capitals count as small letters.
    connection_ruleset_name: Option<String>,
}

/// Runs, the newest first; by pages where `limit` or `offset` is given.
#[utoipa::path(get, path = "/api/runs", tag = "runs", params(ListQuery, PageQuery), responses((status = 200, body = Listed<RunBody>)))]
async fn list(
    State(app): State<App>,
    at: Origin,
    Query(page): Query<PageQuery>,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let second = second_generation(&app).await?;
    let statuses = match query.run_status.as_deref().map(Status::named) {
        None => Vec::new(),
        Some(None) => {
            return Err(ApiError::field("run_status", "There is no such status."));
        }
        // What is shown as one status is found by it.
        Some(Some(wanted)) if second => Status::ALL
            .into_iter()
            .filter(|status| status.of_second_generation() == wanted)
            .collect(),
        Some(Some(wanted)) => vec![wanted],
    };
    if second && query.run_status.is_some() && statuses.is_empty() {
        return Err(ApiError::field("run_status", "There is no such status."));
    }
    let filter = Filter {
        statuses,
        ruleset_name: searchable("ruleset_name", query.ruleset_name)?,
        part_of_names: searchable("connection_ruleset_name", query.connection_ruleset_name)?,
        before: None,
    };
    let Some(page) = page.asked()? else {
        return whole(app, filter, second).await;
    };
    let found = runs::list(app.store(), &filter, page).await?.into_iter();
    let found: Result<Vec<RunBody>, _> = found.map(|run| RunBody::of(run, second)).collect();
    let count = runs::count(app.store(), &filter).await?;
    Ok(Json(page.with(&at, count, found?)).into_response())
}

/// All runs that are asked for, read and written part by part.
///
/// # Errors
/// As of the store, for the first part; where a later one cannot be read, the answer breaks off.
async fn whole(app: App, filter: Filter, second: bool) -> Result<Response, ApiError> {
    let (first, behind) = part(&app, filter, second).await?;
    let others = try_unfold(behind, move |behind| {
        let app = app.clone();
        async move {
            match behind {
                None => Ok(None),
                Some(filter) => part(&app, filter, second).await.map(Some),
            }
        }
    });
    let parts = once(ready(Ok(first))).chain(others);
    let parts = parts.map_err(|error: ApiError| std::io::Error::other(error.told()));
    let json = [(header::CONTENT_TYPE, "application/json")];
    Ok((json, AnswerBody::from_stream(parts)).into_response())
}

/// The text of a part of the list of runs, and what to look for behind it: nothing where the list ends.
async fn part(
    app: &App,
    filter: Filter,
    second: bool,
) -> Result<(Bytes, Option<Filter>), ApiError> {
    let page = Page {
        limit: PART,
        offset: 0,
    };
    let found = runs::list(app.store(), &filter, page).await?;
    let is_last = (found.len() as u64) < PART;
    let before = found.last().map(|run| run.id);
    let mut text = match filter.before {
        None => vec![b'['],
        Some(_) => Vec::new(),
    };
    for run in found {
        if text != b"[" {
            text.push(b',');
        }
        let written = serde_json::to_writer(&mut text, &RunBody::of(run, second)?);
        written.map_err(|error| ApiError::internal(&error))?;
    }
    if is_last {
        text.push(b']');
    }
    let behind = (!is_last).then_some(Filter { before, ..filter });
    Ok((text.into(), behind))
}

/// Text that the store can look for.
fn searchable(field: &str, text: Option<String>) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.contains('\0') => {
            Err(ApiError::field(field, "Null characters are not allowed."))
        }
        text => Ok(text),
    }
}

/// What is to be masked.
#[derive(Deserialize, ToSchema)]
struct NewRun {
    /// What to call the run; by default as its ruleset.
    #[schema(max_length = 255)]
    name: Option<String>,
    /// The older name of `source_connection`.
    connection: Option<String>,
    /// Id of the connection that is read, and of a database that is masked.
    source_connection: Option<String>,
    /// Id of the connection that files are written to.
    destination_connection: Option<String>,
    /// Id of the ruleset.
    ruleset: String,
    /// By default what the connection is for.
    mask_type: Option<MaskType>,
    #[schema(value_type = Option<OptionsSchema>)]
    options: Option<Map<String, Value>>,
    /// No effect: the server sends no mail.
    #[allow(dead_code, reason = "it is checked to be a flag")]
    is_user_subscribed: Option<bool>,
}

impl NewRun {
    fn asked(self) -> Result<Asked, ApiError> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let source = match (given(self.source_connection), given(self.connection)) {
            (Some(new), Some(old)) if new != old => {
                let problem = "It is not the same as `source_connection`.";
                return Err(ApiError::field("connection", problem));
            }
            (Some(source), _) => ("source_connection", source),
            (None, Some(source)) => ("connection", source),
            (None, None) => return Err(ApiError::field("connection", "This field is required.")),
        };
        let name = searchable("name", given(self.name))?;
        if name.as_ref().is_some_and(|name| name.chars().count() > 255) {
            let problem = "Ensure this field has no more than 255 characters.";
            return Err(ApiError::field("name", problem));
        }
        Ok(Asked {
            name,
            source,
            destination: given(self.destination_connection),
            ruleset: self.ruleset,
            mask_type: self.mask_type,
            options: Options::read(&self.options.unwrap_or_default())?,
        })
    }
}

/// Starts a run: it is queued. The run secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/runs", tag = "runs", request_body = NewRun, responses((status = 201, body = RunBody)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<NewRun>,
) -> Result<Response, ApiError> {
    let (mut run, run_secret) = runs::create(&app, &caller, body.asked()?).await?;
    let mut options: Map<String, Value> =
        serde_json::from_str(&run.options).map_err(|error| ApiError::internal(&error))?;
    options.insert("run_secret".to_owned(), run_secret.into());
    run.options = Value::Object(options).to_string();
    let run = RunBody::of(run, second_generation(&app).await?)?;
    Ok((StatusCode::CREATED, Json(run)).into_response())
}

/// The number in a path; what is none is no run.
fn number(id: &str) -> Result<i64, ApiError> {
    id.parse().map_err(|_| ApiError::not_found())
}

/// A run.
#[utoipa::path(get, path = "/api/runs/{id}", tag = "runs", params(("id" = i64, Path)), responses((status = 200, body = RunBody)))]
async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Json<RunBody>, ApiError> {
    let run = runs::find(app.store(), number(&id)?).await?;
    let run = run.ok_or_else(ApiError::not_found)?;
    Ok(Json(RunBody::of(run, second_generation(&app).await?)?))
}

/// Cancels a run that is not at its end: one that waits is `cancelled` at once, any other `cancelling`.
#[utoipa::path(post, path = "/api/runs/{id}/cancel", tag = "runs", params(("id" = i64, Path)), responses((status = 201, body = RunBody)))]
async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let run = runs::cancel(&app, &caller, number(&id)?).await?;
    let run = RunBody::of(run, second_generation(&app).await?)?;
    Ok((StatusCode::CREATED, Json(run)).into_response())
}

/// A line of the log of a run.
#[derive(Serialize, ToSchema)]
struct LogLine {
    run: i64,
    worker_id: String,
    timestamp: String,
    /// 10 debug, 20 info, 30 warning, 40 error.
    log_level: i64,
    message: String,
    /// Always empty.
    args: &'static str,
    /// How far the run was.
    run_status: String,
    is_dry_run: bool,
}

/// The log of a run.
#[utoipa::path(get, path = "/api/runs/{id}/log", tag = "runs", params(("id" = i64, Path)), responses((status = 200, body = Vec<LogLine>)))]
async fn log_of(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Vec<LogLine>>, ApiError> {
    let run = runs::find(app.store(), number(&id)?).await?;
    let run = run.ok_or_else(ApiError::not_found)?;
    let lines = log::lines(app.store(), run.id).await?.into_iter();
    let lines = lines.map(|line| LogLine {
        run: run.id,
        worker_id: line.worker_id,
        timestamp: line.timestamp,
        log_level: line.log_level,
        message: line.message,
        args: "",
        run_status: line.run_status,
        is_dry_run: run.is_dry_run,
    });
    Ok(Json(lines.collect()))
}

/// The columns that a run should have masked and did not, as CSV; 404 where nobody looked.
#[utoipa::path(get, path = "/api/runs/{id}/sdd-report", tag = "runs", params(("id" = i64, Path)), responses((status = 200, body = String, content_type = "text/csv")))]
async fn sdd_report(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    csv(&app, &id, report::SDD).await
}

/// What a run masked, as CSV: a row for each file, or each task on a database; 404 until it is at its end.
#[utoipa::path(get, path = "/api/runs/{id}/run-report", tag = "runs", params(("id" = i64, Path)), responses((status = 200, body = String, content_type = "text/csv")))]
async fn run_report(State(app): State<App>, Path(id): Path<String>) -> Result<Response, ApiError> {
    csv(&app, &id, report::RUN).await
}

async fn csv(app: &App, id: &str, kind: &str) -> Result<Response, ApiError> {
    let report = report::find(app.store(), number(id)?, kind).await?;
    let report = report.ok_or_else(ApiError::not_found)?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], report).into_response())
}
