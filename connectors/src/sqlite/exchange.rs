//! The content of a file is exchanged as a whole: a copy is worked on, and takes the place of the old pages in
//! one transaction of SQLite's own.
//!
//! Not by a new file under the old name: whoever has the old one open would go on with it, unseen, and what
//! they write would be lost. So the file stays the same file, with its owner, mode and links, and who has
//! it open sees the new content with their next statement.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::ffi;

use super::error::SqliteError;
use super::file::{DatabaseFile, has_log, private, scratch};

/// A file that nobody else may write to; others may read it.
pub(super) struct Held {
    file: DatabaseFile,
    connection: Connection,
    /// With a write-ahead log, what the connection says of the file's last change.
    logged: Option<i64>,
}

impl Held {
    /// Locks `file` against writers.
    ///
    /// # Errors
    /// When the lock is not had in time, or the file cannot be written.
    pub(super) fn take(file: &DatabaseFile) -> Result<Self, SqliteError> {
        let connection = file.writer()?;
        let logged = match has_log(&connection)? {
            true => {
                // An open transaction holds the lock.
                connection.execute_batch("BEGIN IMMEDIATE")?;
                Some(changes(&connection)?)
            }
            false => {
                // Pages can only be exchanged outside of a transaction. In this mode a connection keeps its
                // locks: here that of a transaction for writing. A commit would lock out readers as well.
                connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
                connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK")?;
                None
            }
        };
        Ok(Self {
            file: file.clone(),
            connection,
            logged,
        })
    }

    /// Copies the file, page by page, into a new one at `path`; a connection to it.
    ///
    /// # Errors
    /// When there is no room, or the file is damaged.
    pub(super) fn copied(&self, path: &Path) -> Result<Connection, SqliteError> {
        private(path)?;
        let mut copy = scratch(path)?;
        // A transaction of the copy begins anew after a failure, by another copy.
        copy.pragma_update(None, "journal_mode", "OFF")?;
        let reader = self.file.reader()?;
        all_pages(&Backup::new(&reader, &mut copy)?)?;
        // The copy of a file with a log has one as well.
        copy.pragma_update(None, "journal_mode", "OFF")?;
        Ok(copy)
    }

    /// Writes what the file holds, and nothing else of it, into a new one at `path`.
    ///
    /// # Errors
    /// When there is no room, or the file is damaged.
    pub(super) fn compacted(&self, path: &Path) -> Result<(), SqliteError> {
        // A reader may not write elsewhere either.
        compacted(&self.file.writer()?, path)
    }

    /// Makes the content of the database at `path` that of the file, in one transaction.
    ///
    /// # Errors
    /// When others hold a lock for too long, or have written meanwhile: then nothing is changed.
    pub(super) fn exchange(mut self, path: &Path) -> Result<(), SqliteError> {
        if self.logged.is_some() {
            self.let_go()?;
            return self.exchange_unlocked(path);
        }
        let new = scratch(path)?;
        all_pages(&Backup::new(&new, &mut self.connection)?)
    }

    /// Ends the transaction that holds the lock.
    pub(super) fn let_go(&self) -> Result<(), SqliteError> {
        Ok(self.connection.execute_batch("ROLLBACK")?)
    }

    /// Takes the lock again, and sees who came in between.
    pub(super) fn exchange_unlocked(&self, path: &Path) -> Result<(), SqliteError> {
        let new = scratch(path)?;
        let mut writer = self.file.writer()?;
        let pages = Backup::new(&new, &mut writer)?;
        let is_whole = step(&pages, 1)?;
        if Some(changes(&self.connection)?) != self.logged {
            return Err(SqliteError::Written);
        }
        match is_whole {
            true => Ok(()),
            false => all_pages(&pages),
        }
    }
}

/// Writes what a connection's file holds, and nothing else of it, into a new one at `path`. Rows keep their
/// rowids, which `VACUUM` in place does not promise.
///
/// # Errors
/// When there is no room, or the file is damaged.
pub(super) fn compacted(connection: &Connection, path: &Path) -> Result<(), SqliteError> {
    private(path)?;
    let name = path
        .to_str()
        .ok_or_else(|| SqliteError::File("the path of the file is no UTF-8".to_owned()))?;
    connection.execute("VACUUM INTO ?1", [name])?;
    Ok(())
}

/// Whether the file at `path` is a sound database.
///
/// # Errors
/// When it is not.
pub(super) fn checked(path: &Path) -> Result<(), SqliteError> {
    let connection = scratch(path)?;
    let said: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    match said.as_str() {
        "ok" => Ok(()),
        // Its words may hold values.
        _ => Err(refused(ffi::SQLITE_CORRUPT, "the masked copy is damaged")),
    }
}

/// What tells whether another connection has committed.
fn changes(connection: &Connection) -> Result<i64, SqliteError> {
    Ok(connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
}

fn all_pages(pages: &Backup<'_, '_>) -> Result<(), SqliteError> {
    match step(pages, -1)? {
        true => Ok(()),
        false => Err(SqliteError::Written),
    }
}

/// Copies so many pages; whether these were the last.
fn step(pages: &Backup<'_, '_>, count: i32) -> Result<bool, SqliteError> {
    match pages.step(count)? {
        StepResult::Done => Ok(true),
        StepResult::Busy => Err(refused(
            ffi::SQLITE_BUSY,
            "the file is locked by another connection",
        )),
        StepResult::Locked => Err(refused(
            ffi::SQLITE_LOCKED,
            "the file is locked by another statement",
        )),
        _ => Ok(false),
    }
}

fn refused(code: i32, text: &str) -> SqliteError {
    SqliteError::Refused {
        code,
        text: text.to_owned(),
    }
}
