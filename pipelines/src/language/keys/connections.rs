//! Keys of connections to files and buckets.

use super::super::fields::KeySpec;
use super::{ANY, FLAG, NAME, SECRET, TEXT, may, must};

/// Keys that other servers put into connections; they have no effect.
pub(super) const ID: KeySpec = may("id", ANY, "identifier on another server; no effect");
pub(super) const CONNECTION_NAME: KeySpec = may("name", ANY, "name on another server; no effect");
pub(super) const CONNECTION_VERSION: KeySpec = may(
    "version",
    ANY,
    "version of the connection's format; no effect",
);
const MASK_TYPE: KeySpec = may("mask_type", ANY, "always `file`; no effect");
const IS_SOURCE: KeySpec = may(
    "is_file_mask_source",
    ANY,
    "whether it may be read from; no effect",
);
const IS_DESTINATION: KeySpec = may(
    "is_file_mask_destination",
    ANY,
    "whether it may be written to; no effect",
);
pub(super) const TYPE: KeySpec = must("type", NAME, "what kind it is");
const BASE: KeySpec = may("base_directory", TEXT, "folder that all paths are below");

/// A folder.
pub(in super::super) const MOUNTED_SHARE: &[KeySpec] = &[
    TYPE,
    ID,
    CONNECTION_NAME,
    CONNECTION_VERSION,
    MASK_TYPE,
    IS_SOURCE,
    IS_DESTINATION,
    must(
        "base_directory",
        NAME,
        "the folder; a relative one is below the folder of the pipeline file",
    ),
];

/// A bucket of S3 or of a store that speaks its protocol.
pub(in super::super) const S3: &[KeySpec] = &[
    TYPE,
    ID,
    CONNECTION_NAME,
    CONNECTION_VERSION,
    MASK_TYPE,
    IS_SOURCE,
    IS_DESTINATION,
    BASE,
    must("bucket", NAME, "name of the bucket"),
    may(
        "region",
        TEXT,
        "region of the bucket; without it, what the AWS configuration says",
    ),
    may("endpoint", TEXT, "address of a store that is not AWS"),
    may(
        "path_style",
        FLAG,
        "whether the bucket is part of the path rather than of the host name",
    ),
    may(
        "access_key_id",
        SECRET,
        "access key; without it, the AWS credential chain",
    ),
    may("secret_access_key", SECRET, "secret of the access key"),
    may("session_token", SECRET, "token of a temporary access key"),
    may("iam_role_arn", TEXT, "role to assume"),
    may(
        "allow_http",
        FLAG,
        "whether the endpoint may be reached without TLS",
    ),
];

/// A container of Azure Blob Storage.
pub(in super::super) const AZURE_BLOB: &[KeySpec] = &[
    TYPE,
    ID,
    CONNECTION_NAME,
    CONNECTION_VERSION,
    MASK_TYPE,
    IS_SOURCE,
    IS_DESTINATION,
    BASE,
    must("container", NAME, "name of the container"),
    may(
        "connection_string",
        SECRET,
        "connection string with an account key or a shared access signature",
    ),
    may("emulator", FLAG, "whether to use the local emulator"),
];

/// A bucket of Google Cloud Storage.
pub(in super::super) const GCS: &[KeySpec] = &[
    TYPE,
    ID,
    CONNECTION_NAME,
    CONNECTION_VERSION,
    MASK_TYPE,
    IS_SOURCE,
    IS_DESTINATION,
    BASE,
    must("bucket", NAME, "name of the bucket"),
    may(
        "service_account",
        SECRET,
        "path of a service account's key file, or the key as JSON",
    ),
    may(
        "service_account_key",
        SECRET,
        "another name of `service_account`",
    ),
    may("endpoint", TEXT, "address of a store that is not Google's"),
];
