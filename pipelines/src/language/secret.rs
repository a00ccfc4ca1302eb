//! Secrets: text that is never shown, and the names of keys that hold one.

use std::fmt;

use zeroize::Zeroizing;

/// Text that prints as `***` and is wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Keys that sound like a secret and hold none.
const HARMLESS: [&str; 2] = ["disable_instance_secret", "instance_secret_file"];

/// Parts of a name that mean a secret wherever they stand.
const TELLING: [&str; 7] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "credential",
    "connection_string",
    "service_account",
];

/// What a key that opens something is called. A key of a table, or of a mapping, opens nothing.
const OPENING: [&str; 8] = [
    "access",
    "account",
    "api",
    "encryption",
    "master",
    "private",
    "shared",
    "storage",
];

/// Whether the value under a key of this name is kept out of excerpts and debug output: every key
/// that takes a secret, and what reads like a misspelling of one or like the secret of another tool.
pub fn is_secret_key(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    if HARMLESS.contains(&name.as_str()) {
        return false;
    }
    // A URL of a database holds its password.
    if name == "url" {
        return true;
    }
    let words: Vec<&str> = name.split('_').collect();
    let opens = |pair: &[&str]| OPENING.contains(&pair[0]) && matches!(pair[1], "key" | "keys");
    TELLING.iter().any(|part| name.contains(part))
        || words.iter().any(|word| word.ends_with("token"))
        || words.windows(2).any(opens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_keys() {
        for (name, secret) in [
            ("password", true),
            ("DB-Password", true),
            ("run_secret", true),
            ("secret_access_key", true),
            ("service_account_key", true),
            ("connection_string", true),
            ("session_token", true),
            ("authToken", true),
            ("detokenize", false),
            ("access_key_id", true),
            ("secret_acces_key", true),
            ("snowflake_private_key_path", true),
            ("url", true),
            ("login_url", false),
            ("key", false),
            ("target_key", false),
            ("index_key_columns", false),
            ("foreign_key", false),
            ("disable_instance_secret", false),
            ("instance_secret_file", false),
            ("custom_keywords", false),
            ("column", false),
        ] {
            assert_eq!(is_secret_key(name), secret, "{name}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(secret.expose(), "hunter2");
    }
}
