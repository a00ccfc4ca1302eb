//! Folders that shares may lie in: those the server was started with, symbolic links resolved.

use std::path::{Component, Path, PathBuf};

/// The folder that `base` means: an absolute path, or one below the first of `roots` that has it.
///
/// # Errors
/// When it lies in none of them, in words that do not tell what is elsewhere.
pub(crate) fn folder(base: &str, roots: &[PathBuf]) -> Result<PathBuf, String> {
    if roots.is_empty() {
        return Err(
            "This server was started without `--root`: no folder may be used as a share."
                .to_owned(),
        );
    }
    let outside = || "This folder lies in none of those that shares may lie in.".to_owned();
    let written = Path::new(base);
    let plain = |part| {
        matches!(
            part,
            Component::RootDir | Component::Normal(_) | Component::CurDir
        )
    };
    if base.contains('\0') || !written.components().all(plain) {
        return Err(outside());
    }
    let roots = roots.iter().filter_map(|root| root.canonicalize().ok());
    let mut found: Vec<PathBuf> = roots
        .filter_map(|root| {
            Some(resolved(&root.join(written))?).filter(|path| path.starts_with(&root))
        })
        .collect();
    // A folder that is there goes before one that is still to be made.
    found.sort_by_key(|path| !path.is_dir());
    found.into_iter().next().ok_or_else(outside)
}

/// `path` with all symbolic links of what is there of it resolved.
fn resolved(path: &Path) -> Option<PathBuf> {
    let mut missing = Vec::new();
    for above in path.ancestors() {
        // A link that leads nowhere yet may lead anywhere later.
        if let Ok(there) = above.canonicalize() {
            missing.reverse();
            return Some(missing.iter().fold(there, |path, part| path.join(part)));
        }
        if above.is_symlink() {
            return None;
        }
        missing.push(above.file_name()?);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_stay_in_their_roots() {
        let place = tempfile::tempdir().unwrap();
        let place = place.path().canonicalize().unwrap();
        let (root, other) = (place.join("mounts"), place.join("other"));
        std::fs::create_dir_all(root.join("crm")).unwrap();
        std::fs::create_dir(&other).unwrap();
        for (link, target) in [("in", "crm"), ("out", "../other"), ("nowhere", "../none")] {
            std::os::unix::fs::symlink(target, root.join(link)).unwrap();
        }
        let absolute = |path: &str| root.join(path).to_string_lossy().into_owned();
        for (base, expected) in [
            ("", Some("")),
            ("crm", Some("crm")),
            ("crm/new", Some("crm/new")),
            ("in", Some("crm")),
            (&absolute("crm"), Some("crm")),
            ("out", None),
            ("out/new", None),
            ("nowhere", None),
            ("nowhere/new", None),
            ("../other", None),
            ("crm/../../other", None),
            ("/etc", None),
            (&other.to_string_lossy(), None),
        ] {
            let found = folder(base, std::slice::from_ref(&root)).ok();
            assert_eq!(
                found,
                expected.map(|path| match path {
                    "" => root.clone(),
                    path => root.join(path),
                }),
                "{base}"
            );
        }
        assert!(folder("crm", &[]).is_err());
    }
}
