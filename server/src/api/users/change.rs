//! What users may change about themselves, and admins about anyone.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{UserObject, keep_an_admin, note, oneself_or_admin, problems_of, taken};
use crate::access::Caller;
use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;
use crate::extract::{Body, Number, Secret};
use crate::roles::Role;
use crate::store::StoreError;
use crate::users::{self, User};
use crate::{passwords, sessions, time};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(change))
}

/// What to change about a user. What is left out stays.
#[derive(Deserialize, ToSchema)]
struct UserChange {
    #[schema(min_length = 1, max_length = 255)]
    username: Option<String>,
    #[schema(min_length = 3, max_length = 254)]
    email: Option<String>,
    #[schema(format = DateTime)]
    date_joined: Option<String>,
    is_active: Option<bool>,
    /// Whether they are admin; without `user_roles`.
    is_superuser: Option<bool>,
    is_subscribed_to_sdd_updates: Option<bool>,
    user_roles: Option<Vec<Role>>,
    /// For another password: all three, or none. The user's password as it is, whoever asks.
    current_password: Option<Secret>,
    new_password: Option<Secret>,
    /// The new password again.
    re_new_password: Option<Secret>,
}

/// Changes a user: oneself, or for admins anyone. Roles, names and whether one may log in are for admins.
#[utoipa::path(
    patch,
    path = "/api/users/{id}",
    tag = "users",
    params(("id" = i64, Path)),
    request_body = UserChange,
    responses((status = 200, body = UserObject))
)]
async fn change(
    State(app): State<App>,
    client: Client,
    caller: Caller,
    Number(id): Number,
    Body(body): Body<UserChange>,
) -> Result<Json<UserObject>, ApiError> {
    oneself_or_admin(&caller, id)?;
    let before = users::get(app.store(), id).await?;
    let passwords = PasswordChange {
        current: body.current_password,
        new: body.new_password,
        again: body.re_new_password,
    };
    let password = passwords.checked(&app, &client, &before).await?;
    let date_joined = body.date_joined.as_deref().map(date).transpose()?;

    let mut transaction = app.store().begin().await?;
    let mut user = users::get_in(transaction.as_mut(), id).await?;
    if password.is_some() && user.password != before.password {
        return Err(StoreError::Busy.into());
    }
    let before = user.clone();
    if let Some(password) = password {
        user.password = password;
        user.has_temporary_password = false;
    }
    user.username = body.username.unwrap_or(user.username);
    user.email = body.email.unwrap_or(user.email);
    user.date_joined = date_joined.unwrap_or(user.date_joined);
    user.is_active = body.is_active.unwrap_or(user.is_active);
    user.is_subscribed_to_sdd_updates = body
        .is_subscribed_to_sdd_updates
        .unwrap_or(user.is_subscribed_to_sdd_updates);
    match (body.user_roles, body.is_superuser) {
        (Some(roles), None) => user.roles = roles,
        (Some(roles), Some(admin)) if roles.contains(&Role::Admin) == admin => user.roles = roles,
        (Some(_), Some(_)) => {
            let problem = "It says something else than `user_roles`.";
            return Err(ApiError::field("is_superuser", problem));
        }
        (None, Some(true)) if !user.is_admin() => user.roles.push(Role::Admin),
        (None, Some(false)) => user.roles.retain(|role| *role != Role::Admin),
        (None, Some(true) | None) => {}
    }
    let problems = problems_of(&mut user);
    if !problems.is_empty() {
        return Err(ApiError::fields(problems));
    }

    let changed = changed(&before, &user);
    let of_admins = ["username", "date_joined", "is_active", "user_roles"];
    let needs_admin = changed.iter().any(|field| of_admins.contains(field));
    let is_only_password = changed.iter().all(|field| *field == "password");
    if needs_admin && !caller.is(Role::Admin) || caller.has_temporary_password && !is_only_password
    {
        return Err(ApiError::forbidden());
    }
    // What changes nothing is not worth a line.
    if changed.is_empty() {
        return Ok(Json(UserObject::of(&user)));
    }
    let reactivated = user.is_active && !before.is_active;
    user.api_token_number += i64::from(reactivated);
    let updated = users::update(transaction.as_mut(), &user).await;
    updated.map_err(taken)?;
    keep_an_admin(transaction.as_mut()).await?;
    if changed.contains(&"password") || !user.is_active {
        let except = (user.is_active && caller.user_id == id).then_some(caller.session_id);
        sessions::close_logins(transaction.as_mut(), id, except).await?;
    }
    if reactivated {
        sessions::grant_api_token(transaction.as_mut(), app.vault(), &user).await?;
    } else if !user.is_active {
        sessions::revoke_api_token(transaction.as_mut(), id).await?;
    }
    let change = format!("user {}: {}", user.username, changed.join(", "));
    note(transaction.as_mut(), &caller.username, "modified", &change).await?;
    transaction.commit().await?;
    Ok(Json(UserObject::of(&user)))
}

