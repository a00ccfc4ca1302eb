//! Files and folders that nobody but the server reads.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::app::App;
use crate::error::ApiError;

/// Where temporary folders lie.
pub(crate) fn temp_folders(app: &App) -> PathBuf {
    app.data().join("tmp")
}

/// A folder of its own, which is gone once it is dropped.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn temp_folder(app: &App) -> Result<TempDir, ApiError> {
    let all = temp_folders(app);
    make(&all)?;
    let made = tempfile::Builder::new().prefix("visard-").tempdir_in(all);
    made.map_err(|error| ApiError::internal(&format!("a temporary folder cannot be made: {error}")))
}

/// Makes a folder and those above it, unless they are there.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn make(folder: &Path) -> Result<(), ApiError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| {
        ApiError::internal(&format!(
            "the folder `{}` cannot be made: {error}",
            folder.display()
        ))
    })
}

/// Writes a file, over one of its name.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), ApiError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    file.and_then(|mut file| file.write_all(bytes))
        .map_err(|error| {
            ApiError::internal(&format!(
                "the file `{}` cannot be written: {error}",
                path.display()
            ))
        })
}
