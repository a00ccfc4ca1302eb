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

/// The bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap();
    let sizes = entries.map(|entry| {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => size(&entry.path()),
            false => entry.metadata().unwrap().len(),
        }
    });
    sizes.sum()
}

#[test]
fn seeds_stay_small() {
    let size = size(&root().join("udfs/seeds"));
    assert!(size < 3_000_000, "{size} bytes of seed files");
}

/// Every test vector and seed file is in the notices, or is ours by the page beside it.
#[test]
fn every_file_of_others_is_in_the_notices() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let notices = read("NOTICE.md");
    for (folder, page) in [
        ("udfs/vectors", "udfs/vectors/README.md"),
        ("udfs/seeds", "udfs/seeds/README.md"),
    ] {
        let page = read(page);
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if !name.contains('.') || name == "README.md" {
                continue;
            }
            let line = page.lines().find(|line| line.contains(&name));
            // Names of one country's files stand in one line.
            let named = line.is_some() || name.starts_with("DataMasque_");
            assert!(named, "{folder}: the README says nothing of {name}");
            let line = line.unwrap_or_default();
            let of_others = ["wycheproof", "mysto", "NIST", "schwifty"];
            if of_others.iter().any(|source| line.contains(source)) {
                assert!(notices.contains(&name), "NOTICE.md says nothing of {name}");
            }
        }
    }
    assert!(read("LICENSE").contains("Apache License"));
}
