//! `strategy: update`: masked values are staged in a private table and written over the old ones, a
//! transaction for each range of the key.
//!
//! ```text
//! readers ── row, hash of what was read, columns ──▶ masks ──▶ temporary stages ──▶ UPDATE, COMMIT: one after the other
//! ```
//!
//! A row whose columns no longer have the hash was changed by somebody meanwhile: its unit is given up rather
//! than masked by halves.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::common::{Result, internal_err};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, TransactionBehavior};

use super::address;
use super::encode::ColumnValues;
use super::error::SqliteError;
use super::file::{DatabaseFile, blocking};
use super::job::{TableJob, TypedColumn};
use super::leftovers::{self, Compaction};
use super::progress::{Progress, Unit};
use super::reader::{AT, Reader, VERSION, VERSION_FUNCTION, typed_fields};
use super::sql::{count, quoted};
use crate::database::{Announce, Counted, TableWork, counted};
use crate::unit::{Receipt, Sink, Source};

/// The stage of a connection.
const STAGE: &str = "temp.visard_stage";

/// Bytes that a slice holds: what is read ahead, a batch before and after its masks, and pages of the stage.
pub(super) const SLICE_BYTES: u64 = 32 << 20;

/// A table that is masked by updates.
pub(super) struct Update {
    job: Arc<TableJob>,
    file: DatabaseFile,
    reader: Reader,
    masked: Arc<Vec<TypedColumn>>,
    /// Where units are marked as done; none where the table is one unit.
    progress: Option<Progress>,
    units: Vec<Option<Unit>>,
    /// Units that an earlier attempt did.
    units_before: usize,
    /// Rows there were, where they were counted.
    rows: u64,
    written: Arc<Mutex<HashMap<usize, Written>>>,
    /// SQLite has one writer; ours come one after the other.
    turn: Arc<Mutex<()>>,
    compaction: Compaction,
}

/// A unit whose rows are in the stage of a connection.
struct Written {
    connection: Connection,
    rows: u64,
}

impl std::fmt::Debug for Update {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Update({})", self.job.table.name)
    }
}

impl Update {
    /// Cuts the table into units, or finds out what an earlier attempt left of them. It may block.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub(super) fn open(
        file: DatabaseFile,
        job: TableJob,
        compaction: Compaction,
    ) -> Result<Arc<Self>, SqliteError> {
        let progress = match (&job.key, job.dry_run) {
            (Some(key), false) => Some(Progress::new(job.made("units"), key.clone())),
            // Nothing is written by a dry run, so nothing has to be known of it afterwards.
            _ => None,
        };
        let (mut units_before, mut rows) = (0, 0);
        let units = match &progress {
            None => {
                if job.max_rows.is_some() && !job.dry_run {
                    let from = job.from(&job.table.sql_name(), "true");
                    rows = count(&file.reader()?, &from, Vec::new())?;
                }
                vec![None]
            }
            Some(progress) => {
                let mut connection = file.writer()?;
                connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
                let units = progress.open(&mut connection, &job.table, &job)?;
                (units_before, rows) = (units.done, units.rows);
                units.left.into_iter().map(Some).collect()
            }
        };
        Ok(Arc::new(Self {
            reader: Reader::new(file.clone(), &job)?,
            masked: Arc::new(job.masked()),
            file,
            progress,
            units,
            units_before,
            rows,
            written: Arc::default(),
            turn: Arc::default(),
            compaction,
            job: Arc::new(job),
        }))
    }

    /// The rows of a unit, behind `FROM`, and the parameters there.
    fn from(&self, unit: usize) -> (String, Vec<Value>) {
        let (range, parameters) = match (&self.progress, &self.units[unit]) {
            (Some(progress), Some(unit)) => progress.range(unit),
            _ => ("true".to_owned(), Vec::new()),
        };
        (
            self.job.from(&self.job.table.sql_name(), &range),
            parameters,
        )
    }

    /// Makes the stage of a connection: what finds a row, what was read of it, and the masked columns.
    fn stage_made(&self) -> String {
        let columns: String = (0..self.masked.len())
            .map(|index| format!(", v{index}"))
            .collect();
        format!("CREATE TABLE {STAGE} (at BLOB, version INTEGER{columns})")
    }

    /// Writes a staged row over the one that was read: masked values first, then its address and hash.
    fn updated(&self) -> Result<String, SqliteError> {
        let table = quoted(&self.job.table.name);
        let masked = self.masked.iter().enumerate();
        let set: Vec<String> = masked
            .map(|(index, column)| format!("{} = ?{}", quoted(&column.name), index + 1))
            .collect();
        let (first, address) = (self.masked.len() + 1, self.job.address()?);
        let typed = self.job.typed();
        let read: Vec<String> = typed
            .iter()
            .map(|column| format!("{table}.{}", quoted(&column.name)))
            .collect();
        Ok(format!(
            "UPDATE {} SET {} WHERE {} AND {VERSION_FUNCTION}({}) = ?{}",
            self.job.table.sql_name(),
            set.join(", "),
            address.finds(&table, first),
            read.join(", "),
            first + address.columns.len()
        ))
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
        format!("SQLite, update, {} units", self.units.len())
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        let (mut from, parameters) = self.from(slice);
        if let (Some(most), None) = (self.job.max_rows, &self.progress) {
            from.push_str(&format!(" LIMIT {most}"));
        }
        if let (true, Some(progress)) = (self.job.numbered, &self.progress) {
            from.push_str(&progress.order());
        }
        self.reader.read(&from, parameters, projection)
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        self
    }
}

