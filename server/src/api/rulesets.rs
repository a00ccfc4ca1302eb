//! Rulesets: kept whether they are sound or not, and marked.

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::app::App;
use crate::documents::{self, Document, Kind};
use crate::edits;
use crate::error::ApiError;
use crate::extract::{Body, Id, Query, flag};
use crate::page::{Listed, Origin, PageQuery};
use crate::rulesets::{
    MaskType, Text, ValidationError, Validity, Verdict, imports, is_large, judge_ruleset,
    maybe_yaml, validate_later, yaml,
};

/// The largest body of a request with a ruleset or library in it: the largest file that is read, as JSON
/// writes it.
pub(super) const MAX_BODY: usize = 32 * 1024 * 1024;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(list_without_texts))
        .routes(routes!(get, replace, change, delete))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// A ruleset.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ruleset {
    id: String,
    name: String,
    /// Its text; lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    config_yaml: Option<String>,
    mask_type: MaskType,
    is_valid: Validity,
    validation_errors: Vec<ValidationError>,
    /// Always empty: no licence withholds anything.
    unlicensed_feature_warnings: Vec<String>,
    git_branch: Option<String>,
    git_commit_sha: Option<String>,
    git_repo_url: Option<String>,
    git_synced_at: Option<String>,
    created: String,
    modified: String,
}

impl Ruleset {
    /// A stored ruleset, with its text.
    fn of(document: &Document) -> Result<Self, ApiError> {
        let Text {
            config_yaml,
            verdict,
        } = Text::of(document)?;
        Ok(Self {
            id: document.id.clone(),
            name: document.name.clone(),
            config_yaml: Some(config_yaml),
            mask_type: MaskType::of(document),
            is_valid: verdict.is_valid,
            validation_errors: verdict.validation_errors,
            unlicensed_feature_warnings: Vec::new(),
            git_branch: None,
            git_commit_sha: None,
            git_repo_url: None,
            git_synced_at: None,
            created: document.created.clone(),
            modified: document.modified.clone(),
        })
    }

    /// A stored ruleset, without its text.
    pub(super) fn without_text(document: &Document) -> Result<Self, ApiError> {
        Ok(Self {
            config_yaml: None,
            ..Self::of(document)?
        })
    }
}

/// A ruleset as a client writes it.
#[derive(Deserialize, ToSchema)]
struct RulesetRequest {
    name: String,
    /// YAML.
    #[serde(deserialize_with = "yaml")]
    config_yaml: String,
    /// `database` where nothing is said of a new one.
    mask_type: Option<MaskType>,
}

/// What a client changes of a ruleset.
#[derive(Deserialize, ToSchema)]
struct RulesetChange {
    name: Option<String>,
    /// YAML.
    #[serde(default, deserialize_with = "maybe_yaml")]
    config_yaml: Option<String>,
    mask_type: Option<MaskType>,
}

/// What becomes of a ruleset that is there already.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Upsert {
    /// Whether one of the same name and type is written anew.
    #[param(value_type = Option<bool>)]
    upsert: Option<String>,
}

/// All rulesets.
#[utoipa::path(get, path = "/api/rulesets", tag = "rulesets", params(PageQuery),
    responses((status = 200, body = Listed<Ruleset>)))]
async fn list(
    State(app): State<App>,
    origin: Origin,
    Query(page): Query<PageQuery>,
) -> Result<Json<Listed<Ruleset>>, ApiError> {
    let documents = documents::all(app.store(), Kind::Ruleset).await?;
    let rulesets = documents.iter().map(Ruleset::of);
    page.of(&origin, rulesets.collect::<Result<_, _>>()?)
}

/// All rulesets without their texts.
#[utoipa::path(get, path = "/api/v2/rulesets", tag = "rulesets", params(PageQuery),
    responses((status = 200, body = Listed<Ruleset>)))]
async fn list_without_texts(
    State(app): State<App>,
    origin: Origin,
    Query(page): Query<PageQuery>,
) -> Result<Json<Listed<Ruleset>>, ApiError> {
    let documents = documents::all(app.store(), Kind::Ruleset).await?;
    let rulesets = documents.iter().map(Ruleset::without_text);
    page.of(&origin, rulesets.collect::<Result<_, _>>()?)
}

