//! How to get in: a driver of this machine, and what it is told.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::dialect::Dialect;
use super::error::OdbcError;
use super::installed::{Installed, installed};
use crate::database::SslMode;

/// Where distributions put drivers that a configuration names without their folder.
const FOLDERS: [&str; 6] = [
    "/usr/lib/x86_64-linux-gnu/odbc",
    "/usr/lib/aarch64-linux-gnu/odbc",
    "/usr/lib64",
    "/usr/lib/odbc",
    "/usr/local/lib",
    "/usr/lib",
];

/// A connection over ODBC, as a pipeline describes it.
#[derive(Clone)]
pub struct OdbcConfig {
    /// What kind of database it is.
    pub dialect: Dialect,
    /// The driver, by its name or the path of its library; else one that fits the dialect is looked for.
    pub driver: Option<String>,
    /// What the driver is told, in its own words; the rest is added.
    pub connection_string: Option<Zeroizing<String>>,
    /// Name or address of the server.
    pub host: Option<String>,
    /// Its port.
    pub port: Option<u16>,
    /// The database; for SQLite the path of its file.
    pub database: Option<String>,
    /// Whom to log in as.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Zeroizing<String>>,
    /// Where tables are that are named without a schema.
    pub schema: Option<String>,
    /// Whether TLS is used, and what is checked: drivers of PostgreSQL, MariaDB and MySQL are told.
    pub ssl_mode: SslMode,
    /// PEM file of the certificates to trust.
    pub ssl_root_cert: Option<PathBuf>,
    /// More of what the driver is told, by names.
    pub options: Vec<(String, Zeroizing<String>)>,
    /// Seconds that a connection is waited for.
    pub connect_timeout_seconds: u32,
}

/// Without what it tells the driver, any of which may be a secret.
impl std::fmt::Debug for OdbcConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OdbcConfig({:?}, {})", self.dialect, self.shown())
    }
}

