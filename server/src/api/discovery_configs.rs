//! Discovery configurations: what discovery looks for.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use visard::discovery::Keywords;

use crate::access::Caller;
use crate::app::App;
use crate::discovery::configs::{
    ConfigProblem, ConfigValidity, Judged, check_size, judge_config, libraries,
};
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

/// What a configuration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ConfigType {
    Database,
    File,
}

impl ConfigType {
    fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::File => "file",
        }
    }
}

/// Problems by the field that they are in.
#[derive(Debug, Serialize, ToSchema)]
struct ConfigErrors {
    config_yaml: Vec<ConfigProblem>,
}

/// A discovery configuration.
#[derive(Debug, Serialize, ToSchema)]
struct DiscoveryConfig {
    id: String,
    name: String,
    config_type: ConfigType,
    /// Its text; lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    config_yaml: Option<String>,
    is_valid: ConfigValidity,
    /// The first problem in words.
    validation_error: Option<String>,
    errors: ConfigErrors,
    archived: bool,
    created: String,
    modified: String,
}

impl DiscoveryConfig {
    fn of(document: &Document) -> Result<Self, ApiError> {
        let judged = Judged::of(document)?;
        Ok(Self {
            id: document.id.clone(),
            name: document.name.clone(),
            config_type: match document.variant.as_str() {
                "file" => ConfigType::File,
                _ => ConfigType::Database,
            },
            is_valid: judged.validity(),
            validation_error: judged.first(),
            config_yaml: Some(judged.config_yaml),
            errors: ConfigErrors {
                config_yaml: judged.problems,
            },
            archived: false,
            created: document.created.clone(),
            modified: document.modified.clone(),
        })
    }
}

/// A configuration as a client writes it.
#[derive(Deserialize, ToSchema)]
struct DiscoveryConfigRequest {
    name: String,
    /// YAML.
    config_yaml: String,
    config_type: ConfigType,
}

/// What a client changes of a configuration.
#[derive(Deserialize, ToSchema)]
struct DiscoveryConfigChange {
    name: Option<String>,
    /// YAML.
    config_yaml: Option<String>,
    config_type: Option<ConfigType>,
}

/// Which configurations are listed.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Those of this name.
    name_exact: Option<String>,
    /// Those for databases, or for files.
    config_type: Option<ConfigType>,
}

/// Configurations by pages, without their texts.
#[utoipa::path(get, path = "/api/discovery/configs", tag = "discovery", params(PageQuery, Filter),
    responses((status = 200, body = PageOf<DiscoveryConfig>)))]
async fn list(
    State(app): State<App>,
    origin: Origin,
    Query(page): Query<PageQuery>,
    Query(filter): Query<Filter>,
) -> Result<Json<PageOf<DiscoveryConfig>>, ApiError> {
    let page = page.always()?;
    let documents = documents::all(app.store(), Kind::DiscoveryConfig).await?;
    let fits = |document: &&Document| {
        let name = filter.name_exact.as_ref();
        let config_type = filter.config_type.map(ConfigType::name);
        name.is_none_or(|name| *name == document.name)
            && config_type.is_none_or(|config_type| config_type == document.variant)
    };
    let configs = documents.iter().filter(fits).map(|document| {
        Ok(DiscoveryConfig {
            config_yaml: None,
            ..DiscoveryConfig::of(document)?
        })
    });
    let configs = configs.collect::<Result<Vec<_>, ApiError>>()?;
    Ok(Json(page.cut(&origin, configs)))
}

/// Keeps a new configuration, sound or not.
#[utoipa::path(post, path = "/api/discovery/configs", tag = "discovery",
    request_body = DiscoveryConfigRequest, responses((status = 201, body = DiscoveryConfig)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<DiscoveryConfigRequest>,
) -> Result<(StatusCode, Json<DiscoveryConfig>), ApiError> {
    let name = documents::name("name", &request.name)?;
    check_size(&request.config_yaml)?;
    let judged = judge_config(&request.config_yaml, &libraries(&app).await?);
    let document = Document::new(&name, request.config_type.name(), judged.body());
    let mut transaction = app.store().begin().await?;
    let kind = Kind::DiscoveryConfig;
    edits::add(transaction.as_mut(), &caller, kind, &document, None).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(DiscoveryConfig::of(&document)?)))
}

/// What discovery looks for where no configuration is named, as one.
#[utoipa::path(get, path = "/api/discovery/configs/defaults", tag = "discovery",
    params(("config_type" = Option<String>, Query, description = "of no effect: there is one for both")),
    responses((status = 200, body = serde_json::Value, content_type = "application/yaml")))]
async fn defaults() -> impl IntoResponse {
    let yaml = Keywords::default().to_config();
    ([(header::CONTENT_TYPE, "application/yaml")], yaml)
}

/// A configuration.
#[utoipa::path(get, path = "/api/discovery/configs/{id}", tag = "discovery",
    params(("id" = String, Path)), responses((status = 200, body = DiscoveryConfig)))]
async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<DiscoveryConfig>, ApiError> {
    let document = documents::get(app.store(), Kind::DiscoveryConfig, &id).await?;
    Ok(Json(DiscoveryConfig::of(&document)?))
}

/// Writes a configuration anew.
#[utoipa::path(put, path = "/api/discovery/configs/{id}", tag = "discovery",
    params(("id" = String, Path)), request_body = DiscoveryConfigRequest,
    responses((status = 200, body = DiscoveryConfig)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(request): Body<DiscoveryConfigRequest>,
) -> Result<Json<DiscoveryConfig>, ApiError> {
    let change = DiscoveryConfigChange {
        name: Some(request.name),
        config_yaml: Some(request.config_yaml),
        config_type: Some(request.config_type),
    };
    rewrite(&app, &caller, &id, change).await
}

