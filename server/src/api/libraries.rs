//! Ruleset libraries: what rulesets import.

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use visard::language::name_problem;

use super::rulesets::{MAX_BODY, Ruleset};
use crate::access::Caller;
use crate::app::App;
use crate::documents::{self, Document, Kind};
use crate::edits;
use crate::error::ApiError;
use crate::extract::{Body, Id, Query, QueryAsWritten, flag};
use crate::page::{Origin, PageOf, PageQuery};
use crate::rulesets::{
    Text, ValidationError, Validity, judge_library, library_name, maybe_yaml, revalidate, yaml,
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, change, delete))
        .routes(routes!(dependents))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// A ruleset library.
#[derive(Debug, Serialize, ToSchema)]
struct RulesetLibrary {
    id: String,
    name: String,
    /// May be empty.
    namespace: String,
    /// Its text; lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    config_yaml: Option<String>,
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

impl RulesetLibrary {
    fn of(document: &Document) -> Result<Self, ApiError> {
        let Text {
            config_yaml,
            verdict,
        } = Text::of(document)?;
        Ok(Self {
            id: document.id.clone(),
            name: document.name.clone(),
            namespace: document.variant.clone(),
            config_yaml: Some(config_yaml),
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
}

/// A library as a client writes it.
#[derive(Deserialize, ToSchema)]
struct RulesetLibraryRequest {
    name: String,
    #[serde(default)]
    namespace: String,
    /// YAML.
    #[serde(deserialize_with = "yaml")]
    config_yaml: String,
}

/// What a client changes of a library.
#[derive(Deserialize, ToSchema)]
struct RulesetLibraryChange {
    name: Option<String>,
    namespace: Option<String>,
    /// YAML.
    #[serde(default, deserialize_with = "maybe_yaml")]
    config_yaml: Option<String>,
}

/// Which libraries are listed.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Those of this name.
    name_exact: Option<String>,
    /// Those of this namespace, also of the empty one.
    namespace_exact: Option<String>,
}

/// What becomes of rulesets that need the library.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Force {
    /// Whether it goes although rulesets import it.
    #[param(value_type = Option<bool>)]
    force: Option<String>,
}

/// Libraries by pages, without their texts.
#[utoipa::path(get, path = "/api/ruleset-libraries", tag = "rulesets", params(PageQuery, Filter),
    responses((status = 200, body = PageOf<RulesetLibrary>)))]
async fn list(
    State(app): State<App>,
    origin: Origin,
    Query(page): Query<PageQuery>,
    QueryAsWritten(filter): QueryAsWritten<Filter>,
) -> Result<Json<PageOf<RulesetLibrary>>, ApiError> {
    let page = page.always()?;
    let documents = documents::all(app.store(), Kind::RulesetLibrary).await?;
    let fits = |document: &&Document| {
        let is =
            |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|name| name == is);
        is(&filter.name_exact, &document.name) && is(&filter.namespace_exact, &document.variant)
    };
    let libraries = documents.iter().filter(fits).map(|document| {
        Ok(RulesetLibrary {
            config_yaml: None,
            ..RulesetLibrary::of(document)?
        })
    });
    Ok(Json(
        page.cut(&origin, libraries.collect::<Result<_, ApiError>>()?),
    ))
}

/// Keeps a new library, sound or not.
#[utoipa::path(post, path = "/api/ruleset-libraries", tag = "rulesets", request_body = RulesetLibraryRequest,
    responses((status = 201, body = RulesetLibrary)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<RulesetLibraryRequest>,
) -> Result<(StatusCode, Json<RulesetLibrary>), ApiError> {
    let (name, namespace) = named(&request.name, &request.namespace)?;
    let body = written(&app, &library_name(&namespace, &name), request.config_yaml).await?;
    let document = Document::new(&name, &namespace, body);
    let mut transaction = app.store().begin().await?;
    let kind = Kind::RulesetLibrary;
    edits::add(transaction.as_mut(), &caller, kind, &document, None).await?;
    transaction.commit().await?;
    let name = full_name(&document);
    revalidate(&app, |ruleset| ruleset.verdict.imports.contains(&name)).await?;
    Ok((StatusCode::CREATED, Json(RulesetLibrary::of(&document)?)))
}

/// A library.
#[utoipa::path(get, path = "/api/ruleset-libraries/{id}", tag = "rulesets", params(("id" = String, Path)),
    responses((status = 200, body = RulesetLibrary)))]
async fn get(State(app): State<App>, Id(id): Id) -> Result<Json<RulesetLibrary>, ApiError> {
    let document = documents::get(app.store(), Kind::RulesetLibrary, &id).await?;
    Ok(Json(RulesetLibrary::of(&document)?))
}

/// Writes a library anew. Rulesets that import it are looked at again.
#[utoipa::path(put, path = "/api/ruleset-libraries/{id}", tag = "rulesets", params(("id" = String, Path)),
    request_body = RulesetLibraryRequest, responses((status = 200, body = RulesetLibrary)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<RulesetLibraryRequest>,
) -> Result<Json<RulesetLibrary>, ApiError> {
    let request = RulesetLibraryChange {
        name: Some(request.name),
        namespace: Some(request.namespace),
        config_yaml: Some(request.config_yaml),
    };
    rewrite(&app, &caller, &id, request).await
}

