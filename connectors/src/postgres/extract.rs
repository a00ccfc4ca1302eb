//! A table as the origin of a copy: ranges of blocks, all of one snapshot.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use futures::future::BoxFuture;

use super::catalogue::RelationKind;
use super::error::PostgresError;
use super::job::TableJob;
use super::pool::Pool;
use super::reader::{ReadColumn, Reader};
use super::rewrite::{TID_RANGES, slices};
use super::session::quoted;
use super::snapshot::Snapshot;
use super::stage;
use crate::copy::Origin;
use crate::database::CopiedColumn;
use crate::unit::Source;

/// The fewest blocks of a slice, and so of a part of what is written: 32 MiB.
const PART_BLOCKS: u32 = 4096;

/// A table that is copied elsewhere.
pub(super) struct Extract {
    job: TableJob,
    pool: Pool,
    snapshot: Arc<Snapshot>,
    reader: Reader,
    /// What each slice reads, behind `FROM`.
    slices: Vec<String>,
}

impl std::fmt::Debug for Extract {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Extract({})", self.job.table.shown())
    }
}

impl Extract {
    /// Cuts the table, as `snapshot` sees it, into slices that give `columns` and what rules read besides.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn open(
        pool: &Pool,
        snapshot: &Arc<Snapshot>,
        mut job: TableJob,
        columns: &[CopiedColumn],
    ) -> Result<Self, PostgresError> {
        let session = pool.take().await?;
        snapshot.begin(&session).await?;
        let version = session.facts().await?.number;
        // Its partitions are those of that moment.
        let (schema, name) = (&job.table.schema, &job.table.name);
        let table = session.table(Some(schema), name).await?;
        session.run("COMMIT").await?;
        let table = table.filter(|table| table.is_same(&job.table));
        job.table = table.ok_or(PostgresError::Altered)?;
        let table = &job.table;
        let is_partitioned = table.kind == RelationKind::Partitioned;
        // The condition may call the table by its name.
        let named = |part: &str| match is_partitioned {
            true => format!("{part} AS {}", quoted(&table.name)),
            false => table.sql(),
        };
        // And by that of its schema, which no partition goes by.
        let in_parts = match table.parts.first() {
            Some(part) if is_partitioned && job.filter.is_some() => {
                let tried = job.from(&named(&part.sql), "true");
                let tried = session.run(&format!("EXPLAIN SELECT FROM {tried}")).await;
                tried.is_ok()
            }
            _ => true,
        };
        session.give_back();
        let whole = job.from(&table.sql(), "true");
        let slices = match job.max_rows {
            Some(most) => vec![format!("{whole} LIMIT {most}")],
            None if !in_parts => vec![whole],
            None => slices(
                &table.parts,
                job.workers,
                PART_BLOCKS,
                version >= TID_RANGES,
            )
            .into_iter()
            .map(|(part, range)| job.from(&named(&part), range.as_deref().unwrap_or("true")))
            .collect(),
        };
        let mut read: Vec<ReadColumn> = Vec::with_capacity(columns.len());
        for column in columns {
            let column = match column.carried {
                true => job.carried(&column.name),
                false => job.read_as(&column.name),
            };
            read.extend(column);
        }
        let besides = job.typed().into_iter();
        let besides = besides.filter(|typed| columns.iter().all(|c| c.name != typed.name));
        read.extend(besides);
        let reader = Reader::new(pool.clone(), table.shown(), &read);
        Ok(Self {
            reader: reader.seeing(Arc::clone(snapshot)).plain(&job.shuffled),
            pool: pool.clone(),
            snapshot: Arc::clone(snapshot),
            slices,
            job,
        })
    }
}

impl Source for Extract {
    fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    fn slices(&self) -> usize {
        self.slices.len()
    }

    fn describe(&self) -> String {
        format!("PostgreSQL, {} slices", self.slices.len())
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        self.reader.read(&self.slices[slice], projection)
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

impl Origin for Extract {
    fn rows_of(&self, slice: usize) -> BoxFuture<'static, Result<u64>> {
        let (pool, snapshot) = (self.pool.clone(), Arc::clone(&self.snapshot));
        let (job, rows) = (self.job.clone(), self.slices[slice].clone());
        Box::pin(async move {
            let session = pool.take().await?;
            snapshot.begin(&session).await?;
            let rows = session.count(&rows).await?;
            session.run("COMMIT").await?;
            session.give_back();
            Ok(job.masked_rows(rows))
        })
    }

    fn memory_of(&self, _: usize) -> u64 {
        stage::SLICE_BYTES
    }

    fn verify(&self) -> BoxFuture<'static, Result<()>> {
        // A snapshot does not change.
        Box::pin(async { Ok(()) })
    }
}
