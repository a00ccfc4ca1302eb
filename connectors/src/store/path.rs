//! Names of objects: what a path may look like, and which names are ours.

use std::hash::{BuildHasher, Hasher, RandomState};

const TEMP_PREFIX: &str = ".visard-";
const TEMP_SUFFIX: &str = ".tmp";

/// Why `path` cannot name a file below a base directory; `None` if it can.
pub(super) fn problem_of_path(path: &str) -> Option<&'static str> {
    let bad = |segment: &str| match segment {
        "" => Some("the path has an empty segment"),
        "." | ".." => Some("the path has a segment `.` or `..`"),
        _ if segment.contains('\0') => Some("the path has a zero byte"),
        _ => None,
    };
    path.split('/').find_map(bad)
}

/// `base` and `path` joined by one slash; `base` may be empty.
pub(super) fn join(base: &str, path: &str) -> String {
    if base.is_empty() {
        path.to_owned()
    } else {
        format!("{base}/{path}")
    }
}

/// The folder a path lies in, empty at the top, and its last segment.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Whether the last segment is a name of [`temp_name`]'s.
pub(super) fn is_temp(path: &str) -> bool {
    let (_, name) = split(path);
    name.len() > TEMP_PREFIX.len() + TEMP_SUFFIX.len()
        && name.starts_with(TEMP_PREFIX)
        && name.ends_with(TEMP_SUFFIX)
}

/// A file name nobody else uses, left out of listings.
pub(super) fn temp_name() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!(
        "{TEMP_PREFIX}{:016x}{:016x}{TEMP_SUFFIX}",
        random(),
        random()
    )
}

/// Lower-case hex of `bytes`.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (path, fine) in [
            ("a.csv", true),
            ("a b/ü/日本.csv", true),
            ("a/..b/.c", true),
            ("", false),
            ("/a", false),
            ("a//b", false),
            ("a/", false),
            ("../a", false),
            ("a/./b", false),
            ("a/..", false),
            ("a\0b", false),
        ] {
            assert_eq!(problem_of_path(path).is_none(), fine, "{path:?}");
        }
    }

    #[test]
    fn temp_names() {
        let name = temp_name();
        for (path, ours) in [
            (name.as_str(), true),
            (&format!("a/{name}"), true),
            (".visard-.tmp", false),
            ("a.tmp", false),
            (".visard-1.tmp/a", false),
        ] {
            assert_eq!(is_temp(path), ours, "{path}");
        }
        assert_ne!(name, temp_name());
    }
}
