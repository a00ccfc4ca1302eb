//! What can go wrong with a store: where, what, and the kind that decides the next step.

use std::fmt;
use std::io;
use std::sync::Arc;

use datafusion::common::DataFusionError;
/// The next step after a [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// The folder, bucket or object is not there: correct the name.
    NotFound,
    /// The credentials are missing, wrong or too weak: grant access.
    Denied,
    /// The object is no longer the one that was listed: start its unit again.
    Changed,
    /// The server did not answer, or answered that it could not: retry later.
    Unreachable,
    /// No room left: make some.
    Full,
    /// Something else is in the way of the object: move it.
    Conflict,
    /// The configuration, the name or the state of the object does not allow it: fix that.
    Invalid,
    /// None of these: read the message.
    Other,
}

/// Why a store did not do what it was asked. Names the store and the object, never a credential.
#[derive(Debug, Clone, thiserror::Error)]
#[error("connection {label}{}: {problem}", object(.path))]
pub struct StoreError {
    kind: StoreErrorKind,
    label: Label,
    path: Option<String>,
    problem: String,
}

impl StoreError {
    /// What the caller can do about it.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The object it is about, below the base directory.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

fn object(path: &Option<String>) -> String {
    path.as_ref()
        .map(|path| format!(", object `{path}`"))
        .unwrap_or_default()
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        let kind = match error.kind {
            StoreErrorKind::NotFound => io::ErrorKind::NotFound,
            StoreErrorKind::Denied => io::ErrorKind::PermissionDenied,
            StoreErrorKind::Full => io::ErrorKind::StorageFull,
            StoreErrorKind::Invalid => io::ErrorKind::InvalidInput,
            StoreErrorKind::Changed
            | StoreErrorKind::Unreachable
            | StoreErrorKind::Conflict
            | StoreErrorKind::Other => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl From<StoreError> for DataFusionError {
    fn from(error: StoreError) -> Self {
        Self::External(Box::new(error))
    }
}

/// Name and place of a connection, as errors show them: `` `crm` (s3://bucket/base) ``.
#[derive(Clone)]
pub(super) struct Label(Arc<str>);

impl Label {
    pub(super) fn new(name: &str, place: &str) -> Self {
        Self(format!("`{name}` ({place})").into())
    }

    /// An error about `path`, or about the whole store where `path` is empty.
    pub(super) fn error(
        &self,
        kind: StoreErrorKind,
        path: &str,
        problem: impl Into<String>,
    ) -> StoreError {
        StoreError {
            kind,
            label: self.clone(),
            path: Some(path.to_owned()).filter(|path| !path.is_empty()),
            problem: problem.into(),
        }
    }

    pub(super) fn changed(&self, path: &str) -> StoreError {
        self.error(StoreErrorKind::Changed, path, "changed since it was listed")
    }

    /// An error of the operating system, or one of ours that passed through [`io::Write`].
    pub(super) fn io(&self, path: &str, error: io::Error) -> StoreError {
        match error.downcast::<StoreError>() {
            Ok(ours) => ours,
            Err(error) => self.error(io_kind(error.kind()), path, error.to_string()),
        }
    }

    /// An error of a remote store, without URLs: they may hold signatures.
    #[cfg(any(feature = "aws", feature = "azure", feature = "gcs"))]
    pub(super) fn remote(&self, path: &str, error: &object_store::Error) -> StoreError {
        let (kind, problem) = super::answer::explain(error);
        self.error(kind, path, problem)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn io_kind(kind: io::ErrorKind) -> StoreErrorKind {
    match kind {
        io::ErrorKind::NotFound => StoreErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            StoreErrorKind::Denied
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreErrorKind::Full
        }
        io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::AlreadyExists
        | io::ErrorKind::DirectoryNotEmpty => StoreErrorKind::Conflict,
        io::ErrorKind::TimedOut
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::StaleNetworkFileHandle => StoreErrorKind::Unreachable,
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename => StoreErrorKind::Invalid,
        _ => StoreErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_survives_io() {
        let label = Label::new("crm", "folder /x");
        let error = label.error(StoreErrorKind::Full, "a", "no room");
        let back = label.io("b", io::Error::from(error));
        assert_eq!(
            (back.kind(), back.path()),
            (StoreErrorKind::Full, Some("a"))
        );
    }
}
