//! Amazon S3, and servers that speak its protocol.
//!
//! `object_store` moves the data. Credentials come from Amazon's own chain; listings go through
//! Amazon's client too, which shows storage classes and gives keys back byte for byte.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_sdk_s3::types::{
    self, EncodingType, OptionalObjectAttributes, PublicAccessBlockConfiguration as Block,
};
use object_store::aws::AmazonS3Builder;
use percent_encoding::percent_decode_str;
use url::Url;

use super::aws::{ChainCredentials, failure, region, sdk_config};
use super::config::S3Config;
use super::error::{Label, StoreError, StoreErrorKind};
use super::exposure::Finding;
use super::object::{Object, Obstacle, Staged, Version};
use super::place::Manner;
use super::remote::{Bucket, Dialect, bare_etag, base_of};

pub(super) fn describe(config: &S3Config) -> String {
    let place = format!(
        "s3://{}/{}",
        config.bucket,
        config.base_directory.trim_matches('/')
    );
    let place = place.trim_end_matches('/');
    let host = config
        .endpoint
        .as_deref()
        .and_then(|endpoint| Url::parse(endpoint).ok());
    match host
        .as_ref()
        .and_then(|url| Some((url.host_str()?, url.port())))
    {
        Some((host, Some(port))) => format!("{place} at {host}:{port}"),
        Some((host, None)) => format!("{place} at {host}"),
        None => place.to_owned(),
    }
}

pub(super) async fn connect(
    config: &S3Config,
    label: Label,
    manner: Manner,
) -> Result<Bucket, StoreError> {
    let base = base_of(&label, &config.base_directory)?;
    let region = region(config, manner).await;
    let sdk = sdk_config(config, &label, &region, manner).await?;
    let endpoint = config.endpoint.clone();
    let endpoint = endpoint.or_else(|| std::env::var("AWS_ENDPOINT_URL_S3").ok());
    let endpoint = endpoint.or_else(|| sdk.endpoint_url().map(str::to_owned));
    // A dot in a host name is one the certificate does not cover.
    let path_style = config.path_style || config.bucket.contains('.');

    let mut client = aws_sdk_s3::config::Builder::from(&sdk).force_path_style(path_style);
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&config.bucket)
        .with_region(&region)
        .with_virtual_hosted_style_request(!path_style)
        .with_client_options(manner.client_options(config.allow_http))
        .with_retry(manner.retries())
        .with_skip_signature(manner.anonymous);
    if manner.anonymous {
        client = client.allow_no_auth();
    }
    if let Some(endpoint) = &endpoint {
        client = client.endpoint_url(endpoint);
        builder = builder.with_endpoint(bucket_url(config, endpoint, path_style, &label)?);
    }
    if let Some(provider) = sdk.credentials_provider() {
        builder = builder.with_credentials(Arc::new(ChainCredentials::new(provider)));
    }
    let client = Client::from_conf(client.build());
    let store = builder.build().map_err(|error| label.remote("", &error))?;
    let dialect = S3 {
        client,
        bucket: config.bucket.clone(),
    };
    let server = format!("{} {}", endpoint.unwrap_or_default(), config.bucket);
    Ok(Bucket::new(store, dialect, server, base, label))
}

