//! The data folder of a server: its own alone, and with the key that its secrets are sealed under.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use zeroize::Zeroizing;

use crate::store::{Postgres, Sqlite, Store};
use crate::vault::Vault;

/// Bytes of a new key, and the fewest of an old one.
const KEY_BYTES: usize = 32;

/// What a server keeps its things in, and under which key.
#[derive(Debug, clap::Args)]
pub(crate) struct FolderArgs {
    /// The folder that holds everything the server keeps in files.
    #[arg(
        long,
        value_name = "FOLDER",
        default_value = "visard-data",
        env = "VISARD_DATA"
    )]
    pub(crate) data: PathBuf,
    /// The database of PostgreSQL that holds the rest, as `postgres://USER:PASSWORD@HOST/DATABASE`; a file in
    /// the data folder without one.
    #[arg(long, value_name = "URL", env = "VISARD_STORE", hide_env_values = true)]
    pub(crate) store: Option<String>,
    /// The file with the key that secrets are sealed under, 32 bytes or more in hexadecimal digits; made on
    /// first use, in the data folder by default. All nodes of a store have the same.
    #[arg(long, value_name = "FILE", env = "VISARD_KEY_FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

/// A data folder that is ours until this is dropped.
pub(crate) struct Folder {
    pub(crate) data: PathBuf,
    pub(crate) key_file: PathBuf,
    store: Option<String>,
    _lock: File,
}

impl Folder {
    /// Takes the data folder, which is made where there is none.
    ///
    /// # Errors
    /// When another server has it, others may look into it, or it cannot be made.
    pub(crate) fn take(args: FolderArgs) -> anyhow::Result<Self> {
        let data = args.data;
        let shown = data.display();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&data);
        made.with_context(|| format!("the data folder `{shown}` cannot be made"))?;
        let found = fs::metadata(&data).with_context(|| format!("the data folder `{shown}`"))?;
        if found.mode() & 0o077 != 0 {
            // Nobody can have looked at what is not there yet.
            let is_empty = fs::read_dir(&data).is_ok_and(|mut entries| entries.next().is_none());
            ensure!(
                is_empty,
                "others may look into the data folder `{shown}`; `chmod 700` it"
            );
            fs::set_permissions(&data, PermissionsExt::from_mode(0o700))
                .with_context(|| format!("the data folder `{shown}` cannot be closed to others"))?;
        }
        let lock = private(
            OpenOptions::new().write(true).create(true),
            &data.join("lock"),
        );
        let lock = lock.with_context(|| format!("the data folder `{shown}` cannot be locked"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("another server has the data folder `{shown}`")
            }
            Err(TryLockError::Error(error)) => {
                return Err(error)
                    .with_context(|| format!("the data folder `{shown}` cannot be locked"));
            }
        }
        let key_file = args.key_file.unwrap_or_else(|| data.join("server-key"));
        Ok(Self {
            data,
            key_file,
            store: args.store,
            _lock: lock,
        })
    }

    /// Opens the store, and brings it up to date.
    ///
    /// # Errors
    /// When it cannot be opened, or is of a newer visard.
    pub(crate) async fn store(&self) -> anyhow::Result<Box<dyn Store>> {
        open(self.store.as_deref(), &self.data).await
    }

    /// The key of the store: the one in the key file, made on first use. A rotation that was interrupted is
    /// brought to its end.
    ///
    /// # Errors
    /// When the file cannot be read, others may read it, or the store is under another key.
    pub(crate) async fn vault(&self, store: &dyn Store) -> anyhow::Result<Vault> {
        let next = next_to(&self.key_file);
        let known = known(store).await?;
        if next.exists() {
            // The store tells on which side of its one transaction the rotation was.
            match known == Some(check(&Vault::new(read(&next)?))) {
                true => replace(&next, &self.key_file)?,
                false => {
                    fs::remove_file(&next).context("the key of a rotation that was given up")?
                }
            }
        }
        let key = match self.key_file.exists() {
            true => {
                // What a crash left of making it, which is the key, too.
                remove(&begun(&self.key_file))?;
                read(&self.key_file)?
            }
            false => {
                ensure!(
                    known.is_none(),
                    "the key file `{}` is not there, and the store has secrets under it",
                    self.key_file.display()
                );
                make(&self.key_file)?
            }
        };
        let vault = Vault::new(key);
        let value = format!("\"{}\"", check(&vault));
        match known {
            Some(known) => ensure!(
                known == check(&vault),
                "the store is under another key than that in `{}`",
                self.key_file.display()
            ),
            None => {
                // Of nodes that begin together, one is first.
                let sql =
                    "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
                store
                    .run(sql, &[CHECK.into(), value.as_str().into()])
                    .await?;
                let known = self::known(store).await?;
                ensure!(
                    known == Some(check(&vault)),
                    "another node began the store under another key"
                );
            }
        }
        // What a node seals that did not notice a rotation could not be opened any more.
        store.depend_on(CHECK, value);
        Ok(vault)
    }
}

/// Opens the store at `url`, or the file in `data`, and brings it up to date.
///
/// # Errors
/// When it cannot be opened, or is of a newer visard.
pub(crate) async fn open(url: Option<&str>, data: &Path) -> anyhow::Result<Box<dyn Store>> {
    let wrong = "the store cannot be opened";
    Ok(match url {
        Some(url) => Box::new(Postgres::open(url).await.context(wrong)?),
        None => {
            let path = data.join("visard.sqlite");
            Box::new(Sqlite::open(&path).await.context(wrong)?)
        }
    })
}

