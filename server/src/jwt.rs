//! Tokens of in-flight masking: JSON Web Tokens (RFC 7519), signed by HMAC with SHA-256 under a key of the
//! server's own.
//!
//! What a token says is only where its session is found: rights and revocation are the store's.

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::sessions;
use crate::time;
use crate::vault::Vault;

/// How long an access token is good for; clients then ask for another one.
const ACCESS_LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// What the server's key is expanded for.
const PURPOSE: &str = "jwt";

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Use {
    /// Asking the in-flight service.
    Access,
    /// Asking for another access token.
    Refresh,
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The user's id.
    sub: String,
    /// The session's id.
    pub(crate) sid: i64,
    #[serde(rename = "use")]
    used: Use,
    iat: i64,
    exp: i64,
}

/// A token of a user's session.
pub(crate) fn write(vault: &Vault, used: Use, user_id: i64, session_id: i64) -> Zeroizing<String> {
    let now = time::now();
    let lifetime = match used {
        Use::Access => ACCESS_LIFETIME,
        Use::Refresh => sessions::LIFETIME,
    };
    let claims = Claims {
        sub: user_id.to_string(),
        sid: session_id,
        used,
        iat: now.timestamp(),
        exp: (now + lifetime).timestamp(),
    };
    let key = vault.derive(PURPOSE);
    let key = EncodingKey::from_secret(key.as_slice());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key);
    Zeroizing::new(token.expect("numbers and texts can be written as JSON"))
}

/// What a token says; nothing when it is none of ours, over, or for something else.
pub(crate) fn read(vault: &Vault, token: &str, used: Use) -> Option<Claims> {
    let key = vault.derive(PURPOSE);
    let key = DecodingKey::from_secret(key.as_slice());
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 0;
    let read = jsonwebtoken::decode::<Claims>(token, &key, &validation);
    let claims = read.ok()?.claims;
    (claims.used == used).then_some(claims)
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;

    use super::*;

    #[test]
    fn a_token_is_read_under_its_key_for_its_use() {
        let vault = Vault::new(Zeroizing::new(vec![7; 32]));
        let token = write(&vault, Use::Access, 3, 9);
        assert_eq!(read(&vault, &token, Use::Access).unwrap().sid, 9);
        assert!(read(&vault, &token, Use::Refresh).is_none());
        let other = Vault::new(Zeroizing::new(vec![8; 32]));
        assert!(read(&other, &token, Use::Access).is_none());

        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (_, claims) = signed.split_once('.').unwrap();
        let unsigned = BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"JWT"}"#);
        for wrong in [
            String::new(),
            "..".to_owned(),
            format!("{signed}."),
            format!("{unsigned}.{claims}."),
            format!("{unsigned}.{claims}.{signature}"),
        ] {
            assert!(read(&vault, &wrong, Use::Access).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_token_ends() {
        let vault = Vault::new(Zeroizing::new(vec![7; 32]));
        let now = time::now().timestamp();
        for (exp, good) in [(now + 5, true), (now - 1, false)] {
            let claims = Claims {
                sub: "3".to_owned(),
                sid: 9,
                used: Use::Access,
                iat: now,
                exp,
            };
            let key = vault.derive(PURPOSE);
            let key = EncodingKey::from_secret(key.as_slice());
            let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key);
            let read = read(&vault, &token.unwrap(), Use::Access);
            assert_eq!(read.is_some(), good);
        }
    }
}
