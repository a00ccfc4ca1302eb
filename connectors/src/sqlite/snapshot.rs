//! One moment of a file, seen by several connections.
//!
//! Without a write-ahead log nobody commits as long as somebody reads. With one, writers are kept out until all
//! connections have begun to read, which takes no longer than that; where that cannot be, one reads alone.

use std::ops::Deref;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use super::error::SqliteError;
use super::file::{DatabaseFile, has_log};

/// How long others may keep a connection from beginning.
const PATIENCE: Duration = Duration::from_secs(5);

/// A moment of the file. It can be seen as long as this is not dropped.
#[derive(Debug)]
pub(super) struct Snapshot {
    file: DatabaseFile,
    idle: Mutex<Vec<Connection>>,
    freed: Condvar,
    connections: usize,
}

/// A connection that sees the moment, for as long as this is not dropped.
pub(super) struct Seeing<'a> {
    snapshot: &'a Snapshot,
    /// Nothing only while it is dropped.
    connection: Option<Connection>,
}

impl Snapshot {
    /// The moment that it is, for `most` connections or less. It may block.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn take(file: &DatabaseFile, most: usize) -> Result<Self, SqliteError> {
        let first = file.reader()?;
        let is_logged = has_log(&first)?;
        let held = match is_logged {
            true => held(file)?,
            false => None,
        };
        begin(&first)?;
        let mut connections = vec![first];
        let alone = is_logged && held.is_none();
        while !alone && connections.len() < most {
            let next = file.reader()?;
            next.busy_timeout(PATIENCE)?;
            match begin(&next) {
                Ok(()) => connections.push(next),
                // A writer waits for us, and we would for it.
                Err(error) if error.is_retryable() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Self {
            file: file.clone(),
            connections: connections.len(),
            idle: Mutex::new(connections),
            freed: Condvar::new(),
        })
    }

    /// The file whose moment it is.
    pub(super) fn file(&self) -> &DatabaseFile {
        &self.file
    }

    /// How many connections see it.
    pub(super) fn connections(&self) -> usize {
        self.connections
    }

    /// A connection that sees it, once one is idle. It may block.
    pub(super) fn connection(&self) -> Seeing<'_> {
        let mut idle = self.idle.lock();
        loop {
            if let Some(connection) = idle.pop() {
                return Seeing {
                    snapshot: self,
                    connection: Some(connection),
                };
            }
            self.freed.wait(&mut idle);
        }
    }
}

impl Deref for Seeing<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("it is taken when this is dropped"),
        }
    }
}

impl Drop for Seeing<'_> {
    fn drop(&mut self) {
        self.snapshot.idle.lock().extend(self.connection.take());
        self.snapshot.freed.notify_one();
    }
}

/// A connection that keeps writers out; none where others are writing, or we may not.
fn held(file: &DatabaseFile) -> Result<Option<Connection>, SqliteError> {
    let writer = file.writer()?;
    writer.busy_timeout(PATIENCE)?;
    match writer.execute_batch("BEGIN IMMEDIATE") {
        Ok(()) => Ok(Some(writer)),
        Err(rusqlite::Error::SqliteFailure(..)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Begins to read: what is committed from here on is not seen.
fn begin(connection: &Connection) -> Result<(), SqliteError> {
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every connection sees the same, whatever is written meanwhile.
    #[test]
    fn all_connections_see_one_moment() {
        for mode in ["WAL", "DELETE"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.db");
            let writer = Connection::open(&path).unwrap();
            writer.pragma_update(None, "journal_mode", mode).unwrap();
            writer.busy_timeout(Duration::ZERO).unwrap();
            writer
                .execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
                .unwrap();
            let file = DatabaseFile::at(path.to_str().unwrap()).unwrap();
            let snapshot = Snapshot::take(&file, 3).unwrap();
            assert_eq!(snapshot.connections(), 3);
            let written = writer.execute_batch("INSERT INTO t VALUES (2)");
            assert_eq!(written.is_ok(), mode == "WAL");
            let all: Vec<Seeing<'_>> = (0..3).map(|_| snapshot.connection()).collect();
            for connection in &all {
                let rows = "SELECT count(*) FROM t";
                let rows: i64 = connection.query_row(rows, [], |row| row.get(0)).unwrap();
                assert_eq!(rows, 1, "{mode}");
            }
        }
    }
}
