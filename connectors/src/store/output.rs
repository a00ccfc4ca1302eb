//! One output object being written: nothing is visible before commit, nothing is left without it.

use std::io::{self, Write};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::error::StoreError;
use super::object::{Object, Staged};
use super::path::hex;
use super::place::Draft;

/// Is told of each temp file and upload as it begins, before a byte of it is written, so that a
/// journal can have it abandoned after a crash.
pub type OnBegin = Arc<dyn Fn(&Staged) + Send + Sync>;

/// An output object. Blocking: write from blocking threads only. Dropped without commit, it leaves
/// nothing behind; a remote store needs the runtime for that, see [`super::Store::settle`].
#[derive(Debug)]
pub struct Output {
    path: String,
    bytes: u64,
    hasher: Sha256,
    draft: Box<dyn Draft>,
}

impl Output {
    pub(super) fn new(path: &str, draft: Box<dyn Draft>) -> Self {
        Self {
            path: path.to_owned(),
            bytes: 0,
            hasher: Sha256::new(),
            draft,
        }
    }

    /// The same output, which nobody but its owner may read who may not read `source`: where both lie in
    /// folders, for what else there is has no such rights.
    #[must_use]
    pub fn no_wider_than(mut self, source: &Object) -> Self {
        if let Some(mode) = source.mode {
            self.draft.narrow(mode);
        }
        self
    }

    /// Completes the output but for making it visible: everything is with the store, and survives a
    /// power failure there.
    ///
    /// # Errors
    /// What the store runs into; the output is given up then.
    pub fn stage(mut self) -> Result<StagedOutput, StoreError> {
        self.draft.finish()?;
        let staged = Staged {
            path: self.path,
            bytes: self.bytes,
            sha256: hex(&self.hasher.finalize()),
            upload: self.draft.upload(),
        };
        Ok(StagedOutput {
            staged,
            draft: self.draft,
        })
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.draft.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    /// Does nothing: [`Output::stage`] is what makes bytes safe.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A complete output that is not visible yet.
#[derive(Debug)]
pub struct StagedOutput {
    staged: Staged,
    draft: Box<dyn Draft>,
}

impl StagedOutput {
    /// What a journal keeps of it.
    pub fn staged(&self) -> &Staged {
        &self.staged
    }

    /// Makes the object visible, whole, in place of what was there.
    ///
    /// # Errors
    /// What the store runs into; then the object that was there still is.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.draft.commit(&self.staged).await
    }
}
