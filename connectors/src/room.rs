//! Room on file systems of this machine.

use std::io;
use std::path::Path;

/// Bytes that we may still write on the file system of `path`, or of the nearest folder above it that is there.
///
/// # Errors
/// When none of them can be asked.
pub fn free_room(path: &Path) -> io::Result<u64> {
    let there = path.ancestors().find(|path| path.exists());
    let found = rustix::fs::statvfs(there.unwrap_or(path))?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_are_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        let free = free_room(folder.path()).unwrap();
        assert!(free > 0);
        // Others write meanwhile.
        let below = free_room(&folder.path().join("not/there")).unwrap();
        assert!(below.abs_diff(free) < free / 2);
    }
}
