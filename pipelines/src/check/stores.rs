//! Source and destination, opened.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use visard_connectors::store::{
    AzureBlobConfig, ConnectionConfig, Exposure, GcsConfig, MountedShare, S3Config, Secret, Store,
    StoreError, exposure,
};

use super::Loaded;
use crate::language::{Connection, ConnectionKind, Diagnostic, Diagnostics, Place, codes};

/// Where a run reads and writes.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Where files are read.
    pub source: Store,
    /// Where their copies are written.
    pub target: Store,
}

/// What is done about a destination folder that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// It is made.
    Made,
    /// It is not: the store in its place takes no output.
    LookedAt,
}

/// Opens the source alone, and looks whether strangers can read it.
pub async fn open_source(loaded: &Loaded, diagnostics: &mut Diagnostics) -> Option<Store> {
    let place = &loaded.pipeline.source;
    let source = open(loaded, place, diagnostics).await?;
    check_exposure(loaded, &source, place, diagnostics).await;
    Some(source)
}

/// Opens the destination alone, and looks whether strangers can read it.
pub(super) async fn open_store(
    loaded: &Loaded,
    target: Target,
    diagnostics: &mut Diagnostics,
) -> Option<Store> {
    let store = open_target(loaded, target, diagnostics).await?;
    check_exposure(loaded, &store, &loaded.pipeline.destination, diagnostics).await;
    Some(store)
}

/// Opens source and destination and looks whether strangers can read them.
pub async fn open_stores(
    loaded: &Loaded,
    target: Target,
    diagnostics: &mut Diagnostics,
) -> Option<Stores> {
    let pipeline = &loaded.pipeline;
    let source = open(loaded, &pipeline.source, diagnostics).await;
    let folder = missing_target(loaded);
    let missing = folder.as_deref().filter(|_| target == Target::LookedAt);
    let target = open_target(loaded, target, diagnostics).await;
    let (source, target) = (source?, target?);
    let same = source.same_place(&target);
    let overlaps = match missing {
        Some(folder) => would_lie_in(folder, folder_of(loaded, &pipeline.source)),
        None => source.overlaps(&target),
    };
    if (same && !pipeline.options.in_place) || overlaps {
        let message = match same {
            true => "source and destination are the same place",
            false => "one of source and destination lies inside the other",
        };
        diagnostics.push(
            Diagnostic::new(&codes::OVERLAPPING_PLACES, message)
                .at(
                    pipeline.destination.connection.span,
                    missing.map_or_else(
                        || target.describe(),
                        |folder| format!("folder {}", folder.display()),
                    ),
                )
                .and(pipeline.source.connection.span, source.describe())
                .help("choose another destination; to overwrite the source set `in_place: true`"),
        );
        return None;
    }
    check_exposure(loaded, &source, &pipeline.source, diagnostics).await;
    if !same {
        check_exposure(loaded, &target, &pipeline.destination, diagnostics).await;
    }
    Some(Stores { source, target })
}

/// The folder of the destination that is not there yet.
fn missing_target(loaded: &Loaded) -> Option<PathBuf> {
    folder_of(loaded, &loaded.pipeline.destination).filter(|folder| !folder.exists())
}

/// Opens the destination.
async fn open_target(
    loaded: &Loaded,
    target: Target,
    diagnostics: &mut Diagnostics,
) -> Option<Store> {
    let place = &loaded.pipeline.destination;
    match (missing_target(loaded), target) {
        (Some(folder), Target::LookedAt) => match can_be_made(&folder) {
            Ok(()) => stand_in(loaded, diagnostics).await,
            Err(error) => {
                cannot_be_made(loaded, &folder, &error, diagnostics);
                None
            }
        },
        (Some(folder), Target::Made) => match std::fs::create_dir_all(&folder) {
            Ok(()) => open(loaded, place, diagnostics).await,
            Err(error) => {
                cannot_be_made(loaded, &folder, &error, diagnostics);
                None
            }
        },
        (None, _) => {
            let store = open(loaded, place, diagnostics).await?;
            if folder_of(loaded, place).is_some() {
                return Some(store);
            }
            let reached = store.reach().await;
            reached
                .map_err(|error| cannot_be_reached(place, &error, diagnostics))
                .is_ok()
                .then_some(store)
        }
    }
}