impl Sink for Update {
    fn schema(&self) -> SchemaRef {
        let mut fields = vec![
            Field::new(AT, DataType::BinaryView, false),
            Field::new(VERSION, DataType::Int64, false),
        ];
        fields.extend(typed_fields(&self.masked));
        Arc::new(Schema::new(fields))
    }

    fn describe(&self) -> String {
        format!("SQLite, update of {}", self.job.table.name)
    }

    fn write(
        &self,
        slice: usize,
        mut rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        let (file, job) = (self.file.clone(), Arc::clone(&self.job));
        let (masked, written) = (Arc::clone(&self.masked), Arc::clone(&self.written));
        let (made, versions) = (self.stage_made(), self.reader.versions().clone());
        Box::pin(async move {
            if job.dry_run {
                let rows = counted(rows).await?;
                return Ok(Receipt { slice, rows });
            }
            let mut connection = blocking(move || {
                let connection = file.writer()?;
                versions.register(&connection)?;
                connection.execute_batch(&made)?;
                Ok(connection)
            })
            .await?;
            let mut count = 0;
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                count += batch.num_rows() as u64;
                let masked = Arc::clone(&masked);
                connection = blocking(move || {
                    stage(&mut connection, &batch, &masked)?;
                    Ok(connection)
                })
                .await?;
            }
            let staged = Written {
                connection,
                rows: count,
            };
            written.lock().insert(slice, staged);
            Ok(Receipt { slice, rows: count })
        })
    }
}

/// Adds the rows of a batch to the stage of `connection`.
fn stage(
    connection: &mut Connection,
    batch: &RecordBatch,
    masked: &[TypedColumn],
) -> Result<(), SqliteError> {
    let columns: Vec<ColumnValues> = masked
        .iter()
        .map(|column| ColumnValues::of(batch, column))
        .collect::<Result<_, _>>()?;
    let at = batch
        .column_by_name(AT)
        .and_then(|at| at.as_binary_view_opt());
    let versions = batch.column_by_name(VERSION);
    let versions = versions.and_then(|versions| versions.as_primitive_opt::<Int64Type>());
    let (Some(at), Some(versions)) = (at, versions) else {
        return Err(SqliteError::GivenUp);
    };
    let transaction = connection.transaction()?;
    let parameters: String = (0..masked.len())
        .map(|index| format!(", ?{}", index + 3))
        .collect();
    let insert = format!("INSERT INTO {STAGE} VALUES (?1, ?2{parameters})");
    {
        let mut insert = transaction.prepare(&insert)?;
        for row in 0..batch.num_rows() {
            insert.raw_bind_parameter(1, at.value(row))?;
            insert.raw_bind_parameter(2, versions.value(row))?;
            for (index, column) in columns.iter().enumerate() {
                insert.raw_bind_parameter(index + 3, column.at(row)?)?;
            }
            insert.raw_execute()?;
        }
    }
    transaction.commit()?;
    Ok(())
}

impl TableWork for Update {
    fn units(&self) -> usize {
        self.units.len()
    }

