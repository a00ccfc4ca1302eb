//! What SQLite answers, in words that hold no cell value.
//!
//! Messages of constraints name tables and columns only and are passed on. What a trigger of a user
//! raises may be made of values: of everything else the condition is told.

use datafusion::error::DataFusionError;
use rusqlite::ffi;

use crate::database::DatabaseError;

/// Why a file could not be asked, or what SQLite refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteError {
    /// The file is not there, or is none of ours to open.
    #[error("{0}")]
    File(String),
    /// SQLite refused; no cell value is in the text.
    #[error("{text} (SQLite {code})")]
    Refused {
        /// The extended result code.
        code: i32,
        /// What it stands for.
        text: String,
    },
    /// A value that masks cannot be shown, or that the column's lane does not hold.
    #[error("column `{column}`: {problem}")]
    Value {
        /// The column.
        column: String,
        /// What is the matter.
        problem: &'static str,
    },
    /// Rows were changed by somebody else between reading and writing.
    #[error(
        "{expected} rows were read and {found} could be written: something else writes to the table"
    )]
    Changed {
        /// Rows that were masked.
        expected: u64,
        /// Rows that were still as they had been read.
        found: u64,
    },
    /// Somebody else wrote to the file before its new content could take its place.
    #[error("something else wrote to the file meanwhile")]
    Written,
    /// The table is no longer what was checked.
    #[error("the table was altered since it was checked; start again")]
    Altered,
    /// A row would no longer have what it refers to.
    #[error(
        "rows of `{0}` would no longer refer to what they do: values that its foreign keys take for the same are \
         written in two ways"
    )]
    Dangling(String),
    /// Rows are at the destination of a copy that were not expected.
    #[error("the table has rows; `mode: append` adds to them, `mode: overwrite` replaces them")]
    NotEmpty,
    /// A part of the work was given up before.
    #[error("another part of the table failed")]
    GivenUp,
}

impl SqliteError {
    /// Whether the same once more may go well: a lock that was not had in time, rows that changed meanwhile.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Changed { .. } | Self::Written => true,
            Self::Refused { code, .. } => {
                matches!(code & 0xff, ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED)
            }
            _ => false,
        }
    }

    /// The same error, where it is about a file that could not be made, read or written.
    pub(super) fn of_file(what: &str, error: &std::io::Error) -> Self {
        Self::File(format!("{what}: {error}"))
    }

    /// What SQLite says of a statement that it cannot prepare: its words are about names and SQL of the
    /// ruleset, as no row has been looked at.
    pub(super) fn unprepared(error: &rusqlite::Error) -> Option<String> {
        match error {
            rusqlite::Error::SqlInputError { msg, .. } => Some(msg.clone()),
            rusqlite::Error::SqliteFailure(failure, Some(said))
                if failure.extended_code == ffi::SQLITE_ERROR =>
            {
                Some(said.clone())
            }
            _ => None,
        }
    }
}

impl From<rusqlite::Error> for SqliteError {
    fn from(error: rusqlite::Error) -> Self {
        let (code, said) = match &error {
            rusqlite::Error::SqliteFailure(failure, said) => {
                (failure.extended_code, said.as_deref())
            }
            rusqlite::Error::SqlInputError { error, msg, .. } => {
                (error.extended_code, Some(msg.as_str()))
            }
            _ => {
                return Self::Refused {
                    code: ffi::SQLITE_MISUSE,
                    text: "the driver was used wrongly".to_owned(),
                };
            }
        };
        let text = match said {
            Some(said) if told_as_it_is(code) => said.to_owned(),
            _ => condition(code).to_owned(),
        };
        Self::Refused { code, text }
    }
}

impl From<SqliteError> for DatabaseError {
    fn from(error: SqliteError) -> Self {
        Self::new(error.to_string()).retryable(error.is_retryable())
    }
}

