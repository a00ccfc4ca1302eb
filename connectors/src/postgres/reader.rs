//! Reads parts of a table: `COPY (SELECT …) TO STDOUT` as batches.

use std::pin::Pin;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream::try_unfold;
use futures::{Stream, StreamExt, TryStreamExt};

use super::decode::CopyDecoder;
use super::error::PostgresError;
use super::pool::{Pool, Pooled};
use super::session::quoted;
use super::snapshot::Snapshot;
use super::types::{WireColumn, WireType, special_column, wire_schema};
use crate::database::repeated;
use crate::unit::{PATH_COLUMN, ROW_COLUMN};

/// Rows of a batch.
const BATCH_ROWS: usize = 8192;

/// The column that holds where a row version lies: a `tid` as it travels.
pub(super) const CTID: &str = "__visard_ctid";
/// The column that holds which transaction made it: a `xid` as it travels.
pub(super) const XMIN: &str = "__visard_xmin";
/// The column that holds which partition it lies in: an `oid` as it travels.
pub(super) const TABLEOID: &str = "__visard_tableoid";

/// A column of a table as a run reads it.
#[derive(Debug, Clone)]
pub struct ReadColumn {
    /// Its name.
    pub name: String,
    /// How it travels.
    pub wire: WireType,
    /// Whether the server turns it into text and back.
    pub by_text: bool,
    /// Its type as SQL spells it.
    pub type_name: String,
    /// What gives it, where it is no column of the table.
    pub expression: Option<String>,
}

impl ReadColumn {
    /// The column as a value of what travels.
    pub(super) fn sql(&self) -> String {
        let name = self.expression.clone();
        let name = name.unwrap_or_else(|| quoted(&self.name));
        match (self.by_text, self.type_name.as_str()) {
            (false, _) => name,
            // A cast would put `/32` behind the address of a host.
            (true, "inet") => format!("pg_catalog.abbrev({name})"),
            (true, _) => format!("{name}::text"),
        }
    }
}

/// What of each row is read.
#[derive(Debug)]
pub(super) struct Reader {
    pool: Pool,
    /// The moment that is read; each read sees its own where there is none.
    snapshot: Option<Arc<Snapshot>>,
    /// The table as SQL names it, for people.
    path: String,
    list: String,
    wire: Vec<WireColumn>,
    schema: SchemaRef,
    /// Columns whose values have to have a form in Arrow.
    plain: Arc<[String]>,
}

impl Reader {
    /// Reads `columns` of the table that is called `path` in draws and messages, with what tells a row
    /// version from all others in front.
    pub(super) fn new(pool: Pool, path: String, columns: &[ReadColumn]) -> Self {
        let system = [(CTID, "ctid"), (XMIN, "xmin"), (TABLEOID, "tableoid")];
        let mut list: Vec<String> = system.iter().map(|(_, sql)| (*sql).to_owned()).collect();
        let mut wire: Vec<WireColumn> = system
            .iter()
            .map(|(name, _)| WireColumn {
                name: (*name).to_owned(),
                wire: WireType::Opaque,
            })
            .collect();
        for column in columns {
            list.push(column.sql());
            wire.push(WireColumn {
                name: column.name.clone(),
                wire: column.wire,
            });
        }
        let read = wire_schema(&wire);
        let places = [
            Arc::new(Field::new(PATH_COLUMN, DataType::Utf8View, false)),
            Arc::new(Field::new(ROW_COLUMN, DataType::UInt64, false)),
        ];
        let fields = places.into_iter().chain(read.fields().iter().cloned());
        Self {
            pool,
            snapshot: None,
            path,
            list: list.join(", "),
            wire,
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            plain: Arc::default(),
        }
    }

    /// The same, which fails where one of `columns` holds a value that Arrow has no form for.
    pub(super) fn plain(self, columns: &[String]) -> Self {
        Self {
            plain: columns.into(),
            ..self
        }
    }

    /// The same, which reads what `snapshot` sees.
    pub(super) fn seeing(self, snapshot: Arc<Snapshot>) -> Self {
        Self {
            snapshot: Some(snapshot),
            ..self
        }
    }

