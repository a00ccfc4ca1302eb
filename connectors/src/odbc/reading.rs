//! How rows of a table are read: range by range of its key, and kept as they are, or page by page.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::{Stream, TryStreamExt};

use super::catalogue::Table;
use super::dialect::Lock;
use super::error::{OdbcError, ValueProblem};
use super::lane::{Kind, Lane};
use super::progress::{Key, Range, Unit, last_key, list, selected};
use super::reader::{BATCH_ROWS, Columns};
use super::session::{Pool, Pooled, Session, blocking};
use crate::database::Job;
use crate::unit::{HIDDEN_PREFIX, PATH_COLUMN, ROW_COLUMN};

/// What a value of text or bytes is taken to need in memory, where its column takes more.
const USUAL_BYTES: u64 = 64;

/// How rows of a table are read; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) table: Arc<Table>,
    pub(super) job: Arc<Job>,
    /// What tells rows apart.
    pub(super) key: Arc<Vec<Lane>>,
    /// The key and what is read besides.
    columns: Arc<Columns>,
    /// Columns that are masked or read.
    touched: Arc<Vec<Lane>>,
}

/// What the column of the key is called in batches.
fn key_column(index: usize) -> String {
    format!("{HIDDEN_PREFIX}key_{index}")
}

impl Reading {
    /// How `job` reads `table`.
    ///
    /// # Errors
    /// When a column is not there any more, or nothing tells rows apart.
    pub(super) fn new(table: Table, job: Job) -> Result<Self, OdbcError> {
        let key = table
            .found_by(job.key.as_deref())
            .map_err(OdbcError::Broken)?;
        let touched = table
            .columns
            .iter()
            .filter(|column| job.touches(&column.name));
        let touched: Vec<Lane> = touched
            .map(|column| table.lane(&column.name))
            .collect::<Result<_, _>>()?;
        let columns = of_key(&key).into_iter().chain(touched.iter().map(named));
        Ok(Self {
            columns: Arc::new(Columns::new(columns.collect())),
            table: Arc::new(table),
            job: Arc::new(job),
            key: Arc::new(key),
            touched: Arc::new(touched),
        })
    }

    /// The key, and what each of its columns is called in batches.
    pub(super) fn key_columns(&self) -> Vec<(String, Lane)> {
        of_key(&self.key)
    }

    /// The masked columns, the same way.
    pub(super) fn masked(&self) -> Vec<(String, Lane)> {
        let touched = self.touched.iter();
        let masked = touched.filter(|lane| self.job.masked.contains(&lane.name));
        masked.map(named).collect()
    }

