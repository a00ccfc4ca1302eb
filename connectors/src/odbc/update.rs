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
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Result, internal_err};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;

use super::catalogue::{Place, Table};
use super::dialect::Lock;
use super::error::{OdbcError, ValueProblem};
use super::lane::{Kind, Lane};
use super::progress::{Key, Progress, Range, Unit, last_key, list, selected};
use super::reader::{BATCH_ROWS, Columns};
use super::session::{Pool, Pooled, Server, Session, blocking};
use super::writer::Writer;
use crate::database::{Announce, Counted, Job, TableWork, counted, with_places};
use crate::unit::{HIDDEN_PREFIX, PATH_COLUMN, ROW_COLUMN, Receipt, Sink, Source};

/// Rows of a unit have numbers below this.
const UNIT_NUMBERS: u64 = 1 << 40;
/// What a value of text or bytes is taken to need in memory, where its column takes more.
const USUAL_BYTES: u64 = 64;

/// A table that is masked by updates.
pub(super) struct Update {
    table: Arc<Table>,
    job: Arc<Job>,
    pool: Pool,
    key: Arc<Vec<Lane>>,
    /// The key and what is read besides.
    columns: Arc<Columns>,
    /// Columns that are masked or read.
    touched: Vec<Lane>,
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
        write!(f, "Update({})", self.table.name)
    }
}

/// What the column of the key is called in batches.
fn key_column(index: usize) -> String {
    format!("{HIDDEN_PREFIX}key_{index}")
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
        let key = table
            .found_by(job.key.as_deref())
            .map_err(OdbcError::Broken)?;
        let key = Arc::new(key);
        let touched = table
            .columns
            .iter()
            .filter(|column| job.touches(&column.name));
        let touched: Vec<Lane> = touched
            .map(|column| table.lane(&column.name))
            .collect::<Result<_, _>>()?;
        let named = |lane: &Lane| (lane.name.clone(), lane.clone());
        let of_key: Vec<(String, Lane)> = key
            .iter()
            .enumerate()
            .map(|(n, lane)| (key_column(n), lane.clone()))
            .collect();
        let masked = touched
            .iter()
            .filter(|lane| job.masked.contains(&lane.name));
        let masked: Vec<(String, Lane)> = masked.map(named).collect();
        let columns = Columns::new(
            of_key
                .iter()
                .cloned()
                .chain(touched.iter().map(named))
                .collect(),
        );
        let places = [
            Field::new(PATH_COLUMN, DataType::Utf8View, false),
            Field::new(ROW_COLUMN, DataType::UInt64, false),
        ];
        let read = columns.schema();
        let fields = places
            .into_iter()
            .chain(read.fields().iter().map(|field| field.as_ref().clone()));
        let progress = (!job.dry_run)
            .then(|| Progress::new(&table, format!("{}_units", job.name), Arc::clone(&key)));
        let session = server.connect()?;
        no_nulls(&session, &table, &key)?;
        let (mut units_before, mut rows) = (0, 0);
        let units = match &progress {
            // Nothing is written, so nothing has to be known of it afterwards.
            None => vec![Unit::default()],
            Some(progress) => {
                let units = progress.open(&session, place, &table, &job)?;
                (units_before, rows) = (units.done, units.rows);
                units.left
            }
        };
        Ok(Arc::new(Self {
            writer: Arc::new(Writer::new(table.clone(), masked, of_key)),
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            columns: Arc::new(columns),
            pool: Pool::new(server.clone()),
            table: Arc::new(table),
            job: Arc::new(job),
            key,
            touched,
            progress,
            units,
            units_before,
            rows,
            held: Arc::default(),
            written: Arc::default(),
        }))
    }

    /// How rows are read.
    fn reading(&self) -> Reading {
        Reading {
            table: Arc::clone(&self.table),
            job: Arc::clone(&self.job),
            key: Arc::clone(&self.key),
            columns: Arc::clone(&self.columns),
            touched: self.touched.clone(),
        }
    }
}

/// Refuses a key that holds a null, where a primary key may: no range has its row.
fn no_nulls(session: &Session, table: &Table, key: &[Lane]) -> Result<(), OdbcError> {
    if !table.dialect.quirks().is_loose {
        return Ok(());
    }
    for lane in key {
        let name = table.dialect.quoted(&lane.name);
        let nulls = format!("SELECT COUNT(*) FROM {} WHERE {name} IS NULL", table.sql());
        if session.count(&nulls)? > 0 {
            return Err(OdbcError::value(&lane.name, ValueProblem::Null));
        }
    }
    Ok(())
}

