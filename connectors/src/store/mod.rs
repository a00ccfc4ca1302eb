//! Places that hold files: a folder, S3, Azure Blob Storage, Google Cloud Storage.
//!
//! ```yaml
//! connection: { type: mounted_share, base_directory: /mnt/crm }
//! ```
//!
//! A [`Store`] lists objects, reads ranges of one version of an object ([`RangeReader`]), and writes
//! outputs that appear whole or not at all ([`Output`]). Listing and committing are `async`; readers
//! and outputs block and belong on blocking threads, where the formats work.
//!
//! | | folder | S3 | Azure | Google |
//! |---|---|---|---|---|
//! | before commit | private temp file beside the target | multipart upload | uncommitted blocks | multipart upload |
//! | commit | rename, fsync of the folder | complete | put block list | complete |
//! | unchanged is | size, time in ns, inode | ETag | ETag | ETag |

#[cfg(any(feature = "aws", feature = "azure", feature = "gcs"))]
mod answer;
#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "azure")]
mod azure;
mod config;
mod error;
mod exposure;
mod file_reader;
#[cfg(feature = "gcs")]
mod gcs;
mod local;
mod object;
#[cfg(any(feature = "aws", feature = "azure", feature = "gcs"))]
mod object_reader;
mod output;
mod path;
mod place;
mod probe;
#[cfg(any(feature = "aws", feature = "azure", feature = "gcs"))]
mod remote;
#[cfg(feature = "aws")]
mod s3;
mod temp_file;
#[cfg(any(feature = "aws", feature = "azure", feature = "gcs"))]
mod upload;

use std::fmt;
use std::sync::Arc;

pub use config::{AzureBlobConfig, ConnectionConfig, GcsConfig, MountedShare, S3Config, Secret};
pub use error::{StoreError, StoreErrorKind};
pub use exposure::{Exposure, exposure};
pub use object::{Object, Obstacle, RangeReader, Staged, Version};
pub use output::{OnBegin, Output, StagedOutput};
pub use probe::{Check, Outcome, probe};

use error::Label;
use local::Folder;
use path::is_temp;
use place::{Manner, Place, blocking};

/// A folder or bucket. Clones share everything.
#[derive(Clone)]
pub struct Store {
    name: Arc<str>,
    config: Arc<ConnectionConfig>,
    place: Arc<dyn Place>,
    on_begin: Option<OnBegin>,
}

impl Store {
    /// Opens the connection `name`. A folder must exist; a remote store is not asked yet, but for
    /// the region of a bucket that was given none.
    ///
    /// # Errors
    /// `Invalid` for a configuration that cannot work, `NotFound` for a folder that is not there.
    pub async fn open(name: &str, config: &ConnectionConfig) -> Result<Self, StoreError> {
        let place = connect(name, config, Manner::default()).await?;
        Ok(Self {
            name: name.into(),
            config: Arc::new(config.clone()),
            place,
            on_begin: None,
        })
    }

    /// The same store, which tells `on_begin` of each output it begins.
    #[must_use]
    pub fn on_begin(&self, on_begin: OnBegin) -> Self {
        Self {
            on_begin: Some(on_begin),
            ..self.clone()
        }
    }

    /// The connection's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is, in one line and without secrets: `s3://bucket/base`, `folder /x`.
    pub fn describe(&self) -> String {
        describe(&self.config)
    }

    /// All objects below the base directory, sorted by path. Left out: temp files of ours, links,
    /// and the empty objects that mark folders.
    ///
    /// # Errors
    /// What the store runs into; `Invalid` for a name that cannot be shown.
    pub async fn list(&self) -> Result<Vec<Object>, StoreError> {
        let mut objects = self.place.list().await?;
        objects.retain(|object| !is_temp(&object.path));
        objects.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(objects)
    }

    /// Asks for some object: whether the store answers, and lists what it holds to us.
    ///
    /// # Errors
    /// What the store runs into.
    pub async fn reach(&self) -> Result<(), StoreError> {
        self.place.first().await.map(drop)
    }

    /// The object at `path` as it is now, `None` where there is none.
    ///
    /// # Errors
    /// What the store runs into.
    pub async fn head(&self, path: &str) -> Result<Option<Object>, StoreError> {
        self.place.head(path).await
    }

    /// A reader of this version of `object`. Opens the file of a folder: call it where blocking is
    /// allowed.
    ///
    /// # Errors
    /// `Changed` when another version is there, `Invalid` for an archived object.
    pub fn reader(&self, object: &Object) -> Result<Arc<dyn RangeReader>, StoreError> {
        self.place.reader(object)
    }

    /// An output that becomes the object at `path`. `size_hint` is about how large it gets, in
    /// bytes; up to 78 GiB any hint will do. Makes the file of a folder: call it where blocking is
    /// allowed.
    ///
    /// # Errors
    /// What the store runs into.
    pub fn create(&self, path: &str, size_hint: u64) -> Result<Output, StoreError> {
        Ok(Output::new(
            path,
            self.place.create(path, size_hint, self.on_begin.clone())?,
        ))
    }