/// Changes some fields of a configuration. It is looked at again in any case.
#[utoipa::path(patch, path = "/api/discovery/configs/{id}", tag = "discovery",
    params(("id" = String, Path)), request_body = DiscoveryConfigChange,
    responses((status = 200, body = DiscoveryConfig)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(request): Body<DiscoveryConfigChange>,
) -> Result<Json<DiscoveryConfig>, ApiError> {
    rewrite(&app, &caller, &id, request).await
}

async fn rewrite(
    app: &App,
    caller: &Caller,
    id: &str,
    change: DiscoveryConfigChange,
) -> Result<Json<DiscoveryConfig>, ApiError> {
    let mut document = documents::get(app.store(), Kind::DiscoveryConfig, id).await?;
    if let Some(name) = &change.name {
        document.name = documents::name("name", name)?;
    }
    if let Some(config_type) = change.config_type {
        config_type.name().clone_into(&mut document.variant);
    }
    let text = match change.config_yaml {
        Some(text) => text,
        None => Judged::of(&document)?.config_yaml,
    };
    check_size(&text)?;
    document.body = judge_config(&text, &libraries(app).await?).body();
    let mut transaction = app.store().begin().await?;
    let kind = Kind::DiscoveryConfig;
    edits::rewrite(transaction.as_mut(), caller, kind, &mut document).await?;
    transaction.commit().await?;
    Ok(Json(DiscoveryConfig::of(&document)?))
}

/// Removes a configuration. Runs keep what they used.
#[utoipa::path(delete, path = "/api/discovery/configs/{id}", tag = "discovery",
    params(("id" = String, Path)), responses((status = 204)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let document = documents::get(app.store(), Kind::DiscoveryConfig, &id).await?;
    let mut transaction = app.store().begin().await?;
    let kind = Kind::DiscoveryConfig;
    edits::remove(transaction.as_mut(), &caller, kind, &document).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use serde_json::json;

    use crate::testing::Server;

    const CONFIGS: &str = "/api/discovery/configs/";
    const SOUND: &str = "labels: [{name: badge, categories: [PII]}]\n\
                         metadata_rules: [{label: badge, column: {type: regex, pattern: badge}}]\n";

    #[tokio::test(flavor = "multi_thread")]
    async fn the_life_of_a_configuration() {
        let server = Server::start().await;
        let body = json!({"name": "crm", "config_type": "database", "config_yaml": SOUND});
        let made = server
            .post("builder", CONFIGS, body.clone())
            .await
            .json(201);
        assert_eq!(
            (&made["is_valid"], &made["config_yaml"]),
            (&json!("valid"), &json!(SOUND))
        );
        let at = format!("{CONFIGS}{}/", made["id"].as_str().unwrap());
        // A name is unique within its type.
        server
            .post("builder", CONFIGS, body.clone())
            .await
            .json(400);
        let mut of_files = body.clone();
        of_files["config_type"] = json!("file");
        server.post("builder", CONFIGS, of_files).await.json(201);
        let page = server
            .get(
                "builder",
                &format!("{CONFIGS}?name_exact=crm&config_type=database&limit=1"),
            )
            .await
            .json(200);
        assert_eq!(page["count"], 1);
        assert!(page["results"][0].get("config_yaml").is_none());

        let broken = json!({"config_yaml": "labels:\n- {name: a}\nidd_rules: [{name: x}]\n"});
        let changed = server.patch("builder", &at, broken).await.json(200);
        assert_eq!(changed["is_valid"], "invalid");
        assert_eq!(changed["errors"]["config_yaml"][0]["line_number"], 3);
        assert!(
            changed["validation_error"]
                .as_str()
                .unwrap()
                .contains("values are not looked at yet")
        );
        let put = server
            .ask("builder", Method::PUT, &at, Some(body))
            .await
            .json(200);
        assert_eq!(put["is_valid"], "valid");
        server.delete("builder", &at).await.empty(204);
        server.get("builder", &at).await.json(404);
        server.delete("builder", &at).await.json(404);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_defaults_are_a_configuration() {
        let server = Server::start().await;
        let answer = server
            .get("builder", &format!("{CONFIGS}defaults/?config_type=file"))
            .await;
        assert_eq!(answer.status, 200);
        let yaml = String::from_utf8(answer.bytes).unwrap();
        let body = json!({"name": "as usual", "config_type": "file", "config_yaml": yaml});
        let made = server.post("builder", CONFIGS, body).await.json(201);
        assert_eq!(made["is_valid"], "valid", "{made}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_refused() {
        let server = Server::start().await;
        for (body, field) in [
            (json!({}), "name"),
            (
                json!({"name": " ", "config_type": "file", "config_yaml": "{}"}),
                "name",
            ),
            (
                json!({"name": "a", "config_type": "tables", "config_yaml": "{}"}),
                "config_type",
            ),
            (
                json!({"name": "a", "config_type": "file", "config_yaml": ""}),
                "config_yaml",
            ),
            (
                json!({"name": "a", "config_type": "file", "config_yaml": 7}),
                "config_yaml",
            ),
        ] {
            let refused = server
                .post("builder", CONFIGS, body.clone())
                .await
                .json(400);
            assert!(refused.get(field).is_some(), "{body} {refused}");
        }
        server.post("runner", CONFIGS, json!({})).await.json(403);
    }
}
