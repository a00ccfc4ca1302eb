//! `strategy: update`: masked values are staged beside the table and joined into it, a transaction for
//! each range of the key.
//!
//! ```text
//! reader  ── ctid, xmin, columns ──▶ masks ──▶ temporary stage ──▶ UPDATE … FROM stage, COMMIT
//! ```
//!
//! The stage holds which version of a row was read (`ctid` and `xmin`): a row that somebody changed
//! meanwhile is not found again, and the unit is given up rather than masked by halves.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::{Result, internal_err};
use datafusion::execution::SendableRecordBatchStream;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::error::PostgresError;
use super::job::TableJob;
use super::leftovers;
use super::pool::{Pool, Pooled};
use super::progress::{Cut, Progress, Unit};
use super::reader::{CTID, Reader, TABLEOID, XMIN};
use super::session::{Server, quoted};
use super::stage::{self, StageColumn};
use super::types::{WireColumn, WireType, wire_schema};
use crate::database::{Announce, Counted, TableWork, counted};
use crate::unit::{Receipt, Sink, Source};

/// The stage of a session.
const STAGE: &str = "pg_temp.visard_stage";

/// A table that is masked by joined updates.
pub(super) struct Update {
    job: Arc<TableJob>,
    pool: Pool,
    reader: Reader,
    staged: Arc<Vec<StageColumn>>,
    /// Where units are marked as done; none where the table is one unit.
    progress: Option<Progress>,
    units: Vec<Option<Unit>>,
    /// Units that an earlier attempt did.
    units_before: usize,
    /// Rows there were, where they were counted.
    rows: u64,
    written: Arc<Mutex<HashMap<usize, Written>>>,
}

/// A unit whose rows are in the stage of a session, in an open transaction.
struct Written {
    session: Pooled,
    /// How many there are; nothing where an earlier attempt has done the unit meanwhile.
    rows: Option<u64>,
}

impl std::fmt::Debug for Update {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Update({})", self.job.table.shown())
    }
}

impl Update {
    /// Cuts the table into units, or finds out what an earlier attempt left of them.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) async fn open(server: &Server, job: TableJob) -> Result<Arc<Self>, PostgresError> {
        let pool = Pool::new(server.clone());
        let progress = match (&job.key, job.dry_run) {
            (Some(key), false) => Some(Progress::new(
                &job.table,
                &format!("{}_units", job.name),
                key.clone(),
            )),
            // Nothing is written by a dry run, so nothing has to be known of it afterwards.
            _ => None,
        };
        let (mut units_before, mut rows) = (0, 0);
        let units = match &progress {
            None => {
                if job.max_rows.is_some() && !job.dry_run {
                    let session = pool.take().await?;
                    rows = session.count(&job.from(&job.table.sql(), "true")).await?;
                    session.give_back();
                }
                vec![None]
            }
            Some(progress) => {
                let session = pool.take().await?;
                let cut = Cut {
                    filter: job.filter.as_deref(),
                    rows: job.unit_rows,
                    max_rows: job.max_rows,
                    counted: job.is_counted(),
                };
                let units = progress.open(&session, &job.table, cut).await?;
                session.give_back();
                (units_before, rows) = (units.done, units.rows);
                units.left.into_iter().map(Some).collect()
            }
        };
        let staged = job
            .masked
            .iter()
            .filter_map(|name| job.staged(&job.read_as(name)?));
        Ok(Arc::new(Self {
            reader: Reader::new(pool.clone(), job.table.shown(), &job.typed()).plain(&job.shuffled),
            staged: Arc::new(staged.collect()),
            progress,
            units,
            units_before,
            rows,
            written: Arc::default(),
            job: Arc::new(job),
            pool,
        }))
    }

    fn range(&self, unit: usize) -> String {
        match (&self.progress, self.units[unit]) {
            (Some(progress), Some(unit)) => progress.range(unit),
            _ => "true".to_owned(),
        }
    }

    /// Makes the stage of a session: what tells row versions apart, and the masked columns.
    fn stage_made(&self) -> String {
        let columns: Vec<String> = self
            .staged
            .iter()
            .enumerate()
            .map(|(index, column)| column.definition(index))
            .collect();
        format!(
            "CREATE TEMP TABLE visard_stage ON COMMIT DROP AS \
             SELECT ctid AS id, xmin AS version, tableoid AS part, {} FROM {} WITH NO DATA",
            columns.join(", "),
            self.job.table.sql()
        )
    }

    fn staged_wire(staged: &[StageColumn]) -> Vec<WireColumn> {
        let version = [CTID, XMIN, TABLEOID].map(|name| WireColumn {
            name: name.to_owned(),
            wire: WireType::Opaque,
        });
        let masked = staged.iter().map(|column| column.wire.clone());
        version.into_iter().chain(masked).collect()
    }
}

impl Source for Update {
    fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    fn slices(&self) -> usize {
        self.units.len()
    }

