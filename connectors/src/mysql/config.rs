//! How to get into a server: what a connection says, then the environment variables that the client
//! libraries of MySQL and MariaDB read. Option files are not read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mysql_async::{Opts, OptsBuilder, SslOpts};
use zeroize::Zeroizing;

use super::error::MysqlError;
use crate::database::SslMode;

/// What a connection says; what it leaves open, the environment decides.
#[derive(Clone, Default)]
pub struct MysqlConfig {
    /// Host name, address, or the path of a Unix socket; `MYSQL_HOST`, then `localhost`, by TCP.
    pub host: Option<String>,
    /// `MYSQL_TCP_PORT`, then 3306.
    pub port: Option<u16>,
    /// `USER`, the account's name.
    pub user: Option<String>,
    /// `MYSQL_PWD`, then none.
    pub password: Option<Zeroizing<String>>,
    /// The database whose tables are named without one.
    pub database: Option<String>,
    /// Whether TLS is used and what is checked.
    pub ssl_mode: SslMode,
    /// A file of trusted certificates in PEM; those of the system by default.
    pub ssl_root_cert: Option<PathBuf>,
    /// How long to wait for the server; 10 seconds by default.
    pub connect_timeout: Option<Duration>,
    /// What the server lists as the client's name; `visard` by default.
    pub application_name: Option<String>,
    /// Settings of our sessions by their names. Those that runs depend on win.
    pub settings: BTreeMap<String, Zeroizing<String>>,
}

impl fmt::Debug for MysqlConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("database", &self.database)
            .field("ssl_mode", &self.ssl_mode)
            .finish_non_exhaustive()
    }
}

/// Everything that is needed to connect.
#[derive(Clone)]
pub(super) struct Resolved {
    pub(super) driver: Opts,
    /// The same without TLS, for servers that have none, where that is allowed.
    pub(super) plain: Option<Opts>,
    pub(super) connect_timeout: Duration,
    pub(super) settings: BTreeMap<String, Zeroizing<String>>,
    /// The database whose tables are named without one.
    pub(super) database: String,
    /// Where it leads, for messages: `host:port/database`.
    pub(super) shown: String,
}

impl MysqlConfig {
    /// Fills in what the connection leaves open.
    ///
    /// # Errors
    /// When there is no user or database, a port or a setting's name is none, or a certificate file cannot
    /// be read.
    pub(super) fn resolve(
        &self,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Resolved, MysqlError> {
        let wrong = |what: &str| MysqlError::Config(what.to_owned());
        let said = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let host = said(&self.host).or_else(|| environment("MYSQL_HOST"));
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        let port = match (self.port, environment("MYSQL_TCP_PORT")) {
            (Some(port), _) => port,
            (None, Some(text)) => text
                .parse()
                .map_err(|_| wrong("MYSQL_TCP_PORT is no port"))?,
            (None, None) => 3306,
        };
        let user = said(&self.user).or_else(|| environment("USER"));
        let user = user.ok_or_else(|| wrong("the connection names no `user`"))?;
        let database = said(&self.database);
        let database = database.ok_or_else(|| wrong("the connection names no `database`"))?;
        let password = self.password.clone();
        let password = password.or_else(|| environment("MYSQL_PWD").map(Zeroizing::new));
        for name in self.settings.keys() {
            if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') || name.is_empty() {
                return Err(wrong("`engine_options` has a name that no setting has"));
            }
        }
        let by_socket = host.starts_with('/');
        let mut driver = OptsBuilder::default()
            .user(Some(&user))
            .pass(password.as_deref())
            .db_name(Some(&database))
            .prefer_socket(by_socket)
            .stmt_cache_size(0)
            .tcp_nodelay(true)
            // Rows that an update finds count, whether or not their values change.
            .client_found_rows(true)
            .connect_attribute(
                "program_name",
                self.application_name.as_deref().unwrap_or("visard"),
            );
        driver = match by_socket {
            true => driver.socket(Some(&host)),
            false => driver.ip_or_hostname(&host).tcp_port(port),
        };
        let tls = match by_socket {
            true => None,
            false => tls(self.ssl_mode, self.ssl_root_cert.as_deref())?,
        };
        let plain = driver.clone();
        let is_preferred = self.ssl_mode == SslMode::Prefer && tls.is_some();
        Ok(Resolved {
            driver: Opts::from(driver.ssl_opts(tls)),
            plain: is_preferred.then(|| Opts::from(plain)),
            connect_timeout: self.connect_timeout.unwrap_or(Duration::from_secs(10)),
            settings: self.settings.clone(),
            shown: match by_socket {
                true => format!("{host}/{database}"),
                false => format!("{host}:{port}/{database}"),
            },
            database,
        })
    }
}

