//! `strategy: rewrite`: the whole table, masked, is staged, and takes the place of the old rows in one
//! transaction.
//!
//! ```text
//! lock ─▶ readers, by ranges of blocks ─▶ masks ─▶ unlogged stages ─▶ TRUNCATE, INSERT … SELECT, COMMIT
//! ```
//!
//! The table itself stays: its grants, policies, views, triggers, publications and comments hang on it as
//! before. Indexes and foreign keys are dropped and made again in the same transaction, which is faster
//! than keeping them up row by row ([`Attached`]). Nobody else may write from the first row that is read
//! until the commit.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::attached::Attached;
use super::catalogue::Part;
use super::error::PostgresError;
use super::job::TableJob;
use super::leftovers;
use super::load::advance_sequences;
use super::pool::{Pool, Pooled};
use super::progress::list;
use super::reader::{ReadColumn, Reader};
use super::session::{Server, Session, quoted};
use super::stage::{self, StageColumn};
use super::types::wire_schema;
use crate::database::{Announce, TableWork, counted};
use crate::unit::{Receipt, Sink, Source};

/// The fewest blocks of a slice: 4 MiB, so that small tables have some for each worker. Below it, a stage costs
/// more than it wins.
const SLICE_BLOCKS: u32 = 512;
/// The first version that finds ranges of blocks without reading the others.
pub(super) const TID_RANGES: i32 = 140_000;

/// A table that is masked by a rewrite.
pub(super) struct Rewrite {
    job: Arc<TableJob>,
    pool: Pool,
    reader: Reader,
    staged: Arc<Vec<StageColumn>>,
    /// What each slice reads, behind `FROM`.
    slices: Vec<String>,
    /// The tables that are rewritten in one transaction, this one among them.
    together: Arc<Together>,
    /// Rows that were staged, by slice.
    written: Arc<Mutex<Vec<Option<u64>>>>,
}

impl std::fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rewrite({})", self.job.table.shown())
    }
}

/// Tables that are rewritten in one transaction.
struct Together {
    /// How many there are.
    count: usize,
    /// The session that holds their locks.
    holder: Mutex<Option<Pooled>>,
    /// Those that are staged whole.
    staged: Mutex<Vec<Staged>>,
}

/// A table that is staged whole.
struct Staged {
    job: Arc<TableJob>,
    rows: u64,
    /// The statements that fill it.
    filled: Vec<String>,
}

impl Rewrite {
    /// Locks tables against writers, unless it is a dry run, and cuts them into slices. All of them change in
    /// one transaction: the commit of the last.
    ///
    /// # Errors
    /// When the server refuses, or a lock is not had in time.
    pub(super) async fn open(
        server: &Server,
        jobs: Vec<TableJob>,
    ) -> Result<Vec<Arc<Self>>, PostgresError> {
        let pool = Pool::new(server.clone());
        let holder = pool.take().await?;
        let version = holder.facts().await?.number;
        let locked: Vec<&TableJob> = jobs.iter().filter(|job| !job.dry_run).collect();
        if !locked.is_empty() {
            let tables: Vec<String> = locked.iter().map(|job| job.table.sql()).collect();
            let lock = format!(
                "BEGIN; LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE",
                tables.join(", ")
            );
            holder.run(&lock).await?;
            // Stages of an attempt that was killed.
            let session = pool.take().await?;
            for job in locked {
                leftovers::remove(&session, job).await?;
            }
            session.give_back();
        }
        let mut tables = Vec::with_capacity(jobs.len());
        let together = Arc::new(Together {
            count: jobs.len(),
            holder: Mutex::new(None),
            staged: Mutex::default(),
        });
        for job in jobs {
            let table = Self::cut(&pool, &holder, version, job, Arc::clone(&together)).await?;
            tables.push(Arc::new(table));
        }
        *together.holder.lock() = Some(holder);
        Ok(tables)
    }

