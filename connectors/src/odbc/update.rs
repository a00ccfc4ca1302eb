//! A table that is masked by updates, a transaction for each range of its key, in one session for all of it.
//!
//! ```text
//! mark the unit ─▶ read and lock its rows ─▶ masks ─▶ UPDATE by key, many at once ─▶ count, COMMIT
//! ```
//!
//! Rows are locked as they are read, so that nobody changes them between; a row that is not found again by its key makes
//! the unit fail rather than be masked by halves. Drivers keep one query open at a time, so a unit is read whole before
//! any of it is written.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::{Result, internal_err};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;

use super::catalogue::{Place, Table};
use super::error::OdbcError;
use super::progress::{Progress, Unit};
use super::reading::Reading;
use super::session::{Pool, Pooled, Server, blocking};
use super::writer::Writer;
use crate::database::{Announce, Counted, Job, TableWork, counted, with_places};
use crate::unit::{Receipt, Sink, Source};

/// Rows of a unit have numbers below this.
const UNIT_NUMBERS: u64 = 1 << 40;

/// A table that is masked by updates.
pub(super) struct Update {
    reading: Reading,
    pool: Pool,
    writer: Arc<Writer>,
    schema: SchemaRef,
    /// Where units are marked as done; none where nothing is written.
    progress: Option<Progress>,
    units: Vec<Unit>,
    /// Units that an earlier attempt did.
    units_before: usize,
    /// Rows there were, where they were counted.
    rows: u64,
    /// Sessions in the transaction of a unit.
    held: Held,
    written: Arc<Mutex<HashMap<usize, Written>>>,
}

type Held = Arc<Mutex<HashMap<usize, Pooled>>>;

/// A unit that is masked in the open transaction of a session.
struct Written {
    session: Pooled,
    /// How many rows there are; nothing where an earlier attempt has done the unit meanwhile.
    rows: Option<u64>,
}

impl std::fmt::Debug for Update {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Update({})", self.reading.table.name)
    }
}

impl Update {
    /// Cuts the table into units, or finds out what an earlier attempt left of them. It may block.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn open(
        server: &Server,
        place: &Place,
        table: Table,
        job: Job,
    ) -> Result<Arc<Self>, OdbcError> {
        let reading = Reading::new(table, job)?;
        let progress = (!reading.job.dry_run).then(|| {
            let name = format!("{}_units", reading.job.name);
            Progress::new(&reading.table, name, Arc::clone(&reading.key))
        });
        let session = server.connect()?;
        reading.no_nulls(&session)?;
        let (mut units_before, mut rows) = (0, 0);
        let units = match &progress {
            // Nothing is written, so nothing has to be known of it afterwards.
            None => vec![Unit::default()],
            Some(progress) => {
                let units = progress.open(&session, place, &reading)?;
                (units_before, rows) = (units.done, units.rows);
                units.left
            }
        };
        let table = Table::clone(&reading.table);
        let writer = Writer::new(table, reading.masked(), reading.key_columns());
        Ok(Arc::new(Self {
            writer: Arc::new(writer),
            schema: reading.schema(),
            pool: Pool::new(server.clone()),
            reading,
            progress,
            units,
            units_before,
            rows,
            held: Arc::default(),
            written: Arc::default(),
        }))
    }
}

impl Source for Update {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn slices(&self) -> usize {
        self.units.len()
    }

    fn describe(&self) -> String {
        let product = self.reading.table.dialect.quirks().product;
        match &self.progress {
            Some(_) => format!("{product} over ODBC, update, {} units", self.units.len()),
            // Also what a rewrite would begin with.
            None => format!("{product} over ODBC, read only"),
        }
    }

    /// In the session that writes the unit, where there is one: then all its rows at the first poll.
    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        let schema = Arc::new(self.schema.project(projection)?);
        let (whole, projection) = (Arc::clone(&self.schema), projection.to_vec());
        let (reading, pool) = (self.reading.clone(), self.pool.clone());
        let path = reading.table.shown();
        let (held, unit) = (Arc::clone(&self.held), self.units[slice].clone());
        let is_written = self.progress.is_some();
        let begun = async move {
            let session = held.lock().remove(&slice);
            let stream: futures::stream::BoxStream<'static, Result<RecordBatch, OdbcError>> =
                match session {
                    Some(session) => {
                        let read = blocking(move || {
                            let batches = reading.unit(&session, &unit)?;
                            Ok((session, batches))
                        });
                        let (session, batches) = read.await?;
                        held.lock().insert(slice, session);
                        futures::stream::iter(batches.into_iter().map(Ok)).boxed()
                    }
                    None if is_written => return Err(OdbcError::GivenUp),
                    None => reading.pages(pool).boxed(),
                };
            Ok::<_, OdbcError>(stream)
        };
        let mut next = slice as u64 * UNIT_NUMBERS;
        let batches = futures::stream::once(begun)
            .try_flatten()
            .map(move |batch| {
                let batch = with_places(&batch?, &path, next, &whole)?;
                next += batch.num_rows() as u64;
                Ok::<_, DataFusionError>(batch.project(&projection)?)
            });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

impl Sink for Update {
    fn schema(&self) -> SchemaRef {
        self.reading.written()
    }

