//! In-flight masking: plans, and values that go through them.
//!
//! Wrong bodies are answered as clients of this part know it: 422, with the place of each problem.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::access::Caller;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::{Query, media_type};
use crate::in_flight::{
    self, HashValues, LogLevel, Plan, PlanOptions, Problem, Ruleset, Secrets, plans,
};
use crate::page::{Origin, PageQuery};
use crate::roles::Role;
use crate::time;

/// Characters of the name of a plan at most, without its random end.
const MAX_NAME: usize = 100;
/// Characters a run secret has at least and at most.
const SECRET_CHARACTERS: std::ops::RangeInclusive<usize> = 16..=256;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(verify_token))
        .routes(routes!(list, create))
        .routes(routes!(get, replace, change, remove))
        .routes(routes!(mask))
}

/// What is wrong with a body, and where.
#[derive(Debug, Serialize, ToSchema)]
struct Unprocessable {
    detail: Vec<Wrong>,
}

/// One problem of a body.
#[derive(Debug, Serialize, ToSchema)]
struct Wrong {
    /// `body`, and the keys and indexes that lead to the value.
    #[schema(value_type = Vec<serde_json::Value>)]
    loc: Vec<Value>,
    msg: String,
    r#type: &'static str,
}

/// An answer that is none of what was asked for.
enum Refused {
    /// As anywhere else.
    Api(ApiError),
    /// The body is wrong.
    Body(Unprocessable),
}

impl<E: Into<ApiError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Api(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Api(error) => error.into_response(),
            Self::Body(body) => (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response(),
        }
    }
}

/// A problem of one field of a body.
fn wrong(field: &str, message: impl Into<String>) -> Refused {
    Refused::Body(Unprocessable {
        detail: vec![Wrong {
            loc: vec![json!("body"), json!(field)],
            msg: message.into(),
            r#type: "value_error",
        }],
    })
}

/// Problems of a ruleset.
fn wrong_ruleset(problems: &[Problem]) -> Refused {
    let problem = |problem: &Problem| Wrong {
        loc: vec![json!("body"), json!("ruleset_yaml")],
        msg: problem.to_string(),
        r#type: "value_error",
    };
    Refused::Body(Unprocessable {
        detail: problems.iter().map(problem).collect(),
    })
}

/// The body of a request, which is JSON.
struct Body<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let media_type = media_type(request.headers()).to_ascii_lowercase();
        if !media_type.is_empty() && !media_type.ends_with("json") {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(ApiError::new(status, "Unsupported media type in request.").into());
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|error| ApiError::new(error.status(), error.body_text()))?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let read = serde_path_to_error::deserialize(&mut json);
        read.map(Self).map_err(|error| Refused::Body(told(&error)))
    }
}

/// What is wrong with a body, without what it holds.
fn told(error: &serde_path_to_error::Error<serde_json::Error>) -> Unprocessable {
    let mut loc = vec![json!("body")];
    for part in error.path() {
        match part {
            serde_path_to_error::Segment::Seq { index } => loc.push(json!(index)),
            serde_path_to_error::Segment::Map { key } => loc.push(json!(key)),
            serde_path_to_error::Segment::Enum { variant } => loc.push(json!(variant)),
            serde_path_to_error::Segment::Unknown => {}
        }
    }
    let text = error.inner().to_string();
    let (msg, kind) = if error.inner().is_data() {
        match text.strip_prefix("missing field `") {
            Some(rest) => {
                loc.push(json!(rest.split('`').next()));
                ("Field required", "missing")
            }
            None if text.starts_with("unknown field") => {
                ("Extra inputs are not permitted", "extra_forbidden")
            }
            None => ("Input is not of the right kind", "value_error"),
        }
    } else {
        ("JSON decode error", "json_invalid")
    };
    Unprocessable {
        detail: vec![Wrong {
            loc,
            msg: msg.to_owned(),
            r#type: kind,
        }],
    }
}

/// What a token is good for.
#[derive(Serialize, ToSchema)]
struct TokenInfo {
    scopes: Vec<&'static str>,
}

/// What the token of the request is good for.
#[utoipa::path(get, path = "/ifm/verify-token", tag = "in-flight masking", responses((status = 200, body = TokenInfo)))]
async fn verify_token(caller: Caller) -> Json<TokenInfo> {
    let mut scopes = Vec::new();
    if caller.is(Role::MaskBuilder) || caller.is(Role::MaskRunner) {
        scopes.extend(["ifm/mask", "ifm/ruleset-plans/list"]);
    }
    if caller.is(Role::MaskBuilder) {
        scopes.push("ifm/ruleset-plans/write");
    }
    Json(TokenInfo { scopes })
}

/// A line of what was done.
#[derive(Serialize, ToSchema)]
struct Line {
    log_level: LogLevel,
    timestamp: String,
    message: String,
}

impl Line {
    fn new(log_level: LogLevel, message: impl Into<String>) -> Self {
        Self {
            log_level,
            timestamp: time::text(time::now()),
            message: message.into(),
        }
    }
}

