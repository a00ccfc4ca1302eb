//! Kinds of connections and their fields: one table, which decides what is read, kept and answered.

use serde_json::Value;
use visard::language::DbType;

use crate::documents::Kind;

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Text; this one where nothing is given.
    Text(&'static str),
    /// Text, or nothing.
    MaybeText,
    /// A port as a number or as text; that of the kind where nothing is given.
    Port,
    /// A number of seconds, or nothing.
    Seconds,
    /// Yes or no; this one where nothing is given.
    Flag(bool),
    /// Settings of the session by their names.
    Settings,
    /// How tables of DynamoDB are encrypted.
    Encryption,
    /// The id of a file of this kind, or nothing.
    File(Kind),
    /// Text that is sealed and never given back.
    Secret,
}

/// A field of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    /// Whether a connection is nothing without it.
    pub(crate) required: bool,
}

/// A kind of connection.
#[derive(Debug)]
pub(crate) struct ConnectionKind {
    /// Its `db_type`, or its `type` where it holds files.
    pub(crate) name: &'static str,
    /// Whether it holds files.
    pub(crate) holds_files: bool,
    /// Its port, where it has one of its own.
    pub(crate) port: Option<u16>,
    fields: &'static [&'static [Field]],
}

impl ConnectionKind {
    /// Its fields, but for those that all connections have.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.fields.iter().flat_map(|part| part.iter())
    }

    /// The names of the fields that are secret.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &'static str> + use<> {
        let secret = |field: &&Field| field.takes == Takes::Secret;
        self.fields().filter(secret).map(|field| field.name)
    }

    /// `file` or `database`, which says what its runs mask.
    pub(crate) fn mask_type(&self) -> &'static str {
        match self.holds_files {
            true => "file",
            false => "database",
        }
    }

    /// Under which name its own name stands.
    pub(crate) fn key(&self) -> &'static str {
        match self.holds_files {
            true => "type",
            false => "db_type",
        }
    }

    /// The kind of database that it is to pipelines.
    pub(crate) fn db_type(&self) -> Option<DbType> {
        let mut all = DbType::ALL.iter().copied();
        all.find(|known| !self.holds_files && known.name() == self.name)
    }
}

/// The kind that the body of a stored connection says.
pub(crate) fn of(body: &Value) -> Option<&'static ConnectionKind> {
    KINDS
        .iter()
        .find(|kind| body.get(kind.key()).and_then(Value::as_str) == Some(kind.name))
}

const fn may(name: &'static str, takes: Takes) -> Field {
    Field {
        name,
        takes,
        required: false,
    }
}

const fn must(name: &'static str) -> Field {
    Field {
        name,
        takes: Takes::Text(""),
        required: true,
    }
}

const HOST: Field = must("host");
const PORT: Field = may("port", Takes::Port);
const DATABASE: Field = must("database");
const USER: Field = must("user");
const PASSWORD: Field = may("password", Takes::Secret);
const READ_ONLY: Field = may("is_read_only", Takes::Flag(false));
const SCHEMA: Field = may("schema", Takes::Text(""));
const ROLE: Field = may("iam_role_arn", Takes::MaybeText);
const BUCKET: Field = may("s3_bucket_name", Takes::MaybeText);
const MAYBE_USER: Field = may("user", Takes::MaybeText);
const TLS: Field = may("tls", Takes::Flag(false));
const DIRECT: Field = may("direct_connection", Takes::Flag(false));
const BASE: Field = may("base_directory", Takes::Text(""));

/// What every server of SQL has.
const SERVER: &[Field] = &[
    HOST,
    PORT,
    USER,
    PASSWORD,
    SCHEMA,
    READ_ONLY,
    ROLE,
    may("engine_options", Takes::Settings),
    may("data_encoding", Takes::MaybeText),
    may("connection_fileset", Takes::File(Kind::ConnectionFileset)),
];
const NAMED: &[Field] = &[DATABASE];

/// What servers that speak the protocol of MongoDB have, besides what they differ in.
const MONGO: &[Field] = &[
    may("host", Takes::Text("")),
    PORT,
    may("database", Takes::Text("")),
    may("user", Takes::Text("")),
    PASSWORD,
    READ_ONLY,
    may("auth_source", Takes::Text("admin")),
    may("tls_ca_file", Takes::Text("")),
    may("tls_allow_invalid_certificates", Takes::Flag(false)),
    DIRECT,
    may("replica_set", Takes::Text("")),
];
const MONGO_DEFAULTS: &[Field] = &[TLS, may("retry_writes", Takes::Flag(true))];
const COSMOS_DEFAULTS: &[Field] = &[
    may("tls", Takes::Flag(true)),
    may("retry_writes", Takes::Flag(false)),
];

const ORACLE: &[Field] = &[
    may("database", Takes::Text("")),
    may("service_name", Takes::Text("")),
    may("oracle_wallet", Takes::File(Kind::OracleWallet)),
];
const LINKED: &[Field] = &[may("linked_server", Takes::Text(""))];
const REDSHIFT: &[Field] = &[BUCKET, may("s3_redshift_iam_role", Takes::MaybeText)];

