//! A table as the destination of a copy: rows are staged, and come into the table in one transaction.
//!
//! ```text
//! rows ─▶ stages, one for each slice ─▶ INSERT … SELECT, COMMIT
//! ```
//!
//! The server makes no table in a transaction: one that is not there is filled under another name, and then renamed
//! together with the mark that says so.
//!
//! What arrives is made what the column holds before it is sent: the server would round numbers and cut off
//! times without a word.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringViewArray};
use arrow::compute::concat;
use arrow::datatypes::{
    DataType, Field, Schema, SchemaRef, Time64MicrosecondType, TimestampMicrosecondType,
};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::catalogue::Column;
use super::create::Creation;
use super::encode::{FieldKind, Form, StageField};
use super::error::{MysqlError, ValueProblem};
use super::job::TableJob;
use super::leftovers;
use super::loader::Loader;
use super::marks::{self, Mark};
use super::session::{Pool, Server, Session, quoted};
use super::stage::{SLICE_BYTES, staged_type};
use super::types::{ColumnType, Lane, ReadColumn};
use crate::copy::convert::convert;
use crate::copy::text::{as_text, unformed, with_unformed};
use crate::copy::{Destination, Mode, unformed_fields};
use crate::database::{Announce, CopiedColumn};
use crate::unit::{Receipt, Sink};

/// A table that takes rows in.
pub(super) struct Load {
    job: Arc<TableJob>,
    server: Server,
    pool: Pool,
    mode: Mode,
    /// What makes the table, where it is not there.
    creation: Option<Creation>,
    form: Form,
    /// The columns as they arrive, then what nulls of them stand for.
    arriving: SchemaRef,
    columns: Arc<Vec<Filled>>,
    /// Rows that are staged, by slice.
    written: Arc<Mutex<BTreeMap<usize, u64>>>,
}

/// A column that is filled.
#[derive(Debug, Clone)]
struct Filled {
    column: Column,
    carried: bool,
}

impl std::fmt::Debug for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Load({})", self.job.table.shown())
    }
}

impl Load {
    /// Makes ready to take `columns` of rows of the schema `rows`; a `creation` makes the table. Stages of an earlier
    /// attempt are removed.
    ///
    /// # Errors
    /// When the table lacks a column, or the server refuses.
    pub(super) async fn open(
        (server, pool): (&Server, &Pool),
        job: TableJob,
        (mode, creation): (Mode, Option<Creation>),
        columns: &[CopiedColumn],
        rows: &Schema,
    ) -> Result<Self, MysqlError> {
        if !job.dry_run {
            leftovers::remove(server, &job, &[]).await?;
        }
        let mut session = pool.take().await?;
        let form = Loader::form(&mut session).await?;
        session.give_back();
        let (mut arriving, mut unformed, mut filled) = (Vec::new(), Vec::new(), Vec::new());
        for CopiedColumn { name, carried } in columns {
            let (Ok(field), Some(column)) = (rows.field_with_name(name), job.table.column(name))
            else {
                return Err(MysqlError::Altered);
            };
            arriving.push(Field::new(name, field.data_type().clone(), true));
            unformed.extend(unformed_fields(rows, name));
            filled.push(Filled {
                column: column.clone(),
                carried: *carried,
            });
        }
        arriving.extend(unformed);
        Ok(Self {
            arriving: Arc::new(Schema::new(arriving)),
            columns: Arc::new(filled),
            written: Arc::default(),
            server: server.clone(),
            pool: pool.clone(),
            job: Arc::new(job),
            mode,
            creation,
            form,
        })
    }

    /// What fills the stage of a slice.
    fn loader(&self, slice: usize) -> Loader {
        let columns = self.columns.iter();
        let fields = columns
            .clone()
            .map(|Filled { column, carried }| StageField {
                name: column.name.clone(),
                kind: match carried {
                    true => FieldKind::Carried(column.kind, column.required),
                    false => FieldKind::Copied(column.kind, column.required),
                },
            });
        Loader {
            table: self.job.beside(&format!("stage_{slice}")),
            columns: (0..self.columns.len()).map(|n| format!("v{n}")).collect(),
            fields: fields.collect(),
            named: columns.map(|filled| filled.column.name.clone()).collect(),
            form: self.form,
        }
    }

