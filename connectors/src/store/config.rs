//! How to get into a place: one struct per kind of connection, as plain data.

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

/// A text that is never shown: wiped from memory when dropped, `***` in `Debug` and `Display`.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps `text` as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the client that signs with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A place that holds files, and how to get into it.
#[derive(Debug, Clone)]
pub enum ConnectionConfig {
    /// A folder of this machine, or a share mounted on it.
    MountedShare(MountedShare),
    /// A bucket of Amazon S3 or of a server that speaks its protocol.
    S3(S3Config),
    /// A container of Azure Blob Storage.
    AzureBlob(AzureBlobConfig),
    /// A bucket of Google Cloud Storage.
    Gcs(GcsConfig),
}

/// A folder. Nothing outside it is read or written.
#[derive(Debug, Clone, Default)]
pub struct MountedShare {
    /// The folder; it must exist, so that a share that is not mounted is noticed.
    pub base_directory: PathBuf,
}

/// A bucket of S3.
#[derive(Debug, Clone, Default)]
pub struct S3Config {
    /// Name of the bucket.
    pub bucket: String,
    /// Prefix below which all objects lie, without a slash at either end. Default: the whole bucket.
    pub base_directory: String,
    /// Default: where the bucket lies; for a custom endpoint `AWS_REGION`, else `us-east-1`.
    pub region: Option<String>,
    /// URL of another server that speaks S3. Default: Amazon.
    pub endpoint: Option<String>,
    /// Ask for `host/bucket/key` rather than `bucket.host/key`. Default: false.
    pub path_style: bool,
    /// With `secret_access_key`: explicit credentials. Default: the credential chain of AWS
    /// (environment, profiles, SSO, web identity, container, instance).
    pub access_key_id: Option<String>,
    /// See `access_key_id`.
    pub secret_access_key: Option<Secret>,
    /// Goes with temporary explicit credentials.
    pub session_token: Option<Secret>,
    /// A role to assume with those credentials. Default: none.
    pub iam_role_arn: Option<String>,
    /// Whether the endpoint may be plain HTTP. Default: false.
    pub allow_http: bool,
}

/// A container of Azure Blob Storage.
#[derive(Debug, Clone, Default)]
pub struct AzureBlobConfig {
    /// Name of the container.
    pub container: String,
    /// Prefix below which all blobs lie, without a slash at either end. Default: the whole container.
    pub base_directory: String,
    /// As the portal shows it, with `AccountKey` or `SharedAccessSignature`, or
    /// `UseDevelopmentStorage=true`.
    pub connection_string: Secret,
    /// Use the storage emulator's address, account and key for what the connection string leaves
    /// out. Default: false.
    pub emulator: bool,
}

/// A bucket of Google Cloud Storage.
#[derive(Debug, Clone, Default)]
pub struct GcsConfig {
    /// Name of the bucket.
    pub bucket: String,
    /// Prefix below which all objects lie, without a slash at either end. Default: the whole bucket.
    pub base_directory: String,
    /// The JSON of a service account key, or the path of a file that holds it. Default: application
    /// default credentials; none at all where `endpoint` is set.
    pub service_account: Option<Secret>,
    /// URL of another server that speaks the protocol, such as an emulator. Default: Google.
    pub endpoint: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let config = ConnectionConfig::S3(S3Config {
            bucket: "crm".into(),
            secret_access_key: Some("hunter2".into()),
            session_token: Some("hunter3".into()),
            ..S3Config::default()
        });
        let shown = format!("{config:?} {}", Secret::from("hunter4"));
        assert!(
            shown.contains("crm") && !shown.contains("hunter"),
            "{shown}"
        );
    }
}