/// Another password: all three, or none.
struct PasswordChange {
    current: Option<Secret>,
    new: Option<Secret>,
    again: Option<Secret>,
}

impl PasswordChange {
    /// The hash of the new password; nothing where none is asked for.
    ///
    /// # Errors
    /// Where the three do not belong together, or the old one is wrong; 429 after too many wrong ones.
    async fn checked(
        self,
        app: &App,
        client: &Client,
        user: &User,
    ) -> Result<Option<String>, ApiError> {
        let required = |field| ApiError::field(field, "This field is required.");
        let (current, new, again) = match (self.current, self.new, self.again) {
            (None, None, None) => return Ok(None),
            (Some(current), Some(new), Some(again)) => (current, new, again),
            (None, _, _) => return Err(required("current_password")),
            (_, None, _) => return Err(required("new_password")),
            (_, _, None) => return Err(required("re_new_password")),
        };
        if new != again {
            let problem = "The passwords are not the same.";
            return Err(ApiError::field("re_new_password", problem));
        }
        let mut problems = passwords::problems(&new.0, &user.username, &user.email);
        if new == current {
            problems.push("A new password is another one than before.".to_owned());
        }
        if !problems.is_empty() {
            let problems = problems.into_iter();
            return Err(ApiError::fields(
                problems.map(|problem| ("new_password", problem)),
            ));
        }
        let throttle = app.throttle();
        throttle
            .take(client.address, &user.username)
            .map_err(ApiError::throttled)?;
        let passwords = app.passwords();
        if !passwords
            .fits(current.0, Some(user.password.clone()))
            .await?
        {
            return Err(ApiError::field("current_password", "Invalid password."));
        }
        throttle.give_back(client.address, &user.username);
        passwords.hash(new.0).await.map(Some)
    }
}

/// A point in time in its one form.
fn date(text: &str) -> Result<String, ApiError> {
    let wrong = |_| ApiError::field("date_joined", "A date and time of RFC 3339 is required.");
    let date = DateTime::parse_from_rfc3339(text).map_err(wrong)?;
    Ok(time::text(date.with_timezone(&Utc)))
}

/// The fields in which two states of a user differ.
fn changed(before: &User, after: &User) -> Vec<&'static str> {
    let fields = [
        ("username", before.username != after.username),
        ("email", before.email != after.email),
        ("date_joined", before.date_joined != after.date_joined),
        ("is_active", before.is_active != after.is_active),
        (
            "is_subscribed_to_sdd_updates",
            before.is_subscribed_to_sdd_updates != after.is_subscribed_to_sdd_updates,
        ),
        ("user_roles", before.roles != after.roles),
        ("password", before.password != after.password),
    ];
    let fields = fields.into_iter().filter(|(_, differs)| *differs);
    fields.map(|(field, _)| field).collect()
}
