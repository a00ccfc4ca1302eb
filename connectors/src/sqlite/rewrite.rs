//! `strategy: rewrite`: the file is copied, the table filled anew in the copy, and the copy takes the place of
//! the old content in one transaction.
//!
//! ```text
//! lock ─▶ copy ─▶ readers of the file, by ranges of rows ─▶ masks ─▶ the table of the copy ─▶ VACUUM INTO ─▶ check ─▶ exchange
//! ```
//!
//! Nobody else may write from the first row that is read to the exchange; others may read until then.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::catalogue::Table;
use super::error::SqliteError;
use super::exchange::{self, Held};
use super::file::{self, DatabaseFile, WRITER_CACHE_KIB, blocking};
use super::job::TableJob;
use super::leftovers::{self, Compaction};
use super::reader::{AT, Reader, typed_fields};
use super::refill::{Refill, ranges};
use super::sql::quoted;
use super::update::SLICE_BYTES;
use crate::database::{Announce, TableWork, counted};
use crate::unit::{Receipt, Sink, Source};

/// A table that is masked by a rewrite.
pub(super) struct Rewrite {
    job: Arc<TableJob>,
    file: DatabaseFile,
    reader: Reader,
    /// What each slice reads, as a condition.
    slices: Vec<String>,
    /// The lock, and the copy; gone once the unit is given up.
    work: Arc<Mutex<Option<Work>>>,
    compaction: Compaction,
}

struct Work {
    held: Held,
    refill: Refill,
}

impl std::fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rewrite({})", self.job.table.name)
    }
}

/// The copy that is worked on, and what is made of it at the end.
fn copies(file: &DatabaseFile, job: &TableJob) -> [PathBuf; 2] {
    ["copy", "new"].map(|what| file.beside(&job.job.name, what))
}

impl Rewrite {
    /// Locks the file against writers and copies it, unless it is a dry run; cuts the table into slices. It
    /// may block.
    ///
    /// # Errors
    /// When the lock is not had in time, or there is no room.
    pub(super) fn open(
        file: DatabaseFile,
        job: TableJob,
        compaction: Compaction,
    ) -> Result<Arc<Self>, SqliteError> {
        let mut work = None;
        let reader = file.reader()?;
        if !job.dry_run {
            let held = Held::take(&file)?;
            // Those of an attempt that was killed.
            leftovers::remove_files(&file, &job)?;
            // Nothing changes it any more.
            let table = Table::look_up(&reader, &job.table.name)?;
            let table = table.filter(|table| table.is_same(&job.table));
            table.ok_or(SqliteError::Altered)?;
            let [copy, _] = copies(&file, &job);
            let begun = held
                .copied(&copy)
                .and_then(|copy| Refill::begin(copy, &job));
            match begun {
                Ok(refill) => work = Some(Work { held, refill }),
                Err(error) => {
                    leftovers::remove_files(&file, &job)?;
                    return Err(error);
                }
            }
        }
        let most = 4 * job.workers.max(1);
        Ok(Arc::new(Self {
            reader: Reader::new(file.clone(), &job)?,
            slices: ranges(&reader, &job, most)?,
            work: Arc::new(Mutex::new(work)),
            job: Arc::new(job),
            file,
            compaction,
        }))
    }
}

impl Source for Rewrite {
    fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    fn slices(&self) -> usize {
        self.slices.len()
    }

    fn describe(&self) -> String {
        format!("SQLite, rewrite, {} slices", self.slices.len())
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        let from = self
            .job
            .from(&self.job.table.sql_name(), &self.slices[slice]);
        // In this order they are written, each next to the one before.
        let order = self.job.address()?.list(&quoted(&self.job.table.name));
        let from = format!("{from} ORDER BY {order}");
        self.reader.read(&from, Vec::new(), projection)
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

impl Sink for Rewrite {
    fn schema(&self) -> SchemaRef {
        let mut fields = vec![Field::new(AT, DataType::BinaryView, false)];
        fields.extend(typed_fields(&self.job.masked()));
        Arc::new(Schema::new(fields))
    }

    fn describe(&self) -> String {
        format!("SQLite, rewrite of {}", self.job.table.name)
    }

    fn write(
        &self,
        slice: usize,
        mut rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        let (work, job) = (Arc::clone(&self.work), Arc::clone(&self.job));
        Box::pin(async move {
            if job.dry_run {
                let rows = counted(rows).await?;
                return Ok(Receipt { slice, rows });
            }
            let mut count = 0;
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                count += batch.num_rows() as u64;
                let work = Arc::clone(&work);
                blocking(move || match work.lock().as_mut() {
                    Some(work) => work.refill.add(&batch),
                    None => Err(SqliteError::GivenUp),
                })
                .await?;
            }
            Ok(Receipt { slice, rows: count })
        })
    }
}

impl TableWork for Rewrite {
    fn units(&self) -> usize {
        1
    }

    fn slices_of(&self, _: usize) -> Range<usize> {
        0..self.slices.len()
    }

    fn sink(self: Arc<Self>) -> Arc<dyn Sink> {
        self
    }

    fn memory_of(&self, _: usize) -> u64 {
        // The cache of the writer is there once.
        SLICE_BYTES + u64::from(WRITER_CACHE_KIB) * 1024 / self.job.workers.max(1) as u64
    }

    fn commit(&self, _: usize, announce: Announce) -> BoxFuture<'static, Result<u64>> {
        let work = self.work.lock().take();
        let (file, job) = (self.file.clone(), Arc::clone(&self.job));
        Box::pin(async move {
            let Some(Work { held, refill }) = work else {
                return Err(SqliteError::GivenUp.into());
            };
            let rows = refill.rows;
            let exchanged = move || {
                let [copy, new] = copies(&file, &job);
                let connection = refill.finish(&job)?;
                leftovers::mark(&connection, &job.made("done"), announce)?;
                exchange::compacted(&connection, &new)?;
                drop(connection);
                file::remove(&copy)?;
                exchange::checked(&new)?;
                held.exchange(&new)?;
                file::remove(&new)
            };
            blocking(exchanged).await?;
            Ok(rows)
        })
    }

    fn abort(&self, _: usize) -> BoxFuture<'static, ()> {
        let work = self.work.lock().take();
        let (file, job) = (self.file.clone(), Arc::clone(&self.job));
        Box::pin(async move {
            let removed = move || {
                // With it goes the lock.
                drop(work);
                match job.dry_run {
                    true => Ok(()),
                    false => leftovers::remove_files(&file, &job),
                }
            };
            if let Err(error) = blocking(removed).await {
                tracing::warn!("a copy of the file is left: {error}");
            }
        })
    }

    fn clean_up(&self, all: bool) -> BoxFuture<'static, Result<Vec<String>>> {
        let (file, job) = (self.file.clone(), Arc::clone(&self.job));
        let compaction = self.compaction.clone();
        Box::pin(async move {
            let work = move || match (job.dry_run, all) {
                (true, _) => Ok(Vec::new()),
                (false, true) => leftovers::clean_up(&file, &job, true, &compaction),
                (false, false) => leftovers::remove_files(&file, &job).map(|()| Vec::new()),
            };
            Ok(blocking(work).await?)
        })
    }
}
