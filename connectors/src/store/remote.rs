//! A bucket or container: what S3, Azure Blob Storage and Google Cloud Storage have in common.
//!
//! Keys are kept byte for byte: `object_store` gets them as parsed, never as encoded paths.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use object_store::multipart::MultipartStore;
use object_store::path::{Path, PathPart};
use object_store::{
    ClientOptions, HeaderValue, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig,
};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::error::{Label, StoreError, StoreErrorKind};
use super::exposure::Finding;
use super::object::{Object, RangeReader, Staged, Version};
use super::object_reader::ObjectReader;
use super::output::OnBegin;
use super::path::{hex, is_temp, join};
use super::place::{Draft, Manner, Place, Root};
use super::upload::{self, Upload};

/// How often an object is deleted whose server does not answer.
const DELETE_TRIES: usize = 3;

impl Manner {
    pub(super) fn retries(self) -> RetryConfig {
        let defaults = RetryConfig::default();
        if self.hasty {
            RetryConfig {
                max_retries: 2,
                ..defaults
            }
        } else {
            defaults
        }
    }

    /// A request may carry a part of a large object over a slow line.
    pub(super) fn client_options(self, allow_http: bool) -> ClientOptions {
        let agent = HeaderValue::from_static(concat!("visard/", env!("CARGO_PKG_VERSION")));
        ClientOptions::new()
            .with_user_agent(agent)
            .with_allow_http(allow_http)
            .with_timeout(Duration::from_secs(300))
            .with_connect_timeout(Duration::from_secs(10))
            // Some servers close connections that are idle for 5 seconds, and a request that meets the end of
            // its connection may not be one that can be sent twice.
            .with_pool_idle_timeout(Duration::from_secs(4))
    }
}

/// Where a provider differs from what `object_store` does for all of them.
#[async_trait]
pub(super) trait Dialect: fmt::Debug + Send + Sync {
    /// Whether an upload has an id to be aborted with.
    fn has_upload_ids(&self) -> bool {
        true
    }

    async fn list(&self, bucket: &Bucket) -> Result<Vec<Object>, StoreError> {
        bucket.list_plainly().await
    }

    async fn first(&self, bucket: &Bucket) -> Result<Option<Object>, StoreError> {
        bucket.first_plainly().await
    }

    async fn leftovers(&self, _: &Bucket) -> Result<Vec<Staged>, StoreError> {
        Ok(Vec::new())
    }

    async fn delete(&self, bucket: &Bucket, path: &str) -> Result<(), StoreError> {
        match bucket.objects.delete(&bucket.key(path)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(bucket.remote(path, &error)),
        }
    }

    /// What the provider says about who can read the bucket.
    async fn stated(&self) -> Finding {
        Finding::Silent("its provider was not asked".to_owned())
    }
}

/// The part of a bucket that lies below its base directory.
#[derive(Clone)]
pub(super) struct Bucket {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) uploads: Arc<dyn MultipartStore>,
    pub(super) dialect: Arc<dyn Dialect>,
    /// Tells buckets apart: the server and the bucket's name.
    pub(super) server: String,
    pub(super) base: String,
    pub(super) label: Label,
    /// Where requests run that blocking threads wait for.
    pub(super) runtime: Handle,
    /// Clean-ups of uploads that were dropped.
    pub(super) aborts: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.label).finish()
    }
}

impl Bucket {
    pub(super) fn new(
        store: impl ObjectStore + MultipartStore,
        dialect: impl Dialect + 'static,
        server: String,
        base: String,
        label: Label,
    ) -> Self {
        let store = Arc::new(store);
        Self {
            objects: Arc::clone(&store) as _,
            uploads: store,
            dialect: Arc::new(dialect),
            server,
            base,
            label,
            runtime: Handle::current(),
            aborts: Arc::default(),
        }
    }

    /// The key of `path`, byte for byte.
    pub(super) fn key(&self, path: &str) -> Result<Path, StoreError> {
        let invalid = |problem: &str| self.label.error(StoreErrorKind::Invalid, path, problem);
        if path.is_empty() || path.starts_with('/') {
            return Err(invalid("the path has an empty first segment"));
        }
        let key = join(&self.base, path);
        key.split('/').try_fold(Path::ROOT, |parent, segment| {
            match PathPart::parse(segment) {
                Ok(segment) => Ok(parent.join(segment)),
                Err(_) => Err(invalid(
                    "the path has a segment `.` or `..`, or a control character",
                )),
            }
        })
    }