impl OdbcConfig {
    /// Where the database is, for messages.
    pub(super) fn shown(&self) -> String {
        let place = match (&self.host, self.port) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.clone(),
            (None, _) => String::new(),
        };
        let parts = [Some(place), self.database.clone()];
        let parts: Vec<String> = parts
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect();
        match parts.is_empty() {
            true => format!("{} over ODBC", self.dialect.quirks().product),
            false => parts.join("/"),
        }
    }

    /// All that the driver is told.
    ///
    /// # Errors
    /// When no driver fits, or the one that is named is not there.
    pub(super) fn text(&self) -> Result<Zeroizing<String>, OdbcError> {
        if self.dialect == Dialect::Sqlite {
            // The driver makes a file that is not there.
            let path = self.database.as_deref().unwrap_or_default();
            if self.connection_string.is_none() && !Path::new(path).is_file() {
                return Err(OdbcError::Config(format!("there is no file {path}")));
            }
        }
        let own = self
            .connection_string
            .as_ref()
            .map_or("", |text| text.as_str());
        let says = |key: &str| {
            keys(own)
                .iter()
                .any(|known| known.eq_ignore_ascii_case(key))
        };
        let driver = match says("driver") || says("dsn") || says("filedsn") {
            true if self.driver.is_none() => None,
            true => {
                let message = "`driver` and `connection_string` both say which driver it is";
                return Err(OdbcError::Config(message.to_owned()));
            }
            false => Some(self.found()?),
        };
        let mut text = Zeroizing::new(String::new());
        let mut add = |key: &str, value: &str| {
            if !key.is_empty() && !value.is_empty() && !says(key) {
                text.push_str(key);
                text.push('=');
                text.push_str(&escaped(value));
                text.push(';');
            }
        };
        if let Some(driver) = &driver {
            add("DRIVER", driver);
        }
        let quirks = self.dialect.quirks();
        let port = self.port.map(|port| port.to_string());
        let mut host = self.host.clone().unwrap_or_default();
        if quirks.keys.port.is_none()
            && let Some(port) = &port
            && !host.is_empty()
        {
            host = format!("{host}{}{port}", quirks.keys.between);
        }
        let database = self.database.as_deref().unwrap_or_default();
        if self.dialect == Dialect::Oracle && !host.is_empty() {
            // An address of its own: //host:port/service.
            host = format!("//{host}/{database}");
        }
        add(quirks.keys.host, &host);
        if let (Some(key), Some(port)) = (quirks.keys.port, &port) {
            add(key, port);
        }
        add(quirks.keys.database, database);
        add("UID", self.user.as_deref().unwrap_or_default());
        add(
            "PWD",
            self.password.as_ref().map_or("", |text| text.as_str()),
        );
        for (key, value) in self.tls() {
            add(key, &value);
        }
        for (key, value) in &self.options {
            add(key, value);
        }
        for (key, value) in quirks.options {
            if !self
                .options
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(key))
            {
                add(key, value);
            }
        }
        text.push_str(own);
        Ok(text)
    }

    /// Whether `text` has something in it that nobody is to see.
    pub(super) fn is_secret(&self, text: &str) -> bool {
        let options = self.options.iter().map(|(_, value)| value);
        let secrets = options.chain(&self.password).chain(&self.connection_string);
        let mut secrets = secrets.filter(|secret| !secret.is_empty());
        secrets.any(|secret| text.contains(secret.as_str()))
    }

    /// How the way is secured, in the words of the drivers that we know.
    fn tls(&self) -> Vec<(&'static str, String)> {
        let root = self
            .ssl_root_cert
            .as_ref()
            .map(|path| path.display().to_string());
        let is_checked = matches!(self.ssl_mode, SslMode::VerifyCa | SslMode::VerifyFull);
        let mut told = Vec::new();
        match self.dialect {
            Dialect::Postgres => {
                let mode = match self.ssl_mode {
                    SslMode::Disable => "disable",
                    SslMode::Prefer => "prefer",
                    SslMode::Require => "require",
                    SslMode::VerifyCa => "verify-ca",
                    SslMode::VerifyFull => "verify-full",
                };
                told.push(("SSLmode", mode.to_owned()));
                if let Some(root) = root {
                    told.push((
                        "pqopt",
                        format!("sslrootcert='{}'", root.replace(['\\', '\''], "")),
                    ));
                }
            }
            Dialect::Mysql => {
                if is_checked || self.ssl_mode == SslMode::Require {
                    told.push(("FORCETLS", "1".to_owned()));
                }
                if is_checked {
                    told.push(("SSLVERIFY", "1".to_owned()));
                }
                if let Some(root) = root {
                    told.push(("SSLCA", root));
                }
            }
            _ => {}
        }
        told
    }

    /// The driver's library where we know it, else its name.
    fn found(&self) -> Result<String, OdbcError> {
        let installed = installed();
        if let Some(driver) = &self.driver
            && driver.contains('/')
        {
            return match Path::new(driver).is_file() {
                true => Ok(driver.clone()),
                false => Err(OdbcError::Config(format!("there is no driver at {driver}"))),
            };
        }
        let found = choose(&installed, self.driver.as_deref(), self.dialect);
        let Some(found) = found else {
            return Err(OdbcError::Config(missing(
                &installed,
                self.driver.as_deref(),
                self.dialect,
            )));
        };
        match found.library.as_deref().map(located) {
            Some(Some(path)) => Ok(path.to_string_lossy().into_owned()),
            Some(None) => Err(OdbcError::Config(format!(
                "the library of the ODBC driver `{}` is not where odbcinst.ini says ({})",
                found.name,
                found.library.as_deref().unwrap_or_default()
            ))),
            None => Ok(found.name.clone()),
        }
    }
}

/// The driver of that name, or one that fits.
fn choose<'i>(
    installed: &'i [Installed],
    name: Option<&str>,
    dialect: Dialect,
) -> Option<&'i Installed> {
    if let Some(name) = name {
        return installed
            .iter()
            .find(|driver| driver.name.eq_ignore_ascii_case(name));
    }
    // An old driver may be beside a newer one of the same name with a higher number.
    dialect.quirks().drivers.iter().find_map(|part| {
        let fits = installed
            .iter()
            .filter(|driver| driver.name.to_lowercase().contains(part));
        fits.max_by_key(|driver| driver.name.clone())
    })
}

