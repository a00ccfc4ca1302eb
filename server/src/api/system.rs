//! The server itself: is it there, and has it an admin?

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(healthcheck))
        .routes(routes!(app_check))
}

/// That the server is up.
#[derive(Serialize, ToSchema)]
struct Health {
    status: &'static str,
}

/// Whether the server is up.
#[utoipa::path(get, path = "/api/healthcheck", tag = "system", responses((status = 200, body = Health)))]
async fn healthcheck() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// How far the installation is.
#[derive(Serialize, ToSchema)]
struct AppCheck {
    is_aws_marketplace: bool,
    /// Whether there is an admin.
    installed: bool,
    is_smtp_configured: bool,
    is_saml_sso_configured: bool,
}

/// How far the installation is.
#[utoipa::path(get, path = "/api/app/check", tag = "system", responses((status = 200, body = AppCheck)))]
async fn app_check(State(app): State<App>) -> Result<Json<AppCheck>, ApiError> {
    let users = app
        .store()
        .query("SELECT 1 FROM users LIMIT 1", &[])
        .await?;
    Ok(Json(AppCheck {
        is_aws_marketplace: false,
        installed: !users.is_empty(),
        is_smtp_configured: false,
        is_saml_sso_configured: false,
    }))
}
