//! A file being read, range by range, while it stays what it was.

use std::fs::{self, File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use bytes::Bytes;

use super::error::{Label, StoreError, StoreErrorKind};
use super::object::{Object, RangeReader, Version};

/// A regular file as an object.
pub(super) fn object(path: String, found: &Metadata) -> Object {
    let nanoseconds = i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
    let etag = format!("{nanoseconds:x}-{:x}", found.len());
    let modified_ms = found.mtime() * 1000 + found.mtime_nsec() / 1_000_000;
    let version = Version {
        etag: Some(etag),
        modified_ms,
    };
    Object {
        path,
        size: found.len(),
        version,
        obstacle: None,
        mode: Some(found.mode() & 0o777),
    }
}

/// An open file. Reads are positional, so threads share it.
#[derive(Debug)]
pub(super) struct FileReader {
    file: File,
    place: PathBuf,
    inode: (u64, u64),
    object: Object,
    label: Label,
}

impl FileReader {
    /// Opens the file at `place`, if it still is the listed object.
    pub(super) fn open(place: PathBuf, listed: &Object, label: &Label) -> Result<Self, StoreError> {
        let fail = |error| label.io(&listed.path, error);
        let file = File::open(&place).map_err(fail)?;
        let found = file.metadata().map_err(fail)?;
        let now = object(listed.path.clone(), &found);
        if now.size != listed.size || !now.version.is(&listed.version) {
            return Err(label.changed(&listed.path));
        }
        let inode = (found.dev(), found.ino());
        Ok(Self {
            file,
            place,
            inode,
            object: now,
            label: label.clone(),
        })
    }

    fn io(&self, error: io::Error) -> StoreError {
        match error.kind() {
            // The file got shorter, or another one lies at its path.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound => {
                self.label.changed(&self.object.path)
            }
            _ => self.label.io(&self.object.path, error),
        }
    }

    fn compare(&self, found: &Metadata) -> Result<(), StoreError> {
        let now = object(String::new(), found);
        if (found.dev(), found.ino()) != self.inode || now.version != self.object.version {
            return Err(self.label.changed(&self.object.path));
        }
        Ok(())
    }
}

impl RangeReader for FileReader {
    fn size(&self) -> u64 {
        self.object.size
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        if range.start > range.end || range.end > self.object.size {
            let problem = format!("has no bytes {}..{}", range.start, range.end);
            return Err(self
                .label
                .error(StoreErrorKind::Invalid, &self.object.path, problem));
        }
        let mut buffer = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
        self.file
            .read_exact_at(&mut buffer, range.start)
            .map_err(|error| self.io(error))?;
        self.compare(&self.file.metadata().map_err(|error| self.io(error))?)?;
        Ok(buffer.into())
    }

    fn verify_unchanged(&self) -> Result<(), StoreError> {
        self.compare(&self.file.metadata().map_err(|error| self.io(error))?)?;
        self.compare(&fs::symlink_metadata(&self.place).map_err(|error| self.io(error))?)
    }
}