/// What is said where no driver fits.
fn missing(installed: &[Installed], name: Option<&str>, dialect: Dialect) -> String {
    let quirks = dialect.quirks();
    let missing = match name {
        Some(name) => format!("no ODBC driver is called `{name}`"),
        None => format!("no ODBC driver for {} is installed", quirks.product),
    };
    let names: Vec<String> = installed
        .iter()
        .map(|driver| format!("`{}`", driver.name))
        .collect();
    let there = match names.is_empty() {
        true => "odbcinst.ini lists none".to_owned(),
        false => format!("odbcinst.ini lists {}", names.join(", ")),
    };
    format!(
        "{missing}: {there}. Install {}, or name its library: `driver: /path/of/its/library.so`",
        quirks.install
    )
}

/// Where a library is that may be named without its folder.
fn located(library: &str) -> Option<PathBuf> {
    let path = PathBuf::from(library);
    if path.is_absolute() {
        return path.is_file().then_some(path);
    }
    let mut paths = FOLDERS.iter().map(|folder| Path::new(folder).join(library));
    paths.find(|path| path.is_file())
}

/// A value as it stands in a connection string.
fn escaped(value: &str) -> String {
    // A comma stands between host and port.
    let has_marks = value.contains([
        ';', '{', '}', '[', ']', '=', '(', ')', '?', '*', '!', '@', '+',
    ]);
    let is_plain = !has_marks && value.trim() == value;
    match is_plain {
        true => value.to_owned(),
        false => format!("{{{}}}", value.replace('}', "}}")),
    }
}

/// The keys that a connection string has.
fn keys(text: &str) -> Vec<String> {
    let (mut keys, mut part, mut in_braces) = (Vec::new(), String::new(), false);
    for letter in text.chars().chain([';']) {
        match letter {
            '{' if !in_braces && part.ends_with('=') => in_braces = true,
            '}' if in_braces => in_braces = false,
            ';' if !in_braces => {
                if let Some((key, _)) = part.split_once('=') {
                    keys.push(key.trim().to_owned());
                }
                part.clear();
                continue;
            }
            _ => {}
        }
        part.push(letter);
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_by_name_and_by_kind() {
        let driver = |name: &str| Installed {
            name: name.to_owned(),
            library: None,
        };
        let installed = [
            "ODBC Driver 17 for SQL Server",
            "ODBC Driver 18 for SQL Server",
            "FreeTDS",
            "PostgreSQL ANSI",
            "PostgreSQL Unicode",
        ]
        .map(driver);
        let name =
            |name, dialect| choose(&installed, name, dialect).map(|driver| driver.name.as_str());
        assert_eq!(
            name(None, Dialect::SqlServer),
            Some("ODBC Driver 18 for SQL Server")
        );
        assert_eq!(name(None, Dialect::Postgres), Some("PostgreSQL Unicode"));
        assert_eq!(name(Some("freetds"), Dialect::SqlServer), Some("FreeTDS"));
        assert_eq!(name(None, Dialect::Oracle), None);
        let said = missing(&installed, None, Dialect::Oracle);
        assert!(
            said.contains("no ODBC driver for Oracle Database") && said.contains("`FreeTDS`"),
            "{said}"
        );
        assert!(said.contains("Instant Client"), "{said}");
        for dialect in Dialect::ALL {
            assert!(!dialect.quirks().drivers.is_empty() && !dialect.quirks().install.is_empty());
        }
    }

    #[test]
    fn connection_strings() {
        assert_eq!(keys("Driver={a;b};UID = x;PWD=p"), ["Driver", "UID", "PWD"]);
        assert_eq!(escaped("a;b}"), "{a;b}}}");
        assert_eq!(escaped("plain"), "plain");
        let config = OdbcConfig {
            dialect: Dialect::SqlServer,
            driver: None,
            connection_string: Some(Zeroizing::new("DSN=sales;Encrypt=yes".to_owned())),
            host: Some("db.example".to_owned()),
            port: Some(1433),
            database: Some("crm".to_owned()),
            user: Some("me".to_owned()),
            password: Some(Zeroizing::new("a;b".to_owned())),
            schema: None,
            ssl_mode: SslMode::Prefer,
            ssl_root_cert: None,
            options: vec![("Encrypt".to_owned(), Zeroizing::new("no".to_owned()))],
            connect_timeout_seconds: 10,
        };
        assert_eq!(
            config.text().unwrap().as_str(),
            "Server=db.example,1433;Database=crm;UID=me;PWD={a;b};DSN=sales;Encrypt=yes"
        );
    }
}