    /// The rows that are staged.
    fn filling(&self) -> Filling {
        let written = std::mem::take(&mut *self.written.lock());
        let stages = written.into_iter();
        let stages = stages.map(|(slice, rows)| (self.job.beside(&format!("stage_{slice}")), rows));
        let names = self
            .columns
            .iter()
            .map(|filled| quoted(&filled.column.name));
        let values = (0..self.columns.len()).map(|n| format!("v{n}"));
        Filling {
            stages: stages.collect(),
            names: names.collect::<Vec<_>>().join(", "),
            values: values.collect::<Vec<_>>().join(", "),
        }
    }

    /// The mark by which it is known later whether the rows came in.
    fn mark(&self) -> Mark {
        let name = format!("{}_mark", self.job.name);
        Mark::new(&self.job.table.schema, name).of_copy()
    }
}

impl Sink for Load {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.arriving)
    }

    fn describe(&self) -> String {
        format!("MySQL, rows for {}", self.job.table.shown())
    }

    fn write(
        &self,
        slice: usize,
        rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        let (pool, loader) = (self.pool.clone(), self.loader(slice));
        let (columns, written) = (Arc::clone(&self.columns), Arc::clone(&self.written));
        Box::pin(async move {
            let made = columns.iter().enumerate();
            let made: Vec<String> = made
                .map(|(n, filled)| format!("v{n} {} NULL", staged_type(&filled.column)))
                .collect();
            let made = format!(
                "CREATE TABLE {} ({}) ENGINE = InnoDB",
                loader.table,
                made.join(", ")
            );
            let mut session = pool.take().await?;
            session.run(&made).await?;
            let rows = as_held(&columns, rows);
            let rows = loader.fill(&mut session, rows).await?;
            session.give_back();
            written.lock().insert(slice, rows);
            Ok(Receipt { slice, rows })
        })
    }
}

impl Destination for Load {
    fn slice_memory(&self) -> u64 {
        SLICE_BYTES
    }

