//! How to get into a PostgreSQL server: what a connection says, then the environment, then `.pgpass`,
//! as libpq does (PostgreSQL 15 documentation, §34.1 and §34.15–34.16).

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::error::PostgresError;
use crate::database::SslMode;

/// What a connection says; what it leaves open, the environment decides.
#[derive(Clone, Default)]
pub struct PostgresConfig {
    /// Host name, address, or the folder of a Unix socket; `PGHOST`, then `localhost`.
    pub host: Option<String>,
    /// `PGPORT`, then 5432.
    pub port: Option<u16>,
    /// `PGUSER`, then the account's name.
    pub user: Option<String>,
    /// `PGPASSWORD`, then the password file.
    pub password: Option<Zeroizing<String>>,
    /// `PGDATABASE`, then the user's name.
    pub database: Option<String>,
    /// Schemas in which unqualified names are looked up; the server's own setting by default.
    pub schema: Option<String>,
    /// `PGSSLMODE`, then [`SslMode::Prefer`].
    pub ssl_mode: Option<SslMode>,
    /// A file of trusted certificates in PEM; `PGSSLROOTCERT`, then those of the system.
    pub ssl_root_cert: Option<PathBuf>,
    /// How long to wait for the server; 10 seconds by default.
    pub connect_timeout: Option<Duration>,
    /// What the server shows as the client's name; `visard` by default.
    pub application_name: Option<String>,
}

impl fmt::Debug for PostgresConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("database", &self.database)
            .field("schema", &self.schema)
            .field("ssl_mode", &self.ssl_mode)
            .finish_non_exhaustive()
    }
}

/// Everything that is needed to connect.
#[derive(Clone)]
pub(super) struct Resolved {
    pub(super) driver: tokio_postgres::Config,
    pub(super) ssl_mode: SslMode,
    pub(super) ssl_root_cert: Option<PathBuf>,
    pub(super) schema: Option<String>,
    /// Where it leads, for messages: `host:port/database`.
    pub(super) shown: String,
}

impl PostgresConfig {
    /// Fills in what the connection leaves open.
    ///
    /// # Errors
    /// When the URL, a mode or a port is no such thing, or there is no user.
    pub(super) fn resolve(
        &self,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Resolved, PostgresError> {
        let wrong = |what: &str| PostgresError::Config(what.to_owned());
        let host = self.host.clone().filter(|host| !host.is_empty());
        let host = host.or_else(|| environment("PGHOST"));
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        let port = match (self.port, environment("PGPORT")) {
            (Some(port), _) => port,
            (None, Some(text)) => text.parse().map_err(|_| wrong("PGPORT is no port"))?,
            (None, None) => 5432,
        };
        let user = self.user.clone().filter(|user| !user.is_empty());
        let user = user.or_else(|| environment("PGUSER"));
        let user = user.or_else(|| environment("USER"));
        let user = user.ok_or_else(|| wrong("the connection names no `user`, nor does PGUSER"))?;
        let database = self.database.clone().filter(|name| !name.is_empty());
        let database = database.or_else(|| environment("PGDATABASE"));
        let database = database.unwrap_or_else(|| user.clone());
        let mode = match (self.ssl_mode, environment("PGSSLMODE")) {
            (Some(mode), _) => mode,
            (None, Some(text)) => {
                SslMode::parse(&text).ok_or_else(|| wrong("PGSSLMODE is no mode of TLS"))?
            }
            (None, None) => SslMode::default(),
        };
        let roots = self.ssl_root_cert.clone();
        let roots = roots.or_else(|| environment("PGSSLROOTCERT").map(PathBuf::from));
        let password = self.password.clone();
        let password = password.or_else(|| environment("PGPASSWORD").map(Zeroizing::new));
        let password = match password {
            Some(password) => Some(password),
            None => password_file(environment)
                .and_then(|file| password_of(&file, &host, port, &database, &user)),
        };
        let mut driver = tokio_postgres::Config::new();
        driver
            .host(&host)
            .port(port)
            .user(&user)
            .dbname(&database)
            .application_name(self.application_name.as_deref().unwrap_or("visard"))
            .connect_timeout(self.connect_timeout.unwrap_or(Duration::from_secs(10)))
            .keepalives(true);
        if let Some(password) = password {
            driver.password(password.as_bytes());
        }
        Ok(Resolved {
            driver,
            // As libpq: who names an authority wants it asked.
            ssl_mode: match mode {
                SslMode::Require if roots.is_some() => SslMode::VerifyCa,
                mode => mode,
            },
            ssl_root_cert: roots,
            schema: self.schema.clone().filter(|schema| !schema.is_empty()),
            shown: format!("{host}:{port}/{database}"),
        })
    }
}

fn password_file(environment: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let given = environment("PGPASSFILE").map(PathBuf::from);
    given.or_else(|| environment("HOME").map(|home| Path::new(&home).join(".pgpass")))
}

/// The password of the first line that fits. A file that others can read is not used.
fn password_of(
    file: &Path,
    host: &str,
    port: u16,
    database: &str,
    user: &str,
) -> Option<Zeroizing<String>> {
    let kept = fs::metadata(file).ok()?;
    if is_open(&kept) {
        tracing::warn!(
            "`{}` is not used: others may read it; its mode has to be 0600",
            file.display()
        );
        return None;
    }
    let text = Zeroizing::new(fs::read_to_string(file).ok()?);
    // libpq looks sockets up as `localhost`.
    let host = if host.starts_with('/') {
        "localhost"
    } else {
        host
    };
    let wanted = [
        host.to_owned(),
        port.to_string(),
        database.to_owned(),
        user.to_owned(),
    ];
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let fields = fields(line);
            let (password, names) = fields.split_last()?;
            let fits = names.len() == wanted.len()
                && names
                    .iter()
                    .zip(&wanted)
                    .all(|(name, wanted)| **name == "*" || **name == *wanted);
            fits.then(|| password.clone())
        })
}

/// The fields of a line of a password file: five, divided by colons, `\` before a literal `:` or `\`.
fn fields(line: &str) -> Vec<Zeroizing<String>> {
    let mut fields = vec![Zeroizing::new(String::new())];
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        let field = fields.last_mut().expect("there is one from the start");
        match char {
            '\\' => field.extend(chars.next()),
            ':' => fields.push(Zeroizing::new(String::new())),
            char => field.push(char),
        }
    }
    fields
}

#[cfg(unix)]
fn is_open(kept: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    kept.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_and_the_password_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgpass");
        fs::write(
            &file,
            "# mine\nother:*:*:*:no\nh:6000:d:ann:a\\:b\\\\c\n*:*:*:*:rest\n",
        )
        .unwrap();
        let environment = |name: &str| match name {
            "PGHOST" => Some("h".to_owned()),
            "PGPORT" => Some("6000".to_owned()),
            "PGDATABASE" => Some("d".to_owned()),
            "PGUSER" => Some("ann".to_owned()),
            "PGPASSFILE" => Some(file.display().to_string()),
            _ => None,
        };
        let password = |config: PostgresConfig| {
            let resolved = config.resolve(&environment).unwrap();
            resolved.driver.get_password().map(<[u8]>::to_vec)
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
            assert_eq!(password(PostgresConfig::default()), None);
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        assert_eq!(password(PostgresConfig::default()).unwrap(), b"a:b\\c");
        let bob = PostgresConfig {
            user: Some("bob".to_owned()),
            ..PostgresConfig::default()
        };
        assert_eq!(password(bob).unwrap(), b"rest");
    }
}