/// A plan.
#[derive(Serialize, ToSchema)]
#[schema(as = RulesetPlan)]
struct PlanBody {
    name: String,
    /// Grows with every change.
    serial: i64,
    created_time: String,
    modified_time: String,
    options: PlanOptions,
    /// Not in lists, and not for those who may only mask.
    #[serde(skip_serializing_if = "Option::is_none")]
    ruleset_yaml: Option<String>,
    /// What to know of the ruleset, where it was just saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<Vec<Line>>,
    /// Where the plan is.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl PlanBody {
    /// The plan as `caller` may see it.
    fn of(plan: Plan, with_ruleset: bool) -> Self {
        Self {
            name: plan.name,
            serial: plan.serial,
            created_time: plan.created,
            modified_time: plan.modified,
            options: plan.options,
            ruleset_yaml: with_ruleset.then_some(plan.ruleset_yaml),
            logs: None,
            url: None,
        }
    }

    /// The plan that was just saved.
    fn saved(plan: Plan, ruleset: Option<&Ruleset>) -> Self {
        let warnings = ruleset.map_or(&[][..], |ruleset| &ruleset.warnings).iter();
        let warnings = warnings.map(|warning| Line::new(LogLevel::Warning, warning.to_string()));
        Self {
            logs: Some(warnings.collect()),
            ..Self::of(plan, true)
        }
    }
}

/// A page of plans.
#[derive(Serialize, ToSchema)]
struct Plans {
    items: Vec<PlanBody>,
    total: u64,
    limit: u64,
    offset: u64,
}

/// Plans, oldest first, without their rulesets.
#[utoipa::path(get, path = "/ifm/ruleset-plans", tag = "in-flight masking", params(PageQuery), responses((status = 200, body = Plans)))]
async fn list(
    State(app): State<App>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Plans>, ApiError> {
    let page = query.always()?;
    let all = plans::all(&app).await?;
    let total = all.len() as u64;
    let skipped = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let items = all.into_iter().skip(skipped);
    let items = items.take(usize::try_from(page.limit).unwrap_or(usize::MAX));
    Ok(Json(Plans {
        items: items.map(|plan| PlanBody::of(plan, false)).collect(),
        total,
        limit: page.limit,
        offset: page.offset,
    }))
}

/// A new plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPlan {
    /// Letters, digits, `_`, `-` and `.`; six random characters are put behind it.
    #[schema(min_length = 1, max_length = 100, pattern = "^[A-Za-z0-9_.-]+$")]
    name: String,
    ruleset_yaml: String,
    options: Option<PlanOptions>,
}

/// Adds a plan.
#[utoipa::path(post, path = "/ifm/ruleset-plans", tag = "in-flight masking", request_body = NewPlan, responses((status = 201, body = PlanBody), (status = 422, body = Unprocessable)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    at: Origin,
    Body(body): Body<NewPlan>,
) -> Result<Response, Refused> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if body.name.is_empty() || body.name.len() > MAX_NAME || !body.name.chars().all(good) {
        let message = "a name has 1 to 100 letters, digits, `_`, `-` and `.`";
        return Err(wrong("name", message));
    }
    let ruleset = checked(&app, &body.ruleset_yaml).await?;
    let options = body.options.unwrap_or_default();
    let saved = (body.ruleset_yaml, &ruleset);
    let plan = plans::create(&app, &caller, &body.name, saved, options).await?;
    let url = at.address(&format!("/ifm/ruleset-plans/{}/", plan.name));
    let plan = PlanBody {
        url: Some(url),
        ..PlanBody::saved(plan, Some(&ruleset))
    };
    Ok((StatusCode::CREATED, Json(plan)).into_response())
}

async fn checked(app: &App, yaml: &str) -> Result<Ruleset, Refused> {
    let checked = in_flight::check(app, yaml).await?;
    checked.map_err(|problems| wrong_ruleset(&problems))
}

/// A plan.
#[utoipa::path(get, path = "/ifm/ruleset-plans/{name}", tag = "in-flight masking", params(("name" = String, Path)), responses((status = 200, body = PlanBody)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<PlanBody>, ApiError> {
    let plan = plans::get(&app, &name).await?;
    Ok(Json(PlanBody::of(plan, caller.is(Role::MaskBuilder))))
}

/// What a plan becomes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WholePlan {
    ruleset_yaml: String,
    options: Option<PlanOptions>,
}

/// Replaces ruleset and options of a plan; without options those of a new plan are in force.
#[utoipa::path(put, path = "/ifm/ruleset-plans/{name}", tag = "in-flight masking", params(("name" = String, Path)), request_body = WholePlan, responses((status = 200, body = PlanBody), (status = 422, body = Unprocessable)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<WholePlan>,
) -> Result<Json<PlanBody>, Refused> {
    let ruleset = checked(&app, &body.ruleset_yaml).await?;
    let saved = Some((body.ruleset_yaml, &ruleset));
    let options = Some(body.options.unwrap_or_default());
    let plan = plans::change(&app, &caller, &name, saved, options).await?;
    Ok(Json(PlanBody::saved(plan, Some(&ruleset))))
}

