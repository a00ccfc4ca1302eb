//! What every store must do, to be run against each kind of it.
//!
//! The trials keep to folders of their own, so they may run side by side on one store, and remove
//! what they wrote.

use std::future::Future;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tokio::task::{JoinSet, spawn_blocking};
use visard_connectors::store::{Object, Staged, StagedOutput, Store, StoreErrorKind};

/// More than three of the parts an upload is cut into.
const LARGE: usize = 25 << 20;

/// Objects to list: more than any server puts on one page (Azure 5,000, the others 1,000); ten thousand
/// under `tests/run --long`.
fn many() -> usize {
    match std::env::var_os("VISARD_TEST_LONG") {
        Some(_) => 10_000,
        None => 5_100,
    }
}

/// All trials, one after the other.
///
/// # Errors
/// The first trial that fails.
pub async fn all(store: &Store) -> Result<()> {
    trial("lists_many", lists_many(store, many())).await?;
    trial("keeps_names", keeps_names(store)).await?;
    trial("holds_small", holds_small(store)).await?;
    trial("holds_large", holds_large(store)).await?;
    trial(
        "dropped_outputs_leave_nothing",
        dropped_outputs_leave_nothing(store),
    )
    .await?;
    trial(
        "abandons_what_a_crash_left",
        abandons_what_a_crash_left(store),
    )
    .await?;
    trial("overwrites", overwrites(store)).await?;
    trial("refuses_changed_sources", refuses_changed_sources(store)).await
}

async fn trial(name: &str, trial: impl Future<Output = Result<()>>) -> Result<()> {
    Box::pin(trial).await.with_context(|| name.to_owned())
}

/// Lists `count` objects, all of them and sorted, over many pages.
///
/// # Errors
/// When the store fails or does not do it.
pub async fn lists_many(store: &Store, count: usize) -> Result<()> {
    let path = |n: usize| format!("many/{:02}/{n:05}.csv", n % 7);
    in_parallel(count, |n| {
        write(store.clone(), path(n), Bytes::from_static(b"x"))
    })
    .await?;
    let listed = below(store, "many/").await?;
    let mut paths: Vec<_> = (0..count).map(path).collect();
    paths.sort_unstable();
    ensure!(
        listed.iter().map(|object| &object.path).eq(&paths),
        "not the paths that were written"
    );
    ensure!(
        listed
            .iter()
            .all(|object| object.size == 1 && object.obstacle.is_none()),
        "not as written"
    );
    in_parallel(count, |n| {
        let (store, path) = (store.clone(), path(n));
        async move { Ok(store.delete(&path).await?) }
    })
    .await?;
    ensure!(
        below(store, "many/").await?.is_empty(),
        "deleted objects are still there"
    );
    Ok(())
}

/// Keeps names byte for byte, whatever they mean in a URL, in XML or on a command line.
///
/// # Errors
/// When the store fails or does not do it.
pub async fn keeps_names(store: &Store) -> Result<()> {
    let names = [
        "plain.csv",
        "two words.csv",
        "two  spaces",
        " leading",
        "überfällig/größe.csv",
        "u\u{308}ber decomposed",
        "日本語/データ.csv",
        "🦀.parquet",
        "a+b=c&d.csv",
        "50%.csv",
        "%20.csv",
        "%2e%2E",
        "q?x#y.csv",
        "it's \"quoted\"",
        "<tag>&amp;.xml",
        "year=2024/month=01/part-0.parquet",
        ".hidden",
        "..two",
        "a~b!c$d(e)f*g,h;i:j@k",
        "[br]ack{e}ts^`|",
    ];
    for name in names {
        let path = format!("names/{name}");
        write(store.clone(), path.clone(), Bytes::from(name))
            .await
            .context(path.clone())?;
        let object = store
            .head(&path)
            .await?
            .with_context(|| format!("`{path}` is not there"))?;
        let read = read(store, object).await.context(path.clone())?;
        ensure!(read == name, "`{path}` holds something else");
    }
    let listed = below(store, "names/").await?;
    let mut paths: Vec<_> = names.iter().map(|name| format!("names/{name}")).collect();
    paths.sort_unstable();
    let found: Vec<_> = listed.iter().map(|object| object.path.clone()).collect();
    ensure!(found == paths, "listed {found:?}");
    for object in listed {
        let name = object
            .path
            .strip_prefix("names/")
            .unwrap_or_default()
            .to_owned();
        ensure!(
            read(store, object.clone()).await? == name,
            "`{}` as listed",
            object.path
        );
        store.delete(&object.path).await?;
        ensure!(
            store.head(&object.path).await?.is_none(),
            "`{}` is still there",
            object.path
        );
    }
    for path in ["", "/names", "names/../x", "names/./x", ".."] {
        let error = store
            .head(path)
            .await
            .err()
            .with_context(|| format!("`{path}` was taken"))?;
        ensure!(error.kind() == StoreErrorKind::Invalid, "{error}");
    }
    Ok(())
}

