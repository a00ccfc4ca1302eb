//! The URL of a server: `postgres://user:password@host:port/database?sslmode=require`.

use percent_encoding::percent_decode_str;
use url::Url;

use super::database::SslMode;
use crate::language::secret::Secret;

/// What a URL says; nothing where it is silent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Address {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub database: Option<String>,
    pub sslmode: Option<SslMode>,
    pub sslrootcert: Option<String>,
    pub connect_timeout_seconds: Option<u64>,
    pub application_name: Option<String>,
}

const NO_URL: &str = "the URL cannot be understood";
const NOT_UTF8: &str = "a part of the URL is no text once `%` is decoded";

/// Takes a URL apart that begins with one of `schemes`.
///
/// # Errors
/// What is wrong with it, in a sentence without any part of it: each may be a piece of a password.
pub(crate) fn parse(text: &str, schemes: &[&str]) -> Result<Address, &'static str> {
    let url = Url::parse(text.trim()).map_err(|_| NO_URL)?;
    if !schemes.contains(&url.scheme()) {
        return Err(match schemes {
            ["mysql", ..] => "the URL does not begin with `mysql://`",
            _ => "the URL does not begin with `postgres://`",
        });
    }
    if url.cannot_be_a_base() || url.fragment().is_some() {
        return Err(NO_URL);
    }
    let host = url.host_str().unwrap_or_default();
    if host.contains(',') {
        return Err("the URL names more than one host");
    }
    let path = url.path();
    let mut address = Address {
        host: decoded(host.trim_start_matches('[').trim_end_matches(']'))?,
        port: url.port(),
        user: decoded(url.username())?,
        password: decoded(url.password().unwrap_or_default())?.map(Secret::new),
        database: decoded(path.strip_prefix('/').unwrap_or(path))?,
        ..Address::default()
    };
    for (name, value) in url.query_pairs() {
        address.take(&name, &value)?;
    }
    Ok(address)
}

impl Address {
    fn take(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        let text = Some(value.to_owned()).filter(|text| !text.is_empty());
        let first = match name {
            "host" => self.host.replace(value.to_owned()).is_none(),
            "port" => {
                let port = value.parse().map_err(|_| "the URL's port is no port")?;
                self.port.replace(port).is_none()
            }
            "user" => self.user.replace(value.to_owned()).is_none(),
            "password" => self.password.replace(Secret::new(value)).is_none(),
            "dbname" => self.database.replace(value.to_owned()).is_none(),
            "sslmode" => {
                let mode = SslMode::named(value).ok_or("the URL's `sslmode` is none")?;
                self.sslmode.replace(mode).is_none()
            }
            "sslrootcert" => std::mem::replace(&mut self.sslrootcert, text).is_none(),
            "connect_timeout" => {
                let seconds = value.parse().ok().filter(|seconds| *seconds > 0);
                let seconds =
                    seconds.ok_or("the URL's `connect_timeout` is no number of seconds")?;
                self.connect_timeout_seconds.replace(seconds).is_none()
            }
            "application_name" => std::mem::replace(&mut self.application_name, text).is_none(),
            _ => {
                return Err(
                    "the URL has a parameter besides `host`, `port`, `user`, `password`, `dbname`, `sslmode`, `sslrootcert`, `connect_timeout` and `application_name`",
                );
            }
        };
        match first {
            true => Ok(()),
            false => Err("the URL says something twice"),
        }
    }
}

/// A part of a URL as text; nothing when it is empty.
fn decoded(part: &str) -> Result<Option<String>, &'static str> {
    let text = percent_decode_str(part)
        .decode_utf8()
        .map_err(|_| NOT_UTF8)?;
    Ok(Some(text.into_owned()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMES: &[&str] = &["postgres", "postgresql"];

    #[test]
    fn parts_of_urls() {
        let text = |text: &str| Some(text.to_owned());
        for (url, address) in [
            ("postgres://", Address::default()),
            (
                "postgresql://db.example:6432/crm",
                Address {
                    host: text("db.example"),
                    port: Some(6432),
                    database: text("crm"),
                    ..Address::default()
                },
            ),
            (
                "postgres://ann:p%40ss%2F@[::1]/my%20db?sslmode=verify-full&connect_timeout=3",
                Address {
                    host: text("::1"),
                    user: text("ann"),
                    password: Some(Secret::new("p@ss/")),
                    database: text("my db"),
                    sslmode: Some(SslMode::VerifyFull),
                    connect_timeout_seconds: Some(3),
                    ..Address::default()
                },
            ),
            (
                "postgres:///crm?host=/run/postgresql&application_name=a+b&sslrootcert=ca.pem",
                Address {
                    host: text("/run/postgresql"),
                    database: text("crm"),
                    application_name: text("a b"),
                    sslrootcert: text("ca.pem"),
                    ..Address::default()
                },
            ),
        ] {
            assert_eq!(parse(url, SCHEMES).unwrap(), address, "{url}");
        }
    }

    #[test]
    fn urls_that_are_refused_are_not_repeated() {
        for (url, problem) in [
            ("", "understood"),
            ("hunter2", "understood"),
            ("postgres:hunter2", "understood"),
            ("mysql://ann:hunter2@db/crm", "does not begin"),
            ("postgres://ann:hunter2@a,b/crm", "more than one host"),
            ("postgres://ann:hunter2@db:x/crm", "understood"),
            ("postgres://ann:hunter2@db/crm#x", "understood"),
            ("postgres://ann:x?hunter2@db/crm", "understood"),
            ("postgres://db/crm?hunter2=1", "a parameter besides"),
            ("postgres://db/crm?sslmode=allow", "sslmode"),
            ("postgres://db/crm?connect_timeout=0", "connect_timeout"),
            ("postgres://db/crm?dbname=other", "twice"),
            ("postgres://db/%FF", "no text"),
        ] {
            let found = parse(url, SCHEMES).unwrap_err();
            assert!(found.contains(problem), "{url}: {found}");
            assert!(!found.contains("hunter2"));
        }
    }
}
