//! `strategy: rewrite`: the file is copied, the table filled anew in the copy, and the copy takes the place of
//! the old content in one transaction. Tables that change together are filled anew in one copy.
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
use rusqlite::Connection;

use super::catalogue::Table;
use super::error::SqliteError;
use super::exchange::{self, Held};
use super::file::{self, DatabaseFile, WRITER_CACHE_KIB, blocking};
use super::handed::Handed;
use super::job::TableJob;
use super::leftovers::{self, Compaction};
use super::reader::{AT, Reader, typed_fields};
use super::refill::{Refill, ranges};
use super::sql::{count, quoted};
use super::update::SLICE_BYTES;
use crate::database::{Announce, ForeignKey, TableWork, counted};
use crate::unit::{Receipt, Sink, Source};

/// A table that is masked by a rewrite.
pub(super) struct Rewrite {
    job: Arc<TableJob>,
    file: DatabaseFile,
    reader: Reader,
    /// What each slice reads, as a condition.
    slices: Vec<String>,
    /// The tables that are rewritten in one copy, this one among them.
    together: Arc<Together>,
    /// Its number among them.
    number: usize,
    compaction: Compaction,
}

/// Tables that are rewritten in one copy.
struct Together {
    file: DatabaseFile,
    /// What the copy is called after: the first table's work.
    name: String,
    /// Those of the tables whose columns of foreign keys are masked.
    referring: Vec<Table>,
    dry_run: bool,
    /// The lock, and the copy; gone once it is given up.
    work: Mutex<Option<Work>>,
}

struct Work {
    held: Held,
    copy: Connection,
    /// Of each table whose columns of foreign keys are masked, what [`dangling`] said before.
    dangling: Vec<Option<u64>>,
    refills: Vec<Refill>,
    /// How many of the tables are whole.
    whole: usize,
}

impl std::fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rewrite({})", self.job.table.name)
    }
}

impl Together {
    /// The copy that is worked on, and what is made of it at the end.
    fn copies(&self) -> [PathBuf; 2] {
        ["copy", "new"].map(|what| self.file.beside(&self.name, what))
    }

    /// Removes both. It may block.
    fn remove_copies(&self) -> Result<(), SqliteError> {
        self.copies().iter().try_for_each(|copy| file::remove(copy))
    }

    /// Locks the file against writers and copies it.
    fn begin(&self, jobs: &[TableJob]) -> Result<Work, SqliteError> {
        let held = Held::take(&self.file)?;
        // Those of an attempt that was killed.
        self.remove_copies()?;
        let reader = self.file.reader()?;
        for job in jobs {
            // Nothing changes it any more.
            let table = Table::look_up(&reader, &job.table.name)?;
            let table = table.filter(|table| table.is_same(&job.table));
            table.ok_or(SqliteError::Altered)?;
        }
        let [copy, _] = self.copies();
        let copy = held.copied(&copy)?;
        copy.execute_batch("BEGIN")?;
        let dangling = self.referring.iter().map(|table| dangling(&copy, table));
        let dangling = dangling.collect();
        let handed = Handed::default();
        handed.register(&copy)?;
        let refills = jobs.iter().map(|job| Refill::begin(&copy, job, &handed));
        Ok(Work {
            refills: refills.collect::<Result<_, _>>()?,
            held,
            copy,
            dangling,
            whole: 0,
        })
    }

    /// Makes the content of the copy, in which all tables are whole, that of the file.
    fn exchange(&self, work: Work, announce: Announce) -> Result<(), SqliteError> {
        let [copy, new] = self.copies();
        let Work {
            held,
            copy: connection,
            ..
        } = work;
        connection.execute_batch("COMMIT")?;
        leftovers::mark(&connection, &format!("{}_done", self.name), announce)?;
        exchange::compacted(&connection, &new)?;
        drop(connection);
        file::remove(&copy)?;
        exchange::checked(&new)?;
        held.exchange(&new)?;
        file::remove(&new)
    }
}

impl Work {
    /// Refuses rows that refer to nothing and did not before: by the rules of a foreign key two values may be the
    /// same that no mask takes for the same, such as two spellings.
    fn keeps_references(&self, tables: &[Table]) -> Result<(), SqliteError> {
        let mut tables = tables.iter().zip(&self.dangling);
        match tables.find(|(table, before)| dangling(&self.copy, table) != **before) {
            Some((table, _)) => Err(SqliteError::Dangling(table.name.clone())),
            None => Ok(()),
        }
    }
}

/// The table of `job`, where columns of its foreign keys are masked.
fn referring(job: &TableJob) -> Option<&Table> {
    let keys = job.table.foreign_keys.iter();
    let is_masked = |key: &ForeignKey| key.columns.iter().any(|column| job.masked.contains(column));
    let mut masked = keys.filter(|key| !key.incoming && is_masked(key));
    masked.next().map(|_| &job.table)
}

