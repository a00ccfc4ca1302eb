//! Keys of connections to databases.

use super::super::fields::KeySpec;
use super::connections::{CONNECTION_NAME, CONNECTION_VERSION, ID, TYPE};
use super::{ANY, FLAG, NAME, SECRET, TEXT, may, must};

/// A port as a number or as text; empty for none.
pub(in super::super) const PORT: &str = r#"{"type":["integer","string"],"minimum":1,"maximum":65535,"pattern":"^\\s*[0-9]*\\s*$|\\$\\{"}"#;
/// Settings by their names.
pub(in super::super) const SETTINGS: &str =
    r#"{"type":"object","additionalProperties":{"type":["string","number","boolean"]}}"#;

/// How many keys there are in `parts`.
const fn total(parts: &[&[KeySpec]]) -> usize {
    let (mut part, mut total) = (0, 0);
    while part < parts.len() {
        total += parts[part].len();
        part += 1;
    }
    total
}

/// The keys of `parts`, one after the other; `N` is their total.
const fn joined<const N: usize>(parts: &[&[KeySpec]]) -> [KeySpec; N] {
    let mut all = [DB_TYPE; N];
    let (mut part, mut at) = (0, 0);
    while part < parts.len() {
        let mut key = 0;
        while key < parts[part].len() {
            all[at] = parts[part][key];
            (key, at) = (key + 1, at + 1);
        }
        part += 1;
    }
    all
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $($part:expr),+;)*) => {
        $($(#[$doc])* pub(in super::super) const $name: &[KeySpec] = {
            const PARTS: &[&[KeySpec]] = &[$($part),+];
            const ALL: [KeySpec; total(PARTS)] = joined(PARTS);
            &ALL
        };)*
    };
}

const DB_TYPE: KeySpec = must("db_type", NAME, "what kind of database it is");
const IS_READ_ONLY: KeySpec = may(
    "is_read_only",
    FLAG,
    "whether nothing may be written there; default false",
);

/// What other servers put into every connection.
const FOREIGN: &[KeySpec] = &[
    ID,
    CONNECTION_NAME,
    CONNECTION_VERSION,
    may("mask_type", ANY, "always `database`; no effect"),
    may(
        "is_file_mask_source",
        ANY,
        "for connections to files; no effect",
    ),
    may(
        "is_file_mask_destination",
        ANY,
        "for connections to files; no effect",
    ),
    may(
        "last_discovery_run_date",
        ANY,
        "of another server; no effect",
    ),
    may("last_discovery_run_id", ANY, "of another server; no effect"),
    may("license_lock", ANY, "of another server; no effect"),
    may("target_frozen", ANY, "of another server; no effect"),
    may("frozen_target_fields", ANY, "of another server; no effect"),
    may("deletion_frozen", ANY, "of another server; no effect"),
];

/// What a server is reached by. Empty text says as much as nothing.
const SERVER: &[KeySpec] = &[
    DB_TYPE,
    may("host", TEXT, "name or address of the server"),
    may("port", PORT, "its port, as a number or as text"),
    may("database", TEXT, "name of the database"),
    may("user", TEXT, "whom to log in as"),
    may("password", SECRET, "the user's password"),
    may("dbpassword", SECRET, "another name of `password`"),
    may(
        "schema",
        TEXT,
        "schema of tables that are named without one",
    ),
    IS_READ_ONLY,
    may(
        "engine_options",
        SETTINGS,
        "settings of the session by their names, over ODBC keys of the connection string; their values are kept out of sight",
    ),
    may(
        "data_encoding",
        TEXT,
        "encoding of the database, for those that do not convert text themselves",
    ),
    may("iam_role_arn", TEXT, "role to assume in AWS"),
    may(
        "oracle_wallet",
        ANY,
        "identifier on another server; no effect",
    ),
    may(
        "connection_fileset",
        ANY,
        "identifier on another server; no effect",
    ),
];

/// How a database is reached by a driver of ODBC.
const ODBC: &[KeySpec] = &[
    may(
        "driver",
        TEXT,
        "ODBC driver to reach it by: its name in `odbcinst.ini`, or the path of its library; where visard has a connector of its own, that one is used unless this or `connection_string` is there",
    ),
    may(
        "connection_string",
        SECRET,
        "what the ODBC driver is told, in its own words; what the other keys say is added, unless it is there",
    ),
];

/// How the way to a server is secured, and how it knows us.
const WAY: &[KeySpec] = &[
    may(
        "sslmode",
        r#"{"enum":["disable","prefer","require","verify-ca","verify-full"]}"#,
        "whether TLS is used and what is checked, as libpq has it; default `prefer`, which an attacker can turn off: better `require`, best `verify-full`",
    ),
    may(
        "sslrootcert",
        TEXT,
        "PEM file of the certificates to trust; those of the system when left out, or by the word `system`",
    ),
    may(
        "connect_timeout_seconds",
        r#"{"type":"integer","minimum":1,"maximum":3600}"#,
        "seconds to wait for a connection; default 10",
    ),
    may(
        "application_name",
        TEXT,
        "what the server lists the sessions under; default `visard`",
    ),
];