/// How rows of a table are read.
#[derive(Clone)]
struct Reading {
    table: Arc<Table>,
    job: Arc<Job>,
    key: Arc<Vec<Lane>>,
    columns: Arc<Columns>,
    touched: Vec<Lane>,
}

impl Reading {
    /// The key and the touched columns, for SQL.
    fn list(&self) -> String {
        let key = selected(&self.key, 0);
        match self.touched.is_empty() {
            true => key,
            false => format!("{key}, {}", selected(&self.touched, self.key.len())),
        }
    }

    /// All rows of a unit, which nobody else changes until the transaction ends.
    fn unit(&self, session: &Session, unit: &Unit) -> Result<Vec<RecordBatch>, OdbcError> {
        let table = self.table.sql();
        let range = Range::new(&self.key, unit.from.as_ref(), unit.to.as_ref());
        let rows = self.job.from(&table, &range.condition);
        let (mut hint, mut behind) = ("", "");
        match self.table.dialect.quirks().lock {
            Lock::Behind(words) => behind = words,
            Lock::Hint(words) => hint = words,
            Lock::Table(statement) => {
                session.run(&statement.replace("{table}", &table))?;
            }
            Lock::Touch => {
                let column = self.table.dialect.quoted(&self.key[0].name);
                let touched = rows.replacen(&table, &format!("{table} SET {column} = {column}"), 1);
                let touched = format!("UPDATE {touched}");
                let mut prepared = session.connection.prepare(&touched)?;
                drop(prepared.execute(range.parameters()?.as_slice())?);
            }
            Lock::OneWriter => {}
        }
        self.one_class(session, &rows, &range)?;
        let rows = rows.replacen(&table, &format!("{table}{hint}"), 1);
        let order = match self.job.numbered {
            true => format!(" ORDER BY {}", list(&self.key)),
            false => String::new(),
        };
        let query = format!("SELECT {} FROM {rows}{order}{behind}", self.list());
        let mut batches = Vec::new();
        self.columns.read(
            session,
            &query,
            || range.parameters(),
            |batch| {
                batches.push(batch);
                true
            },
        )?;
        Ok(batches)
    }

    /// Refuses values that are of another class than their column declares, which this driver would turn into another
    /// without a word.
    fn one_class(&self, session: &Session, rows: &str, range: &Range<'_>) -> Result<(), OdbcError> {
        for lane in self.key.iter().chain(&self.touched) {
            let name = self.table.dialect.quoted(&lane.name);
            let Some(other) = self
                .table
                .dialect
                .of_other_class(&name, lane.kind != Kind::Text)
            else {
                continue;
            };
            if self.count(session, &format!("{rows} AND {other}"), range)? > 0 {
                return Err(OdbcError::value(&lane.name, ValueProblem::Class));
            }
        }
        Ok(())
    }

    /// How many `rows` there are in `range`.
    fn count(&self, session: &Session, rows: &str, range: &Range<'_>) -> Result<u64, OdbcError> {
        let query = format!("SELECT COUNT(*) AS n FROM {rows}");
        let mut prepared = session.connection.prepare(&query)?;
        let none = || OdbcError::Broken("a query gives no rows at all".to_owned());
        let parameters = range.parameters()?;
        let mut cursor = prepared
            .execute(parameters.as_slice())?
            .ok_or_else(none)?;
        let mut row = odbc_api::Cursor::next_row(&mut cursor)?.ok_or_else(none)?;
        let mut count = Vec::new();
        row.get_text(1, &mut count)?;
        let count = str::from_utf8(&count).ok();
        let count = count.and_then(|count| count.trim().parse().ok());
        count.ok_or_else(|| OdbcError::Broken("a count is no number".to_owned()))
    }

    /// The first rows behind `last`, at most as many as a batch has, and the last key of them; they are not kept as they
    /// are.
    fn page(
        &self,
        session: &Session,
        last: Option<&Key>,
        rows: u64,
    ) -> Result<(Vec<RecordBatch>, Option<Key>), OdbcError> {
        let range = Range::new(&self.key, last, None);
        let from = self.job.from(&self.table.sql(), &range.condition);
        self.one_class(session, &from, &range)?;
        let query = format!(
            "SELECT {} FROM {from} ORDER BY {}{}",
            self.list(),
            list(&self.key),
            self.table.dialect.page(0, rows)
        );
        let (mut batches, mut found) = (Vec::new(), None);
        self.columns.read(
            session,
            &query,
            || range.parameters(),
            |batch| {
                found = last_key(&self.key, &batch).or(found.take());
                batches.push(batch);
                true
            },
        )?;
        Ok((batches, found))
    }