/// The folder a place is, unless it is a bucket or container.
pub(crate) fn folder_of(loaded: &Loaded, place: &Place) -> Option<PathBuf> {
    match &loaded.pipeline.connection(&place.connection.value)?.kind {
        ConnectionKind::MountedShare { base_directory } => Some(base_directory.join(&place.path)),
        _ => None,
    }
}

/// A store of the kind of a destination folder that is not there yet; its own folder is gone at once,
/// so that it takes no output.
async fn stand_in(loaded: &Loaded, diagnostics: &mut Diagnostics) -> Option<Store> {
    let name = &loaded.pipeline.destination.connection.value;
    let gone = match tempfile::tempdir() {
        Ok(gone) => gone,
        Err(error) => {
            cannot_be_made(loaded, &std::env::temp_dir(), &error, diagnostics);
            return None;
        }
    };
    let base_directory = gone.path().to_owned();
    let config = ConnectionConfig::MountedShare(MountedShare { base_directory });
    Store::open(name, &config).await.ok()
}

/// Whether a folder that is not there yet could be made, as far as can be told without making it.
fn can_be_made(folder: &Path) -> std::io::Result<()> {
    let folder = std::path::absolute(folder)?;
    let above = folder.ancestors().skip(1).find(|above| above.exists());
    let above = above.unwrap_or(Path::new("/"));
    if folder.is_symlink() {
        return Err(std::io::ErrorKind::AlreadyExists.into());
    }
    if !above.is_dir() {
        return Err(std::io::ErrorKind::NotADirectory.into());
    }
    Ok(access(above, Access::WRITE_OK | Access::EXEC_OK)?)
}

fn cannot_be_made(
    loaded: &Loaded,
    folder: &Path,
    error: &std::io::Error,
    diagnostics: &mut Diagnostics,
) {
    let message = format!("the folder `{}` cannot be made: {error}", folder.display());
    let place = loaded.pipeline.destination.connection.span;
    diagnostics.push(Diagnostic::new(&codes::CONNECTION_FAILED, message).at(place, ""));
}

/// Whether a folder that is not there yet would lie in `source`.
fn would_lie_in(folder: &Path, source: Option<PathBuf>) -> bool {
    let source = source.and_then(|source| source.canonicalize().ok());
    let there = std::path::absolute(folder).ok();
    let there = there.and_then(|folder| folder.ancestors().find_map(|up| up.canonicalize().ok()));
    source
        .zip(there)
        .is_some_and(|(source, there)| there.starts_with(source))
}

async fn open(loaded: &Loaded, place: &Place, diagnostics: &mut Diagnostics) -> Option<Store> {
    let connection = loaded.pipeline.connection(&place.connection.value)?;
    let Some(config) = store_config(connection, &place.path) else {
        let message = "a database holds tables, and files are looked for here";
        let problem = Diagnostic::new(&codes::NO_DATABASE, message);
        diagnostics.push(problem.at(place.connection.span, ""));
        return None;
    };
    match Store::open(&connection.name.value, &config).await {
        Ok(store) => Some(store),
        Err(error) => {
            cannot_be_reached(place, &error, diagnostics);
            None
        }
    }
}

fn cannot_be_reached(place: &Place, error: &StoreError, diagnostics: &mut Diagnostics) {
    diagnostics.push(
        Diagnostic::new(&codes::CONNECTION_FAILED, error.to_string())
            .at(place.connection.span, "")
            .help("try it with `visard connections test`"),
    );
}

