//! Tokens and whose they are. Only their hashes are kept.

use sha2::{Digest, Sha256};

use crate::access::{Caller, TokenKind};
use crate::app::App;
use crate::error::ApiError;
use crate::roles::Role;
use crate::store::Value;
use crate::time;

/// Whoever shows `credentials`: a scheme and a token.
///
/// # Errors
/// 401 for a token that is unknown, expired or of a user who may not log in.
pub(crate) async fn caller(app: &App, credentials: (&str, &str)) -> Result<Caller, ApiError> {
    let (_, token) = credentials;
    let sql = "SELECT s.id, s.kind, u.id, u.username, u.roles FROM sessions s \
               JOIN users u ON u.id = s.user_id \
               WHERE s.token_hash = $1 AND (s.expires IS NULL OR s.expires > $2) AND u.is_active = 1";
    let parameters = [Value::Bytes(hash(token)), time::text(time::now()).into()];
    let found = app.store().query(sql, &parameters).await?;
    let Some(row) = found.first() else {
        return Err(ApiError::unauthenticated("Invalid token."));
    };
    let kind = match row.text(1)? {
        "api" => TokenKind::Api,
        "in_flight" => TokenKind::InFlight,
        _ => TokenKind::User,
    };
    Ok(Caller {
        user_id: row.int(2)?,
        username: row.text(3)?.to_owned(),
        roles: roles(row.text(4)?),
        session_id: Some(row.int(0)?),
        token: kind,
    })
}

/// Roles as the store writes them: names with spaces between them.
pub(crate) fn roles(text: &str) -> Vec<Role> {
    text.split_whitespace().filter_map(Role::named).collect()
}

/// What is kept of a token.
pub(crate) fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
