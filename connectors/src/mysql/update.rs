//! `strategy: update`: masked values are staged in a temporary table and joined into the table, a
//! transaction for each range of the key.
//!
//! ```text
//! lock and count ─▶ reader, in a session of its own ─▶ masks ─▶ temporary stage ─▶ UPDATE … JOIN, COMMIT
//! ```
//!
//! The transaction that writes a range locks its rows before they are read, so that nobody changes them
//! between; a row that came into the range meanwhile makes the unit fail rather than be masked by halves.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::{Result, internal_err};
use datafusion::execution::SendableRecordBatchStream;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::back;
use super::encode::Form;
use super::error::MysqlError;
use super::job::TableJob;
use super::leftovers;
use super::loader::Loader;
use super::marks::Mark;
use super::progress::{self, Cut, Progress, Unit};
use super::reader::{From, Reader};
use super::session::{Pool, Pooled, Server, quoted};
use super::stage::{self, STAGE, Stage};
use super::types::Lane;
use crate::database::{Announce, Counted, TableWork, counted};
use crate::unit::{Receipt, Sink, Source};

/// A table that is masked by joined updates.
pub(super) struct Update {
    job: Arc<TableJob>,
    server: Server,
    pool: Pool,
    reader: Reader,
    stage: Arc<Stage>,
    /// Where units are marked as done; none where the table is one unit.
    progress: Option<Progress>,
    units: Vec<Option<Unit>>,
    /// The table, by its key.
    by_key: String,
    /// Units that an earlier attempt did.
    units_before: usize,
    /// Rows there were, where they were counted.
    rows: u64,
    written: Arc<Mutex<HashMap<usize, Written>>>,
}

/// A unit that is masked in a session, in an open transaction.
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
    pub(super) async fn open(server: &Server, job: TableJob) -> Result<Arc<Self>, MysqlError> {
        let pool = Pool::new(server.clone());
        let key = job.found_by().unwrap_or_default();
        let is_ranged = !key.is_empty() && key.iter().all(|column| column.is_ranged);
        let progress = (job.key.is_some() && is_ranged && !job.dry_run).then(|| {
            // Nothing is written by a dry run, so nothing has to be known of it afterwards.
            Progress::new(job.by_key(&key), job.beside("units"), key.clone())
        });
        let mut session = pool.take().await?;
        let form = match job.dry_run {
            true => Form::File,
            false => Loader::form(&mut session).await?,
        };
        if job.without_triggers && !job.dry_run {
            // What an earlier attempt still takes off the table is not to be seen half done.
            server.end_others(&job.name).await?;
            back::silence(&mut session, &job).await?;
        }
        let (mut units_before, mut rows) = (0, 0);
        let units = match &progress {
            None => {
                if !job.dry_run {
                    mark(&job).make(&mut session).await?;
                }
                if job.max_rows.is_some() && !job.dry_run {
                    rows = session.count(&job.from(&job.table.sql(), "TRUE")).await?;
                }
                vec![None]
            }
            Some(progress) => {
                let cut = Cut {
                    filter: job.filter.as_deref(),
                    rows: job.unit_rows,
                    max_rows: job.max_rows,
                    counted: job.is_counted(),
                };
                let units = progress.open(&mut session, cut).await?;
                (units_before, rows) = (units.done, units.rows);
                // A look at a range locks the first row behind it: the next range is not worked on beside it.
                let (odd, even): (Vec<Unit>, Vec<Unit>) =
                    units.left.into_iter().partition(|unit| unit.is_odd());
                odd.into_iter().chain(even).map(Some).collect()
            }
        };
        session.give_back();
        let masked = job.masked_columns().cloned().collect();
        Ok(Arc::new(Self {
            by_key: job.by_key(&key),
            reader: Reader::new(
                pool.clone(),
                job.table.shown(),
                &key,
                job.typed(Lane::InPlace, &quoted(&job.table.name)),
            ),
            stage: Arc::new(Stage::new(key, masked, form)),
            progress,
            units,
            units_before,
            rows,
            written: Arc::default(),
            server: server.clone(),
            job: Arc::new(job),
            pool,
        }))
    }

    fn range(&self, unit: usize) -> progress::Range {
        match (&self.progress, self.units[unit]) {
            (Some(progress), Some(unit)) => progress.range(unit),
            _ => progress::Range::default(),
        }
    }

    /// The rows of a unit, behind `FROM`.
    fn from(&self, range: &progress::Range) -> String {
        self.job.from(&self.by_key, &range.condition(""))
    }

    /// The statement that joins the stage of a unit into the table. The table comes first, so that its rows
    /// are written as they are found.
    fn joined(&self, range: &progress::Range) -> String {
        let masked = self.stage.masked().iter().enumerate();
        let masked = masked.map(|(number, column)| {
            format!("t.{} = {}", quoted(&column.name), self.stage.value(number))
        });
        // A column that the server sets whenever another changes stays as it is.
        let touched = self.job.table.columns.iter();
        let touched = touched
            .filter(|column| column.is_touched && !self.job.masked.contains(&column.name))
            .map(|column| format!("t.{0} = t.{0}", quoted(&column.name)));
        let set: Vec<String> = masked.chain(touched).collect();
        let table = self.job.table.sql();
        format!(
            "{} UPDATE {} STRAIGHT_JOIN {STAGE} AS s ON {} SET {} WHERE {}",
            self.job.signed(),
            self.by_key.replacen(&table, &format!("{table} AS t"), 1),
            self.stage.joined(),
            set.join(", "),
            range.condition("t.")
        )
    }

    /// The rest of the query where the table is one unit and only some of its rows are masked.
    fn limit(&self) -> String {
        match (self.job.max_rows, &self.progress) {
            (Some(most), None) => format!(" LIMIT {most}"),
            _ => String::new(),
        }
    }
}

