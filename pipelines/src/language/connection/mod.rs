//! Connections as a pipeline writes them.

mod database;
pub(crate) mod url;

use std::path::PathBuf;

pub use database::{DatabaseConnection, DbType, SslMode};

use super::codes;
use super::diagnostic::{Diagnostic, Diagnostics, nearest_label, quoted_list};
use super::fields::{self, Fields, KeySpec};
use super::interpolate;
use super::keys;
use super::node::{Kind, Node};
use super::secret::Secret;
use super::source::{Sources, Span, Spanned};

/// A named place.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Its name.
    pub name: Spanned<String>,
    /// What kind it is, and how to get in.
    pub kind: ConnectionKind,
    /// What is written, for places: `node.span_of("bucket")`.
    pub node: Node,
}

/// What kind of place a connection is. Empty base directories are the place itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionKind {
    /// A folder.
    MountedShare {
        /// The folder; a relative path has been made relative to the pipeline file's folder.
        base_directory: PathBuf,
    },
    /// A bucket of S3, or of a store that speaks its protocol.
    S3 {
        /// Name of the bucket.
        bucket: String,
        /// Prefix of all paths, without slashes at its ends.
        base_directory: String,
        /// Region of the bucket.
        region: Option<String>,
        /// Address of a store that is not AWS.
        endpoint: Option<String>,
        /// Whether the bucket is part of the path; the store decides when nothing is said.
        path_style: Option<bool>,
        /// Access key and its secret; the AWS credential chain when there is none.
        access_key: Option<(Secret, Secret)>,
        /// Token of a temporary access key.
        session_token: Option<Secret>,
        /// Role to assume.
        iam_role_arn: Option<String>,
        /// Whether the endpoint may be reached without TLS.
        allow_http: bool,
    },
    /// A container of Azure Blob Storage.
    AzureBlob {
        /// Name of the container.
        container: String,
        /// Prefix of all paths, without slashes at its ends.
        base_directory: String,
        /// How to get in; the emulator needs none.
        connection_string: Option<Secret>,
        /// Whether to use the local emulator.
        emulator: bool,
    },
    /// A bucket of Google Cloud Storage.
    Gcs {
        /// Name of the bucket.
        bucket: String,
        /// Prefix of all paths, without slashes at its ends.
        base_directory: String,
        /// Key of a service account as JSON, or the path of its file.
        service_account: Option<Secret>,
        /// Address of a store that is not Google's.
        endpoint: Option<String>,
    },
    /// A database.
    Database(DatabaseConnection),
}

/// What lies at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Files.
    Files,
    /// Tables of a database.
    Tables,
}

/// What lies where a connection leads, also where it has problems; nothing when it does not say.
pub(super) fn holds(node: &Node) -> Option<Holds> {
    match (node.get("db_type"), node.get("type")) {
        (Some(_), _) => Some(Holds::Tables),
        (None, Some(_)) => Some(Holds::Files),
        (None, None) => None,
    }
}

/// The keys that a connection of its kind has; those that tell its kind where it is none.
pub(super) fn keys_of(node: &Node) -> &'static [KeySpec] {
    let text = |key| node.get(key).and_then(Node::as_str);
    let database = |name: &str| DbType::ALL.iter().find(|kind| kind.name() == name);
    match (text("db_type").map(database), text("type")) {
        (Some(Some(kind)), _) => kind.keys(),
        (None, Some("mounted_share_connection")) => keys::MOUNTED_SHARE,
        (None, Some("s3_connection")) => keys::S3,
        (None, Some("azure_blob_connection")) => keys::AZURE_BLOB,
        (None, Some("gcs_connection")) => keys::GCS,
        _ => keys::KIND_OF_CONNECTION,
    }
}

const TYPES: [&str; 4] = [
    "mounted_share_connection",
    "s3_connection",
    "azure_blob_connection",
    "gcs_connection",
];

/// Reads connections; those with a problem are left out.
pub(super) struct ConnectionParser<'a> {
    pub sources: &'a Sources,
    pub diagnostics: &'a mut Diagnostics,
}