impl From<SqliteError> for DataFusionError {
    fn from(error: SqliteError) -> Self {
        DatabaseError::from(error).into()
    }
}

/// Whether SQLite's own message is made of names alone.
fn told_as_it_is(code: i32) -> bool {
    matches!(
        code,
        ffi::SQLITE_CONSTRAINT_CHECK
            | ffi::SQLITE_CONSTRAINT_DATATYPE
            | ffi::SQLITE_CONSTRAINT_FOREIGNKEY
            | ffi::SQLITE_CONSTRAINT_NOTNULL
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID
            | ffi::SQLITE_CONSTRAINT_UNIQUE
    )
}

/// What a result code stands for.
fn condition(code: i32) -> &'static str {
    match code {
        ffi::SQLITE_CONSTRAINT_TRIGGER => return "a trigger refused",
        ffi::SQLITE_READONLY_DIRECTORY => return "no journal can be made in the file's folder",
        _ => {}
    }
    match code & 0xff {
        ffi::SQLITE_ERROR => "a statement failed",
        ffi::SQLITE_PERM | ffi::SQLITE_AUTH => "it is not allowed",
        ffi::SQLITE_ABORT | ffi::SQLITE_INTERRUPT => "it was interrupted",
        ffi::SQLITE_BUSY => "the file is locked by another connection",
        ffi::SQLITE_LOCKED => "a table is locked by another statement",
        ffi::SQLITE_NOMEM => "there is no memory",
        ffi::SQLITE_READONLY => "the file cannot be written",
        ffi::SQLITE_IOERR => "the file cannot be read or written",
        ffi::SQLITE_CORRUPT => "the file is damaged",
        ffi::SQLITE_FULL => "there is no room on the disk",
        ffi::SQLITE_CANTOPEN => "the file cannot be opened",
        ffi::SQLITE_TOOBIG => "a value is too long",
        ffi::SQLITE_CONSTRAINT => "a constraint refused",
        ffi::SQLITE_MISMATCH => "a value is of another class than its column",
        ffi::SQLITE_NOTADB => "the file is encrypted, or no SQLite database",
        ffi::SQLITE_SCHEMA => "the schema changed",
        _ => "it failed",
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn said(setup: &str, statement: &str) -> String {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(setup).unwrap();
        let error = connection.execute_batch(statement).unwrap_err();
        SqliteError::from(error).to_string()
    }

    #[test]
    fn names_are_told_and_values_are_not() {
        for (setup, statement, words) in [
            (
                "CREATE TABLE t (a TEXT UNIQUE); INSERT INTO t VALUES ('secret')",
                "INSERT INTO t VALUES ('secret')",
                "UNIQUE constraint failed: t.a (SQLite 2067)",
            ),
            (
                "CREATE TABLE t (a TEXT NOT NULL)",
                "INSERT INTO t VALUES (NULL)",
                "NOT NULL constraint failed: t.a (SQLite 1299)",
            ),
            (
                "CREATE TABLE t (a TEXT CONSTRAINT short CHECK (length(a) < 3))",
                "INSERT INTO t VALUES ('secret')",
                "CHECK constraint failed: short (SQLite 275)",
            ),
            (
                "CREATE TABLE t (a INTEGER) STRICT",
                "INSERT INTO t VALUES ('secret')",
                "cannot store TEXT value in INTEGER column t.a (SQLite 3091)",
            ),
            (
                "CREATE TABLE t (a); CREATE TRIGGER r BEFORE INSERT ON t BEGIN SELECT raise(abort, new.a || '!'); END",
                "INSERT INTO t VALUES ('secret')",
                "a trigger refused (SQLite 1811)",
            ),
            (
                "CREATE TABLE t (a); INSERT INTO t VALUES ('secret')",
                "CREATE TABLE u AS SELECT json(a) FROM t",
                "a statement failed (SQLite 1)",
            ),
        ] {
            assert_eq!(said(setup, statement), words, "{statement}");
        }
    }
}
