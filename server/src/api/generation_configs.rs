//! Generation configurations: which masks a generated ruleset gives to columns of a label.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use visard::discovery::generation_defaults;

use crate::access::Caller;
use crate::app::App;
use crate::discovery::configs::{ConfigValidity, Judged, check_size, judge_generation};
use crate::documents::{self, Document, Kind};
use crate::edits;
use crate::error::ApiError;
use crate::extract::{Body, Query};
use crate::page::{Origin, PageOf, PageQuery};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(defaults))
        .routes(routes!(get, replace, change, delete))
}

/// One problem, with its place.
#[derive(Debug, Serialize, ToSchema)]
struct GenerationProblem {
    message: String,
    /// Always `rg_config`.
    validation_error_type: &'static str,
    /// From 1.
    line_number: Option<usize>,
    /// In characters, from 1.
    column_number: Option<usize>,
}

/// A generation configuration.
#[derive(Debug, Serialize, ToSchema)]
struct GenerationConfig {
    id: String,
    name: String,
    /// Its text; lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    config_yaml: Option<String>,
    is_valid: ConfigValidity,
    validation_errors: Vec<GenerationProblem>,
    created: String,
    modified: String,
}

impl GenerationConfig {
    fn of(document: &Document) -> Result<Self, ApiError> {
        let judged = Judged::of(document)?;
        let is_valid = judged.validity();
        let problems = judged
            .problems
            .into_iter()
            .map(|problem| GenerationProblem {
                message: problem.message,
                validation_error_type: "rg_config",
                line_number: problem.line_number,
                column_number: problem.column_number,
            });
        Ok(Self {
            id: document.id.clone(),
            name: document.name.clone(),
            config_yaml: Some(judged.config_yaml),
            is_valid,
            validation_errors: problems.collect(),
            created: document.created.clone(),
            modified: document.modified.clone(),
        })
    }
}

/// A configuration as a client writes it.
#[derive(Deserialize, ToSchema)]
struct GenerationConfigRequest {
    name: String,
    /// YAML.
    config_yaml: String,
}

/// What a client changes of a configuration.
#[derive(Deserialize, ToSchema)]
struct GenerationConfigChange {
    name: Option<String>,
    /// YAML.
    config_yaml: Option<String>,
}

/// Which configurations are listed.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Those of this name.
    name_exact: Option<String>,
}

/// Configurations by pages, without their texts.
#[utoipa::path(get, path = "/api/ruleset-generation-configs", tag = "discovery", params(PageQuery, Filter),
    responses((status = 200, body = PageOf<GenerationConfig>)))]
async fn list(
    State(app): State<App>,
    origin: Origin,
    Query(page): Query<PageQuery>,
    Query(filter): Query<Filter>,
) -> Result<Json<PageOf<GenerationConfig>>, ApiError> {
    let page = page.always()?;
    let documents = documents::all(app.store(), Kind::GenerationConfig).await?;
    let fits = |document: &&Document| {
        let name = filter.name_exact.as_ref();
        name.is_none_or(|name| *name == document.name)
    };
    let configs = documents.iter().filter(fits).map(|document| {
        Ok(GenerationConfig {
            config_yaml: None,
            ..GenerationConfig::of(document)?
        })
    });
    let configs = configs.collect::<Result<Vec<_>, ApiError>>()?;
    Ok(Json(page.cut(&origin, configs)))
}

/// Keeps a new configuration, sound or not.
#[utoipa::path(post, path = "/api/ruleset-generation-configs", tag = "discovery",
    request_body = GenerationConfigRequest, responses((status = 201, body = GenerationConfig)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<GenerationConfigRequest>,
) -> Result<(StatusCode, Json<GenerationConfig>), ApiError> {
    let name = documents::name("name", &request.name)?;
    check_size(&request.config_yaml)?;
    let document = Document::new(&name, "", judge_generation(&request.config_yaml).body());
    let mut transaction = app.store().begin().await?;
    let kind = Kind::GenerationConfig;
    edits::add(transaction.as_mut(), &caller, kind, &document, None).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(GenerationConfig::of(&document)?)))
}

/// The masks that are usual where no configuration is named, as one.
#[utoipa::path(get, path = "/api/ruleset-generation-configs/defaults", tag = "discovery",
    responses((status = 200, body = serde_json::Value, content_type = "application/yaml")))]
async fn defaults() -> impl IntoResponse {
    let yaml = generation_defaults();
    ([(header::CONTENT_TYPE, "application/yaml")], yaml)
}