impl ConnectionParser<'_> {
    /// All connections of the mapping.
    pub(super) fn all(&mut self, node: &Node) -> Vec<Connection> {
        let Kind::Map(map) = &node.kind else {
            fields::wrong_type(node, "a mapping of names to connections", self.diagnostics);
            return Vec::new();
        };
        let entries = map.entries.iter();
        entries
            .filter_map(|entry| {
                let name = Spanned {
                    value: entry.key.text.to_string(),
                    span: entry.key.span,
                };
                Some(Connection {
                    kind: self.kind(&entry.value, name.span)?,
                    node: entry.value.clone(),
                    name,
                })
            })
            .collect()
    }

    fn kind(&mut self, node: &Node, named_at: Span) -> Option<ConnectionKind> {
        let Kind::Map(map) = &node.kind else {
            fields::wrong_type(node, "a connection, which is a mapping", self.diagnostics);
            return None;
        };
        if let Some(db_type) = map.get("db_type") {
            return self.database(node, db_type);
        }
        let Some(kind) = map.get("type") else {
            if map.lost_a_merge() {
                return None;
            }
            self.diagnostics.push(
                Diagnostic::new(
                    &codes::MISSING_KEY,
                    "a connection needs `type` or `db_type`",
                )
                .at(named_at, "")
                .help(format!(
                    "types are {}; a database has a `db_type`",
                    quoted_list(TYPES)
                )),
            );
            return None;
        };
        let written = fields::text(kind, self.diagnostics)?;
        match written.as_str() {
            "mounted_share_connection" => self.mounted_share(node),
            "s3_connection" => self.s3(node),
            "azure_blob_connection" => self.azure_blob(node),
            "gcs_connection" => self.gcs(node),
            _ => {
                let message = format!("there is no connection type `{written}`");
                self.diagnostics.push(
                    Diagnostic::new(&codes::WRONG_VALUE, message)
                        .at(kind.span, nearest_label(&written, TYPES))
                        .help(format!("types are {}", quoted_list(TYPES))),
                );
                None
            }
        }
    }

    fn mounted_share(&mut self, node: &Node) -> Option<ConnectionKind> {
        let what = "a mounted_share_connection";
        let fields = Fields::new(node, what, keys::MOUNTED_SHARE, self.diagnostics)?;
        let base = fields.name("base_directory", self.diagnostics)?;
        Some(ConnectionKind::MountedShare {
            base_directory: self.sources.resolve(base.span.file, &base.value),
        })
    }

    fn s3(&mut self, node: &Node) -> Option<ConnectionKind> {
        let fields = Fields::new(node, "an s3_connection", keys::S3, self.diagnostics)?;
        let id = self.secret(&fields, "access_key_id");
        let secret = self.secret(&fields, "secret_access_key");
        let halves = ["access_key_id", "secret_access_key"].map(|key| fields.get(key).is_some());
        if halves[0] != halves[1] {
            let (there, missing) = match halves[0] {
                true => ("access_key_id", "secret_access_key"),
                false => ("secret_access_key", "access_key_id"),
            };
            let message = format!("`{there}` needs `{missing}`");
            self.push(&codes::HALF_CREDENTIALS, &message, fields.key_span(there));
        } else if fields.get("session_token").is_some() && !halves[0] {
            let place = fields.key_span("session_token");
            self.push(
                &codes::HALF_CREDENTIALS,
                "`session_token` needs `access_key_id`",
                place,
            );
        }
        Some(ConnectionKind::S3 {
            bucket: fields.text("bucket", self.diagnostics)?,
            base_directory: self.base_directory(&fields)?,
            region: fields.text("region", self.diagnostics),
            endpoint: fields.text("endpoint", self.diagnostics),
            path_style: fields.flag("path_style", self.diagnostics),
            access_key: id.zip(secret),
            session_token: self.secret(&fields, "session_token"),
            iam_role_arn: fields.text("iam_role_arn", self.diagnostics),
            allow_http: fields.flag("allow_http", self.diagnostics).unwrap_or(false),
        })
    }

    fn azure_blob(&mut self, node: &Node) -> Option<ConnectionKind> {
        let what = "an azure_blob_connection";
        let fields = Fields::new(node, what, keys::AZURE_BLOB, self.diagnostics)?;
        let emulator = fields.flag("emulator", self.diagnostics).unwrap_or(false);
        if fields.get("connection_string").is_none() && !emulator {
            let message = "an azure_blob_connection needs `connection_string`";
            self.push(&codes::HALF_CREDENTIALS, message, fields.key_span("type"));
        }
        Some(ConnectionKind::AzureBlob {
            container: fields.text("container", self.diagnostics)?,
            base_directory: self.base_directory(&fields)?,
            connection_string: self.secret(&fields, "connection_string"),
            emulator,
        })
    }

    fn gcs(&mut self, node: &Node) -> Option<ConnectionKind> {
        let fields = Fields::new(node, "a gcs_connection", keys::GCS, self.diagnostics)?;
        let both = ["service_account", "service_account_key"];
        if both.iter().all(|key| fields.get(key).is_some()) {
            let message = "`service_account` and `service_account_key` are the same";
            self.push(&codes::HALF_CREDENTIALS, message, fields.key_span(both[1]));
        }
        let account = both.into_iter().find(|key| fields.get(key).is_some());
        let account = account.and_then(|key| self.secret(&fields, key));
        Some(ConnectionKind::Gcs {
            bucket: fields.text("bucket", self.diagnostics)?,
            base_directory: self.base_directory(&fields)?,
            service_account: account.map(|account| {
                if account.expose().trim_start().starts_with('{') {
                    return account;
                }
                let path = self.sources.resolve(node.span.file, account.expose());
                Secret::new(path.to_string_lossy())
            }),
            endpoint: fields.text("endpoint", self.diagnostics),
        })
    }

    fn secret(&mut self, fields: &Fields<'_>, key: &str) -> Option<Secret> {
        interpolate::secret(fields.get(key)?, self.sources, self.diagnostics)
    }

    /// The prefix below a bucket or container; nothing when it leads out.
    fn base_directory(&mut self, fields: &Fields<'_>) -> Option<String> {
        match fields.get("base_directory") {
            None => Some(String::new()),
            Some(node) => below_base(node, self.diagnostics),
        }
    }

    fn push(&mut self, code: &'static codes::Code, message: &str, span: Span) {
        self.diagnostics
            .push(Diagnostic::new(code, message).at(span, ""));
    }
}

/// A path without slashes at its ends that stays below where it begins.
pub(super) fn below_base(node: &Node, diagnostics: &mut Diagnostics) -> Option<String> {
    let text = fields::text(node, diagnostics)?;
    let path = text.trim_matches('/');
    if path.split('/').any(|part| part == "..") {
        diagnostics.push(
            Diagnostic::new(
                &codes::PATH_OUTSIDE,
                "the path leads out of where it begins",
            )
            .at(node.span, "")
            .help("a path cannot have `..` in it"),
        );
        return None;
    }
    let parts = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".");
    Some(parts.collect::<Vec<_>>().join("/"))
}