    fn describe(&self) -> String {
        format!("update of {} over ODBC", self.reading.table.shown())
    }

    fn write(
        &self,
        slice: usize,
        mut rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        let (pool, held, written) = (
            self.pool.clone(),
            Arc::clone(&self.held),
            Arc::clone(&self.written),
        );
        let progress = self.progress.clone().zip(self.units.get(slice).cloned());
        let writer = Arc::clone(&self.writer);
        Box::pin(async move {
            let Some((progress, unit)) = progress else {
                let rows = counted(rows).await?;
                return Ok(Receipt { slice, rows });
            };
            let session = pool.take().await?;
            let (session, is_left) = blocking(move || {
                session.begin()?;
                // Marked first: the database may still be at work on the unit for an attempt that was killed, and who
                // holds the mark does the unit.
                let is_left = progress.mark(&session, &unit)?;
                Ok((session, is_left))
            })
            .await?;
            if !is_left {
                written.lock().insert(
                    slice,
                    Written {
                        session,
                        rows: None,
                    },
                );
                return Ok(Receipt { slice, rows: 0 });
            }
            held.lock().insert(slice, session);
            let mut count = 0;
            while let Some(batch) = rows.next().await.transpose()? {
                let session = held.lock().remove(&slice).ok_or(OdbcError::GivenUp)?;
                let writer = Arc::clone(&writer);
                count += batch.num_rows() as u64;
                let done = blocking(move || {
                    let (expected, found) =
                        (batch.num_rows() as u64, writer.write(&session, &batch)?);
                    match found == expected {
                        true => Ok(session),
                        false => Err(OdbcError::Changed { expected, found }),
                    }
                });
                let session = done.await?;
                held.lock().insert(slice, session);
            }
            let session = held.lock().remove(&slice).ok_or(OdbcError::GivenUp)?;
            let rows = Some(count);
            written.lock().insert(slice, Written { session, rows });
            Ok(Receipt { slice, rows: count })
        })
    }
}

impl TableWork for Update {
    fn units(&self) -> usize {
        self.units.len()
    }

    fn rows_of(&self, slice: usize) -> BoxFuture<'static, Result<u64>> {
        let (pool, reading) = (self.pool.clone(), self.reading.clone());
        let unit = self.units[slice].clone();
        Box::pin(async move {
            let session = pool.take().await?;
            let counted = blocking(move || {
                let rows = reading.rows_of(&session, &unit)?;
                Ok((session, rows))
            });
            let (session, rows) = counted.await?;
            session.give_back();
            Ok(rows)
        })
    }

    fn counted_before(&self) -> Option<Counted> {
        self.progress.as_ref().map(|_| Counted {
            slices: self.units.iter().map(Unit::numbers).collect(),
            rows: self.reading.job.masked_rows(self.rows),
            is_exact: false,
        })
    }

    fn sink(self: Arc<Self>) -> Arc<dyn Sink> {
        self
    }

    fn memory_of(&self, _: usize) -> u64 {
        self.reading.memory()
    }

    fn commit(&self, unit: usize, _: Announce) -> BoxFuture<'static, Result<u64>> {
        let written = self.written.lock().remove(&unit);
        Box::pin(async move {
            let Some(Written { session, rows }) = written else {
                return internal_err!("unit {unit} of the table is committed before it is written");
            };
            let (session, rows) = blocking(move || {
                match rows {
                    Some(_) => session.commit()?,
                    None => session.give_up()?,
                }
                Ok((session, rows.unwrap_or_default()))
            })
            .await?;
            session.give_back();
            Ok(rows)
        })
    }

    fn abort(&self, unit: usize) -> BoxFuture<'static, ()> {
        let written = self.written.lock().remove(&unit);
        let held = self.held.lock().remove(&unit);
        Box::pin(async move {
            // The sessions end, and with them their transactions.
            let ended = blocking(move || {
                drop((written, held));
                Ok(())
            });
            ended.await.unwrap_or_default();
        })
    }

    fn units_before(&self) -> usize {
        self.units_before
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn clear_rows(&self) -> u64 {
        self.reading.job.clear_rows(self.rows)
    }

    fn clean_up(&self, all: bool) -> BoxFuture<'static, Result<Vec<String>>> {
        let (pool, progress) = (self.pool.clone(), self.progress.clone());
        let table = Arc::clone(&self.reading.table);
        Box::pin(async move {
            let Some(progress) = progress else {
                return Ok(Vec::new());
            };
            if !all {
                return Ok(vec![format!(
                    "the table {} says which rows are masked, for `--resume`; drop it where the run is given up",
                    progress.name()
                )]);
            }
            let session = pool.take().await?;
            let dropped = table.beside(progress.name());
            let session = blocking(move || {
                session.run(&format!("DROP TABLE {dropped}"))?;
                Ok(session)
            });
            session.await?.give_back();
            Ok(vec![remains(&table)])
        })
    }
}

/// What still holds old values of a table that was updated.
pub(super) fn remains(table: &Table) -> String {
    let quirks = table.dialect.quirks();
    format!(
        "old values of {} may still be in what {} keeps besides: {}",
        table.shown(),
        quirks.product,
        quirks.remains
    )
}
