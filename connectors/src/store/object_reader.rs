//! An object being read, range by range, while it stays what it was.

use std::ops::Range;
use std::sync::OnceLock;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, ObjectMeta, ObjectStoreExt};

use super::error::{StoreError, StoreErrorKind};
use super::object::{Object, RangeReader, Version};
use super::remote::{Bucket, version};

/// Reads an object range by range, each on the condition that it is still the listed version.
#[derive(Debug)]
pub(super) struct ObjectReader {
    bucket: Bucket,
    key: Path,
    object: Object,
    /// The version of the first answer: it may have an ETag where the listing has none.
    seen: OnceLock<Version>,
}

impl ObjectReader {
    pub(super) fn new(bucket: Bucket, object: &Object) -> Result<Self, StoreError> {
        if object.obstacle.is_some() {
            let problem = "lies in cold storage and must be restored first";
            return Err(bucket
                .label
                .error(StoreErrorKind::Invalid, &object.path, problem));
        }
        let key = bucket.key(&object.path)?;
        Ok(Self {
            bucket,
            key,
            object: object.clone(),
            seen: OnceLock::new(),
        })
    }

    fn compare(&self, meta: &ObjectMeta) -> Result<(), StoreError> {
        let now = version(meta);
        let is_listed = meta.size == self.object.size && now.is(&self.object.version);
        if !is_listed || !now.is(self.seen.get_or_init(|| now.clone())) {
            return Err(self.bucket.label.changed(&self.object.path));
        }
        Ok(())
    }

    async fn fetch(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        let fail = |error| self.bucket.remote(&self.object.path, &error);
        let known = self.seen.get().unwrap_or(&self.object.version);
        // A weak tag never matches.
        let etag = known.etag.as_ref().filter(|etag| !etag.starts_with("W/"));
        let options = GetOptions::new()
            .with_range(Some(range.clone()))
            .with_if_match(etag.map(|etag| format!("\"{etag}\"")));
        let found = self
            .bucket
            .objects
            .get_opts(&self.key, options)
            .await
            .map_err(fail)?;
        self.compare(&found.meta)?;
        let bytes = found.bytes().await.map_err(fail)?;
        if bytes.len() as u64 != range.end - range.start {
            return Err(self.bucket.label.changed(&self.object.path));
        }
        Ok(bytes)
    }
}

impl RangeReader for ObjectReader {
    fn size(&self) -> u64 {
        self.object.size
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        if range.start > range.end || range.end > self.object.size {
            let problem = format!("has no bytes {}..{}", range.start, range.end);
            let path = &self.object.path;
            return Err(self
                .bucket
                .label
                .error(StoreErrorKind::Invalid, path, problem));
        }
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        self.bucket.runtime.block_on(self.fetch(range))
    }

    fn verify_unchanged(&self) -> Result<(), StoreError> {
        let head = self.bucket.objects.head(&self.key);
        match self.bucket.runtime.block_on(head) {
            Ok(meta) => self.compare(&meta),
            Err(object_store::Error::NotFound { .. }) => {
                Err(self.bucket.label.changed(&self.object.path))
            }
            Err(error) => Err(self.bucket.remote(&self.object.path, &error)),
        }
    }
}
