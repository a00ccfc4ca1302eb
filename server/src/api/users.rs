//! Users: who there is, and what they may change about themselves and others.

mod change;
mod install;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::app::App;
use crate::audit::{self, Category};
use crate::error::ApiError;
use crate::extract::{Body, Number, Query, Secret};
use crate::page::{Listed, Origin, PageQuery};
use crate::roles::Role;
use crate::store::{StoreError, Transaction};
use crate::users::{self, User};
use crate::{passwords, sessions};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, delete))
        .routes(routes!(reset_password))
        .merge(install::routes())
        .merge(change::routes())
}

/// A user.
#[derive(Serialize, ToSchema)]
pub(super) struct UserObject {
    id: i64,
    #[serde(flatten)]
    fields: UserFields,
}

/// What there is to say of a user.
#[derive(Serialize, ToSchema)]
pub(super) struct UserFields {
    username: String,
    email: String,
    date_joined: String,
    /// The token of the account; told only to the user.
    api_token: Option<String>,
    /// Whether all they may do is choose a password of their own.
    has_temporary_password: bool,
    /// Whether they may log in.
    is_active: bool,
    /// Whether they are admin.
    is_staff: bool,
    /// Whether they are admin.
    is_superuser: bool,
    is_sso_user: bool,
    is_subscribed_to_sdd_updates: bool,
    user_roles: Vec<Role>,
    user_permissions: Vec<String>,
}

impl UserFields {
    /// What there is to say of `user`, to whoever may know `api_token`.
    pub(super) fn of(user: &User, api_token: Option<String>) -> Self {
        Self {
            username: user.username.clone(),
            email: user.email.clone(),
            date_joined: user.date_joined.clone(),
            api_token,
            has_temporary_password: user.has_temporary_password,
            is_active: user.is_active,
            is_staff: user.is_admin(),
            is_superuser: user.is_admin(),
            is_sso_user: false,
            is_subscribed_to_sdd_updates: user.is_subscribed_to_sdd_updates,
            user_roles: user.roles.clone(),
            user_permissions: Vec::new(),
        }
    }
}

impl UserObject {
    fn of(user: &User) -> Self {
        Self::with(user, None)
    }

    /// What there is to say of `user`, to whoever may know `api_token`.
    pub(super) fn with(user: &User, api_token: Option<String>) -> Self {
        Self {
            id: user.id,
            fields: UserFields::of(user, api_token),
        }
    }
}

/// All users.
#[utoipa::path(
    get,
    path = "/api/users",
    tag = "users",
    params(PageQuery),
    responses((status = 200, body = Listed<UserObject>))
)]
async fn list(
    State(app): State<App>,
    Query(query): Query<PageQuery>,
    origin: Origin,
) -> Result<Json<Listed<UserObject>>, ApiError> {
    let users = users::all(app.store()).await?;
    query.of(&origin, users.iter().map(UserObject::of).collect())
}

/// A user to be.
#[derive(Deserialize, ToSchema)]
struct NewUser {
    /// Letters, digits and any of `@.+-_`.
    #[schema(min_length = 1, max_length = 255)]
    username: String,
    #[schema(min_length = 3, max_length = 254)]
    email: String,
    password: Secret,
    /// The password again.
    re_password: Secret,
    #[schema(min_items = 1)]
    user_roles: Vec<Role>,
    /// Whether they have to choose a password of their own first.
    #[serde(default)]
    has_temporary_password: bool,
}

impl NewUser {
    /// The user, with their password hashed, but not in the store yet.
    ///
    /// # Errors
    /// All that is wrong, by its fields.
    async fn checked(self, app: &App) -> Result<User, ApiError> {
        let mut user = User {
            id: 0,
            username: self.username,
            email: self.email,
            password: String::new(),
            has_temporary_password: self.has_temporary_password,
            is_active: true,
            roles: self.user_roles,
            date_joined: String::new(),
            is_subscribed_to_sdd_updates: false,
            api_token_number: 0,
            git_directory_path: None,
        };
        let mut problems = problems_of(&mut user);
        if self.password != self.re_password {
            problems.push(("re_password", "The passwords are not the same.".to_owned()));
        }
        let of_password = passwords::problems(&self.password.0, &user.username, &user.email);
        problems.extend(of_password.into_iter().map(|problem| ("password", problem)));
        if !problems.is_empty() {
            return Err(ApiError::fields(problems));
        }
        user.password = app.passwords().hash(self.password.0).await?;
        Ok(user)
    }
}

/// Adds a user.
#[utoipa::path(
    post,
    path = "/api/users",
    tag = "users",
    request_body = NewUser,
    responses((status = 201, body = UserObject))
)]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<UserObject>), ApiError> {
    let mut user = new.checked(&app).await?;
    let mut transaction = app.store().begin().await?;
    add(&app, transaction.as_mut(), &mut user, &caller.username).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(UserObject::of(&user))))
}

