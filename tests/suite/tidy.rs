//! House rules that a compiler does not check.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(room)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn rooms_import_in_one_direction() {
    for (room, barred) in [
        (
            "udfs/src",
            &["visard_connectors", "visard_engine", "visard::"][..],
        ),
        (
            "connectors/src",
            &["visard_udfs", "visard_engine", "visard::"],
        ),
        ("engine/src", &["visard_connectors", "visard::"]),
        ("pipelines/src", &["visard_udfs"]),
    ] {
        for (path, text) in sources(room) {
            for name in barred {
                assert!(!text.contains(name), "{} imports {name}", path.display());
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    for room in [
        "udfs/src",
        "connectors/src",
        "engine/src",
        "pipelines/src",
        "tests/suite",
    ] {
        for (path, text) in sources(room) {
            assert!(text.starts_with("//! "), "{} has no header", path.display());
        }
    }
}

#[test]
fn masks_touch_no_outside_world() {
    for (path, text) in sources("udfs/src") {
        let text = text.split("#[cfg(test)]").next().unwrap();
        for name in [
            "std::fs",
            "std::net",
            "std::env",
            "std::time",
            "std::process",
        ] {
            assert!(!text.contains(name), "{} uses {name}", path.display());
        }
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let reasons = std::fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let listed = manifest.split("[workspace.dependencies]").nth(1).unwrap();
    let listed = listed.split("\n[").next().unwrap();
    for line in listed.lines().filter(|line| line.contains('=')) {
        let name = line.split([' ', '=']).next().unwrap();
        if !name.starts_with("visard") && !name.is_empty() {
            assert!(
                reasons.contains(&format!("`{name}`")),
                "docs/dependencies.md says nothing of {name}"
            );
        }
    }
}

#[test]
fn seeds_stay_small() {
    let folder = root().join("udfs/seeds");
    let size: u64 = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().metadata().unwrap().len())
        .sum();
    assert!(size < 3 << 20, "{size} bytes of seed files");
}
