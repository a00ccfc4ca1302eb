//! An object on its way to a remote store: parts of one size, few in flight, memory bounded.
//!
//! An object smaller than one part is kept in memory and put whole at commit.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use tokio::task::JoinHandle;

use super::error::{StoreError, StoreErrorKind};
use super::object::Staged;
use super::output::OnBegin;
use super::place::Draft;
use super::remote::Bucket;

/// Smallest part: all stores take it, and 10 000 of them make 78 GiB.
const SMALLEST_PART: u64 = 8 << 20;
/// S3 and Google take 10 000 parts. A tenth stays free for an output larger than was thought.
const EXPECTED_PARTS: u64 = 9_000;
const MOST_PARTS: usize = 10_000;
/// Parts under way beside the one being filled.
const IN_FLIGHT: usize = 2;

/// Size of the parts of an object of about `size_hint` bytes.
pub(super) fn part_size(size_hint: u64) -> u64 {
    size_hint.div_ceil(EXPECTED_PARTS).max(SMALLEST_PART)
}

/// The most memory that an upload of about `size_hint` bytes holds.
pub(super) fn memory_bytes(size_hint: u64) -> u64 {
    part_size(size_hint) * (1 + IN_FLIGHT as u64)
}

/// An upload. Dropped without [`Upload::commit`], it is aborted.
pub(super) struct Upload {
    bucket: Bucket,
    path: String,
    key: Path,
    part_size: usize,
    buffer: Vec<u8>,
    begun: Option<String>,
    sending: VecDeque<JoinHandle<object_store::Result<PartId>>>,
    sent: Vec<PartId>,
    on_begin: Option<OnBegin>,
}

impl Upload {
    pub(super) fn new(
        bucket: &Bucket,
        path: &str,
        size_hint: u64,
        on_begin: Option<OnBegin>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            key: bucket.key(path)?,
            bucket: bucket.clone(),
            path: path.to_owned(),
            part_size: usize::try_from(part_size(size_hint)).unwrap_or(usize::MAX),
            buffer: Vec::new(),
            begun: None,
            sending: VecDeque::new(),
            sent: Vec::new(),
            on_begin,
        })
    }

    fn send_part(&mut self) -> Result<(), StoreError> {
        let id = match &self.begun {
            Some(id) => id.clone(),
            None => self.begin()?,
        };
        let index = self.sent.len() + self.sending.len();
        if index == MOST_PARTS {
            let problem = format!("grew over {MOST_PARTS} parts of {} bytes", self.part_size);
            return Err(self
                .bucket
                .label
                .error(StoreErrorKind::Full, &self.path, problem));
        }
        if self.sending.len() == IN_FLIGHT {
            let oldest = self.sending.pop_front().expect("IN_FLIGHT is not 0");
            self.wait_for(oldest)?;
        }
        let part = std::mem::replace(&mut self.buffer, Vec::with_capacity(self.part_size));
        let part = PutPayload::from(Bytes::from(part));
        let (uploads, key) = (Arc::clone(&self.bucket.uploads), self.key.clone());
        self.sending.push_back(
            self.bucket
                .runtime
                .spawn(async move { uploads.put_part(&key, &id, index, part).await }),
        );
        Ok(())
    }

    fn begin(&mut self) -> Result<String, StoreError> {
        let begin = self.bucket.uploads.create_multipart(&self.key);
        let id = self.bucket.runtime.block_on(begin);
        let id = id.map_err(|error| self.bucket.remote(&self.path, &error))?;
        self.begun = Some(id.clone());
        if let (Some(tell), Some(id)) = (&self.on_begin, self.upload()) {
            tell(&Staged::begun(&self.path, &id));
        }
        Ok(id)
    }

    fn wait_for(
        &mut self,
        part: JoinHandle<object_store::Result<PartId>>,
    ) -> Result<(), StoreError> {
        let part = match self.bucket.runtime.block_on(part) {
            Ok(sent) => sent.map_err(|error| self.bucket.remote(&self.path, &error))?,
            Err(stopped) => {
                let problem = format!("the upload stopped: {stopped}");
                return Err(self
                    .bucket
                    .label
                    .error(StoreErrorKind::Other, &self.path, problem));
            }
        };
        self.sent.push(part);
        Ok(())
    }
}

#[async_trait]
impl Draft for Upload {
    fn upload(&self) -> Option<String> {
        self.begun
            .clone()
            .filter(|_| self.bucket.dialect.has_upload_ids())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == self.part_size {
            self.send_part()?;
        }
        let taken = bytes.len().min(self.part_size - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Sends what is left, if parts were sent before, and waits for all of them.
    fn finish(&mut self) -> Result<(), StoreError> {
        if self.begun.is_some() && !self.buffer.is_empty() {
            self.send_part()?;
        }
        while let Some(part) = self.sending.pop_front() {
            self.wait_for(part)?;
        }
        self.buffer.shrink_to_fit();
        Ok(())
    }

    /// Makes the object visible. A store may lose its answer: an error counts only if the object is
    /// not there afterwards.
    async fn commit(mut self: Box<Self>, staged: &Staged) -> Result<(), StoreError> {
        let done = match &self.begun {
            Some(id) => {
                let parts = self.sent.clone();
                self.bucket
                    .uploads
                    .complete_multipart(&self.key, id, parts)
                    .await
            }
            None => {
                let whole = PutPayload::from(std::mem::take(&mut self.buffer));
                self.bucket.objects.put(&self.key, whole).await
            }
        };
        if let Err(error) = done
            && !matches!(self.bucket.holds(staged).await, Ok(true))
        {
            return Err(self.bucket.remote(&self.path, &error));
        }
        self.begun = None;
        Ok(())
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("path", &self.path)
            .field("parts", &(self.sent.len() + self.sending.len()))
            .finish_non_exhaustive()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(id) = self.begun.take() else { return };
        let sending = std::mem::take(&mut self.sending);
        let (bucket, key, path) = (self.bucket.clone(), self.key.clone(), self.path.clone());
        let abort = self.bucket.runtime.spawn(async move {
            // A part that arrives after the abort would stay: wait for those under way.
            for part in sending {
                _ = part.await;
            }
            match bucket.uploads.abort_multipart(&key, &id).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => {
                    let error = bucket.remote(&path, &error);
                    tracing::warn!("an unfinished upload is left behind: {error}");
                }
            }
        });
        let mut aborts = self.bucket.aborts.lock();
        aborts.retain(|abort| !abort.is_finished());
        aborts.push(abort);
    }
}