/// A configuration.
#[utoipa::path(get, path = "/api/ruleset-generation-configs/{id}", tag = "discovery",
    params(("id" = String, Path)), responses((status = 200, body = GenerationConfig)))]
async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<GenerationConfig>, ApiError> {
    let document = documents::get(app.store(), Kind::GenerationConfig, &id).await?;
    Ok(Json(GenerationConfig::of(&document)?))
}

/// Writes a configuration anew.
#[utoipa::path(put, path = "/api/ruleset-generation-configs/{id}", tag = "discovery",
    params(("id" = String, Path)), request_body = GenerationConfigRequest,
    responses((status = 200, body = GenerationConfig)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(request): Body<GenerationConfigRequest>,
) -> Result<Json<GenerationConfig>, ApiError> {
    let change = GenerationConfigChange {
        name: Some(request.name),
        config_yaml: Some(request.config_yaml),
    };
    rewrite(&app, &caller, &id, change).await
}

/// Changes some fields of a configuration. It is looked at again in any case.
#[utoipa::path(patch, path = "/api/ruleset-generation-configs/{id}", tag = "discovery",
    params(("id" = String, Path)), request_body = GenerationConfigChange,
    responses((status = 200, body = GenerationConfig)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(request): Body<GenerationConfigChange>,
) -> Result<Json<GenerationConfig>, ApiError> {
    rewrite(&app, &caller, &id, request).await
}

async fn rewrite(
    app: &App,
    caller: &Caller,
    id: &str,
    change: GenerationConfigChange,
) -> Result<Json<GenerationConfig>, ApiError> {
    let mut document = documents::get(app.store(), Kind::GenerationConfig, id).await?;
    if let Some(name) = &change.name {
        document.name = documents::name("name", name)?;
    }
    let text = match change.config_yaml {
        Some(text) => text,
        None => Judged::of(&document)?.config_yaml,
    };
    check_size(&text)?;
    document.body = judge_generation(&text).body();
    let mut transaction = app.store().begin().await?;
    let kind = Kind::GenerationConfig;
    edits::rewrite(transaction.as_mut(), caller, kind, &mut document).await?;
    transaction.commit().await?;
    Ok(Json(GenerationConfig::of(&document)?))
}

/// Removes a configuration.
#[utoipa::path(delete, path = "/api/ruleset-generation-configs/{id}", tag = "discovery",
    params(("id" = String, Path)), responses((status = 204)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let document = documents::get(app.store(), Kind::GenerationConfig, &id).await?;
    let mut transaction = app.store().begin().await?;
    let kind = Kind::GenerationConfig;
    edits::remove(transaction.as_mut(), &caller, kind, &document).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use serde_json::json;

    use crate::testing::Server;

    const CONFIGS: &str = "/api/ruleset-generation-configs/";

    #[tokio::test(flavor = "multi_thread")]
    async fn the_life_of_a_configuration() {
        let server = Server::start().await;
        let answer = server.get("builder", &format!("{CONFIGS}defaults/")).await;
        assert_eq!(answer.status, 200);
        let body = json!({"name": "ours", "config_yaml": String::from_utf8(answer.bytes).unwrap()});
        let made = server
            .post("builder", CONFIGS, body.clone())
            .await
            .json(201);
        assert_eq!(made["is_valid"], "valid", "{made}");
        server
            .post("builder", CONFIGS, body.clone())
            .await
            .json(400);
        let at = format!("{CONFIGS}{}/", made["id"].as_str().unwrap());
        let broken = json!({"config_yaml": "labels:\n  a: {preset_mask: none}\n"});
        let broken = server.patch("builder", &at, broken).await.json(200);
        assert_eq!(broken["validation_errors"][0]["line_number"], 2);
        assert_eq!(
            broken["validation_errors"][0]["validation_error_type"],
            "rg_config"
        );
        server
            .ask("builder", Method::PUT, &at, Some(body))
            .await
            .json(200);
        let page = server
            .get("builder", &format!("{CONFIGS}?name_exact=ours&limit=1"))
            .await
            .json(200);
        assert_eq!(page["results"][0]["is_valid"], "valid");
        assert!(page["results"][0].get("config_yaml").is_none());
        server.delete("builder", &at).await.empty(204);
        server.get("builder", &at).await.json(404);
        server.get("runner", CONFIGS).await.json(403);
    }
}