/// One user: oneself, or for admins anyone.
#[utoipa::path(
    get,
    path = "/api/users/{id}",
    tag = "users",
    params(("id" = i64, Path)),
    responses((status = 200, body = UserObject))
)]
async fn one(
    State(app): State<App>,
    caller: Caller,
    Number(id): Number,
) -> Result<Json<UserObject>, ApiError> {
    oneself_or_admin(&caller, id)?;
    let user = users::get(app.store(), id).await?;
    Ok(Json(UserObject::of(&user)))
}

/// Removes a user; all their tokens are good for nothing any more.
#[utoipa::path(
    delete,
    path = "/api/users/{id}",
    tag = "users",
    params(("id" = i64, Path)),
    responses((status = 204))
)]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Number(id): Number,
) -> Result<StatusCode, ApiError> {
    let mut transaction = app.store().begin().await?;
    let user = users::get_in(transaction.as_mut(), id).await?;
    users::remove(transaction.as_mut(), id).await?;
    keep_an_admin(transaction.as_mut()).await?;
    let what = format!("user {}", user.username);
    note(transaction.as_mut(), &caller.username, "deleted", &what).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A password to log in with once.
#[derive(Serialize, ToSchema)]
struct TemporaryPassword {
    #[schema(format = Password)]
    password: String,
}

/// Gives another user a temporary password, which is told here and never again; their logins end.
#[utoipa::path(
    post,
    path = "/api/users/{id}/reset-password",
    tag = "users",
    params(("id" = i64, Path)),
    responses((status = 200, body = TemporaryPassword))
)]
async fn reset_password(
    State(app): State<App>,
    caller: Caller,
    Number(id): Number,
) -> Result<Json<TemporaryPassword>, ApiError> {
    if caller.user_id == id {
        let problem = "Change your own password with the one that you have.";
        return Err(ApiError::field("non_field_errors", problem));
    }
    users::get(app.store(), id).await?;
    let password = passwords::temporary()?;
    let hash = app.passwords().hash(password.clone()).await?;
    let mut transaction = app.store().begin().await?;
    let mut user = users::get_in(transaction.as_mut(), id).await?;
    user.password = hash;
    user.has_temporary_password = true;
    users::update(transaction.as_mut(), &user).await?;
    sessions::close_logins(transaction.as_mut(), id, None).await?;
    let change = format!("user {}: temporary password", user.username);
    note(transaction.as_mut(), &caller.username, "modified", &change).await?;
    transaction.commit().await?;
    Ok(Json(TemporaryPassword {
        password: password.to_string(),
    }))
}

/// Puts a new user into the store, with the token of their account.
async fn add(
    app: &App,
    transaction: &mut dyn Transaction,
    user: &mut User,
    by: &str,
) -> Result<(), ApiError> {
    users::insert(transaction, user).await.map_err(taken)?;
    sessions::grant_api_token(transaction, app.vault(), user).await?;
    let what = format!("user {}", user.username);
    note(transaction, by, "created", &what).await
}

fn oneself_or_admin(caller: &Caller, id: i64) -> Result<(), ApiError> {
    match caller.user_id == id || caller.is(Role::Admin) && !caller.has_temporary_password {
        true => Ok(()),
        false => Err(ApiError::forbidden()),
    }
}

/// Nobody may lock out the last admin.
async fn keep_an_admin(transaction: &mut dyn Transaction) -> Result<(), ApiError> {
    match users::any_admin(transaction).await? {
        true => Ok(()),
        false => Err(ApiError::field(
            "non_field_errors",
            "There would be no admin any more.",
        )),
    }
}

/// What is wrong with a user's name, address or roles, which are put in order here.
fn problems_of(user: &mut User) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    let mut wrong = |field, problem: &str| problems.push((field, problem.to_owned()));
    let of_name = |char: char| char.is_alphanumeric() || "@.+-_".contains(char);
    if !(1..=255).contains(&user.username.chars().count()) {
        wrong("username", "A username has 1 to 255 characters.");
    } else if !user.username.chars().all(of_name) {
        wrong(
            "username",
            "A username holds letters, digits and @.+-_ only.",
        );
    }
    if !is_address(&user.email) {
        wrong("email", "Enter a valid email address.");
    }
    user.roles = Role::ALL
        .into_iter()
        .filter_map(|(_, role)| user.roles.contains(&role).then_some(role))
        .collect();
    let has = |role| user.roles.contains(&role);
    if user.roles.is_empty() {
        wrong("user_roles", "A user has at least one role.");
    } else if has(Role::RulesetLibraryManagers) && !has(Role::MaskBuilder) {
        wrong(
            "user_roles",
            "`ruleset_library_managers` goes with `mask_builder` only.",
        );
    }
    problems
}

/// Whether mail might be sent there; only trying would tell.
fn is_address(text: &str) -> bool {
    let plain = |char: char| !char.is_whitespace() && !char.is_control();
    let parts = text.rsplit_once('@');
    let whole = parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    whole && text.chars().all(plain) && text.chars().count() <= 254
}

fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Taken => {
            ApiError::field("username", "A user with that username already exists.")
        }
        error => error.into(),
    }
}

/// Notes a change of users.
pub(super) async fn note(
    transaction: &mut dyn Transaction,
    by: &str,
    action: &str,
    description: &str,
) -> Result<(), ApiError> {
    audit::note(transaction, by, Category::System, action, description).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
