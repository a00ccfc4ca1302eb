//! The file of a database, and connections to it.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::SqliteError;

/// How long a lock of another connection is waited for.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// KiB of pages that a connection keeps which writes a whole table.
pub(super) const WRITER_CACHE_KIB: u32 = 64 << 10;

/// The file of a database; cheap to clone.
///
/// Only SQLite opens it: whoever closes a descriptor of a file gives up all locks that its process has on it.
#[derive(Debug, Clone)]
pub(super) struct DatabaseFile {
    path: Arc<PathBuf>,
}

impl DatabaseFile {
    /// The file at `path`, behind symbolic links.
    ///
    /// # Errors
    /// When it is not there, or no file.
    pub(super) fn at(path: &str) -> Result<Self, SqliteError> {
        let real = Path::new(path).canonicalize();
        let real = real.map_err(|error| SqliteError::of_file(&format!("`{path}`"), &error))?;
        match real.is_file() {
            true => Ok(Self {
                path: Arc::new(real),
            }),
            false => Err(SqliteError::File(format!("`{path}` is no file"))),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A connection that writes nothing.
    ///
    /// # Errors
    /// When the file cannot be read, or is no database.
    pub(super) fn reader(&self) -> Result<Connection, SqliteError> {
        let connection = open(&self.path)?;
        connection.pragma_update(None, "query_only", true)?;
        // A word in double quotes is a column or nothing, never a text: a condition with a misspelt
        // column would choose no rows.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        Ok(connection)
    }

    /// A connection that overwrites what it deletes. Foreign keys are not its business: nothing that they
    /// join is masked.
    ///
    /// # Errors
    /// When the file cannot be opened, or is no database.
    pub(super) fn writer(&self) -> Result<Connection, SqliteError> {
        let connection = open(&self.path)?;
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "foreign_keys", false)?;
        Ok(connection)
    }

    /// The file called after this one, for the work that is called `name`.
    pub(super) fn beside(&self, name: &str, what: &str) -> PathBuf {
        let mut beside = OsString::from(self.path.as_os_str());
        beside.push(format!(".{name}_{what}"));
        PathBuf::from(beside)
    }
}

/// A database file of our own for what nobody else may see.
///
/// # Errors
/// When it cannot be made, or there is one.
pub(super) fn private(path: &Path) -> Result<(), SqliteError> {
    let made = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    made.map(drop).map_err(|error| {
        SqliteError::of_file(&format!("`{}` cannot be made", path.display()), &error)
    })
}

/// A connection to a file of our own, which nothing has to survive.
///
/// # Errors
/// When it cannot be opened.
pub(super) fn scratch(path: &Path) -> Result<Connection, SqliteError> {
    let connection = Connection::open_with_flags(path, flags())?;
    connection.pragma_update(None, "synchronous", false)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "cache_size", -i64::from(WRITER_CACHE_KIB))?;
    connection.pragma_update(None, "foreign_keys", false)?;
    Ok(connection)
}

/// Removes a database file of our own, and what SQLite has put beside it.
///
/// # Errors
/// When one is there and cannot be removed.
pub(super) fn remove(path: &Path) -> Result<(), SqliteError> {
    for ending in ["", "-journal", "-wal", "-shm"] {
        let mut name = OsString::from(path.as_os_str());
        name.push(ending);
        match fs::remove_file(&name) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                let what = format!("`{}` cannot be removed", Path::new(&name).display());
                return Err(SqliteError::of_file(&what, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the database keeps a write-ahead log.
pub(super) fn has_log(connection: &Connection) -> Result<bool, SqliteError> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(mode == "wal")
}

fn open(path: &Path) -> Result<Connection, SqliteError> {
    let connection = Connection::open_with_flags(path, flags())?;
    connection.busy_timeout(LOCK_TIMEOUT)?;
    // SQLite looks at a file when it is first asked of it.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

fn flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Does what blocks where it may.
///
/// # Errors
/// Those of `work`.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SqliteError> + Send + 'static,
) -> Result<T, SqliteError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(SqliteError::File(
            "the work on the file was stopped".to_owned(),
        )),
    }
}