/// The endpoint as `object_store` wants it: with the bucket in the host unless `path_style`.
fn bucket_url(
    config: &S3Config,
    endpoint: &str,
    path_style: bool,
    label: &Label,
) -> Result<String, StoreError> {
    let invalid = |problem: &str| label.error(StoreErrorKind::Invalid, "", problem);
    let mut url = Url::parse(endpoint).map_err(|_| invalid("`endpoint` is not a URL"))?;
    match url.scheme() {
        "https" => {}
        "http" if config.allow_http => {}
        "http" => {
            return Err(invalid(
                "`endpoint` is plain HTTP, and `allow_http` is not set",
            ));
        }
        _ => {
            return Err(invalid(
                "`endpoint` starts with neither `https:` nor `http:`",
            ));
        }
    }
    if !path_style {
        let host = url
            .host_str()
            .ok_or_else(|| invalid("`endpoint` has no host"))?;
        let host = format!("{}.{host}", config.bucket);
        url.set_host(Some(&host))
            .map_err(|_| invalid("the bucket's name fits no host name"))?;
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Amazon's own client, for what `object_store` does not show.
#[derive(Debug)]
struct S3 {
    client: Client,
    bucket: String,
}

#[async_trait]
impl Dialect for S3 {
    async fn list(&self, bucket: &Bucket) -> Result<Vec<Object>, StoreError> {
        self.objects(bucket, |_| false).await
    }

    async fn first(&self, bucket: &Bucket) -> Result<Option<Object>, StoreError> {
        let enough = |object: &Object| bucket.is_readable(object);
        let objects = self.objects(bucket, enough).await?;
        Ok(objects.into_iter().find(enough))
    }

    async fn leftovers(&self, bucket: &Bucket) -> Result<Vec<Staged>, StoreError> {
        self.uploads(bucket).await
    }

    async fn stated(&self) -> Finding {
        Box::pin(stated(&self.client, &self.bucket)).await
    }
}

impl S3 {
    /// All objects below the base directory, or those of the first pages up to one that is `enough`.
    async fn objects(
        &self,
        place: &Bucket,
        enough: impl Fn(&Object) -> bool,
    ) -> Result<Vec<Object>, StoreError> {
        let objects = match self.pages(place, None, &enough).await {
            // Keys may hold characters that XML cannot. Not asked for first: some servers say that
            // they encoded keys and did not.
            Err(SdkError::ServiceError(answer)) if answer.raw().status().is_success() => {
                self.pages(place, Some(EncodingType::Url), &enough).await
            }
            other => other,
        };
        objects.map_err(|error| failure(&place.label, "", &error))
    }

    async fn pages(
        &self,
        place: &Bucket,
        encoding: Option<EncodingType>,
        enough: impl Fn(&Object) -> bool,
    ) -> Result<Vec<Object>, SdkError<ListObjectsV2Error>> {
        let prefix = prefix(&place.base);
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .set_prefix(prefix.clone())
            .set_encoding_type(encoding)
            .optional_object_attributes(OptionalObjectAttributes::RestoreStatus)
            .into_paginator()
            .send();
        let prefix = prefix.unwrap_or_default();
        let mut objects = Vec::new();
        while !objects.iter().any(&enough)
            && let Some(page) = pages.next().await
        {
            let page = page?;
            let encoded = page.encoding_type() == Some(&EncodingType::Url);
            for found in page.contents() {
                let key = decode(found.key().unwrap_or_default(), encoded);
                let object = key
                    .strip_prefix(&prefix)
                    .and_then(|path| object(path, found));
                objects.extend(object);
            }
        }
        Ok(objects)
    }

    /// Uploads that were begun and neither completed nor aborted.
    async fn uploads(&self, place: &Bucket) -> Result<Vec<Staged>, StoreError> {
        let prefix = prefix(&place.base);
        let (mut key_marker, mut id_marker) = (None, None);
        let mut uploads = Vec::new();
        loop {
            let page = self
                .client
                .list_multipart_uploads()
                .bucket(&self.bucket)
                .set_prefix(prefix.clone())
                .set_key_marker(key_marker)
                .set_upload_id_marker(id_marker)
                .send()
                .await;
            let page = match page {
                Ok(page) => page,
                // Some servers do not tell.
                Err(error) if error.code() == Some("NotImplemented") => return Ok(uploads),
                Err(error) => return Err(failure(&place.label, "", &error)),
            };
            for found in page.uploads() {
                let key = found.key().unwrap_or_default();
                let path = key.strip_prefix(prefix.as_deref().unwrap_or_default());
                if let (Some(path), Some(id)) = (path, found.upload_id()) {
                    uploads.push(Staged::begun(path, id));
                }
            }
            if page.is_truncated() != Some(true) {
                return Ok(uploads);
            }
            key_marker = page.next_key_marker().map(str::to_owned);
            id_marker = page.next_upload_id_marker().map(str::to_owned);
        }
    }
}

/// Block Public Access, then the bucket's policy and access list. Rights to ask for them may be
/// missing, and other servers may not know them: then they say nothing.
async fn stated(client: &Client, bucket: &str) -> Finding {
    let block = client
        .get_public_access_block()
        .bucket(bucket)
        .send()
        .await
        .ok();
    let block = block.and_then(|block| block.public_access_block_configuration);
    let blocked = |rule: fn(&Block) -> Option<bool>| block.as_ref().and_then(rule) == Some(true);
    let policies_blocked = blocked(Block::restrict_public_buckets);
    let acls_blocked = blocked(Block::ignore_public_acls);

    let policy = client
        .get_bucket_policy_status()
        .bucket(bucket)
        .send()
        .await
        .ok();
    let policy = policy.and_then(|policy| policy.policy_status?.is_public);
    if policy == Some(true) && !policies_blocked {
        return Finding::Open("the bucket's policy is public".to_owned());
    }
    let acl = client.get_bucket_acl().bucket(bucket).send().await.ok();
    let grants = acl.and_then(|acl| acl.grants).unwrap_or_default();
    let everyone = grants.iter().find_map(|grant| {
        let group = grant.grantee()?.uri()?.rsplit('/').next()?;
        ["AllUsers", "AuthenticatedUsers"]
            .into_iter()
            .find(|name| *name == group)
    });
    match everyone {
        Some(group) if !acls_blocked => {
            Finding::Open(format!("the bucket's access list names `{group}`"))
        }
        _ if policies_blocked && acls_blocked => Finding::Closed,
        _ => Finding::Silent("Amazon did not say that public access is blocked".to_owned()),
    }
}

/// `None` for the base directory's own marker and those of folders.
fn object(path: &str, found: &types::Object) -> Option<Object> {
    let size = found
        .size()
        .and_then(|size| u64::try_from(size).ok())
        .unwrap_or_default();
    if path.is_empty() || (size == 0 && path.ends_with('/')) {
        return None;
    }
    let class = found
        .storage_class()
        .map(|class| class.as_str())
        .unwrap_or_default();
    let restored = found.restore_status().is_some_and(|status| {
        status.restore_expiry_date().is_some() && status.is_restore_in_progress() != Some(true)
    });
    let version = Version {
        etag: found.e_tag().and_then(bare_etag),
        modified_ms: found.last_modified().map_or(0, |time| time.secs() * 1000),
    };
    let archived = matches!(class, "GLACIER" | "DEEP_ARCHIVE") && !restored;
    Some(Object {
        path: path.to_owned(),
        size,
        version,
        obstacle: archived.then_some(Obstacle::Archived),
        mode: None,
    })
}

fn prefix(base: &str) -> Option<String> {
    (!base.is_empty()).then(|| format!("{base}/"))
}

/// A key of a listing, which a server may send as a form field would be.
fn decode(key: &str, encoded: bool) -> String {
    if !encoded {
        return key.to_owned();
    }
    percent_decode_str(&key.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_listings() {
        for (key, encoded, plain) in [
            ("a+b/%C3%BC%2B%25.csv", true, "a b/ü+%.csv"),
            ("a+b/%C3%BC.csv", false, "a+b/%C3%BC.csv"),
            ("plain.csv", true, "plain.csv"),
        ] {
            assert_eq!(decode(key, encoded), plain);
        }
    }

    #[test]
    fn endpoints() {
        let label = Label::new("crm", "s3://b");
        for (endpoint, path_style, allow_http, url) in [
            (
                "https://s3.example.org",
                true,
                false,
                Some("https://s3.example.org"),
            ),
            (
                "https://s3.example.org/",
                false,
                false,
                Some("https://b.s3.example.org"),
            ),
            (
                "http://localhost:9000",
                true,
                true,
                Some("http://localhost:9000"),
            ),
            ("http://localhost:9000", true, false, None),
            ("localhost:9000", true, true, None),
            ("ftp://localhost", true, true, None),
        ] {
            let config = S3Config {
                bucket: "b".into(),
                allow_http,
                ..S3Config::default()
            };
            let found = bucket_url(&config, endpoint, path_style, &label);
            assert_eq!(found.ok().as_deref(), url, "{endpoint}");
        }
    }

    #[test]
    fn descriptions() {
        for (base, endpoint, text) in [
            ("", None, "s3://b"),
            ("/in/", None, "s3://b/in"),
            (
                "in",
                Some("https://user:pw@host:9000/x"),
                "s3://b/in at host:9000",
            ),
        ] {
            let config = S3Config {
                bucket: "b".into(),
                base_directory: base.into(),
                endpoint: endpoint.map(str::to_owned),
                ..S3Config::default()
            };
            assert_eq!(describe(&config), text);
        }
    }
}
