//! Libraries of discovery configurations: what configurations import.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::libraries::named;
use crate::access::Caller;
use crate::app::App;
use crate::discovery::configs::{
    ConfigValidity, Judged, check_size, judge_importers, judge_library, libraries, library_name,
};
use crate::documents::{self, Document, Kind};
use crate::edits;
use crate::error::ApiError;
use crate::extract::{Body, Query, flag};
use crate::page::{Listed, Origin, PageQuery};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, change, delete))
}

/// A library of discovery configurations.
#[derive(Debug, Serialize, ToSchema)]
struct DiscoveryConfigLibrary {
    id: String,
    name: String,
    /// May be empty.
    namespace: String,
    /// Its text; lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    config_yaml: Option<String>,
    is_valid: ConfigValidity,
    /// The first problem in words.
    validation_error: Option<String>,
    /// How many configurations import it.
    usage_count: usize,
    created: String,
    modified: String,
}

impl DiscoveryConfigLibrary {
    /// A library that configurations with these `imports` may use.
    fn of(document: &Document, imports: &[String]) -> Result<Self, ApiError> {
        let judged = Judged::of(document)?;
        let name = library_name(document);
        Ok(Self {
            id: document.id.clone(),
            name: document.name.clone(),
            namespace: document.variant.clone(),
            is_valid: judged.validity(),
            validation_error: judged.first(),
            config_yaml: Some(judged.config_yaml),
            usage_count: imports.iter().filter(|import| **import == name).count(),
            created: document.created.clone(),
            modified: document.modified.clone(),
        })
    }
}

/// A library as a client writes it.
#[derive(Deserialize, ToSchema)]
struct DiscoveryConfigLibraryRequest {
    name: String,
    #[serde(default)]
    namespace: String,
    /// YAML.
    config_yaml: String,
}

/// What a client changes of a library.
#[derive(Deserialize, ToSchema)]
struct DiscoveryConfigLibraryChange {
    name: Option<String>,
    namespace: Option<String>,
    /// YAML.
    config_yaml: Option<String>,
}

/// Which libraries are listed.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Those of this name.
    name_exact: Option<String>,
}

/// What becomes of configurations that need the library.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Force {
    /// Whether it goes although configurations import it.
    #[param(value_type = Option<bool>)]
    force: Option<String>,
}

/// All imports of all configurations, one for each.
async fn imports(app: &App) -> Result<Vec<String>, ApiError> {
    let mut imports = Vec::new();
    for document in documents::all(app.store(), Kind::DiscoveryConfig).await? {
        imports.extend(Judged::of(&document)?.imports);
    }
    Ok(imports)
}

/// Libraries without their texts; all of them, unless a page is asked for.
#[utoipa::path(get, path = "/api/discovery/config-libraries", tag = "discovery", params(PageQuery, Filter),
    responses((status = 200, body = Listed<DiscoveryConfigLibrary>)))]
async fn list(
    State(app): State<App>,
    origin: Origin,
    Query(page): Query<PageQuery>,
    Query(filter): Query<Filter>,
) -> Result<Json<Listed<DiscoveryConfigLibrary>>, ApiError> {
    let documents = documents::all(app.store(), Kind::DiscoveryConfigLibrary).await?;
    let imports = imports(&app).await?;
    let fits = |document: &&Document| {
        let name = filter.name_exact.as_ref();
        name.is_none_or(|name| *name == document.name)
    };
    let libraries = documents.iter().filter(fits).map(|document| {
        Ok(DiscoveryConfigLibrary {
            config_yaml: None,
            ..DiscoveryConfigLibrary::of(document, &imports)?
        })
    });
    page.of(&origin, libraries.collect::<Result<Vec<_>, ApiError>>()?)
}

