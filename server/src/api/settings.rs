//! What admins set for the whole server.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::app::App;
use crate::audit::{self, Category};
use crate::error::ApiError;
use crate::extract::Body;
use crate::hosts;
use crate::settings::{self, Generation, Settings};

/// Keywords of a list at most.
const MAX_KEYWORDS: usize = 1000;
/// Longest text of a setting, in characters.
const MAX_TEXT: usize = 2048;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read, change))
}

/// The settings.
#[utoipa::path(get, path = "/api/settings", tag = "settings", responses((status = 200, body = Settings)))]
async fn read(State(app): State<App>) -> Result<Json<Settings>, ApiError> {
    Ok(Json(app.settings().await?.as_ref().clone()))
}

/// What to set. What is left out stays.
#[derive(Deserialize, ToSchema)]
struct SettingsChange {
    #[schema(max_length = 2048)]
    locality: Option<String>,
    /// Null or an empty text for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(max_length = 2048)]
    dm_ai_engine_url: Option<Option<String>>,
    run_status_generation: Option<Generation>,
    #[schema(max_items = 100)]
    allowed_hosts: Option<Vec<String>>,
    #[schema(max_items = 1000)]
    custom_keywords: Option<Vec<String>>,
    #[schema(max_items = 1000)]
    ignored_keywords: Option<Vec<String>>,
}

/// Tells what is null from what is left out.
fn given<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// Sets some of them.
#[utoipa::path(
    patch,
    path = "/api/settings",
    tag = "settings",
    request_body = SettingsChange,
    responses((status = 200, body = Settings))
)]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Body(change): Body<SettingsChange>,
) -> Result<Json<Settings>, ApiError> {
    if let Some(problem) = change.allowed_hosts.as_deref().and_then(hosts::problem) {
        return Err(ApiError::field("allowed_hosts", problem));
    }
    let url = change.dm_ai_engine_url;
    let texts = [
        ("locality", change.locality.as_ref()),
        ("dm_ai_engine_url", url.as_ref().and_then(Option::as_ref)),
    ];
    for (name, text) in texts {
        if text.is_some_and(|text| text.chars().count() > MAX_TEXT || text.contains('\0')) {
            let problem = format!(
                "Ensure this field has no more than {MAX_TEXT} characters, none of them null."
            );
            return Err(ApiError::field(name, problem));
        }
    }
    let lists = [
        ("custom_keywords", &change.custom_keywords),
        ("ignored_keywords", &change.ignored_keywords),
    ];
    for (name, keywords) in lists {
        let keywords = keywords.as_deref().unwrap_or_default();
        let is_sound = |word: &String| word.len() <= 255 && !word.contains(char::is_control);
        if keywords.len() > MAX_KEYWORDS || !keywords.iter().all(is_sound) {
            let problem = "Give at most 1000 words of at most 255 bytes each.";
            return Err(ApiError::field(name, problem));
        }
    }
    let changes: Vec<(&str, Value)> = [
        ("locality", change.locality.map(Value::from)),
        (
            "dm_ai_engine_url",
            url.map(|url| json!(url.filter(|url| !url.is_empty()))),
        ),
        (
            "run_status_generation",
            change
                .run_status_generation
                .map(|generation| json!(generation)),
        ),
        ("allowed_hosts", change.allowed_hosts.map(Value::from)),
        ("custom_keywords", change.custom_keywords.map(Value::from)),
        ("ignored_keywords", change.ignored_keywords.map(Value::from)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    if !changes.is_empty() {
        let mut transaction = app.store().begin().await?;
        for (name, value) in &changes {
            settings::set(transaction.as_mut(), name, value).await?;
        }
        let names: Vec<&str> = changes.iter().map(|(name, _)| *name).collect();
        let description = format!("settings: {}", names.join(", "));
        let by = &caller.username;
        audit::note(
            transaction.as_mut(),
            by,
            Category::System,
            "modified",
            &description,
        )
        .await?;
        transaction.commit().await?;
        app.settings_changed();
    }
    read(State(app)).await
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, header};
    use serde_json::json;

    use crate::testing::Server;

    const PATH: &str = "/api/settings/";

    #[tokio::test(flavor = "multi_thread")]
    async fn settings_are_kept() {
        let server = Server::start().await;
        let first = json!({
            "locality": "", "dm_ai_engine_url": null, "run_status_generation": "v3", "allowed_hosts": [],
            "custom_keywords": [], "ignored_keywords": [],
        });
        assert_eq!(server.get("builder", PATH).await.json(200), first);
        let set = json!({"locality": "AU", "dm_ai_engine_url": "https://ai.example", "run_status_generation": "v2"});
        let changed = server.patch("admin", PATH, set).await.json(200);
        assert_eq!(changed["locality"], "AU");
        assert_eq!(changed["run_status_generation"], "v2");
        let none = server
            .patch("admin", PATH, json!({"dm_ai_engine_url": null}))
            .await
            .json(200);
        assert_eq!(none["dm_ai_engine_url"], json!(null));
        assert_eq!(none["locality"], "AU");
        for wrong in [
            json!({"locality": "x".repeat(5000)}),
            json!({"run_status_generation": "v1"}),
            json!({"allowed_hosts": ["not a name"]}),
            json!({"allowed_hosts": "one"}),
        ] {
            server.patch("admin", PATH, wrong).await.json(400);
        }
        server.patch("builder", PATH, json!({})).await.json(403);
        server.get("runner", PATH).await.json(403);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn other_names_are_not_answered() {
        let server = Server::start().await;
        let hosts = json!({"allowed_hosts": ["masque.local"]});
        server.patch("admin", PATH, hosts).await.json(200);
        for (host, path, status) in [
            ("masque.local", "/api/app/check/", 200),
            ("localhost:8000", "/api/app/check/", 200),
            ("evil.example", "/api/app/check/", 400),
            ("evil.example", "/api/healthcheck/", 200),
        ] {
            let request = Request::get(path).header(header::HOST, host);
            let answer = server.send("", request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, status, "{host} {path}");
        }
    }
}
