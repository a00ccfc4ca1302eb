//! Connections to databases, told apart by `db_type`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::url::{self, Address};
use super::{ConnectionKind, ConnectionParser};
use crate::language::codes;
use crate::language::diagnostic::{Diagnostic, Diagnostics, nearest_label, quoted_list};
use crate::language::fields::{self, Fields, KeySpec};
use crate::language::interpolate;
use crate::language::keys;
use crate::language::node::{Kind, Node};
use crate::language::secret::Secret;
use crate::language::source::Sources;

/// The longest that a connection is waited for, in seconds.
const MAX_TIMEOUT_SECONDS: usize = 3600;

/// A database, and how to get in. Empty text of a pipeline is nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseConnection {
    /// What kind of database it is.
    pub db_type: DbType,
    /// Name or address of the server, or the folder of its socket.
    pub host: Option<String>,
    /// Port of the server.
    pub port: Option<u16>,
    /// Name of the database; for SQLite the path of its file, which has been made relative to the
    /// pipeline file.
    pub database: Option<String>,
    /// Whom to log in as.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
    /// Schema of tables that are named without one.
    pub schema: Option<String>,
    /// Whether nothing may be written there.
    pub is_read_only: bool,
    /// Settings of the session by their names; values are kept out of sight, as any may be a secret.
    pub engine_options: BTreeMap<String, Secret>,
    /// Whether TLS is used, and what is checked.
    pub sslmode: SslMode,
    /// PEM file of the certificates to trust, made relative to the pipeline file; those of the system
    /// when there is none.
    pub sslrootcert: Option<PathBuf>,
    /// How long a connection is waited for.
    pub connect_timeout_seconds: u64,
    /// What the server lists the sessions under.
    pub application_name: String,
    /// The ODBC driver to reach it by: its name, or the path of its library.
    pub driver: Option<String>,
    /// What the ODBC driver is told, in its own words.
    pub connection_string: Option<Secret>,
    /// Parts of an address that only this kind has, by the names of their keys.
    pub parts: BTreeMap<&'static str, String>,
}

/// Keys that are parts of an address.
const PARTS: [&str; 4] = [
    "service_name",
    "snowflake_account_id",
    "snowflake_warehouse",
    "snowflake_role",
];

impl DatabaseConnection {
    /// Whether it is reached by a driver of ODBC.
    pub fn is_odbc(&self) -> bool {
        self.driver.is_some() || self.connection_string.is_some() || !self.db_type.is_native()
    }
}

/// Whether TLS is used and what is checked, by the words of libpq.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS if the server offers it; nothing is checked.
    #[default]
    Prefer,
    /// TLS; the certificate is not checked, unless `sslrootcert` says with what.
    Require,
    /// TLS, and a trusted authority has signed the certificate.
    VerifyCa,
    /// As `VerifyCa`, and the certificate is that of the host.
    VerifyFull,
}

const SSL_MODES: [(&str, SslMode); 5] = [
    ("disable", SslMode::Disable),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

impl SslMode {
    /// The mode of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let mut modes = SSL_MODES.iter();
        modes
            .find(|(known, _)| *known == name)
            .map(|(_, mode)| *mode)
    }
}

macro_rules! db_types {
    ($($name:literal $kind:ident $product:literal $keys:ident;)*) => {
        /// A kind of database.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum DbType {
            $(#[doc = concat!($product, ".")] $kind,)*
        }

        impl DbType {
            /// All kinds, as the documents list them.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Its name as a `db_type`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            /// Its name as people know it.
            pub const fn product(self) -> &'static str {
                match self { $(Self::$kind => $product),* }
            }

            /// The keys of its connections.
            pub(in crate::language) const fn keys(self) -> &'static [KeySpec] {
                match self { $(Self::$kind => keys::$keys),* }
            }
        }
    };
}

