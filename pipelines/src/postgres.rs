//! A database of PostgreSQL by its URL, for whoever keeps something of their own in one: the server.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

pub use visard_connectors::postgres::{PostgresConfig, PostgresError, connect};

use crate::language::connection::url;

/// Beginnings of a URL.
const SCHEMES: &[&str] = &["postgres", "postgresql"];

/// How to get into the database at `url`, which is written as in a pipeline.
///
/// # Errors
/// What is wrong with it, in a sentence without any part of it: each may be a piece of a password.
pub fn config(url: &str) -> Result<PostgresConfig, &'static str> {
    let address = url::parse(url, SCHEMES)?;
    let password = address.password.as_ref();
    Ok(PostgresConfig {
        host: address.host,
        port: address.port,
        user: address.user,
        password: password.map(|password| Zeroizing::new(password.expose().to_owned())),
        database: address.database,
        schema: None,
        ssl_mode: address.sslmode.map(Into::into),
        ssl_root_cert: address.sslrootcert.map(PathBuf::from),
        connect_timeout: address.connect_timeout_seconds.map(Duration::from_secs),
        application_name: address.application_name,
    })
}
