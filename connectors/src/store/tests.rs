//! A folder as a store. The other kinds need a server: see the suite in `tests/`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tempfile::TempDir;

use super::*;

async fn folder() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path()).await.unwrap();
    (folder, store)
}

async fn open(folder: &Path) -> Result<Store, StoreError> {
    let base_directory = folder.to_owned();
    Store::open(
        "crm",
        &ConnectionConfig::MountedShare(MountedShare { base_directory }),
    )
    .await
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => {
                found.push(format!("{name}/"));
                let below = files(&entry.path());
                found.extend(below.iter().map(|path| format!("{name}/{path}")));
            }
            false => found.push(name),
        }
    }
    found.sort_unstable();
    found
}

fn write(store: &Store, path: &str, bytes: &[u8]) -> Result<StagedOutput, StoreError> {
    let mut output = store.create(path, bytes.len() as u64)?;
    output.write_all(bytes).unwrap();
    output.stage()
}

#[tokio::test]
async fn listing_stays_inside() {
    let (outside, _) = folder().await;
    fs::write(outside.path().join("secret"), "x").unwrap();
    let (folder, store) = folder().await;
    let base = folder.path();
    fs::create_dir_all(base.join("ü/b c")).unwrap();
    for file in [
        "b",
        "a.csv",
        "ü/日 本.csv",
        "ü/b c/d",
        ".visard-0123.tmp",
        "ü/.visard-4.tmp",
    ] {
        fs::write(base.join(file), file).unwrap();
    }
    symlink(outside.path(), base.join("link")).unwrap();
    symlink(outside.path().join("secret"), base.join("a-link.csv")).unwrap();
    symlink(base.join("b"), base.join("inner")).unwrap();
    symlink("/nowhere", base.join("broken")).unwrap();

    let listed = store.list().await.unwrap();
    let (listed, links): (Vec<_>, Vec<_>) = listed
        .into_iter()
        .partition(|object| object.obstacle.is_none());
    let paths = |objects: &[Object]| objects.iter().map(|o| o.path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&listed), ["a.csv", "b", "ü/b c/d", "ü/日 本.csv"]);
    assert_eq!(paths(&links), ["a-link.csv", "broken", "inner", "link"]);
    assert!(
        links
            .iter()
            .all(|object| object.obstacle == Some(Obstacle::Link))
    );
    for object in &listed {
        let bytes = store.reader(object).unwrap().read(0..object.size).unwrap();
        assert_eq!(bytes, object.path);
    }

    for path in [
        "link/secret",
        "a-link.csv",
        "inner",
        "broken",
        "../x",
        "a/../../x",
        "/etc/passwd",
    ] {
        let refused = [
            store.head(path).await.unwrap_err(),
            store.create(path, 0).unwrap_err(),
            store.delete(path).await.unwrap_err(),
            store.sha256(path).await.unwrap_err(),
        ];
        for error in refused {
            assert_eq!(error.kind(), StoreErrorKind::Invalid, "{error}");
        }
    }
    assert_eq!(files(outside.path()), ["secret"]);
}

#[tokio::test]
async fn bases() {
    let (folder, store) = folder().await;
    fs::write(folder.path().join("file"), "").unwrap();
    symlink(folder.path(), folder.path().join("link")).unwrap();
    for (base, kind) in [
        ("none", Some(StoreErrorKind::NotFound)),
        ("file", Some(StoreErrorKind::Invalid)),
        ("link", None),
    ] {
        let found = open(&folder.path().join(base)).await;
        assert_eq!(found.as_ref().err().map(StoreError::kind), kind, "{base}");
        if let Ok(found) = found {
            assert!(found.same_place(&store) && !found.overlaps(&store));
        }
    }
    fs::create_dir(folder.path().join("below")).unwrap();
    let below = open(&folder.path().join("below")).await.unwrap();
    assert!(below.overlaps(&store) && store.overlaps(&below) && !below.same_place(&store));
    assert_eq!(
        below.describe(),
        format!("folder {}", folder.path().join("below").display())
    );
}

#[tokio::test]
async fn outputs_appear_at_commit() {
    let (folder, store) = folder().await;
    for (path, bytes) in [
        ("a", ""),
        ("b", "1"),
        ("new/deep er/ü.csv", "hello"),
        ("b", "again"),
    ] {
        let before = store.list().await.unwrap();
        let staged = write(&store, path, bytes.as_bytes()).unwrap();
        assert_eq!(store.list().await.unwrap(), before, "{path}");
        let temp = staged.staged().upload.clone().unwrap();
        let temp = folder.path().join(path).with_file_name(temp);
        assert_eq!(
            fs::metadata(temp).unwrap().permissions().mode() & 0o777,
            0o600
        );

        let journaled = staged.staged().clone();
        staged.commit().await.unwrap();
        assert_eq!(
            fs::read(folder.path().join(path)).unwrap(),
            bytes.as_bytes()
        );
        let found = store.sha256(path).await.unwrap().unwrap();
        assert_eq!(found, (journaled.bytes, journaled.sha256.clone()));
        store.abandon(&journaled).await.unwrap();
    }
    assert_eq!(
        files(folder.path()),
        ["a", "b", "new/", "new/deep er/", "new/deep er/ü.csv"]
    );
}