/// What changes of a plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PartOfPlan {
    ruleset_yaml: Option<String>,
    /// In the place of all options before.
    options: Option<PlanOptions>,
}

/// Changes ruleset or options of a plan.
#[utoipa::path(patch, path = "/ifm/ruleset-plans/{name}", tag = "in-flight masking", params(("name" = String, Path)), request_body = PartOfPlan, responses((status = 200, body = PlanBody), (status = 422, body = Unprocessable)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<PartOfPlan>,
) -> Result<Json<PlanBody>, Refused> {
    let ruleset = match &body.ruleset_yaml {
        None => None,
        Some(yaml) => Some(checked(&app, yaml).await?),
    };
    let saved = body.ruleset_yaml.zip(ruleset.as_ref());
    let plan = plans::change(&app, &caller, &name, saved, body.options).await?;
    Ok(Json(PlanBody::saved(plan, ruleset.as_ref())))
}

/// Removes a plan.
#[utoipa::path(delete, path = "/ifm/ruleset-plans/{name}", tag = "in-flight masking", params(("name" = String, Path)), responses((status = 204)))]
async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    plans::remove(&app, &caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Values to mask.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MaskRequest {
    /// Texts, numbers, flags, objects, lists and nulls.
    data: Vec<Value>,
    /// What decides masked values: one value for all data, or a list with one value, or list of values, for each.
    hash_values: Option<Value>,
    /// Equal secrets mask alike, here and in runs. Without one nobody can tell the keys.
    #[schema(min_length = 16, max_length = 256)]
    run_secret: Option<String>,
    /// Whether the run secret alone decides.
    disable_instance_secret: Option<bool>,
    /// The least level of the lines that are told.
    log_level: Option<LogLevel>,
    /// What the answer is to be known by.
    request_id: Option<String>,
    /// No effect.
    #[allow(dead_code, reason = "it is checked to be text")]
    ai_engine_url: Option<String>,
}

/// Masked values.
#[derive(Serialize, ToSchema)]
struct MaskResult {
    request_id: String,
    ruleset_plan: PlanRef,
    logs: Vec<Line>,
    /// Not there where a mask refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Vec<Value>>,
}

/// Which plan masked.
#[derive(Serialize, ToSchema)]
struct PlanRef {
    name: String,
    serial: i64,
}

/// Why nothing was masked.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "it tells what the two forms of the answer are")]
enum MaskRefused {
    /// A mask refused a value: there is no `data`.
    Soft(MaskResult),
    Hard {
        detail: String,
    },
}

/// Masks values. Where a mask refuses one, the answer is 400 with the reason in `logs`, and no value is masked.
#[utoipa::path(post, path = "/ifm/ruleset-plans/{name}/mask", tag = "in-flight masking", params(("name" = String, Path)), request_body = MaskRequest, responses((status = 200, body = MaskResult), (status = 400, body = MaskRefused), (status = 422, body = Unprocessable)))]
async fn mask(
    State(app): State<App>,
    Path(name): Path<String>,
    Body(body): Body<MaskRequest>,
) -> Result<Response, Refused> {
    let plan = plans::get(&app, &name).await?;
    if plan.options.enabled == Some(false) {
        let detail = "The ruleset plan is not enabled.";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, detail).into());
    }
    let hash_values = HashValues::read(body.hash_values.as_ref(), body.data.len());
    let hash_values = hash_values.map_err(|message| wrong("hash_values", message))?;
    let secret = body.run_secret.as_deref();
    if secret.is_some_and(|secret| !SECRET_CHARACTERS.contains(&secret.chars().count())) {
        return Err(wrong("run_secret", "a run secret has 16 to 256 characters"));
    }
    let secrets = Secrets {
        run_secret: secret,
        disable_instance_secret: body.disable_instance_secret.unwrap_or(false),
    };
    let masked = in_flight::mask(&app, &plan, &body.data, &hash_values, &secrets).await?;
    let least = body.log_level.or(plan.options.default_log_level);
    let (status, line, data) = match masked {
        Ok(data) => {
            let said = format!("{} values are masked", data.len());
            (StatusCode::OK, Line::new(LogLevel::Info, said), Some(data))
        }
        Err(problem) => (
            StatusCode::BAD_REQUEST,
            Line::new(LogLevel::Error, problem),
            None,
        ),
    };
    let told = line.log_level >= least.unwrap_or(LogLevel::Info) || data.is_none();
    let result = MaskResult {
        request_id: body
            .request_id
            .unwrap_or_else(|| Uuid::new_v4().to_string()),
        ruleset_plan: PlanRef {
            name: plan.name,
            serial: plan.serial,
        },
        logs: told.then_some(line).into_iter().collect(),
        data,
    };
    Ok((status, Json(result)).into_response())
}
