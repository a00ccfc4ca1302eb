//! The account of whoever asks.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::users::{UserObject, note};
use crate::access::Caller;
use crate::app::App;
use crate::error::ApiError;
use crate::extract::Body;
use crate::{sessions, users};

/// Longest path of a repository, in characters.
const MAX_PATH: usize = 4096;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(me))
        .routes(routes!(profile, set_profile))
        .routes(routes!(replace_api_token))
}

/// The user who asks, with the token of their account.
#[utoipa::path(get, path = "/api/users/me", tag = "users", responses((status = 200, body = UserObject)))]
async fn me(State(app): State<App>, caller: Caller) -> Result<Json<UserObject>, ApiError> {
    let user = users::get(app.store(), caller.user_id).await?;
    let token = sessions::api_token(app.vault(), &user).to_string();
    Ok(Json(UserObject::with(&user, Some(token))))
}

/// What a user set for themselves.
#[derive(Serialize, Deserialize, ToSchema)]
struct Profile {
    /// Where their rulesets are in a repository; kept for clients.
    #[serde(default)]
    #[schema(max_length = 4096)]
    git_directory_path: Option<String>,
}

/// What the user who asks set for themselves.
#[utoipa::path(get, path = "/api/users/me/profile", tag = "users", responses((status = 200, body = Profile)))]
async fn profile(State(app): State<App>, caller: Caller) -> Result<Json<Profile>, ApiError> {
    let user = users::get(app.store(), caller.user_id).await?;
    Ok(Json(Profile {
        git_directory_path: user.git_directory_path,
    }))
}

/// Sets it.
#[utoipa::path(
    post,
    path = "/api/users/me/profile",
    tag = "users",
    request_body = Profile,
    responses((status = 204))
)]
async fn set_profile(
    State(app): State<App>,
    caller: Caller,
    Body(profile): Body<Profile>,
) -> Result<StatusCode, ApiError> {
    let path = profile.git_directory_path;
    if path
        .as_ref()
        .is_some_and(|path| path.chars().count() > MAX_PATH)
    {
        let problem = format!("Ensure this field has no more than {MAX_PATH} characters.");
        return Err(ApiError::field("git_directory_path", problem));
    }
    let mut transaction = app.store().begin().await?;
    let mut user = users::get_in(transaction.as_mut(), caller.user_id).await?;
    user.git_directory_path = path;
    users::update(transaction.as_mut(), &user).await?;
    let change = format!("user {}: git_directory_path", user.username);
    note(transaction.as_mut(), &caller.username, "modified", &change).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A token of an account.
#[derive(Serialize, ToSchema)]
struct ApiToken {
    /// 40 hexadecimal digits, good until they are replaced.
    api_token: String,
}

/// Replaces the token of the account of the user who asks; the old one is good for nothing any more.
#[utoipa::path(post, path = "/api/users/me/api-token", tag = "users", responses((status = 200, body = ApiToken)))]
async fn replace_api_token(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<ApiToken>, ApiError> {
    let mut transaction = app.store().begin().await?;
    let mut user = users::get_in(transaction.as_mut(), caller.user_id).await?;
    user.api_token_number += 1;
    users::update(transaction.as_mut(), &user).await?;
    sessions::grant_api_token(transaction.as_mut(), app.vault(), &user).await?;
    let change = format!("user {}: api_token", user.username);
    note(transaction.as_mut(), &caller.username, "modified", &change).await?;
    transaction.commit().await?;
    Ok(Json(ApiToken {
        api_token: sessions::api_token(app.vault(), &user).to_string(),
    }))
}