/// Keeps a new library, sound or not. Configurations that import it are looked at again.
#[utoipa::path(post, path = "/api/discovery/config-libraries", tag = "discovery",
    request_body = DiscoveryConfigLibraryRequest,
    responses((status = 201, body = DiscoveryConfigLibrary)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<DiscoveryConfigLibraryRequest>,
) -> Result<(StatusCode, Json<DiscoveryConfigLibrary>), ApiError> {
    let (name, namespace) = named(&request.name, &request.namespace)?;
    check_size(&request.config_yaml)?;
    let body = judge_library(&request.config_yaml).body();
    let document = Document::new(&name, &namespace, body);
    let mut all = libraries(&app).await?;
    all.insert(library_name(&document), request.config_yaml);
    let mut transaction = app.store().begin().await?;
    let kind = Kind::DiscoveryConfigLibrary;
    edits::add(transaction.as_mut(), &caller, kind, &document, None).await?;
    let changed = [library_name(&document)];
    judge_importers(&app, transaction.as_mut(), &changed, &all).await?;
    transaction.commit().await?;
    let library = DiscoveryConfigLibrary::of(&document, &imports(&app).await?)?;
    Ok((StatusCode::CREATED, Json(library)))
}

/// A library.
#[utoipa::path(get, path = "/api/discovery/config-libraries/{id}", tag = "discovery",
    params(("id" = String, Path)), responses((status = 200, body = DiscoveryConfigLibrary)))]
async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<DiscoveryConfigLibrary>, ApiError> {
    let document = documents::get(app.store(), Kind::DiscoveryConfigLibrary, &id).await?;
    Ok(Json(DiscoveryConfigLibrary::of(
        &document,
        &imports(&app).await?,
    )?))
}

/// Writes a library anew. Configurations that import it are looked at again.
#[utoipa::path(put, path = "/api/discovery/config-libraries/{id}", tag = "discovery",
    params(("id" = String, Path)), request_body = DiscoveryConfigLibraryRequest,
    responses((status = 200, body = DiscoveryConfigLibrary)))]
async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(request): Body<DiscoveryConfigLibraryRequest>,
) -> Result<Json<DiscoveryConfigLibrary>, ApiError> {
    let change = DiscoveryConfigLibraryChange {
        name: Some(request.name),
        namespace: Some(request.namespace),
        config_yaml: Some(request.config_yaml),
    };
    rewrite(&app, &caller, &id, change).await
}

/// Changes some fields of a library. Configurations that import it are looked at again in any case.
#[utoipa::path(patch, path = "/api/discovery/config-libraries/{id}", tag = "discovery",
    params(("id" = String, Path)), request_body = DiscoveryConfigLibraryChange,
    responses((status = 200, body = DiscoveryConfigLibrary)))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Body(request): Body<DiscoveryConfigLibraryChange>,
) -> Result<Json<DiscoveryConfigLibrary>, ApiError> {
    rewrite(&app, &caller, &id, request).await
}

async fn rewrite(
    app: &App,
    caller: &Caller,
    id: &str,
    change: DiscoveryConfigLibraryChange,
) -> Result<Json<DiscoveryConfigLibrary>, ApiError> {
    let mut document = documents::get(app.store(), Kind::DiscoveryConfigLibrary, id).await?;
    let before = library_name(&document);
    let name = change.name.as_ref().unwrap_or(&document.name);
    let namespace = change.namespace.as_ref().unwrap_or(&document.variant);
    let (name, namespace) = named(name, namespace)?;
    let text = match change.config_yaml {
        Some(text) => text,
        None => Judged::of(&document)?.config_yaml,
    };
    check_size(&text)?;
    document.name = name;
    document.variant = namespace;
    document.body = judge_library(&text).body();
    let mut all = libraries(app).await?;
    all.remove(&before);
    all.insert(library_name(&document), text);
    let mut transaction = app.store().begin().await?;
    let kind = Kind::DiscoveryConfigLibrary;
    edits::rewrite(transaction.as_mut(), caller, kind, &mut document).await?;
    let changed = [before, library_name(&document)];
    judge_importers(app, transaction.as_mut(), &changed, &all).await?;
    transaction.commit().await?;
    Ok(Json(DiscoveryConfigLibrary::of(
        &document,
        &imports(app).await?,
    )?))
}

