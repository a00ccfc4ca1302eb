//! A table as the destination of a copy: rows are staged, and come into the table in one transaction.
//!
//! ```text
//! rows ─▶ unlogged stages, one for each slice ─▶ INSERT … SELECT, COMMIT
//! ```
//!
//! A column whose rows arrive in a type whose values have a form in that of the table's column is staged as that
//! type; text, and what the server alone knows, is staged as text, which the server casts.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::create::Creation;
use super::error::PostgresError;
use super::job::TableJob;
use super::leftovers;
use super::pool::Pool;
use super::progress::list;
use super::session::{Session, quoted};
use super::stage::{self, StageColumn};
use super::types::{WireColumn, WireType, special_column, wire_schema};
use crate::copy::convert::{convert, converts};
use crate::copy::text::{as_text, has_text, unformed, with_unformed};
use crate::copy::{Destination, Mode, unformed_fields};
use crate::database::{Announce, CopiedColumn};
use crate::unit::{Receipt, Sink};

/// A table that takes rows in.
pub(super) struct Load {
    job: Arc<TableJob>,
    pool: Pool,
    mode: Mode,
    /// What makes the table, where it is not there.
    creation: Option<Creation>,
    /// The columns as they arrive, then the marks of those that have them.
    arriving: SchemaRef,
    staged: Arc<Vec<StageColumn>>,
    /// Rows that are staged, by slice.
    written: Arc<Mutex<BTreeMap<usize, u64>>>,
}

impl std::fmt::Debug for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Load({})", self.job.table.shown())
    }
}

impl Load {
    /// Makes ready to take `columns` of rows of the schema `rows`; a `creation` makes the table, in the transaction that
    /// fills it. Stages of an earlier attempt are removed.
    ///
    /// # Errors
    /// When the table cannot take a column, or the server refuses.
    pub(super) async fn open(
        pool: &Pool,
        job: TableJob,
        (mode, creation): (Mode, Option<Creation>),
        columns: &[CopiedColumn],
        rows: &Schema,
    ) -> Result<Self, PostgresError> {
        if !job.dry_run {
            let session = pool.take().await?;
            leftovers::remove(&session, &job).await?;
            session.give_back();
        }
        let mut arriving = Vec::with_capacity(columns.len());
        let mut marks = Vec::new();
        let mut staged = Vec::with_capacity(columns.len());
        for CopiedColumn { name, carried } in columns {
            let (Ok(field), Some(column)) = (rows.field_with_name(name), job.table.column(name))
            else {
                return Err(PostgresError::Altered);
            };
            let wire = match (carried, column.wire) {
                (true, _) => Some(WireType::Opaque),
                (false, wire) => wire.filter(|wire| is_staged_as(field.data_type(), *wire)),
            };
            if wire.is_none() && !has_text(field.data_type()) {
                let message = format!("`{name}` arrives nested, which no column takes");
                return Err(PostgresError::Config(message));
            }
            marks.extend(unformed_fields(rows, name));
            staged.push(StageColumn {
                wire: WireColumn {
                    name: name.clone(),
                    wire: wire.unwrap_or(WireType::Text),
                },
                name: name.clone(),
                by_text: wire.is_none(),
                bare_type: column.bare_type.clone(),
            });
            arriving.push(Field::new(name, field.data_type().clone(), true));
        }
        arriving.extend(marks);
        Ok(Self {
            arriving: Arc::new(Schema::new(arriving)),
            staged: Arc::new(staged),
            written: Arc::default(),
            pool: pool.clone(),
            job: Arc::new(job),
            mode,
            creation,
        })
    }

    /// What a stage is made from, behind `FROM`: columns of the table's types.
    fn model(&self) -> String {
        match self.creation {
            None => self.job.table.sql(),
            Some(_) => {
                let columns = self.job.table.columns.iter();
                let columns = columns.map(|column| {
                    format!("NULL::{} AS {}", column.type_name, quoted(&column.name))
                });
                let columns: Vec<String> = columns.collect();
                format!("(SELECT {}) AS t", columns.join(", "))
            }
        }
    }
}

impl Sink for Load {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.arriving)
    }

    fn describe(&self) -> String {
        format!("PostgreSQL, rows for {}", self.job.table.shown())
    }

    fn write(
        &self,
        slice: usize,
        rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        let (pool, job) = (self.pool.clone(), Arc::clone(&self.job));
        let (staged, written) = (Arc::clone(&self.staged), Arc::clone(&self.written));
        let model = self.model();
        Box::pin(async move {
            let stage = job.stage(slice);
            let columns = staged.iter().enumerate();
            let columns: Vec<String> = columns
                .map(|(index, column)| column.definition(index))
                .collect();
            let made = format!(
                "CREATE UNLOGGED TABLE {stage} AS SELECT {} FROM {model} WITH NO DATA",
                columns.join(", "),
            );
            let session = pool.take().await?;
            session.make_private(&made, &stage).await?;
            let wire: Vec<WireColumn> = staged.iter().map(|column| column.wire.clone()).collect();
            let rows = as_staged(&staged, &wire, rows);
            let rows = stage::fill(&session, &stage, wire, rows).await?;
            session.give_back();
            written.lock().insert(slice, rows);
            Ok(Receipt { slice, rows })
        })
    }
}

impl Destination for Load {
    fn slice_memory(&self) -> u64 {
        stage::SLICE_BYTES
    }