    async fn cut(
        pool: &Pool,
        holder: &Session,
        version: i32,
        job: TableJob,
        together: Arc<Together>,
    ) -> Result<Self, PostgresError> {
        // Nothing changes it any more. A column of another would be lost, and so would rows that a policy
        // of another hides.
        let table = holder
            .table(Some(&job.table.schema), &job.table.name)
            .await?;
        let table = table.filter(|table| table.is_same(&job.table));
        let parts = table.ok_or(PostgresError::Altered)?.parts;
        let slices: Vec<String> = slices(&parts, job.workers, SLICE_BLOCKS, version >= TID_RANGES)
            .into_iter()
            .map(|(part, range)| {
                // Joined columns call the table by its name, and so do rows of partitions.
                let part = format!("{part} AS {}", quoted(&job.table.name));
                match range {
                    Some(range) => format!("{part} WHERE {range}"),
                    None => part,
                }
            })
            .collect();
        let columns = job.table.columns.iter().filter(|column| !column.generated);
        let typed = job.typed();
        let columns: Vec<ReadColumn> = columns
            .filter_map(|column| {
                let read = typed.iter().find(|typed| typed.name == column.name);
                read.cloned().or_else(|| job.carried(&column.name))
            })
            .collect();
        // Columns that the server computes can be read, and are computed anew; those of other tables are read.
        let generated = typed.iter().filter(|typed| {
            let column = job.table.column(&typed.name);
            column.is_none_or(|column| column.generated)
        });
        let read: Vec<ReadColumn> = columns.iter().chain(generated).cloned().collect();
        let staged = columns.iter().filter_map(|read| job.staged(read)).collect();
        Ok(Self {
            reader: Reader::new(pool.clone(), job.table.shown(), &read).plain(&job.shuffled),
            staged: Arc::new(staged),
            written: Arc::new(Mutex::new(vec![None; slices.len()])),
            slices,
            together,
            job: Arc::new(job),
            pool: pool.clone(),
        })
    }

    fn filled(&self, slice: usize) -> String {
        let columns: Vec<String> = self
            .staged
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let values: Vec<String> = self
            .staged
            .iter()
            .enumerate()
            .map(|(index, column)| column.value(index))
            .collect();
        format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} AS s",
            self.job.table.sql(),
            list(&columns),
            values.join(", "),
            self.job.stage(slice)
        )
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
        format!("PostgreSQL, rewrite, {} slices", self.slices.len())
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        self.reader.read(&self.slices[slice], projection)
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

impl Sink for Rewrite {
    fn schema(&self) -> SchemaRef {
        let wire: Vec<_> = self
            .staged
            .iter()
            .map(|column| column.wire.clone())
            .collect();
        Arc::new(wire_schema(&wire))
    }

    fn describe(&self) -> String {
        format!("PostgreSQL, rewrite of {}", self.job.table.shown())
    }

    fn write(
        &self,
        slice: usize,
        rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        let (pool, written, job) = (
            self.pool.clone(),
            Arc::clone(&self.written),
            Arc::clone(&self.job),
        );
        let (staged, stage) = (Arc::clone(&self.staged), self.job.stage(slice));
        Box::pin(async move {
            if job.dry_run {
                let rows = counted(rows).await?;
                return Ok(Receipt { slice, rows });
            }
            let columns: Vec<String> = staged
                .iter()
                .enumerate()
                .map(|(index, column)| column.definition(index))
                .collect();
            let made = format!(
                "CREATE UNLOGGED TABLE {stage} AS SELECT {} FROM {} WITH NO DATA",
                columns.join(", "),
                job.table.sql()
            );
            let session = pool.take().await?;
            session.make_private(&made, &stage).await?;
            let wire = staged.iter().map(|column| column.wire.clone()).collect();
            let rows = stage::fill(&session, &stage, wire, rows).await?;
            session.give_back();
            written.lock()[slice] = Some(rows);
            Ok(Receipt { slice, rows })
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
        let (pool, rows) = (self.pool.clone(), self.slices[slice].clone());
        Box::pin(async move {
            let session = pool.take().await?;
            let rows = session.count(&rows).await?;
            session.give_back();
            Ok(rows)
        })
    }

    fn sink(self: Arc<Self>) -> Arc<dyn Sink> {
        self
    }

    fn memory_of(&self, _: usize) -> u64 {
        stage::SLICE_BYTES
    }

    fn commit(&self, _: usize, announce: Announce) -> BoxFuture<'static, Result<u64>> {
        let written: Option<u64> = self.written.lock().iter().copied().sum();
        let filled = (0..self.slices.len()).map(|slice| self.filled(slice));
        let filled: Vec<String> = filled.collect();
        let (job, together) = (Arc::clone(&self.job), Arc::clone(&self.together));
        Box::pin(async move {
            let rows = written.ok_or(PostgresError::GivenUp)?;
            let all = {
                let mut staged = together.staged.lock();
                staged.push(Staged { job, rows, filled });
                (staged.len() == together.count).then(|| std::mem::take(&mut *staged))
            };
            if let Some(all) = all {
                let holder = together.holder.lock().take();
                let session = holder.ok_or(PostgresError::GivenUp)?;
                replaced(&session, &all).await?;
                announce(&session.transaction().await?)?;
                session.run("COMMIT").await?;
                session.give_back();
            }
            Ok(rows)
        })
    }

    fn abort(&self, _: usize) -> BoxFuture<'static, ()> {
        let holder = self.together.holder.lock().take();
        let (pool, job) = (self.pool.clone(), Arc::clone(&self.job));
        Box::pin(async move {
            // The session ends, and with it its lock.
            drop(holder);
            let removed = async {
                let session = pool.take().await?;
                leftovers::remove(&session, &job).await?;
                session.give_back();
                Ok::<_, PostgresError>(())
            };
            if let Err(error) = removed.await {
                tracing::warn!("stages of {} are left: {error}", job.table.shown());
            }
        })
    }

