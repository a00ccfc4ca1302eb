//! Who did what: entries that each carry a hash over the one before, so that a changed or missing one shows.

use sha2::{Digest, Sha256};

use crate::store::{Store, StoreError, Transaction, Value, next_id};
use crate::time;

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

/// The number of entries, or the id of the first one that is not as it was written, or missing.
pub(crate) async fn verify(store: &dyn Store) -> Result<Result<u64, i64>, StoreError> {
    let sql = "SELECT id, timestamp, username, category, action, description, hash \
               FROM audit_log ORDER BY id";
    let mut before = Vec::new();
    let mut count = 0;
    for row in store.query(sql, &[]).await? {
        let id = row.int(0)?;
        let fields = [
            row.text(1)?,
            row.text(2)?,
            row.text(3)?,
            row.text(4)?,
            row.text(5)?,
        ];
        let written = row.maybe_bytes(6)?.unwrap_or_default();
        if id != count + 1 || hash(&before, id, fields) != written {
            return Ok(Err(count + 1));
        }
        before = written.to_vec();
        count = id;
    }
    Ok(Ok(count.unsigned_abs()))
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