    /// Places first, then the row version, then the columns, then marks of special values.
    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The rows of `from`: a table, and a `WHERE` where there is one.
    pub(super) fn read(
        &self,
        from: &str,
        projection: &[usize],
    ) -> Result<SendableRecordBatchStream> {
        let schema = Arc::new(self.schema.project(projection)?);
        let decoder = CopyDecoder::new(self.wire.clone(), BATCH_ROWS)?;
        let statement = format!(
            "COPY (SELECT {} FROM {from}) TO STDOUT (FORMAT binary)",
            self.list
        );
        let (pool, path) = (self.pool.clone(), self.path.clone());
        let snapshot = self.snapshot.clone();
        let (whole, projection) = (Arc::clone(&self.schema), projection.to_vec());
        let plain = Arc::clone(&self.plain);
        let opened = async move {
            let session = pool.take().await?;
            if let Some(snapshot) = &snapshot {
                snapshot.begin(&session).await?;
            }
            let bytes: Wire = Box::pin(session.copy_out(&statement).await?);
            let reading = Reading {
                session: Some(session),
                in_transaction: snapshot.is_some(),
                bytes,
                decoder: Some(decoder),
            };
            Ok::<_, PostgresError>(try_unfold(reading, |mut reading| async move {
                let batch = reading.next().await?;
                Ok::<_, DataFusionError>(batch.map(|batch| (batch, reading)))
            }))
        };
        let opened = async move { opened.await.map_err(DataFusionError::from) };
        let batches = futures::stream::once(opened).try_flatten();
        let batches = batches.map(move |batch: Result<RecordBatch>| {
            let batch = batch?;
            refuse_specials(&batch, &plain)?;
            let batch = with_places(&batch, &path, &whole)?;
            Ok(batch.project(&projection)?)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

type Wire = Pin<Box<dyn Stream<Item = Result<Bytes, PostgresError>> + Send>>;

struct Reading {
    session: Option<Pooled>,
    in_transaction: bool,
    bytes: Wire,
    decoder: Option<CopyDecoder>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let Some(decoder) = &mut self.decoder else {
                return Ok(None);
            };
            if let Some(batch) = decoder.next_batch()? {
                return Ok(Some(batch));
            }
            if let Some(chunk) = self.bytes.next().await {
                decoder.push(chunk?);
                continue;
            }
            let last = self.decoder.take().map(CopyDecoder::finish).transpose()?;
            if let Some(session) = self.session.take() {
                // Only a session that came to the end can be used again.
                if self.in_transaction {
                    session.run("COMMIT").await?;
                }
                session.give_back();
            }
            return Ok(last.flatten());
        }
    }
}

/// Refuses a batch where one of `columns` holds a value that Arrow has no form for.
fn refuse_specials(batch: &RecordBatch, columns: &[String]) -> Result<(), PostgresError> {
    let marked = |name: &&String| {
        let marks = batch.column_by_name(&special_column(name));
        marks.is_some_and(|marks| marks.null_count() < marks.len())
    };
    match columns.iter().find(marked) {
        None => Ok(()),
        Some(name) => Err(PostgresError::Special(name.clone())),
    }
}

/// `batch` with the table's name and the row's place in front.
fn with_places(batch: &RecordBatch, path: &str, schema: &SchemaRef) -> Result<RecordBatch> {
    let paths = repeated(path, batch.num_rows())?;
    let tids = batch.column(0).as_binary_view();
    let places = tids
        .iter()
        .map(|tid| tid.and_then(place))
        .collect::<Option<Vec<u64>>>();
    let places = UInt64Array::from(places.ok_or_else(malformed)?);
    let mut columns: Vec<ArrayRef> = vec![paths, Arc::new(places)];
    columns.extend(batch.columns().iter().cloned());
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// Block and offset of a `tid`: 32 and 16 bits.
fn place(tid: &[u8]) -> Option<u64> {
    let tid: &[u8; 6] = tid.try_into().ok()?;
    let number = tid
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    Some(number)
}

fn malformed() -> DataFusionError {
    PostgresError::Copy("a row's `ctid` is malformed".to_owned()).into()
}
