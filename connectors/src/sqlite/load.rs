//! A table as the destination of a copy: rows come into it in one transaction, which begins with the first of them.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use rusqlite::Connection;

use super::error::SqliteError;
use super::file::{DatabaseFile, WRITER_CACHE_KIB, blocking};
use super::held::{HeldColumn, HeldValues};
use super::job::TableJob;
use super::lane::class_column;
use super::leftovers;
use super::sql::list;
use super::update::SLICE_BYTES;
use crate::copy::{Destination, Mode, unformed_fields};
use crate::database::{Announce, CopiedColumn};
use crate::unit::{Receipt, Sink};

/// A table that takes rows in.
pub(super) struct Load {
    file: DatabaseFile,
    job: Arc<TableJob>,
    mode: Mode,
    /// The statement that makes the table, where it is not there.
    made: Option<String>,
    /// The columns as they arrive, then what nulls of them stand for, and the classes of their values.
    arriving: SchemaRef,
    columns: Arc<Vec<HeldColumn>>,
    work: Arc<Mutex<Work>>,
}

/// How far it is.
enum Work {
    /// No row has come.
    Waiting,
    /// The transaction, and how many rows are in it.
    Filling(Connection, u64),
    /// Nothing comes any more.
    Over,
}

impl std::fmt::Debug for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Load({})", self.job.table.name)
    }
}

impl Load {
    /// Makes ready to take `columns` of rows of the schema `rows`; `made` makes the table first. It may block.
    ///
    /// # Errors
    /// When the table lacks a column, or the file cannot be written.
    pub(super) fn open(
        file: DatabaseFile,
        job: TableJob,
        (mode, made): (Mode, Option<String>),
        columns: &[CopiedColumn],
        rows: &Schema,
    ) -> Result<Self, SqliteError> {
        if !job.dry_run {
            leftovers::remove_tables(&file, &job)?;
        }
        let (mut arriving, mut hidden, mut held) = (Vec::new(), Vec::new(), Vec::new());
        for CopiedColumn { name, carried } in columns {
            let (Ok(field), Some(column)) = (rows.field_with_name(name), job.table.column(name))
            else {
                return Err(SqliteError::Altered);
            };
            arriving.push(Field::new(name, field.data_type().clone(), true));
            hidden.extend(unformed_fields(rows, name));
            hidden.extend(rows.field_with_name(&class_column(name)).ok().cloned());
            held.push(HeldColumn::new(column, *carried));
        }
        arriving.extend(hidden);
        Ok(Self {
            arriving: Arc::new(Schema::new(arriving)),
            columns: Arc::new(held),
            work: Arc::new(Mutex::new(Work::Waiting)),
            job: Arc::new(job),
            file,
            mode,
            made,
        })
    }
}

/// Begins the transaction that fills the table.
fn begin(
    file: &DatabaseFile,
    job: &TableJob,
    (mode, made): (Mode, Option<&str>),
) -> Result<Connection, SqliteError> {
    let connection = file.writer()?;
    connection.pragma_update(None, "cache_size", -i64::from(WRITER_CACHE_KIB))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.execute_batch("BEGIN IMMEDIATE; PRAGMA defer_foreign_keys = true")?;
    if let Some(made) = made {
        connection.execute(made, [])?;
        return Ok(connection);
    }
    let table = job.table.sql_name();
    match mode {
        Mode::Append => {}
        Mode::Overwrite => connection.execute_batch(&format!("DELETE FROM {table}"))?,
        Mode::Error => {
            let some = format!("SELECT EXISTS (SELECT 1 FROM {table})");
            if connection.query_row(&some, [], |row| row.get(0))? {
                return Err(SqliteError::NotEmpty);
            }
        }
    }
    Ok(connection)
}