    fn clean_up(&self, all: bool) -> BoxFuture<'static, Result<Vec<String>>> {
        let (pool, job) = (self.pool.clone(), Arc::clone(&self.job));
        Box::pin(async move {
            if job.dry_run {
                return Ok(Vec::new());
            }
            let session = pool.take().await?;
            let mut left = Vec::new();
            match all {
                true => left = leftovers::clean_up(&session, &job, true).await?,
                false => leftovers::remove(&session, &job).await?,
            }
            session.give_back();
            Ok(left)
        })
    }
}

/// Puts the staged rows of tables in the place of the old ones, in the open transaction of `session`.
async fn replaced(session: &Session, tables: &[Staged]) -> Result<(), PostgresError> {
    let settings = "SET LOCAL maintenance_work_mem = '256MB'";
    session.run(settings).await?;
    let mut attached = Vec::with_capacity(tables.len());
    for Staged { job, rows, .. } in tables {
        let found = session.count(&job.table.sql()).await?;
        unchanged(*rows, found)?;
        // A foreign key between two of the tables goes with the first, and the second has it no longer.
        let of_table = Attached::of(session, &job.table).await?;
        for statement in of_table.dropped() {
            session.run(statement).await?;
        }
        attached.push(of_table);
    }
    for Staged { job, rows, filled } in tables {
        session
            .run(&format!("TRUNCATE {}", job.table.sql()))
            .await?;
        let mut found = 0;
        for statement in filled {
            found += session.touch(statement).await?;
        }
        unchanged(*rows, found)?;
    }
    for statement in attached.iter().rev().flat_map(Attached::made) {
        session.run(statement).await?;
    }
    for Staged { job, .. } in tables {
        advance_sequences(session, job, &job.masked).await?;
        session.run(&leftovers::analysed(&job.table)).await?;
    }
    Ok(())
}

fn unchanged(expected: u64, found: u64) -> Result<(), PostgresError> {
    match expected == found {
        true => Ok(()),
        false => Err(PostgresError::Changed { expected, found }),
    }
}

/// Ranges of blocks of the tables that hold rows, several for each worker but none of less than `fewest` blocks: a
/// table, and the condition for its range where it is not the whole.
pub(super) fn slices(
    parts: &[Part],
    workers: usize,
    fewest: u32,
    by_range: bool,
) -> Vec<(String, Option<String>)> {
    let blocks: u64 = parts.iter().map(|part| u64::from(part.blocks)).sum();
    let share = blocks / (4 * workers.max(1) as u64);
    let step = u32::try_from(share).unwrap_or(u32::MAX).max(fewest);
    let mut slices = Vec::new();
    for part in parts {
        let count = match by_range {
            true => part.blocks.div_ceil(step).max(1),
            false => 1,
        };
        for slice in 0..count {
            let from = (slice > 0).then(|| format!("ctid >= '({},0)'", slice * step));
            // The last one has no end: the table may have grown since it was measured.
            let to = (slice + 1 < count).then(|| format!("ctid < '({},0)'", (slice + 1) * step));
            let range: Vec<String> = from.into_iter().chain(to).collect();
            let range = (!range.is_empty()).then(|| range.join(" AND "));
            slices.push((format!("ONLY {}", part.sql), range));
        }
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_cover_every_block_once() {
        let parts = [("a", 0), ("b", 9000)].map(|(sql, blocks)| Part {
            sql: sql.to_owned(),
            blocks,
        });
        let of = |by_range| -> Vec<(String, String)> {
            let slices = slices(&parts, 1, 4096, by_range).into_iter();
            slices
                .map(|(part, range)| (part, range.unwrap_or_default()))
                .collect()
        };
        let expected = [
            ("ONLY a", ""),
            ("ONLY b", "ctid < '(4096,0)'"),
            ("ONLY b", "ctid >= '(4096,0)' AND ctid < '(8192,0)'"),
            ("ONLY b", "ctid >= '(8192,0)'"),
        ];
        assert_eq!(
            of(true),
            expected.map(|(part, range)| (part.to_owned(), range.to_owned()))
        );
        assert_eq!(
            of(false),
            [
                ("ONLY a".to_owned(), String::new()),
                ("ONLY b".to_owned(), String::new())
            ]
        );
    }
}
