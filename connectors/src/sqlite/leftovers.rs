//! What still holds old values after a table was masked: removed where we may, named where we may not.

use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, TransactionBehavior, params};

use super::catalogue::Table;
use super::error::SqliteError;
use super::exchange::Held;
use super::file::{self, DatabaseFile, has_log};
use super::job::TableJob;
use super::progress::exists;
use super::sql::quoted;
use crate::database::Announce;

/// Whether updates have left pages that are free, or have room, and so may hold old values: what is in no table
/// is removed from the file once for all of a run's tables.
#[derive(Debug, Clone)]
pub(super) struct Compaction(Arc<Mutex<bool>>);

impl Default for Compaction {
    fn default() -> Self {
        // What an earlier attempt did nobody knows.
        Self(Arc::new(Mutex::new(true)))
    }
}

impl Compaction {
    /// Rows are about to be updated.
    pub(super) fn is_due(&self) {
        *self.0.lock() = true;
    }
}

/// Makes the table by which a resumed run knows that a transaction was committed, in this very transaction.
///
/// # Errors
/// When the journal of the run, or the file, cannot be written.
pub(super) fn mark(
    connection: &Connection,
    name: &str,
    announce: Announce,
) -> Result<(), SqliteError> {
    connection.execute_batch(&format!("CREATE TABLE {} (done)", quoted(name)))?;
    announce(name).map_err(|error| SqliteError::of_file("the journal cannot be written", &error))
}

/// Removes what `job` made, then what still holds old values: after updates free pages and the room in
/// others, and what both strategies leave. What cannot be removed, in words. It may block.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn clean_up(
    file: &DatabaseFile,
    job: &TableJob,
    rewritten: bool,
    compaction: &Compaction,
) -> Result<Vec<String>, SqliteError> {
    remove_files(file, job)?;
    let mut connection = file.writer()?;
    let mut left = Vec::new();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for name in made(&transaction, &job.job.name)? {
        transaction.execute_batch(&format!("DROP TABLE {}", quoted(&name)))?;
    }
    if !rewritten {
        refresh(&transaction, &job.table)?;
    }
    transaction.commit()?;
    if !rewritten && let Err(error) = compacted(file, job, compaction) {
        left.push(format!(
            "free pages of the file may hold old values until `VACUUM` is run ({error})"
        ));
    }
    if has_log(&connection)? {
        let busy = "PRAGMA wal_checkpoint(TRUNCATE)";
        let busy: bool = connection.query_row(busy, [], |row| row.get(0))?;
        if busy {
            left.push(
                "the write-ahead log beside the file holds old values until everybody who reads has ended, \
                 and `PRAGMA wal_checkpoint(TRUNCATE)` is run"
                    .to_owned(),
            );
        }
    }
    for name in &job.table.virtual_tables {
        left.push(format!(
            "the virtual table `{name}` keeps rows of its own, which may be copies of the old ones"
        ));
    }
    left.push(
        "backups and copies of the file, and blocks that its file system has freed, hold old values"
            .to_owned(),
    );
    Ok(left)
}

/// Exchanges the file for what is in its tables, unless nothing was updated since it was.
fn compacted(
    file: &DatabaseFile,
    job: &TableJob,
    compaction: &Compaction,
) -> Result<(), SqliteError> {
    let mut due = compaction.0.lock();
    if !*due {
        return Ok(());
    }
    let new = file.beside(&job.job.name, "new");
    let exchanged = Held::take(file).and_then(|held| {
        held.compacted(&new)?;
        held.exchange(&new)
    });
    file::remove(&new)?;
    *due = exchanged.is_err();
    exchanged
}

/// Brings up to date what is derived of a table's rows: full-text indexes without rows of their own, and the
/// planner's statistics, some of which are values.
///
/// # Errors
/// When SQLite refuses.
pub(super) fn refresh(connection: &Connection, table: &Table) -> Result<(), SqliteError> {
    for index in &table.indexed_by {
        let index = quoted(index);
        connection.execute_batch(&format!("INSERT INTO {index} ({index}) VALUES ('rebuild')"))?;
    }
    for statistics in ["sqlite_stat3", "sqlite_stat4"] {
        if exists(connection, statistics)? {
            let samples = format!("DELETE FROM {statistics} WHERE tbl = ?1");
            connection.execute(&samples, [&table.name])?;
        }
    }
    if exists(connection, "sqlite_stat1")? {
        let known = "SELECT EXISTS (SELECT 1 FROM sqlite_stat1 WHERE tbl = ?1)";
        if connection.query_row(known, params![table.name], |row| row.get(0))? {
            connection.execute_batch(&format!("ANALYZE {}", table.sql_name()))?;
        }
    }
    Ok(())
}

/// Removes the tables that `job` made in the file.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn remove_tables(file: &DatabaseFile, job: &TableJob) -> Result<(), SqliteError> {
    if made(&file.reader()?, &job.job.name)?.is_empty() {
        return Ok(());
    }
    let mut connection = file.writer()?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for name in made(&transaction, &job.job.name)? {
        transaction.execute_batch(&format!("DROP TABLE {}", quoted(&name)))?;
    }
    Ok(transaction.commit()?)
}

/// Removes the files that `job` made beside the database's.
///
/// # Errors
/// When one cannot be removed.
fn remove_files(file: &DatabaseFile, job: &TableJob) -> Result<(), SqliteError> {
    for what in ["copy", "new"] {
        file::remove(&file.beside(&job.job.name, what))?;
    }
    Ok(())
}

/// The tables whose names begin with `name`.
fn made(connection: &Connection, name: &str) -> Result<Vec<String>, SqliteError> {
    let made =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, length(?1)) = ?1";
    let mut made = connection.prepare(made)?;
    let names = made.query_map([format!("{name}_")], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}