    /// Places first, then the key and what is read.
    pub(super) fn schema(&self) -> SchemaRef {
        let places = [
            Arc::new(Field::new(PATH_COLUMN, DataType::Utf8View, false)),
            Arc::new(Field::new(ROW_COLUMN, DataType::UInt64, false)),
        ];
        let read = self.columns.schema();
        let fields = places.into_iter().chain(read.fields().iter().cloned());
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// What is written of them: the key, and the masked columns.
    pub(super) fn written(&self) -> SchemaRef {
        let schema = self.schema();
        let fields = schema.fields().iter().filter(|field| {
            field.name().starts_with(HIDDEN_PREFIX) || self.job.masked.contains(field.name())
        });
        Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()))
    }

    /// Bytes of a unit that is read, the buffers of the driver, and a batch on its way.
    pub(super) fn memory(&self) -> u64 {
        let bytes = |lane: &Lane| match (lane.kind, lane.length) {
            (Kind::Text | Kind::Bytes, length) => {
                length.map_or(USUAL_BYTES, u64::from).min(USUAL_BYTES) + 16
            }
            _ => 16,
        };
        let row: u64 = self.key.iter().chain(self.touched.iter()).map(bytes).sum();
        row * self.job.unit_rows + (32 << 20)
    }

    /// Refuses a key that holds a null, where a primary key may: no range has its row.
    ///
    /// # Errors
    /// When it does, or the database does not answer.
    pub(super) fn no_nulls(&self, session: &Session) -> Result<(), OdbcError> {
        let table = &self.table;
        if !table.dialect.quirks().is_loose {
            return Ok(());
        }
        for lane in self.key.iter() {
            let name = table.dialect.quoted(&lane.name);
            let nulls = format!("SELECT COUNT(*) FROM {} WHERE {name} IS NULL", table.sql());
            if session.count(&nulls)? > 0 {
                return Err(OdbcError::value(&lane.name, ValueProblem::Null));
            }
        }
        Ok(())
    }

    /// The key and the touched columns, for SQL.
    fn list(&self) -> String {
        let key = selected(&self.key, 0);
        match self.touched.is_empty() {
            true => key,
            false => format!("{key}, {}", selected(&self.touched, self.key.len())),
        }
    }

    /// All rows of a unit, which nobody else changes until the transaction ends.
    ///
    /// # Errors
    /// When the database refuses, or a value has no place in its type.
    pub(super) fn unit(
        &self,
        session: &Session,
        unit: &Unit,
    ) -> Result<Vec<RecordBatch>, OdbcError> {
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
        for lane in self.key.iter().chain(self.touched.iter()) {
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

    /// How many rows of `unit` there are.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn rows_of(&self, session: &Session, unit: &Unit) -> Result<u64, OdbcError> {
        let range = Range::new(&self.key, unit.from.as_ref(), unit.to.as_ref());
        let rows = self.job.from(&self.table.sql(), &range.condition);
        Ok(self.job.masked_rows(self.count(session, &rows, &range)?))
    }

    /// How many `rows` there are in `range`.
    fn count(&self, session: &Session, rows: &str, range: &Range<'_>) -> Result<u64, OdbcError> {
        let query = format!("SELECT COUNT(*) AS n FROM {rows}");
        let mut prepared = session.connection.prepare(&query)?;
        let none = || OdbcError::Broken("a query gives no rows at all".to_owned());
        let parameters = range.parameters()?;
        let mut cursor = prepared.execute(parameters.as_slice())?.ok_or_else(none)?;
        let mut row = odbc_api::Cursor::next_row(&mut cursor)?.ok_or_else(none)?;
        let mut count = Vec::new();
        row.get_text(1, &mut count)?;
        let count = str::from_utf8(&count).ok();
        let count = count.and_then(|count| count.trim().parse().ok());
        count.ok_or_else(|| OdbcError::Broken("a count is no number".to_owned()))
    }

    /// The `rows`-th key behind `last`.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn key_at(
        &self,
        session: &Session,
        last: Option<&Key>,
        rows: u64,
    ) -> Result<Option<Key>, OdbcError> {
        let range = Range::new(&self.key, last, None);
        let query = format!(
            "SELECT {} FROM {} ORDER BY {}{}",
            selected(&self.key, 0),
            self.job.from(&self.table.sql(), &range.condition),
            list(&self.key),
            self.table.dialect.page(rows - 1, 1)
        );
        let mut found = None;
        Columns::new(self.key.iter().map(named).collect()).read(
            session,
            &query,
            || range.parameters(),
            |batch| {
                found = last_key(&self.key, &batch).or(found.take());
                true
            },
        )?;
        Ok(found)
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
    pub(super) fn pages(
        self,
        pool: Pool,
    ) -> impl Stream<Item = Result<RecordBatch, OdbcError>> + Send {
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

/// What batches call a column, and its lane.
fn named(lane: &Lane) -> (String, Lane) {
    (lane.name.clone(), lane.clone())
}

fn of_key(key: &[Lane]) -> Vec<(String, Lane)> {
    let lanes = key.iter().enumerate();
    lanes
        .map(|(index, lane)| (key_column(index), lane.clone()))
        .collect()
}
