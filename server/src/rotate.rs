//! Another key: everything that is sealed is sealed anew, in one transaction.
//!
//! The new key is on disk before, beside the old one; the store says after a crash which of the two counts
//! ([`crate::folder`]).

use anyhow::{Context, ensure};

use crate::documents::Kind;
use crate::folder::{self, Folder};
use crate::store::{Store, Transaction, Value};
use crate::vault::Vault;
use crate::{runs, sessions, users};

/// Seals all secrets under a new key; how many there are. Tokens of accounts are other ones then, and logins to
/// in-flight masking have ended.
///
/// # Errors
/// When a secret cannot be opened under the old key, or something cannot be written: then the old key counts.
pub(crate) async fn rotate(folder: &Folder) -> anyhow::Result<u64> {
    let store = folder.store().await?;
    let old = folder.vault(&*store).await?;
    ensure!(
        !runs::are_others_at_work(&*store, &folder.data).await?,
        "other nodes of the store are at work, or were within the last 30 seconds; stop all of them first"
    );
    let next = folder::next_to(&folder.key_file);
    let new = Vault::new(folder::make(&next)?);
    let count = seal_anew(&*store, &old, &new).await?;
    folder::replace(&next, &folder.key_file)?;
    Ok(count)
}

async fn seal_anew(store: &dyn Store, old: &Vault, new: &Vault) -> anyhow::Result<u64> {
    let mut transaction = store.begin().await?;
    let mut count = 0;
    let documents = "SELECT kind, id, sealed FROM documents WHERE sealed IS NOT NULL";
    for row in transaction.query(documents, &[]).await? {
        let (kind, id) = (row.text(0)?, row.text(1)?);
        let sealed = other(old, new, &format!("{kind}/{id}"), row.maybe_bytes(2)?)?;
        let sql = "UPDATE documents SET sealed = $1 WHERE kind = $2 AND id = $3";
        let parameters = [sealed, kind.into(), id.into()];
        transaction.query(sql, &parameters).await?;
        count += 1;
    }
    // Seed files are no secrets; the other files are sealed whole. One at a time: they may be large.
    let files = "SELECT kind, id FROM documents WHERE content IS NOT NULL AND kind <> $1";
    for row in transaction
        .query(files, &[Kind::Seed.name().into()])
        .await?
    {
        let (kind, id) = (row.text(0)?, row.text(1)?);
        let sql = "SELECT content FROM documents WHERE kind = $1 AND id = $2";
        let rows = transaction.query(sql, &[kind.into(), id.into()]).await?;
        let content = rows.first().context("a file is gone")?.maybe_bytes(0)?;
        let sealed = other(old, new, &format!("{kind}/{id}"), content)?;
        let sql = "UPDATE documents SET content = $1 WHERE kind = $2 AND id = $3";
        let parameters = [sealed, kind.into(), id.into()];
        transaction.query(sql, &parameters).await?;
        count += 1;
    }
    let runs = "SELECT id, sealed FROM runs WHERE sealed IS NOT NULL";
    for row in transaction.query(runs, &[]).await? {
        let id = row.int(0)?;
        let sealed = other(old, new, &format!("run/{id}"), row.maybe_bytes(1)?)?;
        let sql = "UPDATE runs SET sealed = $1 WHERE id = $2";
        transaction.query(sql, &[sealed, id.into()]).await?;
        count += 1;
    }
    follow(transaction.as_mut(), new).await?;
    transaction.commit().await?;
    Ok(count)
}

/// What hangs on the key without being sealed under it.
async fn follow(transaction: &mut dyn Transaction, new: &Vault) -> anyhow::Result<()> {
    let sql = "SELECT id FROM users WHERE is_active = 1 ORDER BY id";
    for row in transaction.query(sql, &[]).await? {
        let user = users::get_in(transaction, row.int(0)?).await;
        let user = user.ok().context("a user is gone")?;
        sessions::grant_api_token(transaction, new, &user).await?;
    }
    let sql = "DELETE FROM sessions WHERE kind = 'in_flight'";
    transaction.query(sql, &[]).await?;
    let sql = "UPDATE settings SET value = $1 WHERE name = $2";
    let value = format!("\"{}\"", folder::check(new));
    let parameters = [value.into(), folder::CHECK.into()];
    transaction.query(sql, &parameters).await?;
    Ok(())
}

fn other(old: &Vault, new: &Vault, place: &str, sealed: Option<&[u8]>) -> anyhow::Result<Value> {
    let sealed = sealed.unwrap_or_default();
    let secret = old
        .open(place, sealed)
        .with_context(|| format!("`{place}`"))?;
    let sealed = new.seal(place, &secret);
    Ok(Value::Bytes(
        sealed.context("the system gives no random bits")?,
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::documents::{self, Document};
    use crate::folder::FolderArgs;

    fn take(data: &Path) -> Folder {
        let args = FolderArgs {
            data: data.to_owned(),
            store: None,
            key_file: None,
        };
        Folder::take(args).unwrap()
    }

    /// Whether all that is sealed opens under the key that counts.
    async fn opens(folder: &Folder) -> bool {
        let store = folder.store().await.unwrap();
        let vault = folder.vault(&*store).await.unwrap();
        let all = documents::all(&*store, Kind::OracleWallet).await.unwrap();
        let place = format!("oracle_wallet/{}", all[0].id);
        let secret = vault.open(&place, all[0].sealed.as_ref().unwrap());
        let content = documents::content(&*store, Kind::OracleWallet, &all[0].id).await;
        let content = vault.open(&place, &content.unwrap().unwrap());
        secret.is_ok_and(|secret| *secret == b"secret")
            && content.is_ok_and(|content| *content == b"content")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn secrets_open_after_a_rotation_and_after_one_that_was_cut_off() {
        let place = tempfile::tempdir().unwrap();
        let folder = take(&place.path().join("data"));
        let store = folder.store().await.unwrap();
        let vault = folder.vault(&*store).await.unwrap();
        let mut wallet = Document::new("wallet", "", json!({}));
        let sealed_for = format!("oracle_wallet/{}", wallet.id);
        wallet.sealed = Some(vault.seal(&sealed_for, b"secret").unwrap());
        let content = vault.seal(&sealed_for, b"content").unwrap();
        let seed = Document::new("seed", "", json!({}));
        let mut transaction = store.begin().await.unwrap();
        let inserted = documents::insert(
            transaction.as_mut(),
            Kind::OracleWallet,
            &wallet,
            Some(content),
        );
        inserted.await.unwrap();
        let open = Some(b"plain".to_vec());
        let inserted = documents::insert(transaction.as_mut(), Kind::Seed, &seed, open);
        inserted.await.unwrap();
        transaction.commit().await.unwrap();
        drop(store);
        let first = std::fs::read(&folder.key_file).unwrap();

        assert_eq!(rotate(&folder).await.unwrap(), 2);
        assert_ne!(std::fs::read(&folder.key_file).unwrap(), first);
        assert!(opens(&folder).await);

        // Cut off before the transaction: the old key counts.
        let next = folder::next_to(&folder.key_file);
        folder::make(&next).unwrap();
        assert!(opens(&folder).await);
        assert!(!next.exists());

        // Cut off behind the transaction: the new one does.
        let store = folder.store().await.unwrap();
        let old = folder.vault(&*store).await.unwrap();
        let new = Vault::new(folder::make(&next).unwrap());
        seal_anew(&*store, &old, &new).await.unwrap();
        drop(store);
        assert!(opens(&folder).await);
        assert!(!next.exists());
        assert!(opens(&folder).await);
    }
}