/// Changes some fields of a library. It is looked at again in any case, and so are rulesets that import it.
#[utoipa::path(patch, path = "/api/ruleset-libraries/{id}", tag = "rulesets", params(("id" = String, Path)),
    request_body = RulesetLibraryChange, responses((status = 200, body = RulesetLibrary)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(request): Body<RulesetLibraryChange>,
) -> Result<Json<RulesetLibrary>, ApiError> {
    rewrite(&app, &caller, &id, request).await
}

/// Removes a library.
#[utoipa::path(delete, path = "/api/ruleset-libraries/{id}", tag = "rulesets",
    params(("id" = String, Path), Force),
    responses((status = 204), (status = 409, description = "rulesets import it, and nothing is forced")))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Query(Force { force }): Query<Force>,
) -> Result<StatusCode, ApiError> {
    let force = flag("force", force.as_deref(), false)?;
    let document = documents::get(app.store(), Kind::RulesetLibrary, &id).await?;
    let name = full_name(&document);
    let using = importing(&app, &name).await?;
    if !force && !using.is_empty() {
        let count = using.len();
        return Err(ApiError::conflict(format!(
            "The library `{name}` is imported by {count} ruleset(s)."
        )));
    }
    let mut transaction = app.store().begin().await?;
    let kind = Kind::RulesetLibrary;
    edits::remove(transaction.as_mut(), &caller, kind, &document).await?;
    transaction.commit().await?;
    revalidate(&app, |ruleset| ruleset.verdict.imports.contains(&name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Rulesets that import a library, by pages and without their texts.
#[utoipa::path(get, path = "/api/ruleset-libraries/{id}/rulesets", tag = "rulesets",
    params(("id" = String, Path), PageQuery), responses((status = 200, body = PageOf<Ruleset>)))]
async fn dependents(
    State(app): State<App>,
    origin: Origin,
    Id(id): Id,
    Query(page): Query<PageQuery>,
) -> Result<Json<PageOf<Ruleset>>, ApiError> {
    let page = page.always()?;
    let document = documents::get(app.store(), Kind::RulesetLibrary, &id).await?;
    let rulesets = importing(&app, &full_name(&document)).await?;
    let rulesets = rulesets.iter().map(Ruleset::without_text);
    Ok(Json(page.cut(&origin, rulesets.collect::<Result<_, _>>()?)))
}

async fn rewrite(
    app: &App,
    caller: &Caller,
    id: &str,
    request: RulesetLibraryChange,
) -> Result<Json<RulesetLibrary>, ApiError> {
    let mut document = documents::get(app.store(), Kind::RulesetLibrary, id).await?;
    let before = full_name(&document);
    let name = request.name.unwrap_or_else(|| document.name.clone());
    let namespace = request
        .namespace
        .unwrap_or_else(|| document.variant.clone());
    (document.name, document.variant) = named(&name, &namespace)?;
    let after = full_name(&document);
    let yaml = match request.config_yaml {
        Some(yaml) => yaml,
        None => Text::of(&document)?.config_yaml,
    };
    document.body = written(app, &after, yaml).await?;
    let mut transaction = app.store().begin().await?;
    let kind = Kind::RulesetLibrary;
    edits::rewrite(transaction.as_mut(), caller, kind, &mut document).await?;
    transaction.commit().await?;
    revalidate(app, |ruleset| {
        let mut imports = ruleset.verdict.imports.iter();
        imports.any(|import| *import == before || *import == after)
    })
    .await?;
    Ok(Json(RulesetLibrary::of(&document)?))
}

/// A name and a namespace that rulesets can import.
pub(super) fn named(name: &str, namespace: &str) -> Result<(String, String), ApiError> {
    let name = documents::name("name", name)?;
    let namespace = match namespace.trim() {
        "" => String::new(),
        namespace => documents::name("namespace", namespace)?,
    };
    if name.contains('/') {
        return Err(ApiError::field("name", "A name has no `/`."));
    }
    let problem = name_problem(&library_name(&namespace, &name)).map(str::to_owned);
    // Each part becomes the name of a file.
    let part_bytes = namespace
        .split('/')
        .chain([name.as_str()])
        .map(str::len)
        .max();
    let too_long = part_bytes.is_some_and(|bytes| bytes > 250);
    match problem.or(too_long.then(|| "a part of the name is too long".to_owned())) {
        None => Ok((name, namespace)),
        Some(problem) if namespace.is_empty() => Err(ApiError::field("name", problem)),
        Some(problem) => Err(ApiError::field("namespace", problem)),
    }
}

/// The body of a library with this text.
pub(super) async fn written(
    app: &App,
    full_name: &str,
    config_yaml: String,
) -> Result<serde_json::Value, ApiError> {
    if config_yaml.trim().is_empty() {
        return Err(ApiError::field(
            "config_yaml",
            "This field may not be blank.",
        ));
    }
    let verdict = judge_library(app, full_name, &config_yaml).await?;
    let text = Text {
        config_yaml,
        verdict,
    };
    Ok(text.into_body())
}

fn full_name(document: &Document) -> String {
    library_name(&document.variant, &document.name)
}

/// The rulesets that import the library of this name.
async fn importing(app: &App, name: &str) -> Result<Vec<Document>, ApiError> {
    let mut using = Vec::new();
    for ruleset in documents::all(app.store(), Kind::Ruleset).await? {
        if Text::of(&ruleset)?
            .verdict
            .imports
            .iter()
            .any(|import| import == name)
        {
            using.push(ruleset);
        }
    }
    Ok(using)
}
