//! The store in one file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex as Lock;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, params_from_iter};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};
use tokio::task::block_in_place;

use super::{Row, Store, StoreError, Transaction, Value, check, migrations};

/// Connections that read beside the one that writes.
const READERS: usize = 4;
/// How long another process may hold the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// A store in a file, which one server has for itself. Write-ahead logging: who reads waits for nobody.
pub struct Sqlite {
    writer: Arc<Mutex<Connection>>,
    readers: Lock<Vec<Connection>>,
    /// Of the readers that are free.
    free: Semaphore,
}

impl Sqlite {
    /// Opens or makes the store in the file at `path`, and brings it up to date.
    ///
    /// # Errors
    /// When the file cannot be opened, is no store, or of a newer visard.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let writer = connect(path, OpenFlags::default())?;
        writer
            .pragma_update(None, "journal_mode", "wal")
            .map_err(failed)?;
        let readers = (0..READERS).map(|_| {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            connect(path, flags)
        });
        let store = Self {
            readers: Lock::new(readers.collect::<Result<_, _>>()?),
            writer: Arc::new(Mutex::new(writer)),
            free: Semaphore::new(READERS),
        };
        migrations::migrate(&store).await?;
        Ok(store)
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn query(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        check(parameters)?;
        let _permit = self.free.acquire().await;
        let reader = self.readers.lock().pop();
        let Some(reader) = reader else {
            return Err(StoreError::Busy);
        };
        let rows = block_in_place(|| rows(&reader, sql, parameters));
        self.readers.lock().push(reader);
        rows
    }

    async fn begin(&self) -> Result<Box<dyn Transaction + '_>, StoreError> {
        let writer = Arc::clone(&self.writer).lock_owned().await;
        block_in_place(|| writer.execute_batch("BEGIN IMMEDIATE")).map_err(failed)?;
        Ok(Box::new(Open {
            writer,
            has_failed: false,
            committed: false,
        }))
    }
}

/// A transaction, and the right to write.
struct Open {
    writer: OwnedMutexGuard<Connection>,
    /// Whether a statement failed: as in PostgreSQL, nothing counts then.
    has_failed: bool,
    committed: bool,
}

#[async_trait]
impl Transaction for Open {
    async fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
        check(parameters)?;
        if self.has_failed {
            return Err(StoreError::Undone);
        }
        let rows = block_in_place(|| rows(&self.writer, sql, parameters));
        self.has_failed = rows.is_err();
        rows
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        if self.has_failed {
            return Err(StoreError::Undone);
        }
        block_in_place(|| self.writer.execute_batch("COMMIT")).map_err(failed)?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.committed
            && let Err(error) = self.writer.execute_batch("ROLLBACK")
        {
            tracing::error!("a transaction of the store cannot be undone: {error}");
        }
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    // What is acknowledged survives a power cut.
    for (name, value) in [("synchronous", "full"), ("foreign_keys", "on")] {
        connection
            .pragma_update(None, name, value)
            .map_err(failed)?;
    }
    Ok(connection)
}

fn rows(connection: &Connection, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, StoreError> {
    let sql = sql.replace('$', "?");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let columns = statement.column_count();
    let mut found = statement
        .query(params_from_iter(parameters))
        .map_err(failed)?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(failed)? {
        let values = (0..columns).map(|at| match row.get_ref(at).map_err(failed)? {
            ValueRef::Null => Ok(Value::Null),
            ValueRef::Integer(int) => Ok(Value::Int(int)),
            ValueRef::Text(text) => match std::str::from_utf8(text) {
                Ok(text) => Ok(Value::from(text)),
                Err(_) => Err(StoreError::Unexpected("text that is not UTF-8")),
            },
            ValueRef::Blob(bytes) => Ok(Value::Bytes(bytes.to_vec())),
            ValueRef::Real(_) => Err(StoreError::Unexpected("a fraction")),
        });
        rows.push(Row(values.collect::<Result<_, _>>()?));
    }
    Ok(rows)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(int) => ValueRef::Integer(*int),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn failed(error: rusqlite::Error) -> StoreError {
    let code = error.sqlite_error().map(|error| error.extended_code);
    match (error.sqlite_error_code(), code) {
        (
            Some(ErrorCode::ConstraintViolation),
            Some(
                rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
                | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY,
            ),
        ) => StoreError::Taken,
        (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _) => StoreError::Busy,
        _ => StoreError::Failed(error.to_string()),
    }
}