db_types! {
    "postgres" Postgres "PostgreSQL" POSTGRES;
    "mysql" Mysql "MySQL" MYSQL;
    "mariadb" Mariadb "MariaDB" MYSQL;
    "sqlite" Sqlite "SQLite" SQLITE;
    "oracle" Oracle "Oracle Database" ORACLE;
    "mssql" Mssql "SQL Server" PLAIN_SERVER;
    "mssql_linked" MssqlLinked "a linked server of SQL Server" MSSQL_LINKED;
    "redshift" Redshift "Amazon Redshift" REDSHIFT;
    "dynamo_db" DynamoDb "Amazon DynamoDB" DYNAMO_DB;
    "db2_luw" Db2Luw "Db2 for Linux, UNIX and Windows" PLAIN_SERVER;
    "db2i" Db2i "Db2 for i" PLAIN_SERVER;
    "snowflake" Snowflake "Snowflake" SNOWFLAKE;
    "mongodb" Mongodb "MongoDB" MONGODB;
    "documentdb" Documentdb "Amazon DocumentDB" MONGODB;
    "cosmosdb" Cosmosdb "Azure Cosmos DB" MONGODB;
    "databricks" Databricks "Databricks" DATABRICKS;
    "databricks_lakebase" DatabricksLakebase "Databricks Lakebase" DATABRICKS;
    "informix" Informix "Informix" PLAIN_SERVER;
    "saphana" SapHana "SAP HANA" PLAIN_SERVER;
    "cassandra" Cassandra "Apache Cassandra" CASSANDRA;
    "sap_ase" SapAse "SAP ASE" SAP_ASE;
    "salesforce" Salesforce "Salesforce" SALESFORCE;
}

impl DbType {
    /// What URLs of it begin with.
    const fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Mysql | Self::Mariadb => &["mysql", "mariadb"],
            _ => &["postgres", "postgresql"],
        }
    }

    /// Whether its tables can be masked.
    pub const fn is_built(self) -> bool {
        self.is_native()
            || matches!(
                self,
                Self::Oracle
                    | Self::Mssql
                    | Self::Db2Luw
                    | Self::Db2i
                    | Self::Redshift
                    | Self::Snowflake
            )
    }

    /// Whether it is reached without a driver of ODBC.
    pub const fn is_native(self) -> bool {
        matches!(
            self,
            Self::Postgres | Self::Mysql | Self::Mariadb | Self::Sqlite
        )
    }
}

impl ConnectionParser<'_> {
    /// A connection with a `db_type`.
    pub(super) fn database(&mut self, node: &Node, written: &Node) -> Option<ConnectionKind> {
        let names = || DbType::ALL.iter().map(|kind| kind.name());
        let name = fields::text(written, self.diagnostics)?;
        let known = DbType::ALL.iter().find(|kind| kind.name() == name);
        let Some(&db_type) = known else {
            let message = format!("there is no database type `{name}`");
            self.diagnostics.push(
                Diagnostic::new(&codes::WRONG_VALUE, message)
                    .at(written.span, nearest_label(&name, names()))
                    .help(format!("database types are {}", quoted_list(names()))),
            );
            return None;
        };
        if !db_type.is_built() {
            let built = DbType::ALL.iter().filter(|kind| kind.is_built());
            let built = quoted_list(built.map(|kind| kind.name()));
            let message = format!("connections to {} are not built yet", db_type.product());
            self.diagnostics.push(
                Diagnostic::new(&codes::NO_DATABASE, message)
                    .at(written.span, "")
                    .help(format!("kinds that are built: {built}")),
            );
        }
        let what = format!("a connection to `{name}`");
        let fields = Fields::new(node, &what, db_type.keys(), self.diagnostics)?;
        for (key, instead) in [
            ("iam_role_arn", "log in with a password"),
            (
                "snowflake_private_key",
                "the driver reads it from a file that the `connection_string` names",
            ),
        ] {
            let given = fields.map.get(key).and_then(Node::as_str);
            if db_type.is_built() && given.is_some_and(|given| !given.is_empty()) {
                let message = format!("`{key}` has no effect on {}", db_type.product());
                let problem = Diagnostic::new(&codes::IGNORED_KEY, message);
                self.diagnostics
                    .push(problem.at(fields.key_span(key), instead));
            }
        }
        let mut reader = Reader {
            fields,
            sources: self.sources,
            diagnostics: self.diagnostics,
        };
        reader.check_extras(db_type.keys());
        Some(ConnectionKind::Database(reader.connection(db_type)))
    }
}

