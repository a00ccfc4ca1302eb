//! The journal: what a run has done, so that a killed one can go on at the unit.
//!
//! One JSON record a line in `journal.jsonl` of the run folder, written through to disk before the
//! step it announces. A torn last line is a step that was not taken.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use visard_connectors::store::{Staged, Version};

use crate::check::Numbering;

/// Version of the journal's records.
const FORMAT: u32 = 1;

/// What identifies a run: a resumed one must agree in all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Version of the records.
    pub format: u32,
    /// Version of visard that wrote them.
    pub visard: String,
    /// Version of the key construction.
    pub construction: String,
    /// SHA-256 over pipeline, ruleset, libraries and seed files as they were resolved.
    pub plan: String,
    /// Check value of the keys.
    pub key_check: String,
}

impl Identity {
    /// The identity of a run of this version of visard.
    pub fn new(plan: String, key_check: String) -> Self {
        Self {
            format: FORMAT,
            visard: env!("CARGO_PKG_VERSION").to_owned(),
            construction: visard_engine::udfs::CONSTRUCTION.to_owned(),
            plan,
            key_check,
        }
    }
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Record {
    /// The run began.
    Began(Identity),
    /// A unit was listed: what it is, and what lies at its destination before the run.
    Unit {
        /// Path below the base directory.
        path: String,
        /// Size in bytes.
        size: u64,
        /// Version of the source.
        source: Version,
        /// Version of what was at the destination, if anything was.
        before: Option<Version>,
    },
    /// The records of a unit were counted for a mask that goes by their numbers.
    Numbered {
        /// Path below the base directory.
        path: String,
        /// The numbers, and the task they count for.
        numbering: Numbering,
    },
    /// A temp file or upload of a unit's output is about to be begun.
    Begun(Staged),
    /// A unit's output is complete and about to become visible.
    Staged(Staged),
    /// A unit's output is visible.
    Committed {
        /// Path below the base directory.
        path: String,
    },
    /// A table is about to be masked.
    Table {
        /// The task, by its place among all.
        task: usize,
        /// The beginning of the names of what is made for it in the database.
        name: String,
        /// Whether it is rewritten; else rows are updated.
        rewrite: bool,
    },
    /// A transaction that does a whole task is about to be committed.
    Committing {
        /// The task, by its place among all.
        task: usize,
        /// What the database knows the transaction by.
        known_by: String,
        /// Rows that stay as they are, because no more were asked for.
        clear_rows: u64,
    },
    /// A task on a database is done.
    TaskDone {
        /// The task, by its place among all.
        task: usize,
        /// Rows that stay as they are, because no more were asked for.
        clear_rows: u64,
    },
    /// What a task on a database left there was removed, as far as it could be.
    CleanedUp {
        /// The task, by its place among all.
        task: usize,
        /// What still holds old values, in words.
        still_holding: Vec<String>,
    },
    /// The run went on after a stop.
    Resumed,
    /// The run ended with this exit code.
    Ended {
        /// Exit code.
        code: u8,
    },
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    file: File,
    /// Length of the whole records.
    whole: u64,
}

impl Journal {
    /// The journal's file in a run folder.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("journal.jsonl")
    }

    /// A new journal in `folder`.
    ///
    /// # Errors
    /// When the folder already holds one.
    pub fn create(folder: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(Self::path(folder))?;
        lock(&file)?;
        // The file's name has to be on disk too.
        File::open(folder)?.sync_all()?;
        Ok(Self { file, whole: 0 })
    }

    /// The records of the journal in `folder`, and the journal to go on with. A torn last line is cut off.
    ///
    /// # Errors
    /// When there is none, a line but the last is no record, or a run is still at work on it.
    pub fn reopen(folder: &Path) -> std::io::Result<(Vec<Record>, Self)> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .open(Self::path(folder))?;
        lock(&file)?;
        let mut records = Vec::new();
        let mut whole = 0;
        let mut reader = BufReader::new(&mut file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            if !line.ends_with(b"\n") {
                break;
            }
            let record = serde_json::from_slice(&line).map_err(std::io::Error::other)?;
            records.push(record);
            whole += line.len() as u64;
            line.clear();
        }
        file.set_len(whole)?;
        Ok((records, Self { file, whole }))
    }

    /// Adds a record without waiting for the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, record: &Record) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(record).map_err(std::io::Error::other)?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            // A full disk may have taken a part of the line: no record may follow it.
            self.file.set_len(self.whole)?;
            return Err(error);
        }
        self.whole += line.len() as u64;
        Ok(())
    }

    /// Adds a record and waits until it is on disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, record: &Record) -> std::io::Result<()> {
        self.note(record)?;
        self.sync()
    }

    /// Waits until everything noted is on disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn sync(&mut self) -> std::io::Result<()> {
        self.file.sync_data()
    }
}

/// Keeps other processes out until the journal is dropped, where the file system knows locks.
fn lock(file: &File) -> std::io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(std::io::Error::other("a run is at work in it")),
        Err(TryLockError::Error(_)) | Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(path: &str) -> Record {
        Record::Committed {
            path: path.to_owned(),
        }
    }

    #[test]
    fn a_torn_last_line_is_a_step_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path()).unwrap();
        journal.write(&committed("a")).unwrap();
        journal.file.write_all(b"{\"step\":\"commi").unwrap();
        assert!(Journal::reopen(folder.path()).is_err(), "it is in use");
        drop(journal);
        let (records, mut journal) = Journal::reopen(folder.path()).unwrap();
        assert_eq!(records, [committed("a")]);
        journal.write(&committed("b")).unwrap();
        drop(journal);
        assert_eq!(
            Journal::reopen(folder.path()).unwrap().0,
            [committed("a"), committed("b")]
        );
    }

    #[test]
    fn a_folder_holds_one_journal() {
        let folder = tempfile::tempdir().unwrap();
        Journal::create(folder.path()).unwrap();
        assert!(Journal::create(folder.path()).is_err());
    }
}
