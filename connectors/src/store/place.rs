//! What a kind of place must be able to do. [`super::Store`] is the same for all of them.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;

use super::error::{Label, StoreError, StoreErrorKind};
use super::exposure::Finding;
use super::object::{Object, RangeReader, Staged};
use super::output::OnBegin;

/// A folder or bucket.
#[async_trait]
pub(super) trait Place: Debug + Send + Sync {
    fn label(&self) -> &Label;

    /// Where it is, to be compared.
    fn root(&self) -> Root;

    /// All objects but markers of folders, in any order, temp files of ours included.
    async fn list(&self) -> Result<Vec<Object>, StoreError>;

    /// Some object that has a byte to read.
    async fn first(&self) -> Result<Option<Object>, StoreError>;

    async fn head(&self, path: &str) -> Result<Option<Object>, StoreError>;

    fn reader(&self, object: &Object) -> Result<Arc<dyn RangeReader>, StoreError>;

    fn create(
        &self,
        path: &str,
        size_hint: u64,
        on_begin: Option<OnBegin>,
    ) -> Result<Box<dyn Draft>, StoreError>;

    /// The most memory a draft of about `size_hint` bytes holds.
    fn draft_memory_bytes(&self, size_hint: u64) -> u64;

    async fn sha256(&self, path: &str) -> Result<Option<(u64, String)>, StoreError>;

    async fn abandon(&self, staged: &Staged) -> Result<(), StoreError>;

    async fn leftovers(&self) -> Result<Vec<Staged>, StoreError>;

    async fn delete(&self, path: &str) -> Result<(), StoreError>;

    /// Waits for what dropped drafts clean up.
    async fn settle(&self);

    /// Tries an upload in parts that leaves nothing; `None` where there is no such thing.
    async fn try_multipart(&self, path: &str) -> Option<Result<(), StoreError>>;

    /// What the provider says about who can read it.
    async fn stated(&self) -> Finding;
}

/// An output that is not visible. Dropped without commit, it leaves nothing.
#[async_trait]
pub(super) trait Draft: Debug + Send + Sync {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Brings everything to safety that was written.
    fn finish(&mut self) -> Result<(), StoreError>;

    /// See [`Staged::upload`].
    fn upload(&self) -> Option<String>;

    /// Others than the owner get no right to what is written that `mode`, the source's, does not give them.
    fn narrow(&mut self, _mode: u32) {}

    async fn commit(self: Box<Self>, staged: &Staged) -> Result<(), StoreError>;
}

/// Where a place is.
#[derive(Debug)]
pub(super) struct Root {
    /// The server and the bucket's name; empty for this machine.
    pub(super) server: String,
    /// Folder or prefix without a slash at its end.
    pub(super) base: String,
    /// Tells folders apart that have two names.
    pub(super) inode: Option<(u64, u64)>,
}

impl Root {
    pub(super) fn is(&self, other: &Self) -> bool {
        let same_folder = self.inode.is_some() && self.inode == other.inode;
        self.server == other.server && (self.base == other.base || same_folder)
    }

    /// Whether it lies in `other`, or is it.
    pub(super) fn is_in(&self, other: &Self) -> bool {
        let below = self.base.strip_prefix(&other.base);
        let below = below
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || other.base.is_empty());
        self.is(other) || (self.server == other.server && below)
    }
}

/// How the client of a remote place is made.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(
    not(any(feature = "aws", feature = "azure", feature = "gcs")),
    allow(dead_code, reason = "no client is made")
)]
pub(super) struct Manner {
    /// Send no credentials.
    pub(super) anonymous: bool,
    /// Give up after a few tries, for checks a person waits for.
    pub(super) hasty: bool,
}

/// Runs `work` where blocking is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    label: &Label,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|stopped| Err(label.error(StoreErrorKind::Other, "", stopped.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots() {
        let root = |server: &str, base: &str, inode| Root {
            server: server.into(),
            base: base.into(),
            inode,
        };
        for (a, b, is, is_in) in [
            (root("", "/a", None), root("", "/a", None), true, true),
            (
                root("", "/a", Some((1, 2))),
                root("", "/b", Some((1, 2))),
                true,
                true,
            ),
            (
                root("", "/a/b", Some((1, 2))),
                root("", "/a", Some((1, 3))),
                false,
                true,
            ),
            (root("", "/ab", None), root("", "/a", None), false, false),
            (root("", "/a", None), root("", "/a/b", None), false, false),
            (root("s", "x", None), root("s", "", None), false, true),
            (root("s", "x", None), root("t", "", None), false, false),
            (root("s", "x", None), root("s", "x", None), true, true),
        ] {
            assert_eq!((a.is(&b), a.is_in(&b)), (is, is_in), "{a:?} {b:?}");
        }
    }
}