/// Under which name the store keeps what [`check`] tells of its key.
pub(crate) const CHECK: &str = "key_check";

/// What the store keeps to know its key again; the key does not follow from it.
pub(crate) fn check(vault: &Vault) -> String {
    data_encoding::HEXLOWER.encode(vault.derive("check").as_slice())
}

async fn known(store: &dyn Store) -> anyhow::Result<Option<String>> {
    let sql = "SELECT value FROM settings WHERE name = $1";
    let rows = store.query(sql, &[CHECK.into()]).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let value = serde_json::from_str(row.text(0)?);
    Ok(Some(value.context("the store holds no name of its key")?))
}

/// Where the next key is until it counts.
pub(crate) fn next_to(key_file: &Path) -> PathBuf {
    let mut name = key_file.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Has `from` take the place of `to`, on disk.
///
/// # Errors
/// When it cannot.
pub(crate) fn replace(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::rename(from, to).with_context(|| format!("the key file `{}`", to.display()))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new(".")))?;
    Ok(folder.sync_all()?)
}

/// A new key, in a file that only its owner can read.
///
/// # Errors
/// When there is such a file already, or it cannot be written.
pub(crate) fn make(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let wrong = || format!("the key file `{}` cannot be made", path.display());
    let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
    getrandom::fill(&mut key).context("the system gives no random bits")?;
    let text = Zeroizing::new(data_encoding::HEXLOWER.encode(&key));
    // A crash leaves no half of a key. What is there already may be the very file of a key that counts.
    let begun = begun(path);
    remove(&begun)?;
    let mut file =
        private(OpenOptions::new().write(true).create_new(true), &begun).with_context(wrong)?;
    file.write_all(text.as_bytes()).with_context(wrong)?;
    file.sync_all().with_context(wrong)?;
    match fs::hard_link(&begun, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("the key file `{}` is there already", path.display())
        }
        linked => linked.with_context(wrong)?,
    }
    remove(&begun)?;
    Ok(key)
}

/// Where a new key is until it is whole.
fn begun(key_file: &Path) -> PathBuf {
    key_file.with_extension("begun")
}

/// Removes a file, if there is one.
fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("`{}` cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

fn read(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let wrong = || format!("the key file `{}`", path.display());
    let found = fs::metadata(path).with_context(wrong)?;
    ensure!(
        found.mode() & 0o077 == 0,
        "others may read {}; `chmod 600` it",
        wrong()
    );
    let text = Zeroizing::new(fs::read_to_string(path).with_context(wrong)?);
    let key = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes());
    let Ok(key) = key.map(Zeroizing::new) else {
        bail!("{} holds something else than hexadecimal digits", wrong());
    };
    ensure!(
        key.len() >= KEY_BYTES,
        "{} holds fewer than {KEY_BYTES} bytes",
        wrong()
    );
    Ok(key)
}

/// Opens a file that nobody else may read, if it is made.
fn private(options: &mut OpenOptions, path: &Path) -> std::io::Result<File> {
    options.mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(data: &Path) -> FolderArgs {
        FolderArgs {
            data: data.to_owned(),
            store: None,
            key_file: None,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_folder_has_one_server_and_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = Folder::take(args(&data)).unwrap();
        assert_eq!(fs::metadata(&data).unwrap().mode() & 0o777, 0o700);
        let second = Folder::take(args(&data)).err().unwrap();
        assert!(second.to_string().contains("another server"), "{second}");
        let store = first.store().await.unwrap();
        let sealed = first.vault(&*store).await.unwrap().seal("a", b"b").unwrap();
        drop(store);
        drop(first);

        let again = Folder::take(args(&data)).unwrap();
        assert_eq!(fs::metadata(&again.key_file).unwrap().mode() & 0o777, 0o600);
        let store = again.store().await.unwrap();
        let vault = again.vault(&*store).await.unwrap();
        assert_eq!(*vault.open("a", &sealed).unwrap(), b"b");

        let key = fs::read(&again.key_file).unwrap();
        fs::write(&again.key_file, "7".repeat(64)).unwrap();
        let other = again.vault(&*store).await.err().unwrap();
        assert!(other.to_string().contains("another key"), "{other}");
        fs::remove_file(&again.key_file).unwrap();
        assert!(again.vault(&*store).await.is_err());
        assert!(!again.key_file.exists());
        for wrong in ["", "77", "no digits at all"] {
            fs::write(&again.key_file, wrong).unwrap();
            fs::set_permissions(&again.key_file, PermissionsExt::from_mode(0o600)).unwrap();
            let error = again.vault(&*store).await.err().unwrap().to_string();
            assert!(wrong.is_empty() || !error.contains(wrong), "{error}");
        }
        fs::write(&again.key_file, key).unwrap();
        again.vault(&*store).await.unwrap();
        fs::set_permissions(&again.key_file, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(again.vault(&*store).await.is_err());
    }

    #[test]
    fn a_folder_that_others_may_look_into_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        fs::write(folder.path().join("something"), "").unwrap();
        let refused = Folder::take(args(folder.path())).err().unwrap();
        assert!(refused.to_string().contains("chmod 700"), "{refused}");
        fs::remove_file(folder.path().join("something")).unwrap();
        Folder::take(args(folder.path())).unwrap();
    }
}
