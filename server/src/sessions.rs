//! Tokens and whose they are. Only their hashes are kept.

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::access::{Caller, TokenKind};
use crate::app::App;
use crate::client::Client;
use crate::error::ApiError;
use crate::store::{Row, StoreError, Transaction, Value, next_id};
use crate::users::{self, User};
use crate::vault::Vault;
use crate::{jwt, time};

/// How long a login is good for.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::hours(12);
/// Bytes of a token, which is written in hexadecimal digits.
const TOKEN_BYTES: usize = 20;

/// A login, as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: i64,
    pub(crate) created: DateTime<Utc>,
    pub(crate) expires: DateTime<Utc>,
}

/// Whoever shows `token`.
///
/// # Errors
/// 401 for a token that is unknown, expired or of a user who may not log in.
pub(crate) async fn caller(app: &App, token: &str) -> Result<Caller, ApiError> {
    let wrong = || ApiError::unauthenticated("Invalid token.");
    // Tokens of in-flight masking are signed, and have dots; they are good while their session is.
    let (condition, value) = match token.contains('.') {
        true => {
            let claims = jwt::read(app.vault(), token, jwt::Use::Access).ok_or_else(wrong)?;
            ("s.kind = 'in_flight' AND s.id = $1", Value::Int(claims.sid))
        }
        false => (
            "s.kind <> 'in_flight' AND s.token_hash = $1",
            Value::Bytes(hash(token)),
        ),
    };
    find(app, condition, value).await?.ok_or_else(wrong)
}

/// Whoever shows the refresh token of a login for in-flight masking.
///
/// # Errors
/// 401, as of [`caller`].
pub(crate) async fn refreshing(app: &App, token: &str) -> Result<Caller, ApiError> {
    let wrong = || ApiError::unauthenticated("Token is invalid or expired.");
    jwt::read(app.vault(), token, jwt::Use::Refresh).ok_or_else(wrong)?;
    let condition = "s.kind = 'in_flight' AND s.token_hash = $1";
    let found = find(app, condition, Value::Bytes(hash(token))).await?;
    found.ok_or_else(wrong)
}

async fn find(app: &App, condition: &str, value: Value) -> Result<Option<Caller>, StoreError> {
    let sql = format!(
        "SELECT s.id, s.kind, u.id, u.username, u.roles, u.has_temporary_password \
         FROM sessions s JOIN users u ON u.id = s.user_id \
         WHERE {condition} AND (s.expires IS NULL OR s.expires > $2) AND u.is_active = 1"
    );
    let parameters = [value, time::text(time::now()).into()];
    let found = app.store().query(&sql, &parameters).await?;
    found.first().map(caller_of).transpose()
}

fn caller_of(row: &Row) -> Result<Caller, StoreError> {
    Ok(Caller {
        session_id: row.int(0)?,
        token: match row.text(1)? {
            "api" => TokenKind::Api,
            "in_flight" => TokenKind::InFlight,
            _ => TokenKind::User,
        },
        user_id: row.int(2)?,
        username: row.text(3)?.to_owned(),
        roles: users::roles(row.text(4)?),
        has_temporary_password: row.int(5)? != 0,
    })
}

/// Opens a session and says by which token it is known. Sessions that are over are forgotten meanwhile.
///
/// # Errors
/// When the system gives no random bits, and as of the store.
pub(crate) async fn open(
    transaction: &mut dyn Transaction,
    user: &User,
    client: &Client,
) -> Result<(Session, Zeroizing<String>), ApiError> {
    let token = random_token()?;
    let session = insert(transaction, user, client, "user", |_| token.to_string()).await?;
    Ok((session, token))
}

/// As [`open`], for in-flight masking: the tokens to ask with, and to ask for another one with.
///
/// # Errors
/// As of the store.
pub(crate) async fn open_in_flight(
    transaction: &mut dyn Transaction,
    vault: &Vault,
    user: &User,
    client: &Client,
) -> Result<(Zeroizing<String>, Zeroizing<String>), ApiError> {
    let mut refresh = Zeroizing::new(String::new());
    let session = insert(transaction, user, client, "in_flight", |session| {
        refresh = jwt::write(vault, jwt::Use::Refresh, user.id, session.id);
        refresh.to_string()
    });
    let session = session.await?;
    Ok((
        jwt::write(vault, jwt::Use::Access, user.id, session.id),
        refresh,
    ))
}

async fn insert(
    transaction: &mut dyn Transaction,
    user: &User,
    client: &Client,
    kind: &str,
    token: impl FnOnce(&Session) -> String,
) -> Result<Session, StoreError> {
    let created = time::now();
    let over = "DELETE FROM sessions WHERE expires <= $1";
    transaction
        .query(over, &[time::text(created).into()])
        .await?;
    let session = Session {
        id: next_id(transaction, "sessions").await?,
        created,
        expires: created + LIFETIME,
    };
    let sql = "INSERT INTO sessions \
               (id, user_id, kind, token_hash, created, expires, client_ip, user_agent) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let parameters = [
        session.id.into(),
        user.id.into(),
        kind.into(),
        hash(&Zeroizing::new(token(&session))).into(),
        time::text(created).into(),
        time::text(session.expires).into(),
        client.address.to_string().into(),
        client.user_agent.as_deref().into(),
    ];
    transaction.query(sql, &parameters).await?;
    Ok(session)
}

/// Ends a session.
pub(crate) async fn close(transaction: &mut dyn Transaction, id: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM sessions WHERE id = $1";
    transaction.query(sql, &[id.into()]).await.map(drop)
}

/// Ends all logins of a user but `except`. The token of the account stays.
pub(crate) async fn close_logins(
    transaction: &mut dyn Transaction,
    user_id: i64,
    except: Option<i64>,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM sessions WHERE user_id = $1 AND kind <> 'api' AND id <> $2";
    let parameters = [user_id.into(), except.unwrap_or(0).into()];
    transaction.query(sql, &parameters).await.map(drop)
}

/// Makes the token of an account the one of its number, and no other.
pub(crate) async fn grant_api_token(
    transaction: &mut dyn Transaction,
    vault: &Vault,
    user: &User,
) -> Result<(), StoreError> {
    revoke_api_token(transaction, user.id).await?;
    let id = next_id(transaction, "sessions").await?;
    let sql = "INSERT INTO sessions (id, user_id, kind, token_hash, created) \
               VALUES ($1, $2, 'api', $3, $4)";
    let parameters = [
        id.into(),
        user.id.into(),
        hash(&api_token(vault, user)).into(),
        time::text(time::now()).into(),
    ];
    transaction.query(sql, &parameters).await.map(drop)
}

/// Takes the token of an account away.
pub(crate) async fn revoke_api_token(
    transaction: &mut dyn Transaction,
    user_id: i64,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM sessions WHERE user_id = $1 AND kind = 'api'";
    transaction.query(sql, &[user_id.into()]).await.map(drop)
}

/// The token of an account: from the server's key, so that it can be shown while only its hash is kept.
pub(crate) fn api_token(vault: &Vault, user: &User) -> Zeroizing<String> {
    let key = vault.derive(&format!("api-token/{}/{}", user.id, user.api_token_number));
    Zeroizing::new(data_encoding::HEXLOWER.encode(&key[..TOKEN_BYTES]))
}

fn random_token() -> Result<Zeroizing<String>, ApiError> {
    let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| ApiError::internal(&error))?;
    Ok(Zeroizing::new(
        data_encoding::HEXLOWER.encode(bytes.as_slice()),
    ))
}

/// What is kept of a token.
pub(crate) fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
