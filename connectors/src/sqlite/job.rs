//! What a run asks of a table of SQLite, whichever way it is done.

use std::ops::Deref;

use rusqlite::Connection;

use super::address::Address;
use super::catalogue::Table;
use super::error::SqliteError;
use super::lane::Lane;
use super::sql::quoted;
use crate::database::Job;

/// A table to be masked where it lies.
#[derive(Debug, Clone)]
pub(super) struct TableJob {
    /// The table.
    pub(super) table: Table,
    /// What is asked of it.
    pub(super) job: Job,
    /// Columns of other tables that are read beside its rows, and the queries that read them.
    pub(super) joined: Vec<(TypedColumn, String)>,
}

/// A column as a run reads and writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TypedColumn {
    /// Its name.
    pub(super) name: String,
    /// How its values are read and written.
    pub(super) lane: Lane,
    /// Whether nothing reads it, and its values are carried with their classes, each as [`super::address::push`] writes it.
    pub(super) carried: bool,
}

impl Deref for TableJob {
    type Target = Job;

    fn deref(&self) -> &Job {
        &self.job
    }
}

impl TableJob {
    /// A job on `table`, with what `connection` says of joined ones.
    ///
    /// # Errors
    /// When one of them is not there any more.
    pub(super) fn new(
        connection: &Connection,
        table: Table,
        job: Job,
    ) -> Result<Self, SqliteError> {
        let mut joined = Vec::with_capacity(job.joined.len());
        for column in &job.joined {
            let join = column.path.last().ok_or(SqliteError::Altered)?;
            let other = match &join.select {
                Some(select) if job.dry_run => {
                    Some(Table::described(connection, &join.table, select)?)
                }
                _ => Table::look_up(connection, &join.table)?,
            };
            let other = other.ok_or(SqliteError::Altered)?;
            let mut columns = other.columns.iter();
            let found = columns.find(|found| found.name == column.column);
            let typed = TypedColumn {
                carried: false,
                name: column.name.clone(),
                lane: found.ok_or(SqliteError::Altered)?.lane,
            };
            joined.push((
                typed,
                column.query(&quoted(&table.name), job.dry_run, quoted),
            ));
        }
        Ok(Self { table, job, joined })
    }

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
                carried: false,
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
