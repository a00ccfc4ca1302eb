//! The secret that goes into every masked value unless a run says otherwise: one for all nodes of a store.
//!
//! The store keeps it sealed. Runs read it from a file in the data folder of each node, which is written from it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, ensure};
use zeroize::Zeroizing;

use crate::store::{Store, Value};
use crate::time;
use crate::vault::Vault;

/// Kind and id of the row among the documents that has it: what is sealed there follows the key of the server.
const ROW: [&str; 2] = ["instance_secret", "1"];

/// Has the file at `path` hold the secret of the store. A store without one takes that of the file, or a new one.
///
/// # Errors
/// When the file holds another one, cannot be read or cannot be written.
pub(crate) async fn settle(store: &dyn Store, vault: &Vault, path: &Path) -> anyhow::Result<()> {
    let here = match path.exists() {
        true => Some(visard::run::instance_secret(Some(path))?),
        false => None,
    };
    let kept = match kept(store, vault).await? {
        Some(kept) => kept,
        None => {
            let first = match &here {
                Some(here) => here.clone(),
                None => new()?,
            };
            keep(store, vault, &first).await?;
            // Of nodes that begin together, one is first.
            let kept = kept(store, vault).await?;
            kept.context("the store keeps no instance secret")?
        }
    };
    match here {
        Some(here) => {
            ensure!(
                *here == *kept,
                "the instance secret in `{}` is another than that of the store, so values would be masked otherwise \
                 than by the other nodes; remove the file, and it is written anew",
                path.display()
            );
            Ok(())
        }
        None => {
            write(path, &kept).with_context(|| format!("`{}` cannot be written", path.display()))
        }
    }
}

async fn kept(store: &dyn Store, vault: &Vault) -> anyhow::Result<Option<Zeroizing<String>>> {
    let sql = "SELECT sealed FROM documents WHERE kind = $1 AND id = $2";
    let rows = store.query(sql, &ROW.map(Value::from)).await?;
    let Some(sealed) = rows.first().map(|row| row.maybe_bytes(0)).transpose()? else {
        return Ok(None);
    };
    let secret = vault.open(&ROW.join("/"), sealed.unwrap_or_default())?;
    let secret = std::str::from_utf8(&secret).context("the instance secret is no text")?;
    Ok(Some(Zeroizing::new(secret.to_owned())))
}

async fn keep(store: &dyn Store, vault: &Vault, secret: &str) -> anyhow::Result<()> {
    let sealed = vault.seal(&ROW.join("/"), secret.as_bytes());
    let sealed = sealed.context("the system gives no random bits")?;
    let now = time::text(time::now());
    let sql = "INSERT INTO documents (kind, id, name, variant, body, sealed, archived, created, modified) \
               VALUES ($1, $2, '', '', '{}', $3, 0, $4, $5) ON CONFLICT DO NOTHING";
    let [kind, id] = ROW;
    let parameters = [
        kind.into(),
        id.into(),
        sealed.into(),
        now.as_str().into(),
        now.as_str().into(),
    ];
    store.run(sql, &parameters).await?;
    Ok(())
}

/// 256 random bits.
fn new() -> anyhow::Result<Zeroizing<String>> {
    let mut bits = Zeroizing::new([0; 32]);
    getrandom::fill(bits.as_mut_slice()).context("the system gives no random bits")?;
    Ok(Zeroizing::new(
        data_encoding::BASE32_NOPAD.encode(bits.as_slice()),
    ))
}

/// Writes the file whole or not at all.
fn write(path: &Path, secret: &str) -> std::io::Result<()> {
    let aside = path.with_extension("new");
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut file: File = options.open(&aside)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    fs::rename(&aside, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::store::Sqlite;

    #[tokio::test(flavor = "multi_thread")]
    async fn all_nodes_of_a_store_have_one() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let store = Sqlite::open(&at("store")).await.unwrap();
        let vault = Vault::new(Zeroizing::new(vec![7; 32]));
        for node in ["first", "second", "first"] {
            settle(&store, &vault, &at(node)).await.unwrap();
        }
        let first = fs::read(at("first")).unwrap();
        assert_eq!(first.len(), 53);
        assert_eq!(fs::read(at("second")).unwrap(), first);
        assert_eq!(fs::metadata(at("second")).unwrap().mode() & 0o777, 0o600);
        // A kill leaves a half beside it at most, which the next start writes over.
        fs::write(at("third.new"), "hal").unwrap();
        settle(&store, &vault, &at("third")).await.unwrap();
        assert_eq!(fs::read(at("third")).unwrap(), first);
        assert!(!at("third.new").exists());

        fs::write(at("fourth"), "another secret\n").unwrap();
        let refused = settle(&store, &vault, &at("fourth")).await.unwrap_err();
        let refused = refused.to_string();
        assert!(
            refused.contains("another than that of the store"),
            "{refused}"
        );
        assert!(!refused.contains("another secret"), "{refused}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_that_is_there_before_the_store_counts() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let store = Sqlite::open(&at("store")).await.unwrap();
        let vault = Vault::new(Zeroizing::new(vec![7; 32]));
        fs::write(at("first"), "an older secret\n").unwrap();
        for node in ["first", "second"] {
            settle(&store, &vault, &at(node)).await.unwrap();
            assert_eq!(fs::read(at(node)).unwrap(), b"an older secret\n");
        }
    }
}