/// Holds an object of no byte and one of one byte.
///
/// # Errors
/// When the store fails or does not do it.
pub async fn holds_small(store: &Store) -> Result<()> {
    for (path, bytes) in [("small/none", ""), ("small/one", "1")] {
        write(store.clone(), path.to_owned(), Bytes::from(bytes)).await?;
        let listed = below(store, path).await?;
        ensure!(
            listed.len() == 1 && listed[0].size == bytes.len() as u64,
            "{path}: {listed:?}"
        );
        ensure!(
            read(store, listed[0].clone()).await? == bytes,
            "{path} holds something else"
        );
        let hash = store.sha256(path).await?;
        ensure!(
            hash == Some((bytes.len() as u64, sha256(bytes.as_bytes()))),
            "{path}: {hash:?}"
        );
        store.delete(path).await?;
        ensure!(store.sha256(path).await?.is_none(), "{path} is still there");
    }
    Ok(())
}

/// Holds an object of many parts, invisible until commit, and gives back any range of it.
///
/// # Errors
/// When the store fails or does not do it.
pub async fn holds_large(store: &Store) -> Result<()> {
    let bytes = noise(LARGE);
    let path = "large/of many parts.bin";
    let staged = stage(store.clone(), path.to_owned(), bytes.clone()).await?;
    ensure!(
        store.head(path).await?.is_none(),
        "it is visible before commit"
    );
    let journaled = staged.staged().clone();
    ensure!(
        journaled.bytes == LARGE as u64 && journaled.sha256 == sha256(&bytes),
        "{journaled:?}"
    );
    staged.commit().await?;
    ensure!(store.sha256(path).await? == Some((journaled.bytes, journaled.sha256.clone())));
    abandon_nothing(store, &journaled).await?;
    let object = store.head(path).await?.context("it is not there")?;
    let reader = store.reader(&object)?;
    let mut readers = JoinSet::new();
    for (start, end) in [
        (0, 1),
        (LARGE - 1, LARGE),
        (8 << 20, 9 << 20),
        (7, 20 << 20),
        (5, 5),
    ] {
        let (reader, expected) = (Arc::clone(&reader), bytes.slice(start..end));
        readers.spawn_blocking(move || {
            let read = reader.read(start as u64..end as u64)?;
            ensure!(read == expected, "{start}..{end} is something else");
            Ok(())
        });
    }
    while let Some(read) = readers.join_next().await {
        read??;
    }
    let beyond = spawn_blocking(move || reader.read(0..LARGE as u64 + 1)).await?;
    ensure!(
        beyond.is_err_and(|error| error.kind() == StoreErrorKind::Invalid),
        "read beyond"
    );
    Ok(store.delete(path).await?)
}

/// Leaves nothing of outputs that were dropped, whether complete or not.
///
/// # Errors
/// When the store fails or does not do it.
pub async fn dropped_outputs_leave_nothing(store: &Store) -> Result<()> {
    for size in [0, 1, LARGE] {
        let path = format!("dropped/staged {size}");
        drop(stage(store.clone(), path, noise(size)).await?);
        let (creating, bytes) = (store.clone(), noise(size));
        spawn_blocking(move || {
            let mut output = creating.create(&format!("dropped/{size}"), 0)?;
            output.write_all(&bytes)?;
            anyhow::Ok(())
        })
        .await??;
    }
    store.settle().await;
    ensure!(
        below(store, "dropped/").await?.is_empty(),
        "an object is visible"
    );
    nothing_left(store, "dropped/").await
}

/// Abandons what outputs left that nobody dropped.
///
/// # Errors
/// When the store fails or does not do it.
pub async fn abandons_what_a_crash_left(store: &Store) -> Result<()> {
    let begun = Arc::new(Mutex::new(Vec::<Staged>::new()));
    let seen = Arc::clone(&begun);
    let store = &store.on_begin(Arc::new(move |staged: &Staged| {
        seen.lock()
            .expect("no trial panics with it")
            .push(staged.clone());
    }));
    std::mem::forget(stage(store.clone(), "crashed/large".into(), noise(LARGE)).await?);
    let begun = std::mem::take(&mut *begun.lock().expect("no trial panics with it"));
    ensure!(
        begun.iter().all(|staged| staged.path == "crashed/large"),
        "{begun:?}"
    );
    for staged in &begun {
        store.abandon(staged).await?;
        abandon_nothing(store, staged).await?;
    }
    ensure!(
        below(store, "crashed/").await?.is_empty(),
        "an object is visible"
    );
    nothing_left(store, "crashed/").await
}