const TLS: KeySpec = may("tls", FLAG, "whether the connection is encrypted");
const BUCKET: KeySpec = may("s3_bucket_name", TEXT, "bucket that tables pass through");
const DIRECT: KeySpec = may(
    "direct_connection",
    FLAG,
    "whether only the named server is talked to",
);

/// What tells the kind of a connection.
pub(in super::super) const KIND_OF_CONNECTION: &[KeySpec] = &[TYPE, DB_TYPE];

tables! {
    /// A database server without keys of its own.
    PLAIN_SERVER = SERVER, ODBC, FOREIGN;

    /// PostgreSQL.
    POSTGRES = SERVER, &[may(
        "url",
        SECRET,
        "`postgres://user:password@host:port/database?sslmode=…`, in place of the keys of its parts",
    )], WAY, ODBC, FOREIGN;

    /// MySQL and MariaDB.
    MYSQL = SERVER, &[may(
        "url",
        SECRET,
        "`mysql://user:password@host:port/database?sslmode=…`, in place of the keys of its parts",
    )], WAY, ODBC, FOREIGN;

    /// Oracle Database.
    ORACLE = SERVER, &[may("service_name", TEXT, "service of the database")], ODBC, FOREIGN;

    /// A server that SQL Server reaches for us.
    MSSQL_LINKED = SERVER, &[may("linked_server", TEXT, "name of the linked server")], FOREIGN;

    /// Amazon Redshift.
    REDSHIFT = SERVER, &[
        BUCKET,
        may("s3_redshift_iam_role", TEXT, "role by which Redshift reaches the bucket"),
    ], ODBC, FOREIGN;

    /// Amazon DynamoDB.
    DYNAMO_DB = SERVER, &[
        BUCKET,
        may("export_s3_prefix", TEXT, "prefix of the exports in the bucket"),
        may("dynamo_append_datetime", FLAG, "whether a masked table's name gets the time"),
        may("dynamo_append_suffix", TEXT, "end of a masked table's name"),
        may("dynamo_replace_tables", FLAG, "whether a masked table takes the place of its original"),
        may("dynamo_default_region", TEXT, "region of the tables"),
        may(
            "dynamo_default_sse",
            r#"{"type":"object"}"#,
            "how masked tables are encrypted: `selection` and `kms_key_id`",
        ),
    ], FOREIGN;

    /// MongoDB and those that speak its protocol.
    MONGODB = SERVER, &[
        may("auth_source", TEXT, "database that knows the user"),
        TLS,
        may("tls_ca_file", TEXT, "PEM file of the certificates to trust"),
        may("tls_allow_invalid_certificates", FLAG, "whether any certificate will do"),
        DIRECT,
        may("retry_writes", FLAG, "whether the driver repeats writes"),
        may("replica_set", TEXT, "name of the replica set"),
    ], FOREIGN;

    /// Snowflake.
    SNOWFLAKE = SERVER, &[
        may("snowflake_account_id", TEXT, "identifier of the account"),
        may("snowflake_warehouse", TEXT, "warehouse to work in"),
        may("snowflake_role", TEXT, "role to take"),
        may("snowflake_private_key", SECRET, "private key, in place of a password"),
        may("snowflake_private_key_passphrase", SECRET, "passphrase of the private key"),
    ], ODBC, FOREIGN;

    /// Databricks.
    DATABRICKS = SERVER, &[
        may("server_hostname", TEXT, "name of the workspace's server"),
        may("http_path", TEXT, "path of the warehouse"),
        may("access_token", SECRET, "token of the user"),
        may("catalog", TEXT, "catalogue of the schema"),
    ], FOREIGN;

    /// Apache Cassandra.
    CASSANDRA = SERVER, &[
        may("local_datacenter", TEXT, "data centre to talk to"),
        TLS,
        DIRECT,
    ], FOREIGN;

    /// SAP ASE.
    SAP_ASE = SERVER, &[
        TLS,
        may("tls_server_name", TEXT, "name that the server's certificate has"),
        may("connect_timeout", ANY, "seconds to wait for a connection"),
    ], FOREIGN;

    /// Salesforce.
    SALESFORCE = SERVER, &[
        may("instance_url", TEXT, "address of the organisation"),
        may("login_url", TEXT, "address to log in at"),
        may("client_id", TEXT, "identifier of the connected app"),
        may("salesforce_private_key_path", SECRET, "path of the private key"),
        may("salesforce_private_key_passphrase", SECRET, "passphrase of the private key"),
        may("api_version", ANY, "version of the interface"),
    ], FOREIGN;

    /// SQLite.
    SQLITE = &[DB_TYPE, IS_READ_ONLY, must(
        "database",
        NAME,
        "path of the file; a relative one is below the folder of the pipeline file",
    )], ODBC, FOREIGN;
}
