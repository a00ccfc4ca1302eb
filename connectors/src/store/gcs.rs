//! Google Cloud Storage.

use std::path::Path;
use std::sync::Arc;

use object_store::StaticCredentialProvider;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};

use super::config::{GcsConfig, Secret};
use super::error::{Label, StoreError, StoreErrorKind};
use super::place::Manner;
use super::remote::{Bucket, Dialect, base_of};

pub(super) fn describe(config: &GcsConfig) -> String {
    let place = format!(
        "gs://{}/{}",
        config.bucket,
        config.base_directory.trim_matches('/')
    );
    place.trim_end_matches('/').to_owned()
}

pub(super) fn connect(
    config: &GcsConfig,
    label: Label,
    manner: Manner,
) -> Result<Bucket, StoreError> {
    let base = base_of(&label, &config.base_directory)?;
    let account = config
        .service_account
        .as_ref()
        .map(|given| read(given, &label))
        .transpose()?;
    let endpoint = config
        .endpoint
        .as_deref()
        .map(|url| url.trim_end_matches('/').to_owned());
    let endpoint = endpoint.or_else(|| account.as_ref().and_then(base_url));
    // Whoever writes an endpoint of plain HTTP means it.
    let allow_http = endpoint
        .as_deref()
        .is_some_and(|url| url.starts_with("http://"));
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(&config.bucket)
        .with_client_options(manner.client_options(allow_http))
        .with_retry(manner.retries())
        .with_skip_signature(manner.anonymous);
    if let Some(endpoint) = &endpoint {
        builder = builder.with_base_url(endpoint);
    }
    builder = match account {
        Some(account) => builder.with_service_account_key(account.expose()),
        // An emulator: without this, credentials would be looked for on this machine.
        None if endpoint.is_some() || manner.anonymous => {
            let nobody = StaticCredentialProvider::new(GcpCredential {
                bearer: String::new(),
            });
            builder
                .with_credentials(Arc::new(nobody))
                .with_skip_signature(true)
        }
        None => builder,
    };
    // The client's errors may quote the key.
    let store = builder.build().map_err(|_| {
        let problem = "the service account is no key that can be used";
        label.error(StoreErrorKind::Invalid, "", problem)
    })?;
    let server = format!("{} {}", endpoint.unwrap_or_default(), config.bucket);
    Ok(Bucket::new(store, Gcs, server, base, label))
}

/// As `object_store` does it.
#[derive(Debug)]
struct Gcs;

impl Dialect for Gcs {}

/// The JSON of a service account, which may be given by the path of a file.
fn read(given: &Secret, label: &Label) -> Result<Secret, StoreError> {
    if given.expose().trim_start().starts_with('{') {
        return Ok(given.clone());
    }
    let json = std::fs::read_to_string(Path::new(given.expose())).map_err(|error| {
        let problem = format!("the service account file cannot be read: {error}");
        label.error(StoreErrorKind::Invalid, "", problem)
    })?;
    Ok(json.into())
}

/// The endpoint that a service account made for an emulator names.
fn base_url(account: &Secret) -> Option<String> {
    let json: serde_json::Value = serde_json::from_str(account.expose()).ok()?;
    Some(
        json.get("gcs_base_url")?
            .as_str()?
            .trim_end_matches('/')
            .to_owned(),
    )
}