#[tokio::test]
async fn outputs_given_up_leave_nothing() {
    let (folder, store) = folder().await;
    fs::create_dir(folder.path().join("kept")).unwrap();
    for path in ["a", "kept/b", "new/deep/c"] {
        drop(write(&store, path, b"x").unwrap());
        drop(store.create(path, 0).unwrap());
        assert_eq!(files(folder.path()), ["kept/"], "{path}");
    }
    // Two outputs in one new folder: the one that stays keeps it.
    let (given_up, kept) = (
        write(&store, "new/a", b"").unwrap(),
        write(&store, "new/b", b""),
    );
    drop(given_up);
    kept.unwrap().commit().await.unwrap();
    assert_eq!(files(folder.path()), ["kept/", "new/", "new/b"]);
}

#[tokio::test]
async fn outputs_of_a_crash_are_abandoned() {
    let (folder, store) = folder().await;
    let begun = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&begun);
    let store = store.on_begin(Arc::new(move |staged: &Staged| {
        seen.lock().push(staged.clone())
    }));
    std::mem::forget(store.create("x/a", 0).unwrap());
    std::mem::forget(write(&store, "b", b"x").unwrap());
    assert_eq!(store.leftovers().await.unwrap().len(), 2);
    let begun = std::mem::take(&mut *begun.lock());
    for staged in begun {
        store.abandon(&staged).await.unwrap();
        store.abandon(&staged).await.unwrap();
    }
    assert_eq!(files(folder.path()), ["x/"]);

    fs::write(folder.path().join("precious"), "").unwrap();
    let mut staged = Staged::begun("x/a", "precious");
    assert!(store.abandon(&staged).await.is_err());
    staged.upload = Some("../precious".into());
    _ = store.abandon(&staged).await;
    assert_eq!(files(folder.path()), ["precious", "x/"]);
}

#[tokio::test]
async fn a_replaced_file_keeps_its_mode() {
    let (folder, store) = folder().await;
    let file = folder.path().join("a");
    for mode in [0o640, 0o600, 0o664] {
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        write(&store, "a", b"new").unwrap().commit().await.unwrap();
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            mode
        );
    }
}

#[tokio::test]
async fn changed_sources_are_refused() {
    type Change = fn(&Path);
    let change: [(&str, Change); 4] = [
        ("longer", |file| fs::write(file, "hello, world").unwrap()),
        ("shorter", |file| fs::write(file, "h").unwrap()),
        ("replaced", |file| {
            // The clock of a file system ticks slowly.
            std::thread::sleep(std::time::Duration::from_millis(20));
            fs::write(file.with_extension("new"), "HELLO").unwrap();
            fs::rename(file.with_extension("new"), file).unwrap();
        }),
        ("removed", |file| fs::remove_file(file).unwrap()),
    ];
    for (how, change) in change {
        let (folder, store) = folder().await;
        let file = folder.path().join("a");
        fs::write(&file, "hello").unwrap();
        let object = store.head("a").await.unwrap().unwrap();
        let reader = store.reader(&object).unwrap();
        assert_eq!(reader.read(1..3).unwrap(), "el");
        reader.verify_unchanged().unwrap();
        change(&file);
        let error = reader.verify_unchanged().unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Changed, "{how}");
        if how.ends_with("er") {
            assert_eq!(
                reader.read(0..5).unwrap_err().kind(),
                StoreErrorKind::Changed,
                "{how}"
            );
        }
        assert!(store.reader(&object).is_err(), "{how}");
    }
}

#[tokio::test]
async fn ranges() {
    let (folder, store) = folder().await;
    fs::write(folder.path().join("a"), "hello").unwrap();
    let object = store.head("a").await.unwrap().unwrap();
    let reader = store.reader(&object).unwrap();
    for (range, bytes) in [
        (0..5, Some("hello")),
        (4..5, Some("o")),
        (5..5, Some("")),
        (0..0, Some("")),
        (0..6, None),
        (6..6, None),
    ] {
        let read = reader.read(range.clone());
        assert_eq!(read.ok().as_deref(), bytes.map(str::as_bytes), "{range:?}");
    }
}

#[tokio::test]
async fn something_in_the_way() {
    let (folder, store) = folder().await;
    fs::create_dir(folder.path().join("folder")).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let error = write(&store, "folder", b"x")
        .unwrap()
        .commit()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Conflict, "{error}");
    let error = store.create("file/below", 0).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Conflict, "{error}");
    assert_eq!(files(folder.path()), ["file", "folder/"]);
}

#[tokio::test]
async fn probing() {
    let (folder, store) = folder().await;
    fs::write(folder.path().join("a"), "hello").unwrap();
    let shown = |checks: Vec<Check>| {
        let shown = checks.iter().map(|check| match &check.outcome {
            Outcome::Works => format!("{} works", check.name),
            Outcome::Missing(why) => format!("{} missing {why}", check.name),
            Outcome::NotTried(_) => check.name.to_owned(),
        });
        shown.collect::<Vec<_>>().join(", ")
    };
    for (as_source, as_target, outcome) in [
        (
            true,
            false,
            "list works, read works, write, multipart, delete",
        ),
        (
            false,
            true,
            "list works, read, write works, multipart, delete works",
        ),
    ] {
        assert_eq!(shown(probe(&store, as_source, as_target).await), outcome);
    }
    assert_eq!(files(folder.path()), ["a"]);
    assert_eq!(exposure(&store).await, Exposure::Private);
}