/// How many rows of `table` refer to nothing; `None` where SQLite does not know what they refer to.
fn dangling(connection: &Connection, table: &Table) -> Option<u64> {
    let count = "SELECT count(*) FROM pragma_foreign_key_check(?1)";
    let count = connection.query_row(count, [&table.name], |row| row.get::<_, i64>(0));
    count.ok().map(i64::unsigned_abs)
}

impl Rewrite {
    /// Locks the file against writers and copies it, unless it is a dry run; cuts tables into slices. All of
    /// them change in one exchange: the commit of the last. It may block.
    ///
    /// # Errors
    /// When the lock is not had in time, or there is no room.
    pub(super) fn open(
        file: &DatabaseFile,
        jobs: Vec<TableJob>,
        compaction: &Compaction,
    ) -> Result<Vec<Arc<Self>>, SqliteError> {
        let Some(first) = jobs.first() else {
            return Ok(Vec::new());
        };
        let together = Arc::new(Together {
            file: file.clone(),
            name: first.name.clone(),
            dry_run: first.dry_run,
            referring: jobs.iter().filter_map(referring).cloned().collect(),
            work: Mutex::new(None),
        });
        let reader = file.reader()?;
        if !together.dry_run {
            let begun = together.begin(&jobs);
            if begun.is_err() {
                together.remove_copies()?;
            }
            *together.work.lock() = Some(begun?);
        }
        let tables = jobs.into_iter().enumerate().map(|(number, job)| {
            let most = 4 * job.workers.max(1);
            Ok(Arc::new(Self {
                reader: Reader::new(file.clone(), &job)?,
                slices: ranges(&reader, &job, most)?,
                together: Arc::clone(&together),
                number,
                job: Arc::new(job),
                file: file.clone(),
                compaction: compaction.clone(),
            }))
        });
        tables.collect()
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
        let (together, number) = (Arc::clone(&self.together), self.number);
        Box::pin(async move {
            if together.dry_run {
                let rows = counted(rows).await?;
                return Ok(Receipt { slice, rows });
            }
            let mut count = 0;
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                count += batch.num_rows() as u64;
                let together = Arc::clone(&together);
                blocking(move || match together.work.lock().as_mut() {
                    Some(Work { copy, refills, .. }) => refills[number].add(copy, &batch),
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

    fn rows_of(&self, slice: usize) -> BoxFuture<'static, Result<u64>> {
        let (file, table) = (self.file.clone(), self.job.table.sql_name());
        let rows = self.job.from(&table, &self.slices[slice]);
        let counted = move || count(&file.reader()?, &rows, Vec::new());
        Box::pin(async move { Ok(blocking(counted).await?) })
    }

    fn sink(self: Arc<Self>) -> Arc<dyn Sink> {
        self
    }

    fn memory_of(&self, _: usize) -> u64 {
        // The cache of the writer is there once.
        SLICE_BYTES + u64::from(WRITER_CACHE_KIB) * 1024 / self.job.workers.max(1) as u64
    }

    fn commit(&self, _: usize, announce: Announce) -> BoxFuture<'static, Result<u64>> {
        let (together, number) = (Arc::clone(&self.together), self.number);
        let job = Arc::clone(&self.job);
        Box::pin(async move {
            let committed = move || {
                let mut work = together.work.lock();
                let Some(at_work) = work.as_mut() else {
                    return Err(SqliteError::GivenUp);
                };
                let refill = &at_work.refills[number];
                refill.finish(&at_work.copy, &job)?;
                let rows = refill.rows;
                at_work.whole += 1;
                if at_work.whole == at_work.refills.len()
                    && let Some(whole) = work.take()
                {
                    whole.keeps_references(&together.referring)?;
                    together.exchange(whole, announce)?;
                }
                Ok(rows)
            };
            Ok(blocking(committed).await?)
        })
    }

    fn abort(&self, _: usize) -> BoxFuture<'static, ()> {
        let together = Arc::clone(&self.together);
        Box::pin(async move {
            let removed = move || {
                // With it goes the lock.
                drop(together.work.lock().take());
                match together.dry_run {
                    true => Ok(()),
                    false => together.remove_copies(),
                }
            };
            if let Err(error) = blocking(removed).await {
                tracing::warn!("a copy of the file is left: {error}");
            }
        })
    }

    fn clean_up(&self, all: bool) -> BoxFuture<'static, Result<Vec<String>>> {
        let (together, job) = (Arc::clone(&self.together), Arc::clone(&self.job));
        let (file, compaction) = (self.file.clone(), self.compaction.clone());
        Box::pin(async move {
            let work = move || match (job.dry_run, all) {
                (true, _) => Ok(Vec::new()),
                (false, true) => leftovers::clean_up(&file, &job, true, &compaction),
                (false, false) => together.remove_copies().map(|()| Vec::new()),
            };
            Ok(blocking(work).await?)
        })
    }
}
