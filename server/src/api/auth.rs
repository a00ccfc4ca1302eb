//! Logging in and out.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::users::UserFields;
use crate::access::Caller;
use crate::app::App;
use crate::audit::{self, Category};
use crate::client::Client;
use crate::error::ApiError;
use crate::extract::{Body, BodyOrForm, Secret};
use crate::store::{StoreError, Transaction};
use crate::users::{self, User};
use crate::{jwt, sessions, time};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(jwt_login))
        .routes(routes!(jwt_refresh))
}

/// Who logs in.
#[derive(Deserialize, ToSchema)]
struct Credentials {
    username: String,
    password: Secret,
}

/// A login, and whose it is.
#[derive(Serialize, ToSchema)]
struct Login {
    /// The number of the login; not that of the user.
    id: i64,
    /// The token: 40 hexadecimal digits, good for twelve hours.
    key: String,
    client_ip: Option<String>,
    client_browser: Option<String>,
    client_os: Option<String>,
    client_device: Option<String>,
    date_time_created: Option<String>,
    date_time_expires: Option<String>,
    #[serde(flatten)]
    user: UserFields,
}

/// Logs in: the token to ask everything else with.
#[utoipa::path(
    post,
    path = "/api/auth/token/login",
    tag = "auth",
    request_body(content(
        (Credentials = "application/json"),
        (Credentials = "application/x-www-form-urlencoded"),
    )),
    responses((status = 200, body = Login))
)]
async fn login(
    State(app): State<App>,
    client: Client,
    BodyOrForm(credentials): BodyOrForm<Credentials>,
) -> Result<Json<Login>, ApiError> {
    let Some(user) = known(&app, &client, credentials).await? else {
        let problem = "Unable to log in with provided credentials.";
        return Err(ApiError::field("non_field_errors", problem));
    };
    let mut transaction = app.store().begin().await?;
    let user = unchanged(transaction.as_mut(), user).await?;
    let (session, token) = sessions::open(transaction.as_mut(), &user, &client).await?;
    note(transaction.as_mut(), &user.username, "logged_in", &client).await?;
    transaction.commit().await?;
    Ok(Json(Login {
        id: session.id,
        key: token.to_string(),
        client_ip: Some(client.address.to_string()),
        client_browser: client.user_agent,
        client_os: None,
        client_device: None,
        date_time_created: Some(time::text(session.created)),
        date_time_expires: Some(time::text(session.expires)),
        user: UserFields::of(&user, None),
    }))
}

/// Logs out: the token that asks is good for nothing any more.
#[utoipa::path(post, path = "/api/auth/token/logout", tag = "auth", responses((status = 204)))]
async fn logout(
    State(app): State<App>,
    client: Client,
    caller: Caller,
) -> Result<StatusCode, ApiError> {
    let mut transaction = app.store().begin().await?;
    sessions::close(transaction.as_mut(), caller.session_id).await?;
    note(
        transaction.as_mut(),
        &caller.username,
        "logged_out",
        &client,
    )
    .await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tokens of in-flight masking.
#[derive(Serialize, ToSchema)]
struct JwtLogin {
    /// What to ask the in-flight service with; good for minutes.
    access_token: String,
    /// What to ask for another access token with; good for twelve hours.
    refresh_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
}

/// Logs in to in-flight masking.
#[utoipa::path(
    post,
    path = "/api/auth/jwt/login",
    tag = "auth",
    request_body(content(
        (Credentials = "application/json"),
        (Credentials = "application/x-www-form-urlencoded"),
    )),
    responses((status = 200, body = JwtLogin))
)]
async fn jwt_login(
    State(app): State<App>,
    client: Client,
    BodyOrForm(credentials): BodyOrForm<Credentials>,
) -> Result<Json<JwtLogin>, ApiError> {
    let Some(user) = known(&app, &client, credentials).await? else {
        let problem = "No active account found with the given credentials.";
        return Err(ApiError::unauthenticated(problem));
    };
    let mut transaction = app.store().begin().await?;
    let user = unchanged(transaction.as_mut(), user).await?;
    let (access, refresh) =
        sessions::open_in_flight(transaction.as_mut(), app.vault(), &user, &client).await?;
    note(transaction.as_mut(), &user.username, "logged_in", &client).await?;
    transaction.commit().await?;
    Ok(Json(JwtLogin {
        access_token: access.to_string(),
        refresh_token: refresh.to_string(),
        token_type: "Bearer",
    }))
}

/// The token that a login for in-flight masking gave to ask for another one.
#[derive(Deserialize, ToSchema)]
struct Refresh {
    refresh: Secret,
}

/// Another token of in-flight masking.
#[derive(Serialize, ToSchema)]
struct Access {
    access_token: String,
}

/// Goes on with a login to in-flight masking: another access token.
#[utoipa::path(
    post,
    path = "/api/auth/jwt/refresh",
    tag = "auth",
    request_body = Refresh,
    responses((status = 200, body = Access))
)]
async fn jwt_refresh(
    State(app): State<App>,
    Body(body): Body<Refresh>,
) -> Result<Json<Access>, ApiError> {
    let caller = sessions::refreshing(&app, &body.refresh.0).await?;
    let access = jwt::write(
        app.vault(),
        jwt::Use::Access,
        caller.user_id,
        caller.session_id,
    );
    Ok(Json(Access {
        access_token: access.to_string(),
    }))
}

/// The user whose name and password these are, if they may log in. A wrong password, no such user and one
/// who is not active are answered alike, after the same time.
///
/// # Errors
/// 429 after too many wrong ones.
async fn known(
    app: &App,
    client: &Client,
    credentials: Credentials,
) -> Result<Option<User>, ApiError> {
    let username = credentials.username;
    let throttle = app.throttle();
    throttle
        .take(client.address, &username)
        .map_err(ApiError::throttled)?;
    let user = users::named(app.store(), &username).await?;
    let hash = user.as_ref().map(|user| user.password.clone());
    let fits = app.passwords().fits(credentials.password.0, hash).await?;
    let name = match user {
        Some(user) if fits && user.is_active => {
            throttle.give_back(client.address, &username);
            return Ok(Some(user));
        }
        // A name that nobody has may be a password in the wrong field: it is not written down.
        user => user.map_or(String::new(), |user| user.username),
    };
    let mut transaction = app.store().begin().await?;
    note(transaction.as_mut(), &name, "login_failed", client).await?;
    transaction.commit().await?;
    Ok(None)
}

/// The user, whose password was checked outside of `transaction`, within it.
///
/// # Errors
/// When they changed meanwhile, so that the check says nothing any more.
async fn unchanged(transaction: &mut dyn Transaction, user: User) -> Result<User, ApiError> {
    let now = users::get_in(transaction, user.id).await;
    let now = now
        .ok()
        .filter(|now| now.is_active && now.password == user.password);
    now.ok_or_else(|| ApiError::from(StoreError::Busy))
}

async fn note(
    transaction: &mut dyn Transaction,
    username: &str,
    action: &str,
    client: &Client,
) -> Result<(), ApiError> {
    let description = format!("from {}", client.address);
    audit::note(transaction, username, Category::Auth, action, &description).await?;
    Ok(())
}
