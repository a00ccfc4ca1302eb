//! Who may log in: users, as the store keeps them.

use crate::error::ApiError;
use crate::roles::Role;
use crate::store::{Row, Store, StoreError, Transaction, Value, next_id};
use crate::time;

/// A user.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) username: String,
    pub(crate) email: String,
    /// The hash of the password.
    pub(crate) password: String,
    /// Whether all they may do is choose a password of their own.
    pub(crate) has_temporary_password: bool,
    /// Whether they may log in.
    pub(crate) is_active: bool,
    pub(crate) roles: Vec<Role>,
    pub(crate) date_joined: String,
    pub(crate) is_subscribed_to_sdd_updates: bool,
    /// Which one of the account's tokens is valid.
    pub(crate) api_token_number: i64,
    pub(crate) git_directory_path: Option<String>,
}

const COLUMNS: &str = "id, username, email, password, has_temporary_password, is_active, roles, \
                       date_joined, is_subscribed_to_sdd_updates, api_token_number, git_directory_path";

impl User {
    /// Whether they are admin.
    pub(crate) fn is_admin(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }
}

/// The user with this name.
pub(crate) async fn named(store: &dyn Store, username: &str) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE username = $1");
    let rows = store.query(&sql, &[username.into()]).await?;
    rows.first().map(user).transpose()
}

/// The user with this id; 404 without one.
pub(crate) async fn get(store: &dyn Store, id: i64) -> Result<User, ApiError> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE id = $1");
    let rows = store.query(&sql, &[id.into()]).await?;
    let found = rows.first().map(user).transpose()?;
    found.ok_or_else(ApiError::not_found)
}

/// As [`get`], and nobody changes them before `transaction` ends.
pub(crate) async fn get_in(transaction: &mut dyn Transaction, id: i64) -> Result<User, ApiError> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE id = $1");
    let rows = transaction.query(&sql, &[id.into()]).await?;
    let found = rows.first().map(user).transpose()?;
    found.ok_or_else(ApiError::not_found)
}

/// All users, in the order in which they came.
pub(crate) async fn all(store: &dyn Store) -> Result<Vec<User>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM users ORDER BY id");
    let rows = store.query(&sql, &[]).await?;
    rows.iter().map(user).collect()
}

/// How many users there are.
pub(crate) async fn count(store: &dyn Store) -> Result<u64, StoreError> {
    let rows = store.query("SELECT count(*) FROM users", &[]).await?;
    let count = rows.first().map_or(Ok(0), |row| row.int(0))?;
    Ok(count.unsigned_abs())
}

/// Adds a user; their id is given here.
///
/// # Errors
/// [`StoreError::Taken`] where their name is.
pub(crate) async fn insert(
    transaction: &mut dyn Transaction,
    user: &mut User,
) -> Result<(), StoreError> {
    user.id = next_id(transaction, "users").await?;
    user.date_joined = time::text(time::now());
    let sql = format!(
        "INSERT INTO users ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    );
    transaction.query(&sql, &values(user)).await.map(drop)
}

/// Writes a user over the one with their id.
///
/// # Errors
/// [`StoreError::Taken`] where another one has their name.
pub(crate) async fn update(
    transaction: &mut dyn Transaction,
    user: &User,
) -> Result<(), StoreError> {
    let sql = "UPDATE users SET username = $1, email = $2, password = $3, \
               has_temporary_password = $4, is_active = $5, roles = $6, date_joined = $7, \
               is_subscribed_to_sdd_updates = $8, api_token_number = $9, git_directory_path = $10 \
               WHERE id = $11";
    let mut values = values(user);
    values.rotate_left(1);
    transaction.query(sql, &values).await.map(drop)
}

/// Removes a user, and all their sessions with them.
pub(crate) async fn remove(transaction: &mut dyn Transaction, id: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM users WHERE id = $1";
    transaction.query(sql, &[id.into()]).await.map(drop)
}

/// Whether an admin could log in, as things stand in `transaction`.
pub(crate) async fn any_admin(transaction: &mut dyn Transaction) -> Result<bool, StoreError> {
    let sql = "SELECT roles FROM users WHERE is_active = 1";
    for row in transaction.query(sql, &[]).await? {
        if roles(row.text(0)?).contains(&Role::Admin) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Roles as the store writes them: names with spaces between them.
pub(crate) fn roles(text: &str) -> Vec<Role> {
    text.split_whitespace().filter_map(Role::named).collect()
}

fn values(user: &User) -> [Value; 11] {
    let roles: Vec<&str> = user.roles.iter().map(|role| role.name()).collect();
    [
        user.id.into(),
        user.username.as_str().into(),
        user.email.as_str().into(),
        user.password.as_str().into(),
        user.has_temporary_password.into(),
        user.is_active.into(),
        roles.join(" ").into(),
        user.date_joined.as_str().into(),
        user.is_subscribed_to_sdd_updates.into(),
        user.api_token_number.into(),
        user.git_directory_path.as_deref().into(),
    ]
}

fn user(row: &Row) -> Result<User, StoreError> {
    Ok(User {
        id: row.int(0)?,
        username: row.text(1)?.to_owned(),
        email: row.text(2)?.to_owned(),
        password: row.text(3)?.to_owned(),
        has_temporary_password: row.int(4)? != 0,
        is_active: row.int(5)? != 0,
        roles: roles(row.text(6)?),
        date_joined: row.text(7)?.to_owned(),
        is_subscribed_to_sdd_updates: row.int(8)? != 0,
        api_token_number: row.int(9)?,
        git_directory_path: row.maybe_text(10)?.map(str::to_owned),
    })
}
