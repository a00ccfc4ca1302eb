//! What a run asks of a table of SQLite, whichever way it is done.

use std::ops::Deref;

use super::address::Address;
use super::catalogue::Table;
use super::error::SqliteError;
use super::lane::Lane;
use crate::database::Job;

/// A table to be masked where it lies.
#[derive(Debug, Clone)]
pub(super) struct TableJob {
    /// The table.
    pub(super) table: Table,
    /// What is asked of it.
    pub(super) job: Job,
}

/// A column as a run reads and writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TypedColumn {
    /// Its name.
    pub(super) name: String,
    /// How its values are read and written.
    pub(super) lane: Lane,
}

impl Deref for TableJob {
    type Target = Job;

    fn deref(&self) -> &Job {
        &self.job
    }
}

impl TableJob {
    /// The masked columns and those that are read besides, each once, in table order.
    pub(super) fn typed(&self) -> Vec<TypedColumn> {
        self.columns(|name| self.touches(name))
    }

    /// The masked columns, in table order.
    pub(super) fn masked(&self) -> Vec<TypedColumn> {
        self.columns(|name| self.masked.iter().any(|masked| masked == name))
    }

    fn columns(&self, wanted: impl Fn(&str) -> bool) -> Vec<TypedColumn> {
        let columns = self
            .table
            .columns
            .iter()
            .filter(|column| wanted(&column.name));
        columns
            .map(|column| TypedColumn {
                name: column.name.clone(),
                lane: column.lane,
            })
            .collect()
    }

    /// What finds a row.
    ///
    /// # Errors
    /// When nothing does.
    pub(super) fn address(&self) -> Result<&Address, SqliteError> {
        self.table.address.as_ref().ok_or(SqliteError::Altered)
    }

    /// The name of what the run makes beside the table.
    pub(super) fn made(&self, what: &str) -> String {
        format!("{}_{what}", self.job.name)
    }
}