/// Reads one connection. A key that its kind does not have has been reported and counts as nothing.
struct Reader<'n, 'a> {
    fields: Fields<'n>,
    sources: &'a Sources,
    diagnostics: &'a mut Diagnostics,
}

impl<'n> Reader<'n, '_> {
    fn connection(&mut self, db_type: DbType) -> DatabaseConnection {
        let url = self.url(db_type);
        let host = self.text("host");
        let port = self.read("port", port);
        let user = self.text("user");
        let password = self.password();
        let sslmode = self.read("sslmode", |node, diagnostics| {
            fields::choice(node, &SSL_MODES, diagnostics)
        });
        let timeout = self.read("connect_timeout_seconds", |node, diagnostics| {
            fields::count(node, MAX_TIMEOUT_SECONDS, diagnostics)
        });
        let timeout = timeout.map(|seconds| seconds as u64);
        let sslrootcert = self.text("sslrootcert");
        let application_name = self.text("application_name");
        let mut database = self.text("database");
        if db_type == DbType::Sqlite {
            database = database.map(|path| self.resolved(&path).to_string_lossy().into_owned());
        }
        let sslrootcert = self.once("sslrootcert", sslrootcert, url.sslrootcert);
        let sslrootcert = sslrootcert.filter(|path| path != "system");
        let parts = PARTS
            .into_iter()
            .filter(|part| self.fields.map.get(part).is_some());
        let parts: Vec<&'static str> = parts.collect();
        let parts = parts
            .into_iter()
            .filter_map(|part| Some((part, self.text(part)?)));
        let parts = parts.collect();
        DatabaseConnection {
            driver: self.text("driver"),
            connection_string: self.secret("connection_string"),
            parts,
            db_type,
            host: self.once("host", host, url.host),
            port: self.once("port", port, url.port),
            database: self.once("database", database, url.database),
            user: self.once("user", user, url.user),
            password: self.once("password", password, url.password),
            schema: self.text("schema"),
            is_read_only: self.read("is_read_only", fields::flag).unwrap_or(false),
            engine_options: self.engine_options(),
            sslmode: self
                .once("sslmode", sslmode, url.sslmode)
                .unwrap_or_default(),
            sslrootcert: sslrootcert.map(|path| self.resolved(&path)),
            connect_timeout_seconds: self
                .once(
                    "connect_timeout_seconds",
                    timeout,
                    url.connect_timeout_seconds,
                )
                .unwrap_or(10),
            application_name: self
                .once("application_name", application_name, url.application_name)
                .unwrap_or_else(|| "visard".to_owned()),
        }
    }

    /// Checks the keys that nothing is read from yet, by the shape their table gives them.
    fn check_extras(&mut self, keys: &[KeySpec]) {
        for key in keys {
            let Some(node) = self.get(key.name) else {
                continue;
            };
            let shape: serde_json::Value = serde_json::from_str(key.shape).unwrap_or_default();
            match shape["type"].as_str() {
                Some("string") => _ = fields::text(node, self.diagnostics),
                Some("boolean") => _ = fields::flag(node, self.diagnostics),
                Some("object") if node.as_map().is_none() => {
                    fields::wrong_type(node, "a mapping", self.diagnostics);
                }
                _ if key.shape == keys::SECRET => {
                    _ = interpolate::secret(node, self.sources, self.diagnostics);
                }
                _ => {}
            }
        }
    }

    /// The value of a key; an explicit `null` is none.
    fn get(&self, key: &str) -> Option<&'n Node> {
        self.fields.map.get(key).filter(|node| !node.is_null())
    }

    fn read<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&Node, &mut Diagnostics) -> Option<T>,
    ) -> Option<T> {
        let node = self.get(key)?;
        read(node, self.diagnostics)
    }

    /// Text that is not empty.
    fn text(&mut self, key: &str) -> Option<String> {
        self.read(key, fields::text).filter(|text| !text.is_empty())
    }

    fn url(&mut self, db_type: DbType) -> Address {
        let Some(url) = self.secret("url") else {
            return Address::default();
        };
        url::parse(url.expose(), db_type.schemes()).unwrap_or_else(|problem| {
            let scheme = db_type.schemes()[0];
            self.diagnostics.push(
                Diagnostic::new(&codes::WRONG_VALUE, problem)
                    .at(self.fields.key_span("url"), "")
                    .help(format!("write `{scheme}://user:password@host:port/database`, with `%40` for an `@` in a password")),
            );
            Address::default()
        })
    }

    fn password(&mut self) -> Option<Secret> {
        let mut given = None;
        for key in ["password", "dbpassword"] {
            let secret = self.secret(key);
            if secret.is_some() && given.is_some() {
                let message = "`password` and `dbpassword` are the same";
                self.diagnostics.push(
                    Diagnostic::new(&codes::HALF_CREDENTIALS, message)
                        .at(self.fields.key_span(key), ""),
                );
            }
            given = given.or(secret);
        }
        given
    }

    /// A secret that is not empty.
    fn secret(&mut self, key: &str) -> Option<Secret> {
        let sources = self.sources;
        let secret = self.read(key, |node, diagnostics| {
            interpolate::secret(node, sources, diagnostics)
        });
        secret.filter(|secret| !secret.expose().is_empty())
    }

    /// What the key says, or else the URL; both together are reported.
    fn once<T>(&mut self, key: &str, by_key: Option<T>, by_url: Option<T>) -> Option<T> {
        if by_key.is_some() && by_url.is_some() {
            let message = format!("`{key}` is in the `url` as well");
            self.diagnostics.push(
                Diagnostic::new(&codes::HALF_CREDENTIALS, message)
                    .at(self.fields.key_span(key), "")
                    .and(self.fields.key_span("url"), "the URL")
                    .help("say it in one of them"),
            );
        }
        by_key.or(by_url)
    }

    fn engine_options(&mut self) -> BTreeMap<String, Secret> {
        let map = self.get("engine_options").and_then(Node::as_map).cloned();
        let mut options = BTreeMap::new();
        for entry in map.iter().flat_map(|map| &map.entries) {
            let value = match &entry.value.kind {
                Kind::Bool(flag) => flag.to_string(),
                Kind::Int(number) => number.to_string(),
                Kind::Float(number) => number.to_string(),
                Kind::Str(text) => text.to_string(),
                Kind::Null | Kind::Seq(_) | Kind::Map(_) | Kind::Broken => {
                    let expected = "text, a number, or true or false";
                    fields::wrong_type(&entry.value, expected, self.diagnostics);
                    continue;
                }
            };
            options.insert(entry.key.text.to_string(), Secret::new(value));
        }
        options
    }

    /// A path as the pipeline file means it.
    fn resolved(&self, path: &str) -> PathBuf {
        self.sources.resolve(self.fields.node.span.file, path)
    }
}

/// A port as a number or as text; empty text is none.
fn port(node: &Node, diagnostics: &mut Diagnostics) -> Option<u16> {
    let written = match &node.kind {
        Kind::Int(number) => number.to_string(),
        Kind::Str(text) => text.trim().to_owned(),
        _ => {
            fields::wrong_type(node, "a port, from 1 to 65535", diagnostics);
            return None;
        }
    };
    if written.is_empty() {
        return None;
    }
    let port = written.parse().ok().filter(|port| *port > 0);
    if port.is_none() {
        fields::wrong_value(node, "expected a port, from 1 to 65535", diagnostics);
    }
    port
}
