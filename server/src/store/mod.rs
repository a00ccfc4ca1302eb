//! What the server remembers: rows of SQL, in a file of SQLite or in PostgreSQL, which are asked in the same
//! words.
//!
//! Statements keep to what both know: parameters `$1`, `$2` … in the order in which they first appear,
//! `TEXT`, `BIGINT` and `BYTEA`, `ON CONFLICT`, `RETURNING`. Times are texts ([`crate::time`]), flags 0 and 1.

mod migrations;
mod postgres;
mod sqlite;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;

pub use postgres::Postgres;
pub use sqlite::Sqlite;

/// A value of a parameter or a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number, or a flag.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A row of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A row with the same unique values is there already.
    #[error("there is one like it already")]
    Taken,
    /// Someone else changed what was read; asking again may work.
    #[error("the store is busy")]
    Busy,
    /// A text holds a null character, which a store has no form for.
    #[error("a text holds a null character")]
    NullCharacter,
    /// A statement of the transaction failed before: nothing of it counts.
    #[error("the transaction was undone, since a statement in it failed")]
    Undone,
    /// Something that this process goes by was changed by another one.
    #[error("another process has changed `{0}` in the store: start this one again")]
    Changed(&'static str),
    /// A column holds something else than is expected of it.
    #[error("the store holds {0} where it should not")]
    Unexpected(&'static str),
    /// The database cannot be reached, or refused.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// A place that keeps rows.
#[async_trait]
pub trait Store: Send + Sync {
    /// The rows of a query, as of one moment.
    async fn query(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError>;

    /// Begins a transaction. It sees all that was committed before, and no other one writes meanwhile what
    /// it reads: it is serializable.
    async fn begin(&self) -> Result<Box<dyn Transaction + '_>, StoreError>;

    /// From now on refuses every transaction once the setting `name` is another than `value`: another process
    /// has changed it. One process has a file for itself.
    fn depend_on(&self, _name: &'static str, _value: String) {}
}

/// Statements that all count, or none. Dropped before it is committed, none does; nor after one that failed.
#[async_trait]
pub trait Transaction: Send {
    /// Does one statement; its rows, of a `SELECT` or under `RETURNING`.
    async fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError>;

    /// Makes all of it count, on disk.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

impl dyn Store + '_ {
    /// Does one statement in a transaction of its own, and again where the store is busy.
    ///
    /// # Errors
    /// As of the statement.
    pub async fn run(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        for wait_ms in [10, 50, 250] {
            match self.run_once(sql, parameters).await {
                Err(StoreError::Busy) => tokio::time::sleep(Duration::from_millis(wait_ms)).await,
                result => return result,
            }
        }
        self.run_once(sql, parameters).await
    }

    async fn run_once(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut transaction = self.begin().await?;
        let rows = transaction.query(sql, parameters).await?;
        transaction.commit().await?;
        Ok(rows)
    }
}

/// Refuses what only one of the stores would take.
fn check(parameters: &[Value]) -> Result<(), StoreError> {
    let has_null = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
    match parameters.iter().any(has_null) {
        true => Err(StoreError::NullCharacter),
        false => Ok(()),
    }
}

impl Row {
    /// The text in column `at`.
    ///
    /// # Errors
    /// When it is none.
    pub fn text(&self, at: usize) -> Result<&str, StoreError> {
        match self.0.get(at) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(StoreError::Unexpected("no text")),
        }
    }

    /// The text in column `at`, or nothing where it is null.
    ///
    /// # Errors
    /// When it is something else.
    pub fn maybe_text(&self, at: usize) -> Result<Option<&str>, StoreError> {
        match self.0.get(at) {
            Some(Value::Null) => Ok(None),
            _ => self.text(at).map(Some),
        }
    }

    /// The number in column `at`.
    ///
    /// # Errors
    /// When it is none.
    pub fn int(&self, at: usize) -> Result<i64, StoreError> {
        match self.0.get(at) {
            Some(Value::Int(int)) => Ok(*int),
            _ => Err(StoreError::Unexpected("no number")),
        }
    }

    /// The bytes in column `at`, or nothing where it is null.
    ///
    /// # Errors
    /// When it is something else.
    pub fn maybe_bytes(&self, at: usize) -> Result<Option<&[u8]>, StoreError> {
        match self.0.get(at) {
            Some(Value::Null) => Ok(None),
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            _ => Err(StoreError::Unexpected("no bytes")),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(int)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(i64::from(flag))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The next number of `counter`, from 1, without gaps in what is committed.
///
/// # Errors
/// As of the transaction.
pub(crate) async fn next_id(
    transaction: &mut dyn Transaction,
    counter: &str,
) -> Result<i64, StoreError> {
    let sql = "INSERT INTO counters (name, value) VALUES ($1, 1) \
               ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value";
    let rows = transaction.query(sql, &[counter.into()]).await?;
    rows.first()
        .map_or(Err(StoreError::Unexpected("no counter")), |row| row.int(0))
}