    fn describe(&self) -> String {
        format!("PostgreSQL, update, {} units", self.units.len())
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        let mut from = self.job.from(&self.job.table.sql(), &self.range(slice));
        if let (Some(most), None) = (self.job.max_rows, &self.progress) {
            from.push_str(&format!(" LIMIT {most}"));
        }
        if let (true, Some(progress)) = (self.job.numbered, &self.progress) {
            from.push_str(&progress.order());
        }
        self.reader.read(&from, projection)
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

impl Sink for Update {
    fn schema(&self) -> SchemaRef {
        Arc::new(wire_schema(&Self::staged_wire(&self.staged)))
    }

    fn describe(&self) -> String {
        format!("PostgreSQL, update of {}", self.job.table.shown())
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
        let (staged, made) = (Arc::clone(&self.staged), self.stage_made());
        let done = self
            .progress
            .as_ref()
            .zip(self.units[slice])
            .map(|(progress, unit)| progress.done(unit));
        Box::pin(async move {
            if job.dry_run {
                let rows = counted(rows).await?;
                return Ok(Receipt { slice, rows });
            }
            let session = pool.take().await?;
            session.run("BEGIN").await?;
            // Marked first: the server may still be at work on the unit for an attempt that was killed, and
            // who holds the mark does the unit.
            if let Some(done) = done
                && session.touch(&done).await? == 0
            {
                let rows = None;
                written.lock().insert(slice, Written { session, rows });
                return Ok(Receipt { slice, rows: 0 });
            }
            session.run(&made).await?;
            let columns = Self::staged_wire(&staged);
            let rows = stage::fill(&session, STAGE, columns, rows).await?;
            let staged = Written {
                session,
                rows: Some(rows),
            };
            written.lock().insert(slice, staged);
            Ok(Receipt { slice, rows })
        })
    }
}

impl TableWork for Update {
    fn units(&self) -> usize {
        self.units.len()
    }

    fn rows_of(&self, slice: usize) -> BoxFuture<'static, Result<u64>> {
        let (pool, job) = (self.pool.clone(), Arc::clone(&self.job));
        let rows = job.from(&job.table.sql(), &self.range(slice));
        Box::pin(async move {
            let session = pool.take().await?;
            let rows = session.count(&rows).await?;
            session.give_back();
            Ok(job.masked_rows(rows))
        })
    }

    fn counted_before(&self) -> Option<Counted> {
        let slices = self.units.iter().map(|unit| unit.map(Unit::numbers));
        Some(Counted {
            slices: slices.collect::<Option<_>>()?,
            rows: self.job.masked_rows(self.rows),
            is_exact: false,
        })
    }

    fn sink(self: Arc<Self>) -> Arc<dyn Sink> {
        self
    }

    fn memory_of(&self, _: usize) -> u64 {
        stage::SLICE_BYTES
    }

    fn commit(&self, unit: usize, announce: Announce) -> BoxFuture<'static, Result<u64>> {
        let written = self.written.lock().remove(&unit);
        let set: Vec<String> = self
            .staged
            .iter()
            .enumerate()
            .map(|(index, column)| format!("{} = {}", quoted(&column.name), column.value(index)))
            .collect();
        // The planner knows nothing of the stage; each of its rows is one look at one block.
        let mut before =
            "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off".to_owned();
        if self.job.without_triggers {
            before.push_str("; SET LOCAL session_replication_role = replica");
        }
        let update = format!(
            "UPDATE {} AS t SET {} FROM {STAGE} AS s \
             WHERE t.ctid = s.id AND t.xmin = s.version AND t.tableoid = s.part",
            self.job.table.sql(),
            set.join(", ")
        );
        let marked = self.progress.is_some();
        Box::pin(async move {
            let Some(Written { session, rows }) = written else {
                return internal_err!("unit {unit} of the table is committed before it is written");
            };
            let Some(rows) = rows else {
                session.run("ROLLBACK").await?;
                session.give_back();
                return Ok(0);
            };
            session.run(&before).await?;
            let found = session.touch(&update).await?;
            if found != rows {
                let expected = rows;
                return Err(PostgresError::Changed { expected, found }.into());
            }
            if !marked {
                announce(&session.transaction().await?)?;
            }
            session.run("COMMIT").await?;
            session.give_back();
            Ok(rows)
        })
    }

    fn abort(&self, unit: usize) -> BoxFuture<'static, ()> {
        // The session ends, and with it its transaction.
        let written = self.written.lock().remove(&unit);
        Box::pin(async move { drop(written) })
    }

    fn units_before(&self) -> usize {
        self.units_before
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn clear_rows(&self) -> u64 {
        self.job.clear_rows(self.rows)
    }

    fn clean_up(&self, all: bool) -> BoxFuture<'static, Result<Vec<String>>> {
        let (pool, job) = (self.pool.clone(), Arc::clone(&self.job));
        let progress = self.progress.as_ref().map(Progress::name);
        Box::pin(async move {
            match (all, progress) {
                (true, _) if !job.dry_run => {
                    let session = pool.take().await?;
                    let left = leftovers::clean_up(&session, &job, false).await?;
                    session.give_back();
                    Ok(left)
                }
                (false, Some(name)) => Ok(vec![format!(
                    "the table {name} says which rows are masked, for `--resume`; drop it where the run is given up"
                )]),
                _ => Ok(Vec::new()),
            }
        })
    }
}