    /// All rows that are asked for, page by page: no driver has to hold them all.
    fn pages(
        self,
        pool: Pool,
    ) -> impl futures::Stream<Item = Result<RecordBatch, OdbcError>> + Send {
        struct State {
            reading: Reading,
            session: Option<Pooled>,
            last: Option<Key>,
            left: u64,
        }
        let state = State {
            left: self.job.max_rows.unwrap_or(u64::MAX),
            reading: self,
            session: None,
            last: None,
        };
        let pages = futures::stream::try_unfold(state, move |mut state| {
            let pool = pool.clone();
            async move {
                let asked = state.left.min(BATCH_ROWS as u64);
                if asked == 0 {
                    return Ok(None);
                }
                let session = match state.session.take() {
                    Some(session) => session,
                    None => pool.take().await?,
                };
                let (reading, last) = (state.reading.clone(), state.last.clone());
                let read = blocking(move || {
                    let page = reading.page(&session, last.as_ref(), asked)?;
                    Ok((session, page))
                });
                let (session, (batches, last)) = read.await?;
                let rows: u64 = batches.iter().map(|batch| batch.num_rows() as u64).sum();
                state.left = match rows < asked {
                    true => 0,
                    false => state.left - rows,
                };
                (state.session, state.last) = (Some(session), last);
                Ok::<_, OdbcError>(Some((batches, state)))
            }
        });
        pages
            .map_ok(|batches| futures::stream::iter(batches.into_iter().map(Ok)))
            .try_flatten()
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
        let product = self.table.dialect.quirks().product;
        format!("{product} over ODBC, update, {} units", self.units.len())
    }

    /// In the session that writes the unit, where there is one: then all its rows at the first poll.
    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        let schema = Arc::new(self.schema.project(projection)?);
        let (whole, projection) = (Arc::clone(&self.schema), projection.to_vec());
        let (reading, pool) = (self.reading(), self.pool.clone());
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
        let fields = self.schema.fields().iter().filter(|field| {
            field.name().starts_with(HIDDEN_PREFIX) || self.job.masked.contains(field.name())
        });
        Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
    }

    fn describe(&self) -> String {
        format!("update of {} over ODBC", self.table.shown())
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
        let (pool, reading) = (self.pool.clone(), self.reading());
        let unit = self.units[slice].clone();
        Box::pin(async move {
            let session = pool.take().await?;
            let counted = blocking(move || {
                let range = Range::new(&reading.key, unit.from.as_ref(), unit.to.as_ref());
                let rows = reading
                    .job
                    .from(&reading.table.sql(), &range.condition);
                let rows = reading.count(&session, &rows, &range)?;
                Ok((session, reading.job.masked_rows(rows)))
            });
            let (session, rows) = counted.await?;
            session.give_back();
            Ok(rows)
        })
    }

    fn counted_before(&self) -> Option<Counted> {
        self.progress.as_ref().map(|_| Counted {
            slices: self.units.iter().map(Unit::numbers).collect(),
            rows: self.job.masked_rows(self.rows),
            is_exact: false,
        })
    }

    fn sink(self: Arc<Self>) -> Arc<dyn Sink> {
        self
    }

    /// What is read of a unit, the buffers of the driver, and a batch on its way.
    fn memory_of(&self, _: usize) -> u64 {
        let bytes = |lane: &Lane| match (lane.kind, lane.length) {
            (Kind::Text | Kind::Bytes, length) => {
                length.map_or(USUAL_BYTES, u64::from).min(USUAL_BYTES) + 16
            }
            _ => 16,
        };
        let row: u64 = self.key.iter().chain(&self.touched).map(bytes).sum();
        row * self.job.unit_rows + (32 << 20)
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
        self.job.clear_rows(self.rows)
    }

    fn clean_up(&self, all: bool) -> BoxFuture<'static, Result<Vec<String>>> {
        let (pool, progress) = (self.pool.clone(), self.progress.clone());
        let table = Arc::clone(&self.table);
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
