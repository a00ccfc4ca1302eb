//! What a store holds, and how ranges of it are read.

use std::fmt::{self, Debug, Display};
use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::error::StoreError;

/// A file or object of a store, as it was when it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name below the base directory, segments separated by `/`, nothing encoded.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Which version of it this is.
    pub version: Version,
    /// Why it cannot be read as it is; only listings know it.
    pub obstacle: Option<Obstacle>,
    /// Who may do what with the file of a folder, as `chmod` counts it; unknown elsewhere.
    pub mode: Option<u32>,
}

/// Why a thing that has a name in a store is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It lies in cold storage and must be restored first.
    Archived,
    /// It is a symbolic link in a folder: where it leads is not looked at.
    Link,
    /// It is a pipe, a socket or a device in a folder.
    Special,
}

impl Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Archived => "lies in an archive (S3 Glacier)",
            Self::Link => "is a symbolic link, and links are not followed",
            Self::Special => "is a pipe, a socket or a device",
        })
    }
}

/// Tells versions of one object apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version {
    /// The server's mark of the content, without quotes; for a local file, size and time in
    /// nanoseconds. `None` where the server gives none.
    pub etag: Option<String>,
    /// When it was last written, in milliseconds since 1970; remote stores know whole seconds.
    pub modified_ms: i64,
}

impl Version {
    /// Whether both are the same content as far as can be told.
    pub fn is(&self, other: &Self) -> bool {
        match (&self.etag, &other.etag) {
            (Some(a), Some(b)) => a == b,
            _ => self.modified_ms == other.modified_ms,
        }
    }
}

/// Reads byte ranges of one version of one object. Blocking: call it from blocking threads only.
pub trait RangeReader: Debug + Send + Sync {
    /// Size of the object in bytes.
    fn size(&self) -> u64;

    /// The bytes of `range`, all of them.
    ///
    /// # Errors
    /// `Changed` when the object is no longer the version that was listed, `Invalid` when the range
    /// ends behind it, and what the store runs into.
    fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError>;

    /// Looks once more whether the object is still the version that was listed.
    ///
    /// # Errors
    /// `Changed` when it is not.
    fn verify_unchanged(&self) -> Result<(), StoreError>;
}

/// An output that is written whole but not visible yet, as a journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// Where the object will appear, below the base directory.
    pub path: String,
    /// Bytes written; 0 while it is not complete.
    pub bytes: u64,
    /// SHA-256 of them in lower-case hex; empty while it is not complete.
    pub sha256: String,
    /// What lies at the destination until commit: the name of a temp file in the folder of `path`,
    /// or the id of a multipart upload. `None` where nothing does that could be removed.
    pub upload: Option<String>,
}

impl Staged {
    /// An output that was begun and is not complete.
    pub(super) fn begun(path: &str, upload: &str) -> Self {
        Self {
            path: path.to_owned(),
            bytes: 0,
            sha256: String::new(),
            upload: Some(upload.to_owned()),
        }
    }
}