    fn commit(&self, announce: Announce) -> BoxFuture<'static, Result<u64>> {
        let written = std::mem::take(&mut *self.written.lock());
        let (pool, job, mode) = (self.pool.clone(), Arc::clone(&self.job), self.mode);
        let (staged, creation) = (Arc::clone(&self.staged), self.creation.clone());
        Box::pin(async move {
            let table = job.table.sql();
            let session = pool.take().await?;
            let begun = match &creation {
                Some(creation) => creation.sql(&table),
                // Who adds rows to others need not keep anybody from doing so.
                None => format!(
                    "LOCK TABLE {table} IN {} MODE",
                    match mode {
                        Mode::Append => "ROW EXCLUSIVE",
                        Mode::Error | Mode::Overwrite => "SHARE ROW EXCLUSIVE",
                    }
                ),
            };
            session.run(&format!("BEGIN; {begun}")).await?;
            match mode {
                _ if creation.is_some() => {}
                Mode::Append => {}
                Mode::Overwrite => session.run(&format!("TRUNCATE {table}")).await?,
                Mode::Error if session.has_rows(&table).await? => {
                    return Err(PostgresError::NotEmpty.into());
                }
                Mode::Error => {}
            }
            let names: Vec<String> = staged.iter().map(|column| column.name.clone()).collect();
            let values = staged.iter().enumerate();
            let values: Vec<String> = values.map(|(index, column)| column.value(index)).collect();
            let mut rows = 0;
            for (slice, expected) in written {
                let filled = format!(
                    "INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} AS s",
                    list(&names),
                    values.join(", "),
                    job.stage(slice)
                );
                let found = session.touch(&filled).await?;
                if found != expected {
                    return Err(PostgresError::Changed { expected, found }.into());
                }
                rows += found;
            }
            advance_sequences(&session, &job, &names).await?;
            session.run(&leftovers::analysed(&job.table)).await?;
            announce(&session.transaction().await?)?;
            session.run("COMMIT").await?;
            session.give_back();
            Ok(rows)
        })
    }

    fn abort(&self) -> BoxFuture<'static, ()> {
        self.written.lock().clear();
        Box::pin(async {})
    }

    fn clean_up(&self) -> BoxFuture<'static, Result<()>> {
        let (pool, job) = (self.pool.clone(), Arc::clone(&self.job));
        Box::pin(async move {
            let session = pool.take().await?;
            leftovers::remove(&session, &job).await?;
            session.give_back();
            Ok(())
        })
    }
}

/// Whether values that arrive as `from` are staged in their own form: what text spells, the server knows best.
fn is_staged_as(from: &DataType, wire: WireType) -> bool {
    let to = wire.data_type();
    let is_text = matches!(
        from,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    );
    let of_text = to == DataType::Utf8View;
    *from == to || (!is_text && !of_text && converts(from, &to))
}

/// `rows` as the stage takes them.
fn as_staged(
    staged: &Arc<Vec<StageColumn>>,
    wire: &[WireColumn],
    rows: SendableRecordBatchStream,
) -> SendableRecordBatchStream {
    let arriving = rows.schema();
    // Marks that did not arrive are of rows that have none.
    let fields = wire_schema(wire)
        .fields()
        .iter()
        .cloned()
        .collect::<Vec<_>>();
    let fields = fields.into_iter().filter(|field| {
        field.data_type() != &DataType::Int8 || arriving.field_with_name(field.name()).is_ok()
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let (staged, whole) = (Arc::clone(staged), Arc::clone(&schema));
    let rows = rows.map(move |batch| {
        let batch = batch?;
        let columns = whole.fields().iter().map(|field| {
            let name = field.name();
            let values = batch.column_by_name(name).ok_or(PostgresError::Altered)?;
            let Some(column) = staged.iter().find(|column| column.name == *name) else {
                return Ok(Arc::clone(values));
            };
            let unfit = || PostgresError::Unfit(name.clone());
            let unformed = unformed(&batch, name);
            if column.by_text {
                return Ok(with_unformed(&as_text(values)?, unformed.as_ref()));
            }
            let marks = whole.column_with_name(&special_column(name));
            if unformed.is_some() && marks.is_none() {
                return Err(unfit().into());
            }
            Ok(convert(values, field.data_type()).map_err(|_| unfit())?)
        });
        let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&whole), columns, &options)?;
        Ok(batch)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

/// Lets sequences of filled columns go on behind the highest value, as the next row would meet one.
pub(super) async fn advance_sequences(
    session: &Session,
    job: &TableJob,
    names: &[String],
) -> Result<(), PostgresError> {
    let table = job.table.sql();
    let counts = |name: &&String| {
        let wire = job.table.column(name).and_then(|column| column.wire);
        matches!(wire, Some(WireType::Int2 | WireType::Int4 | WireType::Int8))
    };
    for name in names.iter().filter(counts) {
        let owned = "SELECT pg_catalog.pg_get_serial_sequence($1, $2)";
        let row = session.client().query_one(owned, &[&table, name]).await?;
        let Some(sequence) = row.get::<_, Option<String>>(0) else {
            continue;
        };
        let column = quoted(name);
        session
            .run(&format!(
                "SELECT pg_catalog.setval({sequence}, highest) FROM (SELECT max({column}) AS highest FROM {table}) h, \
                 {sequence_table} s WHERE highest >= s.last_value",
                sequence = super::session::literal(&sequence),
                sequence_table = sequence,
            ))
            .await?;
    }
    Ok(())
}
