//! A table as the origin of a copy: ranges of its rowids, all of one moment.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use futures::future::BoxFuture;

use super::catalogue::Table;
use super::error::SqliteError;
use super::file::blocking;
use super::job::{TableJob, TypedColumn};
use super::reader::Reader;
use super::refill::ranges;
use super::snapshot::Snapshot;
use super::sql::count;
use super::update::SLICE_BYTES;
use crate::copy::Origin;
use crate::database::CopiedColumn;
use crate::unit::Source;

/// A table that is copied elsewhere.
pub(super) struct Extract {
    job: TableJob,
    snapshot: Arc<Snapshot>,
    reader: Reader,
    /// What each slice reads, behind `FROM`.
    slices: Vec<String>,
}

impl std::fmt::Debug for Extract {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Extract({})", self.job.table.name)
    }
}

impl Extract {
    /// Cuts the table, as `snapshot` sees it, into slices that give `columns` and what rules read besides. It may
    /// block.
    ///
    /// # Errors
    /// When the file cannot be read, or the table is another than was checked.
    pub(super) fn open(
        snapshot: &Arc<Snapshot>,
        job: TableJob,
        columns: &[CopiedColumn],
    ) -> Result<Self, SqliteError> {
        let connection = snapshot.connection();
        let table = Table::look_up(&connection, &job.table.name)?;
        let table = table.filter(|table| table.is_same(&job.table));
        table.ok_or(SqliteError::Altered)?;
        let name = job.table.sql_name();
        let slices = match job.max_rows {
            Some(most) => vec![format!("{} LIMIT {most}", job.from(&name, "true"))],
            None => {
                // No more than can read at once.
                let most = job.workers.clamp(1, snapshot.connections());
                let ranges = ranges(&connection, &job, most)?.into_iter();
                ranges.map(|range| job.from(&name, &range)).collect()
            }
        };
        drop(connection);
        let mut read = Vec::with_capacity(columns.len());
        for CopiedColumn { name, carried } in columns {
            let column = job.table.column(name).ok_or(SqliteError::Altered)?;
            read.push(TypedColumn {
                name: name.clone(),
                lane: column.lane,
                carried: *carried,
            });
        }
        let besides = job.typed().into_iter();
        read.extend(besides.filter(|typed| columns.iter().all(|c| c.name != typed.name)));
        Ok(Self {
            reader: Reader::seeing(Arc::clone(snapshot), &job, read)?,
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
        format!("SQLite, {} slices", self.slices.len())
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        self.reader
            .read(&self.slices[slice], Vec::new(), projection)
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

impl Origin for Extract {
    fn rows_of(&self, slice: usize) -> BoxFuture<'static, Result<u64>> {
        let (snapshot, job) = (Arc::clone(&self.snapshot), self.job.clone());
        let rows = self.slices[slice].clone();
        let counted = move || {
            let rows = count(&snapshot.connection(), &rows, Vec::new())?;
            Ok(job.masked_rows(rows))
        };
        Box::pin(async move { Ok(blocking(counted).await?) })
    }

    fn memory_of(&self, _: usize) -> u64 {
        SLICE_BYTES
    }

    fn verify(&self) -> BoxFuture<'static, Result<()>> {
        // A snapshot does not change.
        Box::pin(async { Ok(()) })
    }
}