    /// Whether a probe can read it: a byte is there, and its name is one we can ask for.
    pub(super) fn is_readable(&self, object: &Object) -> bool {
        let named = self.key(&object.path).is_ok() && !is_temp(&object.path);
        named && object.size > 0 && object.obstacle.is_none()
    }

    async fn first_plainly(&self) -> Result<Option<Object>, StoreError> {
        let mut found = self.objects.list(self.prefix().as_ref());
        while let Some(meta) = found.next().await {
            let meta = meta.map_err(|error| self.remote("", &error))?;
            let first = self.object(&meta).filter(|object| self.is_readable(object));
            if first.is_some() {
                return Ok(first);
            }
        }
        Ok(None)
    }

    async fn list_plainly(&self) -> Result<Vec<Object>, StoreError> {
        let metas = self.objects.list(self.prefix().as_ref());
        let mut objects: Vec<_> = metas
            .map_err(|error| self.remote("", &error))
            .try_filter_map(async |meta| Ok(self.object(&meta)))
            .try_collect()
            .await?;
        objects.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        // Some tools mark a folder with an empty object. `object_store` cuts off the slash that
        // would give it away: then there is no object of that name, or others lie below it.
        let empty: Vec<_> = objects
            .iter()
            .filter(|object| object.size == 0)
            .cloned()
            .collect();
        let markers: Vec<_> = futures::stream::iter(empty)
            .map(async |object| {
                let below = format!("{}/", object.path);
                let next = objects.partition_point(|other| other.path < below);
                let parent = objects
                    .get(next)
                    .is_some_and(|other| other.path.starts_with(&below));
                match parent || self.head(&object.path).await?.is_none() {
                    true => Ok(Some(object.path)),
                    false => Ok(None),
                }
            })
            .buffered(16)
            .try_collect()
            .await?;
        let markers: HashSet<_> = markers.into_iter().flatten().collect();
        objects.retain(|object| !(object.size == 0 && markers.contains(&object.path)));
        Ok(objects)
    }

    /// Whether the object at the destination is the staged output.
    pub(super) async fn holds(&self, staged: &Staged) -> Result<bool, StoreError> {
        match self.head(&staged.path).await? {
            Some(object) if object.size == staged.bytes => {
                let found = self.sha256(&staged.path).await?;
                Ok(found.is_some_and(|(_, sha256)| sha256 == staged.sha256))
            }
            _ => Ok(false),
        }
    }

    /// Begins an upload in parts and gives it up; where that cannot be done, completes and deletes
    /// it.
    async fn begin_and_abort(&self, path: &str) -> Result<(), StoreError> {
        let fail = |error| self.remote(path, &error);
        let key = self.key(path)?;
        let id = self.uploads.create_multipart(&key).await.map_err(fail)?;
        let sent = self
            .uploads
            .put_part(&key, &id, 0, "visard".into())
            .await
            .map_err(fail);
        if self.dialect.has_upload_ids() {
            let aborted = self.uploads.abort_multipart(&key, &id).await.map_err(fail);
            return sent.and(aborted);
        }
        let parts = vec![sent?];
        self.uploads
            .complete_multipart(&key, &id, parts)
            .await
            .map_err(fail)?;
        self.dialect.delete(self, path).await
    }

    pub(super) fn remote(&self, path: &str, error: &object_store::Error) -> StoreError {
        self.label.remote(path, error)
    }

    fn prefix(&self) -> Option<Path> {
        (!self.base.is_empty()).then(|| Path::from_iter(self.base.split('/').map(raw_part)))
    }

    /// `meta` as an object below the base directory; `None` for the base directory's own marker.
    fn object(&self, meta: &ObjectMeta) -> Option<Object> {
        let key = meta.location.as_ref();
        let path = match self.base.as_str() {
            "" => key,
            base => key.strip_prefix(base)?.strip_prefix('/')?,
        };
        (!path.is_empty()).then(|| Object {
            path: path.to_owned(),
            size: meta.size,
            version: version(meta),
            obstacle: None,
            mode: None,
        })
    }
}