/// TLS as `mode` asks for it; none for none.
fn tls(mode: SslMode, roots: Option<&Path>) -> Result<Option<SslOpts>, MysqlError> {
    // As libpq: who names an authority wants it asked.
    let mode = match mode {
        SslMode::Require if roots.is_some() => SslMode::VerifyCa,
        mode => mode,
    };
    Ok(match mode {
        SslMode::Disable => None,
        SslMode::Prefer | SslMode::Require => {
            Some(SslOpts::default().with_danger_accept_invalid_certs(true))
        }
        SslMode::VerifyCa | SslMode::VerifyFull => Some(
            SslOpts::default()
                .with_disable_built_in_roots(true)
                .with_root_certs(trusted(roots)?.into_iter().map(Into::into).collect())
                .with_danger_skip_domain_validation(mode == SslMode::VerifyCa),
        ),
    })
}

/// The certificates to trust, in DER or PEM.
fn trusted(file: Option<&Path>) -> Result<Vec<Vec<u8>>, MysqlError> {
    let Some(file) = file else {
        let found = rustls_native_certs::load_native_certs().certs;
        if found.is_empty() {
            return Err(MysqlError::Config(
                "the system has no trusted certificates; name a file with `sslrootcert`".to_owned(),
            ));
        }
        let found = found.into_iter().map(|certificate| certificate.to_vec());
        return Ok(found.collect());
    };
    let wrong = |problem: &dyn fmt::Display| {
        let file = file.display();
        MysqlError::Config(format!("`{file}` holds no certificates: {problem}"))
    };
    let text = std::fs::read(file).map_err(|error| wrong(&error))?;
    if !text.windows(11).any(|part| part == b"-----BEGIN ") {
        return Err(wrong(&"it is no PEM file"));
    }
    Ok(vec![text])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn what_is_left_open_comes_from_the_environment() {
        let environment = |name: &str| match name {
            "MYSQL_HOST" => Some("h".to_owned()),
            "MYSQL_TCP_PORT" => Some("6000".to_owned()),
            "MYSQL_PWD" => Some("a word".to_owned()),
            "USER" => Some("ann".to_owned()),
            _ => None,
        };
        let config = MysqlConfig {
            database: Some("d".to_owned()),
            ..MysqlConfig::default()
        };
        let resolved = config.resolve(&environment).unwrap();
        assert_eq!(resolved.shown, "h:6000/d");
        assert_eq!(resolved.driver.user(), Some("ann"));
        assert_eq!(resolved.driver.pass(), Some("a word"));
        assert!(resolved.plain.is_some() && resolved.driver.ssl_opts().is_some());
    }

    #[test]
    fn what_is_wrong_is_said_without_values() {
        let config = MysqlConfig {
            user: Some("ann".to_owned()),
            ..MysqlConfig::default()
        };
        let error = config.resolve(&nothing).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("`database`"), "{error}");
        let settings = [("a = 1; b".to_owned(), Zeroizing::new("secret".to_owned()))];
        let config = MysqlConfig {
            database: Some("d".to_owned()),
            settings: settings.into_iter().collect(),
            ..config
        };
        let error = config.resolve(&nothing).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("`engine_options`"), "{error}");
        let config = MysqlConfig {
            settings: BTreeMap::new(),
            ssl_mode: SslMode::VerifyFull,
            ssl_root_cert: Some("/nowhere.pem".into()),
            ..config
        };
        let error = config.resolve(&nothing).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("/nowhere.pem"), "{error}");
    }
}