    fn rows_of(&self, slice: usize) -> BoxFuture<'static, Result<u64>> {
        let (file, job) = (self.file.clone(), Arc::clone(&self.job));
        let (rows, parameters) = self.from(slice);
        let counted = move || Ok(job.masked_rows(count(&file.reader()?, &rows, parameters)?));
        Box::pin(async move { Ok(blocking(counted).await?) })
    }

    fn counted_before(&self) -> Option<Counted> {
        let numbers = |unit: &Option<Unit>| unit.as_ref().map(Unit::numbers);
        Some(Counted {
            slices: self.units.iter().map(numbers).collect::<Option<_>>()?,
            rows: self.job.masked_rows(self.rows),
            is_exact: false,
        })
    }

    fn sink(self: Arc<Self>) -> Arc<dyn Sink> {
        self
    }

    fn memory_of(&self, _: usize) -> u64 {
        SLICE_BYTES
    }

    fn commit(&self, unit: usize, announce: Announce) -> BoxFuture<'static, Result<u64>> {
        let written = self.written.lock().remove(&unit);
        let updated = self.updated();
        let mark = self.progress.clone().zip(self.units[unit].clone());
        let (job, turn) = (Arc::clone(&self.job), Arc::clone(&self.turn));
        let (masked, compaction) = (self.masked.len(), self.compaction.clone());
        Box::pin(async move {
            let Some(Written { connection, rows }) = written else {
                return internal_err!("unit {unit} of the table is committed before it is written");
            };
            let updated = updated?;
            let work = move || {
                let _turn = turn.lock();
                compaction.is_due();
                write(connection, &job, mark, (&updated, masked, rows), announce)
            };
            Ok(blocking(work).await?)
        })
    }

    fn abort(&self, unit: usize) -> BoxFuture<'static, ()> {
        // The connection ends, and with it its stage.
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
        let (file, job) = (self.file.clone(), Arc::clone(&self.job));
        let compaction = self.compaction.clone();
        let progress = self
            .progress
            .as_ref()
            .map(|progress| progress.name().to_owned());
        Box::pin(async move {
            match (all, progress) {
                (true, _) if !job.dry_run => {
                    let work = move || leftovers::clean_up(&file, &job, false, &compaction);
                    Ok(blocking(work).await?)
                }
                (false, Some(name)) => Ok(vec![format!(
                    "the table {name} says which rows are masked, for `--resume`; drop it where the run is given up"
                )]),
                _ => Ok(Vec::new()),
            }
        })
    }
}

/// Writes the staged rows over those that were read, in one transaction with the mark of their unit; how many
/// there were. None where an earlier attempt has done the unit.
fn write(
    mut connection: Connection,
    job: &TableJob,
    mark: Option<(Progress, Unit)>,
    (updated, masked, rows): (&str, usize, u64),
    announce: Announce,
) -> Result<u64, SqliteError> {
    connection.set_db_config(
        DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER,
        !job.without_triggers,
    )?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if let Some((progress, unit)) = &mark
        && !progress.mark(&transaction, unit)?
    {
        return Ok(0);
    }
    let mut found = 0;
    {
        let mut staged = transaction.prepare(&format!("SELECT * FROM {STAGE} ORDER BY rowid"))?;
        let mut staged = staged.query([])?;
        let mut update = transaction.prepare(updated)?;
        while let Some(row) = staged.next()? {
            for index in 0..masked {
                let value: ValueRef<'_> = row.get_ref(index + 2)?;
                update.raw_bind_parameter(index + 1, ToSqlOutput::Borrowed(value))?;
            }
            let ValueRef::Blob(at) = row.get_ref(0)? else {
                return Err(SqliteError::GivenUp);
            };
            let at = address::values(at)?;
            let first = masked + 1;
            for (place, value) in at.iter().enumerate() {
                update.raw_bind_parameter(first + place, value)?;
            }
            update.raw_bind_parameter(first + at.len(), row.get::<_, i64>(1)?)?;
            found += update.raw_execute()? as u64;
        }
    }
    if found != rows {
        return Err(SqliteError::Changed {
            expected: rows,
            found,
        });
    }
    if mark.is_none() {
        leftovers::mark(&transaction, &job.made("done"), announce)?;
    }
    transaction.commit()?;
    Ok(rows)
}
