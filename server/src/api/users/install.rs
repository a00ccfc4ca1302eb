//! The first admin, who is made once.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{NewUser, UserObject, add};
use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;
use crate::extract::{Body, Secret};
use crate::roles::Role;
use crate::{hosts, settings, users};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(admin_install))
}

/// The first admin.
#[derive(Deserialize, ToSchema)]
struct AdminInstall {
    #[schema(min_length = 3, max_length = 254)]
    email: String,
    #[schema(min_length = 1, max_length = 255)]
    username: String,
    password: Secret,
    re_password: Secret,
    /// Names and addresses under which the server may be asked; that of this request is added.
    #[serde(default)]
    allowed_hosts: Vec<String>,
}

/// Makes the first admin, once and by anyone; from then on this answers 401.
#[utoipa::path(
    post,
    path = "/api/users/admin-install",
    tag = "users",
    request_body = AdminInstall,
    responses((status = 201, body = UserObject))
)]
async fn admin_install(
    State(app): State<App>,
    client: Client,
    Body(body): Body<AdminInstall>,
) -> Result<(StatusCode, Json<UserObject>), ApiError> {
    let installed = || ApiError::unauthenticated("Authentication credentials were not provided.");
    if users::count(app.store()).await? > 0 {
        return Err(installed());
    }
    let new = NewUser {
        username: body.username,
        email: body.email,
        password: body.password,
        re_password: body.re_password,
        user_roles: vec![Role::Admin],
        has_temporary_password: false,
    };
    let mut hosts = body.allowed_hosts;
    if let Some(problem) = hosts::problem(&hosts) {
        return Err(ApiError::field("allowed_hosts", problem));
    }
    // Whoever names hosts stays able to come back the way they came.
    if let Some(host) = client.host
        && !hosts.is_empty()
        && !hosts.contains(&host)
    {
        hosts.push(host);
    }
    let mut user = new.checked(&app).await?;
    let mut transaction = app.store().begin().await?;
    let others = transaction
        .query("SELECT 1 FROM users LIMIT 1", &[])
        .await?;
    if !others.is_empty() {
        return Err(installed());
    }
    let by = user.username.clone();
    add(&app, transaction.as_mut(), &mut user, &by).await?;
    settings::set(transaction.as_mut(), "allowed_hosts", &json!(hosts)).await?;
    transaction.commit().await?;
    app.settings_changed();
    Ok((StatusCode::CREATED, Json(UserObject::of(&user))))
}