/// A base directory without slashes at its ends.
pub(super) fn base_of(label: &Label, base_directory: &str) -> Result<String, StoreError> {
    let base = base_directory.trim_matches('/');
    match Path::parse(base) {
        Ok(path) if path.as_ref() == base => Ok(base.to_owned()),
        _ => Err(label.error(
            StoreErrorKind::Invalid,
            "",
            "`base_directory` has an empty segment, `.`, `..` or a control character",
        )),
    }
}

fn raw_part(segment: &str) -> PathPart<'_> {
    PathPart::parse(segment).expect("base_of() has parsed every segment")
}

pub(super) fn version(meta: &ObjectMeta) -> Version {
    Version {
        etag: meta.e_tag.as_deref().and_then(bare_etag),
        modified_ms: meta.last_modified.timestamp() * 1000,
    }
}

/// An entity tag without its quotes: Azure's listing leaves them out, everyone else puts them in.
pub(super) fn bare_etag(etag: &str) -> Option<String> {
    Some(etag.trim_matches('"').to_owned()).filter(|etag| !etag.is_empty())
}

#[async_trait]
impl Place for Bucket {
    fn label(&self) -> &Label {
        &self.label
    }

    fn root(&self) -> Root {
        Root {
            server: self.server.clone(),
            base: self.base.clone(),
            inode: None,
        }
    }

    async fn list(&self) -> Result<Vec<Object>, StoreError> {
        self.dialect.list(self).await
    }

    async fn first(&self) -> Result<Option<Object>, StoreError> {
        self.dialect.first(self).await
    }

    async fn head(&self, path: &str) -> Result<Option<Object>, StoreError> {
        match self.objects.head(&self.key(path)?).await {
            Ok(meta) => Ok(Some(Object {
                path: path.to_owned(),
                size: meta.size,
                version: version(&meta),
                obstacle: None,
                mode: None,
            })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.remote(path, &error)),
        }
    }

    fn reader(&self, object: &Object) -> Result<Arc<dyn RangeReader>, StoreError> {
        Ok(Arc::new(ObjectReader::new(self.clone(), object)?))
    }

    fn create(
        &self,
        path: &str,
        size_hint: u64,
        on_begin: Option<OnBegin>,
    ) -> Result<Box<dyn Draft>, StoreError> {
        Ok(Box::new(Upload::new(self, path, size_hint, on_begin)?))
    }

    fn draft_memory_bytes(&self, size_hint: u64) -> u64 {
        upload::memory_bytes(size_hint)
    }

    async fn sha256(&self, path: &str) -> Result<Option<(u64, String)>, StoreError> {
        let found = match self.objects.get(&self.key(path)?).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(self.remote(path, &error)),
        };
        let mut chunks = found.into_stream();
        let mut hasher = Sha256::new();
        let mut size = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| self.remote(path, &error))?;
            hasher.update(&chunk);
            size += chunk.len() as u64;
        }
        Ok(Some((size, hex(&hasher.finalize()))))
    }

    async fn abandon(&self, staged: &Staged) -> Result<(), StoreError> {
        let Some(id) = &staged.upload else {
            return Ok(());
        };
        match self
            .uploads
            .abort_multipart(&self.key(&staged.path)?, id)
            .await
        {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.remote(&staged.path, &error)),
        }
    }

    async fn leftovers(&self) -> Result<Vec<Staged>, StoreError> {
        self.dialect.leftovers(self).await
    }

    async fn delete(&self, path: &str) -> Result<(), StoreError> {
        // What is gone is gone: unlike `object_store`, we may ask again when no answer came.
        for _ in 1..DELETE_TRIES {
            match self.dialect.delete(self, path).await {
                Err(error) if error.kind() == StoreErrorKind::Unreachable => {}
                deleted => return deleted,
            }
        }
        self.dialect.delete(self, path).await
    }

    async fn settle(&self) {
        let aborts = std::mem::take(&mut *self.aborts.lock());
        for abort in aborts {
            if let Err(stopped) = abort.await {
                tracing::warn!("connection {}: a clean-up stopped: {stopped}", self.label);
            }
        }
    }

    async fn try_multipart(&self, path: &str) -> Option<Result<(), StoreError>> {
        Some(self.begin_and_abort(path).await)
    }

    async fn stated(&self) -> Finding {
        self.dialect.stated().await
    }
}