/// Keeps a new ruleset, sound or not.
#[utoipa::path(post, path = "/api/rulesets", tag = "rulesets", params(Upsert), request_body = RulesetRequest,
    responses(
        (status = 200, description = "one of the same name and type was written anew", body = Ruleset),
        (status = 201, body = Ruleset),
    ))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Query(Upsert { upsert }): Query<Upsert>,
    Body(request): Body<RulesetRequest>,
) -> Result<(StatusCode, Json<Ruleset>), ApiError> {
    let upsert = flag("upsert", upsert.as_deref(), false)?;
    let name = documents::name("name", &request.name)?;
    let mask_type = request.mask_type.unwrap_or_default();
    let there = match upsert {
        true => documents::named(app.store(), Kind::Ruleset, mask_type.name(), &name).await?,
        false => None,
    };
    if let Some(mut document) = there {
        document.body = written(&app, request.config_yaml, mask_type).await?;
        return Ok((StatusCode::OK, update(&app, &caller, document).await?));
    }
    let body = written(&app, request.config_yaml, mask_type).await?;
    let document = Document::new(&name, mask_type.name(), body);
    let mut transaction = app.store().begin().await?;
    let kind = Kind::Ruleset;
    edits::add(transaction.as_mut(), &caller, kind, &document, None).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, answered(&app, &document)?))
}

/// A ruleset.
#[utoipa::path(get, path = "/api/rulesets/{id}", tag = "rulesets", params(("id" = String, Path)),
    responses((status = 200, body = Ruleset)))]
async fn get(State(app): State<App>, Id(id): Id) -> Result<Json<Ruleset>, ApiError> {
    let document = documents::get(app.store(), Kind::Ruleset, &id).await?;
    Ok(Json(Ruleset::of(&document)?))
}

/// Writes a ruleset anew.
#[utoipa::path(put, path = "/api/rulesets/{id}", tag = "rulesets", params(("id" = String, Path)),
    request_body = RulesetRequest, responses((status = 200, body = Ruleset)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<RulesetRequest>,
) -> Result<Json<Ruleset>, ApiError> {
    let request = RulesetChange {
        name: Some(request.name),
        config_yaml: Some(request.config_yaml),
        mask_type: request.mask_type,
    };
    rewrite(&app, &caller, &id, request).await
}

/// Changes some fields of a ruleset. It is looked at again in any case.
#[utoipa::path(patch, path = "/api/rulesets/{id}", tag = "rulesets", params(("id" = String, Path)),
    request_body = RulesetChange, responses((status = 200, body = Ruleset)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<RulesetChange>,
) -> Result<Json<Ruleset>, ApiError> {
    rewrite(&app, &caller, &id, request).await
}

/// Removes a ruleset. Runs keep its name.
#[utoipa::path(delete, path = "/api/rulesets/{id}", tag = "rulesets", params(("id" = String, Path)),
    responses((status = 204)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<StatusCode, ApiError> {
    let document = documents::get(app.store(), Kind::Ruleset, &id).await?;
    let mut transaction = app.store().begin().await?;
    let kind = Kind::Ruleset;
    edits::remove(transaction.as_mut(), &caller, kind, &document).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn rewrite(
    app: &App,
    caller: &Caller,
    id: &str,
    request: RulesetChange,
) -> Result<Json<Ruleset>, ApiError> {
    let mut document = documents::get(app.store(), Kind::Ruleset, id).await?;
    if let Some(name) = request.name {
        document.name = documents::name("name", &name)?;
    }
    let mask_type = request.mask_type.unwrap_or(MaskType::of(&document));
    document.variant = mask_type.name().to_owned();
    let yaml = match request.config_yaml {
        Some(yaml) => yaml,
        None => Text::of(&document)?.config_yaml,
    };
    document.body = written(app, yaml, mask_type).await?;
    update(app, caller, document).await
}

/// The body of a ruleset with this text, which a large one gets its verdict on later.
pub(super) async fn written(
    app: &App,
    config_yaml: String,
    mask_type: MaskType,
) -> Result<serde_json::Value, ApiError> {
    if config_yaml.trim().is_empty() {
        return Err(ApiError::field(
            "config_yaml",
            "This field may not be blank.",
        ));
    }
    let verdict = match is_large(&config_yaml) {
        true => Verdict::in_progress(imports(app, &config_yaml).await?),
        false => judge_ruleset(app, &config_yaml, mask_type).await?,
    };
    let text = Text {
        config_yaml,
        verdict,
    };
    Ok(text.into_body())
}

async fn update(
    app: &App,
    caller: &Caller,
    mut document: Document,
) -> Result<Json<Ruleset>, ApiError> {
    let mut transaction = app.store().begin().await?;
    let kind = Kind::Ruleset;
    edits::rewrite(transaction.as_mut(), caller, kind, &mut document).await?;
    transaction.commit().await?;
    answered(app, &document)
}

/// The answer to a change, which may only be the beginning of a validation.
fn answered(app: &App, document: &Document) -> Result<Json<Ruleset>, ApiError> {
    let ruleset = Ruleset::of(document)?;
    if ruleset.is_valid == Validity::InProgress {
        validate_later(app, &document.id);
    }
    Ok(Json(ruleset))
}