async fn check_exposure(
    loaded: &Loaded,
    store: &Store,
    place: &Place,
    diagnostics: &mut Diagnostics,
) {
    match exposure(store).await {
        Exposure::Private => {}
        Exposure::Public(_) if loaded.pipeline.options.allow_public => {}
        Exposure::Public(reason) => diagnostics.push(
            Diagnostic::new(
                &codes::PUBLIC_PLACE,
                format!("strangers can read {}: {reason}", store.describe()),
            )
            .at(place.connection.span, "")
            .help("close it, or set `allow_public: true` under `options`"),
        ),
        Exposure::Unknown(reason) => diagnostics.push(
            Diagnostic::new(
                &codes::EXPOSURE_UNKNOWN,
                format!(
                    "could not tell whether strangers can read {}: {reason}",
                    store.describe()
                ),
            )
            .at(place.connection.span, ""),
        ),
    }
}

/// A connection, and a folder below its base directory, as the store takes them; nothing for a
/// database.
pub fn store_config(connection: &Connection, below: &str) -> Option<ConnectionConfig> {
    let base = |base: &str| match (base.is_empty(), below.is_empty()) {
        (true, _) => below.to_owned(),
        (false, true) => base.to_owned(),
        (false, false) => format!("{base}/{below}"),
    };
    let secret = |secret: &crate::language::Secret| Secret::new(secret.expose());
    Some(match &connection.kind {
        ConnectionKind::MountedShare { base_directory } => {
            ConnectionConfig::MountedShare(MountedShare {
                base_directory: base_directory.join(below),
            })
        }
        ConnectionKind::S3 {
            bucket,
            base_directory,
            region,
            endpoint,
            path_style,
            access_key,
            session_token,
            iam_role_arn,
            allow_http,
        } => ConnectionConfig::S3(S3Config {
            bucket: bucket.clone(),
            base_directory: base(base_directory),
            region: region.clone(),
            endpoint: endpoint.clone(),
            // Stores that are not AWS rarely have a host name for each bucket.
            path_style: path_style.unwrap_or(endpoint.is_some()),
            access_key_id: access_key.as_ref().map(|(id, _)| id.expose().to_owned()),
            secret_access_key: access_key.as_ref().map(|(_, key)| secret(key)),
            session_token: session_token.as_ref().map(secret),
            iam_role_arn: iam_role_arn.clone(),
            allow_http: *allow_http,
        }),
        ConnectionKind::AzureBlob {
            container,
            base_directory,
            connection_string,
            emulator,
        } => ConnectionConfig::AzureBlob(AzureBlobConfig {
            container: container.clone(),
            base_directory: base(base_directory),
            connection_string: connection_string
                .as_ref()
                .map_or_else(|| Secret::new(""), secret),
            emulator: *emulator,
        }),
        ConnectionKind::Gcs {
            bucket,
            base_directory,
            service_account,
            endpoint,
        } => ConnectionConfig::Gcs(GcsConfig {
            bucket: bucket.clone(),
            base_directory: base(base_directory),
            service_account: service_account.as_ref().map(secret),
            endpoint: endpoint.clone(),
        }),
        ConnectionKind::Database(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_can_be_made() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("file"), "").unwrap();
        std::os::unix::fs::symlink("nowhere", root.path().join("link")).unwrap();
        for (folder, fine) in [
            ("a/b", true),
            ("file/b", false),
            ("file/b/c", false),
            ("link", false),
        ] {
            let found = can_be_made(&root.path().join(folder));
            assert_eq!(found.is_ok(), fine, "{folder}");
        }
    }

    #[test]
    fn a_folder_to_come_may_lie_in_the_source() {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("in");
        std::fs::create_dir(&source).unwrap();
        for (folder, lies_in) in [
            ("in/masked/x", true),
            ("in-masked", false),
            ("out/in", false),
        ] {
            let found = would_lie_in(&root.path().join(folder), Some(source.clone()));
            assert_eq!(found, lies_in, "{folder}");
        }
        assert!(!would_lie_in(&root.path().join("out"), None));
    }
}