const DYNAMO: &[Field] = &[
    // What clients write although there is none of it.
    may("host", Takes::Text("")),
    PORT,
    may("database", Takes::Text("")),
    may("user", Takes::Text("")),
    PASSWORD,
    SCHEMA,
    BUCKET,
    ROLE,
    may("export_s3_prefix", Takes::MaybeText),
    may("dynamo_append_datetime", Takes::Flag(false)),
    may("dynamo_append_suffix", Takes::Text("-MASKED")),
    may("dynamo_replace_tables", Takes::Flag(true)),
    may("dynamo_default_region", Takes::MaybeText),
    may("dynamo_default_sse", Takes::Encryption),
];

const SNOWFLAKE: &[Field] = &[
    may("host", Takes::Text("")),
    PORT,
    DATABASE,
    MAYBE_USER,
    PASSWORD,
    SCHEMA,
    READ_ONLY,
    may("engine_options", Takes::Settings),
    may("snowflake_account_id", Takes::MaybeText),
    may("snowflake_warehouse", Takes::MaybeText),
    may("snowflake_role", Takes::Text("")),
    may("snowflake_private_key", Takes::File(Kind::SnowflakeKey)),
    may("snowflake_private_key_passphrase", Takes::Secret),
];

const DATABRICKS: &[Field] = &[
    must("server_hostname"),
    must("http_path"),
    must("catalog"),
    SCHEMA,
    READ_ONLY,
    may("access_token", Takes::Secret),
];

const CASSANDRA: &[Field] = &[
    HOST,
    PORT,
    DATABASE,
    MAYBE_USER,
    PASSWORD,
    READ_ONLY,
    may("local_datacenter", Takes::MaybeText),
    TLS,
    DIRECT,
];

const SAP_ASE: &[Field] = &[
    HOST,
    PORT,
    DATABASE,
    USER,
    PASSWORD,
    READ_ONLY,
    TLS,
    may("tls_server_name", Takes::MaybeText),
    may("connect_timeout", Takes::Seconds),
];

const SALESFORCE: &[Field] = &[
    must("instance_url"),
    must("login_url"),
    must("client_id"),
    USER,
    must("salesforce_private_key_path"),
    may("salesforce_private_key_passphrase", Takes::Secret),
    may("api_version", Takes::MaybeText),
    READ_ONLY,
];

const S3: &[Field] = &[must("bucket"), BASE, ROLE];
const AZURE: &[Field] = &[
    must("container"),
    BASE,
    may("connection_string", Takes::Secret),
];
const GCS: &[Field] = &[
    must("bucket"),
    BASE,
    may("service_account_key", Takes::Secret),
];
const SHARE: &[Field] = &[BASE];

const fn database(
    name: &'static str,
    port: Option<u16>,
    fields: &'static [&'static [Field]],
) -> ConnectionKind {
    ConnectionKind {
        name,
        holds_files: false,
        port,
        fields,
    }
}

const fn files(name: &'static str, fields: &'static [&'static [Field]]) -> ConnectionKind {
    ConnectionKind {
        name,
        holds_files: true,
        port: None,
        fields,
    }
}

/// All kinds.
pub(crate) static KINDS: &[ConnectionKind] = &[
    database("postgres", Some(5432), &[SERVER, NAMED]),
    database("mysql", Some(3306), &[SERVER, NAMED]),
    database("mariadb", Some(3306), &[SERVER, NAMED]),
    database("oracle", Some(1521), &[SERVER, ORACLE]),
    database("mssql", Some(1433), &[SERVER, NAMED]),
    database("mssql_linked", Some(1433), &[SERVER, NAMED, LINKED]),
    database("redshift", Some(5439), &[SERVER, NAMED, REDSHIFT]),
    database("dynamo_db", None, &[DYNAMO]),
    database("db2_luw", Some(50_000), &[SERVER, NAMED]),
    database("db2i", Some(8471), &[SERVER, NAMED]),
    database("snowflake", None, &[SNOWFLAKE]),
    database("mongodb", Some(27_017), &[MONGO, MONGO_DEFAULTS]),
    database("documentdb", Some(27_017), &[MONGO, MONGO_DEFAULTS]),
    database("cosmosdb", Some(10_255), &[MONGO, COSMOS_DEFAULTS]),
    database("databricks", None, &[DATABRICKS]),
    database("databricks_lakebase", Some(5432), &[SERVER, NAMED]),
    database("informix", Some(9088), &[SERVER, NAMED]),
    database("saphana", Some(30_015), &[SERVER, NAMED]),
    database("cassandra", Some(9042), &[CASSANDRA]),
    database("sap_ase", Some(5000), &[SAP_ASE]),
    database("salesforce", None, &[SALESFORCE]),
    files("s3_connection", &[S3]),
    files("azure_blob_connection", &[AZURE]),
    files("gcs_connection", &[GCS]),
    files("mounted_share_connection", &[SHARE]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn kinds_and_fields_are_named_once() {
        let mut kinds = BTreeSet::new();
        for kind in KINDS {
            assert!(kinds.insert(kind.name), "{}", kind.name);
            let mut fields = BTreeSet::new();
            for field in kind.fields() {
                assert!(fields.insert(field.name), "{}: {}", kind.name, field.name);
            }
            assert_eq!(kind.db_type().is_none(), kind.holds_files, "{}", kind.name);
        }
    }
}