impl Work {
    /// The transaction, begun where it is not.
    fn filling(
        &mut self,
        file: &DatabaseFile,
        job: &TableJob,
        into: (Mode, Option<&str>),
    ) -> Result<(&Connection, &mut u64), SqliteError> {
        if let Self::Waiting = self {
            *self = Self::Filling(begin(file, job, into)?, 0);
        }
        match self {
            Self::Filling(connection, rows) => Ok((connection, rows)),
            Self::Waiting | Self::Over => Err(SqliteError::GivenUp),
        }
    }
}

/// Adds the rows of a batch.
fn add(
    connection: &Connection,
    job: &TableJob,
    columns: &[HeldColumn],
    batch: &RecordBatch,
) -> Result<(), SqliteError> {
    let values: Vec<HeldValues<'_>> = columns
        .iter()
        .map(|column| column.values(batch))
        .collect::<Result<_, _>>()?;
    let parameters: Vec<String> = (1..=columns.len()).map(|n| format!("?{n}")).collect();
    let mut insert = connection.prepare(&format!(
        "INSERT INTO {} ({}) VALUES ({})",
        job.table.sql_name(),
        list(columns.iter().map(HeldColumn::name)),
        parameters.join(", ")
    ))?;
    for row in 0..batch.num_rows() {
        for (index, column) in values.iter().enumerate() {
            insert.raw_bind_parameter(index + 1, column.at(row)?)?;
        }
        insert.raw_execute()?;
    }
    Ok(())
}

impl Sink for Load {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.arriving)
    }

    fn describe(&self) -> String {
        format!("SQLite, rows for {}", self.job.table.name)
    }

    fn write(
        &self,
        slice: usize,
        mut rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        let (file, job) = (self.file.clone(), Arc::clone(&self.job));
        let (mode, made) = (self.mode, self.made.clone());
        let (columns, work) = (Arc::clone(&self.columns), Arc::clone(&self.work));
        Box::pin(async move {
            let mut count = 0;
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                count += batch.num_rows() as u64;
                let (file, job) = (file.clone(), Arc::clone(&job));
                let (columns, work) = (Arc::clone(&columns), Arc::clone(&work));
                let made = made.clone();
                blocking(move || {
                    let mut work = work.lock();
                    let (connection, rows) = work.filling(&file, &job, (mode, made.as_deref()))?;
                    *rows += batch.num_rows() as u64;
                    add(connection, &job, &columns, &batch)
                })
                .await?;
            }
            Ok(Receipt { slice, rows: count })
        })
    }
}

impl Destination for Load {
    fn slice_memory(&self) -> u64 {
        // The cache of the writer is there once.
        SLICE_BYTES + u64::from(WRITER_CACHE_KIB) * 1024 / self.job.workers.max(1) as u64
    }

    fn commit(&self, announce: Announce) -> BoxFuture<'static, Result<u64>> {
        let (file, job) = (self.file.clone(), Arc::clone(&self.job));
        let (mode, made) = (self.mode, self.made.clone());
        let work = Arc::clone(&self.work);
        Box::pin(async move {
            let committed = move || {
                let mut work = work.lock();
                let (connection, rows) = work.filling(&file, &job, (mode, made.as_deref()))?;
                let rows = *rows;
                leftovers::mark(connection, &job.made("done"), announce)?;
                connection.execute_batch("COMMIT")?;
                *work = Work::Over;
                Ok(rows)
            };
            Ok(blocking(committed).await?)
        })
    }

    fn abort(&self) -> BoxFuture<'static, ()> {
        let work = Arc::clone(&self.work);
        Box::pin(async move {
            // With the connection goes what it wrote.
            let dropped = blocking(move || {
                *work.lock() = Work::Over;
                Ok(())
            });
            if let Err(error) = dropped.await {
                tracing::warn!("a transaction was not ended: {error}");
            }
        })
    }

    fn clean_up(&self) -> BoxFuture<'static, Result<()>> {
        let (file, job) = (self.file.clone(), Arc::clone(&self.job));
        Box::pin(async move { Ok(blocking(move || leftovers::remove_tables(&file, &job)).await?) })
    }
}