/// The mark of a table that is one unit.
fn mark(job: &TableJob) -> Mark {
    Mark::new(&job.table.schema, format!("{}_mark", job.name))
}

impl Source for Update {
    fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    fn slices(&self) -> usize {
        self.units.len()
    }

    fn describe(&self) -> String {
        format!("MySQL, update, {} units", self.units.len())
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        let range = self.range(slice);
        let mut sql = format!("{}{}", self.from(&range), self.limit());
        if let (true, Some(progress)) = (self.job.numbered, &self.progress) {
            sql.push_str(&progress.order());
        }
        let from = From {
            setup: range.setup,
            sql,
            slice,
        };
        self.reader.read(from, projection)
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

/// The columns that a stage is filled from.
pub(super) fn staged_schema(stage: &Stage) -> SchemaRef {
    let fields = stage.fields().iter().map(|field| {
        let (name, data_type) = field.column();
        Field::new(name, data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl Sink for Update {
    fn schema(&self) -> SchemaRef {
        staged_schema(&self.stage)
    }

    fn describe(&self) -> String {
        format!("MySQL, update of {}", self.job.table.shown())
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
        let stage = Arc::clone(&self.stage);
        let range = self.range(slice);
        let locked = format!("SELECT COUNT(*) FROM {} FOR UPDATE", self.from(&range));
        let is_limited = !self.limit().is_empty();
        let update = self.joined(&range);
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
            let mut session = pool.take().await?;
            stage.make(&mut session).await?;
            for statement in &range.setup {
                session.run(statement).await?;
            }
            session.run("START TRANSACTION").await?;
            // Marked first: the server may still be at work on the unit for an attempt that was killed, and
            // who holds the mark does the unit.
            if let Some(done) = done
                && session.touch(&done).await? == 0
            {
                let rows = None;
                written.lock().insert(slice, Written { session, rows });
                return Ok(Receipt { slice, rows: 0 });
            }
            // Rows are read once they are asked for, and that is now: nobody changes them any more.
            let locked: u64 = session.first(&locked).await?.unwrap_or(0);
            let rows = stage.fill(&mut session, rows).await?;
            if rows != locked && !(is_limited && rows < locked) {
                return Err(MysqlError::Changed {
                    expected: rows,
                    found: locked,
                }
                .into());
            }
            let found = session.touch(&update).await?;
            if found != rows {
                let expected = rows;
                return Err(MysqlError::Changed { expected, found }.into());
            }
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
        let range = self.range(slice);
        let rows = self.from(&range);
        Box::pin(async move {
            let mut session = pool.take().await?;
            for statement in &range.setup {
                session.run(statement).await?;
            }
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
        let stage = Arc::clone(&self.stage);
        let marked = self.progress.is_none().then(|| mark(&self.job));
        Box::pin(async move {
            let Some(Written { mut session, rows }) = written else {
                return internal_err!("unit {unit} of the table is committed before it is written");
            };
            let Some(rows) = rows else {
                session.run("ROLLBACK").await?;
                session.give_back();
                return Ok(0);
            };
            if let Some(mark) = marked {
                mark.set(&mut session).await?;
                announce(&mark.known_by())?;
            }
            session.run("COMMIT").await?;
            stage.remove(&mut session).await?;
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
        let (server, job) = (self.server.clone(), Arc::clone(&self.job));
        let progress = self.progress.as_ref().map(Progress::name);
        Box::pin(async move {
            if job.dry_run {
                return Ok(Vec::new());
            }
            match (all, progress) {
                (false, Some(name)) => {
                    let mut left = leftovers::put_back(&server, &job).await?;
                    left.push(format!(
                        "the table {name} says which rows are masked, for `--resume`; drop it where the run is given up"
                    ));
                    Ok(left)
                }
                (false, None) => {
                    let left = leftovers::put_back(&server, &job).await?;
                    leftovers::remove(&server, &job, &[]).await?;
                    Ok(left)
                }
                (true, _) => Ok(leftovers::clean_up(&server, &job, false).await?),
            }
        })
    }
}