    /// The most memory one output of about `size_hint` bytes holds.
    pub fn output_memory_bytes(&self, size_hint: u64) -> u64 {
        self.place.draft_memory_bytes(size_hint)
    }

    /// Size and SHA-256 (lower-case hex) of the object at `path`, `None` where there is none.
    ///
    /// # Errors
    /// What the store runs into.
    pub async fn sha256(&self, path: &str) -> Result<Option<(u64, String)>, StoreError> {
        self.place.sha256(path).await
    }

    /// Removes what an output left that was neither committed nor dropped, as after a crash. Fine
    /// if it is gone already.
    ///
    /// # Errors
    /// What the store runs into.
    pub async fn abandon(&self, staged: &Staged) -> Result<(), StoreError> {
        self.place.abandon(staged).await
    }

    /// Temp files and uploads of anyone that lie below the base directory, as [`Store::abandon`]
    /// takes them. Runs that still work own some of them. Azure, Google and some
    /// servers that speak S3 do not tell.
    ///
    /// # Errors
    /// What the store runs into.
    pub async fn leftovers(&self) -> Result<Vec<Staged>, StoreError> {
        self.place.leftovers().await
    }

    /// Removes the object at `path`, if there is one.
    ///
    /// # Errors
    /// What the store runs into.
    pub async fn delete(&self, path: &str) -> Result<(), StoreError> {
        self.place.delete(path).await
    }

    /// Waits until everything is cleaned up that dropped outputs left. Call it before the runtime
    /// ends.
    pub async fn settle(&self) {
        self.place.settle().await;
    }

    /// Bytes that may still be written; `None` where nobody can tell us, as of buckets.
    pub fn free_room(&self) -> Option<u64> {
        match self.config.as_ref() {
            ConnectionConfig::MountedShare(share) => crate::free_room(&share.base_directory).ok(),
            _ => None,
        }
    }

    /// Whether an object of a path here is the object of that path there.
    pub fn same_place(&self, other: &Self) -> bool {
        self.place.root().is(&other.place.root())
    }

    /// Whether one of them lies inside the other, so that an output of one may be an object of the
    /// other under another path. False for the same place.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (a, b) = (self.place.root(), other.place.root());
        !a.is(&b) && (a.is_in(&b) || b.is_in(&a))
    }

    /// The same place by a client made in another manner.
    async fn reopen(&self, manner: Manner) -> Result<Self, StoreError> {
        let place = connect(&self.name, &self.config, manner).await?;
        Ok(Self {
            place,
            ..self.clone()
        })
    }

    fn config(&self) -> &ConnectionConfig {
        &self.config
    }

    fn place(&self) -> &dyn Place {
        &*self.place
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(self.place.label()).finish()
    }
}

#[cfg_attr(
    not(any(feature = "aws", feature = "azure", feature = "gcs")),
    allow(unused_variables, reason = "folders are opened in one manner")
)]
async fn connect(
    name: &str,
    config: &ConnectionConfig,
    manner: Manner,
) -> Result<Arc<dyn Place>, StoreError> {
    let label = Label::new(name, &describe(config));
    Ok(match config {
        ConnectionConfig::MountedShare(config) => {
            let (config, label) = (config.clone(), label);
            let open = label.clone();
            Arc::new(blocking(&label, move || Folder::open(open, &config)).await?)
        }
        #[cfg(feature = "aws")]
        ConnectionConfig::S3(config) => {
            Arc::new(Box::pin(s3::connect(config, label, manner)).await?)
        }
        #[cfg(feature = "azure")]
        ConnectionConfig::AzureBlob(config) => Arc::new(azure::connect(config, label, manner)?),
        #[cfg(feature = "gcs")]
        ConnectionConfig::Gcs(config) => Arc::new(gcs::connect(config, label, manner)?),
        #[allow(unreachable_patterns, reason = "reached where a feature is off")]
        _ => {
            let problem = "this build of visard leaves out this kind of connection";
            return Err(label.error(StoreErrorKind::Invalid, "", problem));
        }
    })
}

fn describe(config: &ConnectionConfig) -> String {
    match config {
        ConnectionConfig::MountedShare(config) => Folder::describe(config),
        #[cfg(feature = "aws")]
        ConnectionConfig::S3(config) => s3::describe(config),
        #[cfg(feature = "azure")]
        ConnectionConfig::AzureBlob(config) => azure::describe(config),
        #[cfg(feature = "gcs")]
        ConnectionConfig::Gcs(config) => gcs::describe(config),
        #[allow(unreachable_patterns, reason = "reached where a feature is off")]
        _ => "a place this build of visard leaves out".to_owned(),
    }
}

#[cfg(test)]
mod tests;