/// Replaces objects whole, small by large and back.
///
/// # Errors
/// When the store fails or does not do it.
pub async fn overwrites(store: &Store) -> Result<()> {
    let path = "over/written";
    for size in [3, LARGE, 0, 4] {
        let bytes = noise(size);
        write(store.clone(), path.to_owned(), bytes.clone()).await?;
        let found = store.sha256(path).await?;
        ensure!(
            found == Some((size as u64, sha256(&bytes))),
            "{size} bytes: {found:?}"
        );
    }
    Ok(store.delete(path).await?)
}

/// Refuses to read, or to vouch for, an object that is another one by now.
///
/// # Errors
/// When the store fails or does not do it.
pub async fn refuses_changed_sources(store: &Store) -> Result<()> {
    let path = "changed/source";
    for replacement in ["other", "longer than before", "x"] {
        write(store.clone(), path.to_owned(), Bytes::from_static(b"first")).await?;
        let object = below(store, path)
            .await?
            .pop()
            .context("it is not listed")?;
        let reader = store.reader(&object)?;
        let (first, again) = (Arc::clone(&reader), Arc::clone(&reader));
        ensure!(spawn_blocking(move || first.read(0..5)).await?? == "first");
        spawn_blocking(move || again.verify_unchanged()).await??;

        // Clocks of file systems tick slowly, and without an ETag a remote store counts in seconds.
        let tick_ms = if object.version.etag.is_some() {
            20
        } else {
            1_100
        };
        tokio::time::sleep(Duration::from_millis(tick_ms)).await;
        write(store.clone(), path.to_owned(), Bytes::from(replacement)).await?;
        let open = Arc::clone(&reader);
        let verified = spawn_blocking(move || open.verify_unchanged()).await?;
        let refused = verified.err().context("the change was not seen")?;
        ensure!(refused.kind() == StoreErrorKind::Changed, "{refused}");
        let opening = store.clone();
        let read = spawn_blocking(move || opening.reader(&object)?.read(0..5)).await?;
        let refused = read
            .err()
            .with_context(|| format!("read `{replacement}` as `first`"))?;
        ensure!(refused.kind() == StoreErrorKind::Changed, "{refused}");
    }
    store.delete(path).await?;
    Ok(())
}

/// Writes and commits.
async fn write(store: Store, path: String, bytes: Bytes) -> Result<()> {
    Ok(stage(store, path, bytes).await?.commit().await?)
}

async fn stage(store: Store, path: String, bytes: Bytes) -> Result<StagedOutput> {
    spawn_blocking(move || {
        let mut output = store.create(&path, bytes.len() as u64)?;
        // Pieces that fit no part.
        for piece in bytes.chunks(1_000_003) {
            output.write_all(piece)?;
        }
        Ok(output.stage()?)
    })
    .await?
}

async fn read(store: &Store, object: Object) -> Result<Bytes> {
    let store = store.clone();
    Ok(spawn_blocking(move || store.reader(&object)?.read(0..object.size)).await??)
}

async fn below(store: &Store, prefix: &str) -> Result<Vec<Object>> {
    let mut objects = store.list().await?;
    objects.retain(|object| object.path.starts_with(prefix));
    Ok(objects)
}

/// Abandons what is gone. Some servers deny access to an upload they do not know.
async fn abandon_nothing(store: &Store, staged: &Staged) -> Result<()> {
    match store.abandon(staged).await {
        Err(error) if error.kind() != StoreErrorKind::Denied => Err(error.into()),
        _ => Ok(()),
    }
}

async fn nothing_left(store: &Store, prefix: &str) -> Result<()> {
    let mut left = store.leftovers().await?;
    left.retain(|staged| staged.path.starts_with(prefix));
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

/// Runs `work` for 0 to `count`, 32 at a time.
async fn in_parallel<F>(count: usize, work: impl Fn(usize) -> F) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let mut running = JoinSet::new();
    for n in 0..count {
        if running.len() == 32 {
            running.join_next().await.context("32 are running")???;
        }
        running.spawn(work(n));
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(())
}

/// Bytes that repeat nowhere near the size of a part.
fn noise(size: usize) -> Bytes {
    let mut state = size as u64 | 1;
    let step = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(step).take(size).collect()
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}