/// Removes a library; `force` says that it goes although configurations import it, which are then unsound.
#[utoipa::path(delete, path = "/api/discovery/config-libraries/{id}", tag = "discovery",
    params(("id" = String, Path), Force), responses((status = 204), (status = 409)))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Query(force): Query<Force>,
) -> Result<StatusCode, ApiError> {
    let document = documents::get(app.store(), Kind::DiscoveryConfigLibrary, &id).await?;
    let name = library_name(&document);
    let is_used = imports(&app).await?.contains(&name);
    if is_used && !flag("force", force.force.as_deref(), false)? {
        let detail =
            "Discovery configs import this library. Use `force=true` to delete it all the same.";
        return Err(ApiError::conflict(detail));
    }
    let mut all = libraries(&app).await?;
    all.remove(&name);
    let mut transaction = app.store().begin().await?;
    let kind = Kind::DiscoveryConfigLibrary;
    edits::remove(transaction.as_mut(), &caller, kind, &document).await?;
    judge_importers(
        &app,
        transaction.as_mut(),
        std::slice::from_ref(&name),
        &all,
    )
    .await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use serde_json::json;

    use crate::testing::Server;

    const LIBRARIES: &str = "/api/discovery/config-libraries/";
    const CONFIGS: &str = "/api/discovery/configs/";

    #[tokio::test(flavor = "multi_thread")]
    async fn libraries_and_the_configurations_that_import_them() {
        let server = Server::start().await;
        let config = "imports: [our/own]\nlabels: {$ref: 'our/own#labels'}\n";
        let config = json!({"name": "crm", "config_type": "database", "config_yaml": config});
        let config = server.post("builder", CONFIGS, config).await.json(201);
        let config_at = format!("{CONFIGS}{}/", config["id"].as_str().unwrap());
        assert_eq!(config["is_valid"], "invalid");

        let text = "labels: [{name: badge}]\n";
        let body = json!({"name": "own", "namespace": "our", "config_yaml": text});
        server
            .post("builder", LIBRARIES, body.clone())
            .await
            .json(403);
        let library = server
            .post("librarian", LIBRARIES, body.clone())
            .await
            .json(201);
        assert_eq!(
            (&library["is_valid"], &library["usage_count"]),
            (&json!("valid"), &json!(1))
        );
        let at = format!("{LIBRARIES}{}/", library["id"].as_str().unwrap());
        let valid = async || server.get("builder", &config_at).await.json(200)["is_valid"].clone();
        assert_eq!(valid().await, "valid");
        server
            .post("librarian", LIBRARIES, body.clone())
            .await
            .json(400);
        let listed = server
            .get("builder", &format!("{LIBRARIES}?name_exact=own"))
            .await
            .json(200);
        assert_eq!(listed.as_array().unwrap().len(), 1);
        assert!(listed[0].get("config_yaml").is_none());

        let broken = server
            .patch("librarian", &at, json!({"config_yaml": "labels: ["}))
            .await
            .json(200);
        assert_eq!(broken["is_valid"], "invalid");
        assert_eq!(valid().await, "invalid");
        server
            .ask("librarian", Method::PUT, &at, Some(body))
            .await
            .json(200);
        assert_eq!(valid().await, "valid");

        server.delete("librarian", &at).await.json(409);
        server
            .delete("librarian", &format!("{at}?force=perhaps"))
            .await
            .json(400);
        server
            .delete("librarian", &format!("{at}?force=true"))
            .await
            .empty(204);
        assert_eq!(valid().await, "invalid");
        server.get("builder", &at).await.json(404);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn names_that_no_library_has() {
        let server = Server::start().await;
        for (name, namespace, field) in [
            ("", "a", "name"),
            ("a/b", "", "name"),
            ("a", "b//c", "namespace"),
            ("a", "../b", "namespace"),
        ] {
            let body = json!({"name": name, "namespace": namespace, "config_yaml": "{}"});
            let refused = server.post("librarian", LIBRARIES, body).await.json(400);
            assert!(refused.get(field).is_some(), "{name} {namespace} {refused}");
        }
    }
}
