//! Who did what: entries that each carry a hash over the one before, so that a changed or missing one shows.

use sha2::{Digest, Sha256};

use crate::store::{Store, StoreError, Transaction, Value, next_id};
use crate::time;

/// Entries that are looked at together.
const BATCH: i64 = 1000;

/// What an entry is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Category {
    Auth,
    Run,
    Ruleset,
    Connection,
    /// What the page of the API has no word for: users, files, settings.
    System,
}

impl Category {
    fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Run => "run",
            Self::Ruleset => "ruleset",
            Self::Connection => "connection",
            Self::System => "system",
        }
    }
}

/// Writes an entry, in the transaction of what it tells of.
pub(crate) async fn note(
    transaction: &mut dyn Transaction,
    username: &str,
    category: Category,
    action: &str,
    description: &str,
) -> Result<(), StoreError> {
    let id = next_id(transaction, "audit_log").await?;
    let last = "SELECT hash FROM audit_log ORDER BY id DESC LIMIT 1";
    let last = transaction.query(last, &[]).await?;
    let before = match last.first() {
        None => Vec::new(),
        Some(row) => row.maybe_bytes(0)?.unwrap_or_default().to_vec(),
    };
    let at = time::text(time::now());
    let hash = hash(
        &before,
        id,
        [&at, username, category.name(), action, description],
    );
    let sql = "INSERT INTO audit_log (id, timestamp, username, category, action, description, hash) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let parameters = [
        Value::Int(id),
        at.into(),
        username.into(),
        category.name().into(),
        action.into(),
        description.into(),
        Value::Bytes(hash),
    ];
    transaction.query(sql, &parameters).await.map(drop)
}

/// What [`verify`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All entries are as they were written: how many, and the hash of the last one. Kept elsewhere, it shows
    /// later that none of them was replaced together with all behind it.
    Whole(i64, String),
    /// The first entry that is not as it was written, or missing.
    Broken(i64),
}

/// Looks at every entry.
pub(crate) async fn verify(store: &dyn Store) -> Result<Verdict, StoreError> {
    let sql = "SELECT id, timestamp, username, category, action, description, hash \
               FROM audit_log WHERE id > $1 ORDER BY id LIMIT $2";
    // As many as were written: entries that are missing at the end show, too.
    let written = "SELECT value FROM counters WHERE name = 'audit_log'";
    let written = store.query(written, &[]).await?;
    let written = written.first().map_or(Ok(0), |row| row.int(0))?;
    let (mut before, mut last) = (Vec::new(), 0);
    loop {
        let rows = store.query(sql, &[last.into(), BATCH.into()]).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let id = row.int(0)?;
            let fields = [
                row.text(1)?,
                row.text(2)?,
                row.text(3)?,
                row.text(4)?,
                row.text(5)?,
            ];
            let kept = row.maybe_bytes(6)?.unwrap_or_default();
            if id != last + 1 || hash(&before, id, fields) != kept {
                return Ok(Verdict::Broken(last + 1));
            }
            before = kept.to_vec();
            last = id;
        }
    }
    Ok(match last < written {
        true => Verdict::Broken(last + 1),
        false => Verdict::Whole(last, data_encoding::HEXLOWER.encode(&before)),
    })
}

fn hash(before: &[u8], id: i64, fields: [&str; 5]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    add(before);
    add(&id.to_be_bytes());
    fields.iter().for_each(|field| add(field.as_bytes()));
    hasher.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Server;

    #[tokio::test(flavor = "multi_thread")]
    async fn changes_of_entries_show() {
        for (change, first) in [
            ("UPDATE audit_log SET username = 'other' WHERE id = 3", 3),
            ("UPDATE audit_log SET timestamp = 'then' WHERE id = 1", 1),
            ("DELETE FROM audit_log WHERE id = 2", 2),
            ("DELETE FROM audit_log WHERE id = 5", 5),
            ("DELETE FROM audit_log", 1),
            ("UPDATE audit_log SET id = 6 WHERE id = 4", 4),
        ] {
            let server = Server::empty().await;
            let store = server.app.store();
            let nothing = verify(store).await.unwrap();
            assert_eq!(nothing, Verdict::Whole(0, String::new()));
            let mut transaction = store.begin().await.unwrap();
            for action in ["one", "two", "three", "four", "five"] {
                let noted = note(transaction.as_mut(), "vera", Category::System, action, "");
                noted.await.unwrap();
            }
            transaction.commit().await.unwrap();
            let whole = verify(store).await.unwrap();
            assert!(matches!(whole, Verdict::Whole(5, hash) if hash.len() == 64));
            store.run(change, &[]).await.unwrap();
            assert_eq!(
                verify(store).await.unwrap(),
                Verdict::Broken(first),
                "{change}"
            );
        }
    }
}