    fn commit(&self, announce: Announce) -> BoxFuture<'static, Result<u64>> {
        let (filling, mark) = (self.filling(), self.mark());
        let (pool, job) = (self.pool.clone(), Arc::clone(&self.job));
        if let Some(creation) = self.creation.clone() {
            return Box::pin(async move {
                let mut session = pool.take().await?;
                let rows = made(&mut session, &job, &creation, filling, (mark, announce)).await?;
                session.give_back();
                Ok(rows)
            });
        }
        let mode = self.mode;
        Box::pin(async move {
            let table = job.table.sql();
            let mut session = pool.take().await?;
            mark.make(&mut session).await?;
            // What is found, and where nothing is, stays so until the commit.
            session
                .run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                .await?;
            session.run("START TRANSACTION").await?;
            let some = format!("SELECT 1 FROM {table} LIMIT 1 LOCK IN SHARE MODE");
            match mode {
                Mode::Append => {}
                Mode::Overwrite => session.run(&format!("DELETE FROM {table}")).await?,
                Mode::Error if session.first::<u8>(&some).await?.is_some() => {
                    return Err(MysqlError::NotEmpty.into());
                }
                Mode::Error => {}
            }
            let rows = filling.fill(&mut session, &table).await?;
            mark.set(&mut session).await?;
            announce(&mark.known_by())?;
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
        let (server, job) = (self.server.clone(), Arc::clone(&self.job));
        Box::pin(async move { Ok(leftovers::remove(&server, &job, &[]).await?) })
    }
}

/// Staged rows on their way into a table.
struct Filling {
    /// The stages, and the rows of each.
    stages: Vec<(String, u64)>,
    names: String,
    values: String,
}

impl Filling {
    /// Adds the rows to `table`; how many there were.
    ///
    /// # Errors
    /// When the server refuses, or a stage has other rows.
    async fn fill(self, session: &mut Session, table: &str) -> Result<u64, MysqlError> {
        let Self {
            stages,
            names,
            values,
        } = self;
        let mut rows = 0;
        for (stage, expected) in stages {
            let filled = format!("INSERT INTO {table} ({names}) SELECT {values} FROM {stage}");
            let found = session.touch(&filled).await?;
            if found != expected {
                return Err(MysqlError::Changed { expected, found });
            }
            rows += found;
        }
        Ok(rows)
    }
}

/// Makes the table of `job`, filled; how many rows it has.
///
/// # Errors
/// When the server refuses: then it is not there.
async fn made(
    session: &mut Session,
    job: &TableJob,
    creation: &Creation,
    filling: Filling,
    (mark, announce): (Mark, Announce),
) -> Result<u64> {
    let (table, new, made) = (job.table.sql(), job.beside("new"), job.beside("made"));
    session.run(&format!("DROP TABLE IF EXISTS {new}")).await?;
    session.run(&creation.sql(&new)).await?;
    session.run("START TRANSACTION").await?;
    let rows = filling.fill(session, &new).await?;
    session.run("COMMIT").await?;
    mark.make(session).await?;
    announce(&marks::of_creation(&job.table.schema, &job.name))?;
    let renamed = format!(
        "{} RENAME TABLE {new} TO {table}, {} TO {made}",
        job.signed(),
        mark.sql()
    );
    session.run(&renamed).await?;
    Ok(rows)
}

/// `rows` as the columns hold them.
fn as_held(
    columns: &Arc<Vec<Filled>>,
    rows: SendableRecordBatchStream,
) -> SendableRecordBatchStream {
    let read: Vec<ReadColumn> = columns
        .iter()
        .map(|Filled { column, carried }| ReadColumn {
            sql: None,
            name: column.name.clone(),
            kind: column.kind,
            lane: if *carried {
                Lane::Carried
            } else {
                Lane::Copied
            },
        })
        .collect();
    let schema = Arc::new(Schema::new(super::types::fields(&read)));
    let (columns, whole) = (Arc::clone(columns), Arc::clone(&schema));
    let rows = rows.map(move |batch| {
        let batch = batch?;
        let (mut values, mut hidden) = (Vec::new(), Vec::new());
        for Filled { column, carried } in columns.iter() {
            let arriving = batch.column_by_name(&column.name);
            let arriving = arriving.ok_or(MysqlError::Altered)?;
            if *carried {
                values.push(Arc::clone(arriving));
                continue;
            }
            let spelled = unformed(&batch, &column.name);
            let held = held(column, arriving, spelled);
            let (held, spelled) = held.map_err(|problem| MysqlError::Value {
                column: column.name.clone(),
                problem,
            })?;
            if column.kind.has_odd() {
                let none = || arrow::array::new_null_array(&DataType::Utf8View, held.len());
                hidden.push(spelled.map_or_else(none, |spelled| Arc::new(spelled) as _));
            }
            values.push(held);
        }
        values.extend(hidden);
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&whole), values, &options)?;
        Ok(batch)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

/// `values` as `column` holds them, and the texts of those that Arrow does not have, of which `spelled` are known.
fn held(
    column: &Column,
    values: &ArrayRef,
    spelled: Option<StringViewArray>,
) -> Result<(ArrayRef, Option<StringViewArray>), ValueProblem> {
    let to = column.kind.data_type();
    let is_text = matches!(
        values.data_type(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    );
    let (held, spelled) = match (column.kind.has_odd(), is_text, to == DataType::Utf8View) {
        (_, _, true) => {
            let texts = as_text(values).map_err(|_| ValueProblem::Unfit)?;
            (with_unformed(&texts, spelled.as_ref()), None)
        }
        (true, true, _) => dates_of(values, &to)?,
        (true, false, _) => {
            let mut texts = spelled.iter().flat_map(|texts| texts.iter().flatten());
            if !texts.all(is_odd) {
                return Err(ValueProblem::Unfit);
            }
            let held = convert(values, &to).map_err(|_| ValueProblem::Unfit)?;
            (held, spelled)
        }
        (false, ..) if spelled.is_some() => return Err(ValueProblem::Unfit),
        (false, ..) => {
            let held = convert(values, &to).map_err(|_| ValueProblem::Unfit)?;
            (held, None)
        }
    };
    refuse_cut_off(column, &held, spelled.as_ref())?;
    Ok((held, spelled))
}

/// Dates or times of texts, and the texts of those that only the server has.
fn dates_of(
    texts: &ArrayRef,
    to: &DataType,
) -> Result<(ArrayRef, Option<StringViewArray>), ValueProblem> {
    if let Ok(dates) = convert(texts, to) {
        return Ok((dates, None));
    }
    let texts = convert(texts, &DataType::Utf8View).map_err(|_| ValueProblem::Unfit)?;
    let texts = texts.as_string_view();
    let (mut dates, mut spelled) = (Vec::with_capacity(texts.len()), Vec::new());
    for row in 0..texts.len() {
        let one: ArrayRef = Arc::new(texts.slice(row, 1));
        let date = convert(&one, to);
        let is_there = date.is_ok();
        let text = texts.is_valid(row).then(|| texts.value(row));
        spelled.push(match (is_there, text) {
            (true, _) | (false, None) => None,
            (false, Some(text)) if is_odd(text) => Some(text),
            (false, Some(_)) => return Err(ValueProblem::Unfit),
        });
        dates.push(date.unwrap_or_else(|_| arrow::array::new_null_array(to, 1)));
    }
    let dates: Vec<&dyn Array> = dates.iter().map(AsRef::as_ref).collect();
    let dates = concat(&dates).map_err(|_| ValueProblem::Unfit)?;
    Ok((dates, Some(spelled.into_iter().collect())))
}

/// Whether a text may be a date or a time of the server's own: nothing but digits and what divides them.
fn is_odd(text: &str) -> bool {
    let is_part =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b' ' | b'T');
    text.bytes().all(is_part) && text.contains([':', '-'])
}

/// Refuses times with more digits behind their seconds than the column keeps, and bytes that it would fill up.
fn refuse_cut_off(
    column: &Column,
    values: &ArrayRef,
    spelled: Option<&StringViewArray>,
) -> Result<(), ValueProblem> {
    let declared = column
        .type_name
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .and_then(|(number, _)| number.parse::<usize>().ok());
    let step = 10_i64.pow(6 - u32::try_from(declared.unwrap_or(0).min(6)).unwrap_or(6));
    let fits = match column.kind {
        ColumnType::Time => {
            let times = values.as_primitive::<Time64MicrosecondType>();
            times.iter().flatten().all(|time| time % step == 0)
        }
        ColumnType::DateTime | ColumnType::Timestamp => {
            let times = values.as_primitive::<TimestampMicrosecondType>();
            times.iter().flatten().all(|time| time % step == 0)
        }
        ColumnType::Bytes if column.data_type == "binary" => {
            let length = declared.unwrap_or(1);
            let mut values = values.as_binary_view().iter().flatten();
            values.all(|value| value.len() == length)
        }
        _ => true,
    };
    let digits = |text: &str| match text.rsplit_once('.') {
        Some((_, fraction)) => fraction.trim_end_matches('0').len(),
        None => 0,
    };
    let mut texts = spelled.iter().flat_map(|texts| texts.iter().flatten());
    match fits && texts.all(|text| digits(text) <= declared.unwrap_or(0)) {
        true => Ok(()),
        false => Err(ValueProblem::Unfit),
    }
}
