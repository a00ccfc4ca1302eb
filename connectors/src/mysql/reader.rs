//! Reads parts of a table, row by row by the binary protocol, as batches.

use std::pin::Pin;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt};
use mysql_async::prelude::Queryable;
use tokio::sync::mpsc;

use super::decode::Decoder;
use super::error::MysqlError;
use super::job::{KeyColumn, ReadColumn, key_column};
use super::session::{Pool, quoted};
use super::types::{ColumnType, fields};
use crate::database::repeated;
use crate::unit::{PATH_COLUMN, ROW_COLUMN};

/// Rows of a batch.
const BATCH_ROWS: usize = 8192;
/// Batches that wait for their masks.
const WAITING: usize = 2;
/// Rows of a slice have numbers below this.
const SLICE_ROWS: u64 = 1 << 40;

/// What of each row is read.
#[derive(Debug)]
pub(super) struct Reader {
    pool: Pool,
    /// The table as SQL names it, for people.
    path: String,
    list: String,
    keys: Vec<(String, ColumnType)>,
    columns: Vec<(String, ColumnType)>,
    /// Of keys, columns and marks.
    read: SchemaRef,
    schema: SchemaRef,
}

/// Which rows are read: what the session is told first, and what stands behind `FROM`.
#[derive(Debug, Clone)]
pub(super) struct From {
    pub(super) setup: Vec<String>,
    pub(super) sql: String,
    /// The number of the slice, for the places of rows.
    pub(super) slice: usize,
}

impl Reader {
    /// Reads `columns` of the table that is called `path` in draws and messages, with its key in front.
    pub(super) fn new(
        pool: Pool,
        path: String,
        key: &[KeyColumn],
        columns: Vec<ReadColumn>,
    ) -> Self {
        let keys: Vec<(String, ColumnType)> = key
            .iter()
            .enumerate()
            .map(|(index, column)| (key_column(index), column.kind))
            .collect();
        let names = key.iter().map(|column| quoted(&column.name));
        let names = names.chain(columns.iter().map(|column| column.sql.clone()));
        let mut list = names.collect::<Vec<_>>().join(", ");
        let columns = columns.into_iter();
        let columns: Vec<_> = columns.map(|column| (column.name, column.kind)).collect();
        if list.is_empty() {
            list = "NULL".to_owned();
        }
        let of_keys = keys
            .iter()
            .map(|(name, _)| Field::new(name, DataType::BinaryView, false));
        let of_columns = columns.iter().map(|(name, kind)| (name.as_str(), *kind));
        let read: Vec<Field> = of_keys.chain(fields(of_columns)).collect();
        let places = [
            Field::new(PATH_COLUMN, DataType::Utf8View, false),
            Field::new(ROW_COLUMN, DataType::UInt64, false),
        ];
        let all: Vec<Field> = places.into_iter().chain(read.iter().cloned()).collect();
        Self {
            pool,
            path,
            list,
            keys,
            columns,
            read: Arc::new(Schema::new(read)),
            schema: Arc::new(Schema::new(all)),
        }
    }

    /// Places first, then the key, then the columns, then marks of values that Arrow does not have.
    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The rows of `from`. Nothing is asked before the first batch is.
    pub(super) fn read(
        &self,
        from: From,
        projection: &[usize],
    ) -> Result<SendableRecordBatchStream> {
        let schema = Arc::new(self.schema.project(projection)?);
        let query = format!("SELECT {} FROM {}", self.list, from.sql);
        let decoder = Decoder::new(
            &self.keys,
            &self.columns,
            Arc::clone(&self.read),
            BATCH_ROWS,
        );
        let (pool, setup) = (self.pool.clone(), from.setup);
        let reading = move |sender| reading(pool, setup, query, decoder, sender).boxed();
        let (path, whole, projection) = (
            self.path.clone(),
            Arc::clone(&self.schema),
            projection.to_vec(),
        );
        let mut next = from.slice as u64 * SLICE_ROWS;
        let batches = spawned(reading).map(move |batch| {
            let batch = batch.map_err(DataFusionError::from)?;
            let batch = with_places(&batch, &path, next, &whole)?;
            next += batch.num_rows() as u64;
            Ok(batch.project(&projection)?)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

type Batches = mpsc::Sender<Result<RecordBatch, MysqlError>>;

/// Reads all rows into `sender`, beside those who mask them.
async fn reading(
    pool: Pool,
    setup: Vec<String>,
    query: String,
    mut decoder: Decoder,
    sender: Batches,
) -> Result<(), MysqlError> {
    let mut session = pool.take().await?;
    for statement in setup {
        session.run(&statement).await?;
    }
    let conn = session.begin()?;
    let statement = conn.prep(query).await?;
    let mut rows = conn.exec_iter(&statement, ()).await?;
    while let Some(row) = rows.next().await? {
        if let Some(batch) = decoder.push(row.unwrap())?
            && sender.send(Ok(batch)).await.is_err()
        {
            // Nobody wants them any more; the session is closed.
            return Ok(());
        }
    }
    rows.drop_result().await?;
    conn.close(statement).await?;
    // Only a session that came to the end can be used again.
    session.done();
    session.give_back();
    if let Some(batch) = decoder.finish()? {
        sender.send(Ok(batch)).await.unwrap_or_default();
    }
    Ok(())
}

/// What `work` sends, once the first of it is asked for; the work ends with the stream.
fn spawned<F>(work: F) -> impl Stream<Item = Result<RecordBatch, MysqlError>> + Send
where
    F: FnOnce(Batches) -> BoxFuture<'static, Result<(), MysqlError>> + Send + 'static,
{
    struct Working {
        received: mpsc::Receiver<Result<RecordBatch, MysqlError>>,
        task: tokio::task::JoinHandle<()>,
    }

    impl Drop for Working {
        fn drop(&mut self) {
            self.task.abort();
        }
    }

    impl Stream for Working {
        type Item = Result<RecordBatch, MysqlError>;

        fn poll_next(
            mut self: Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Self::Item>> {
            self.received.poll_recv(context)
        }
    }

    let begun = async move {
        let (sender, received) = mpsc::channel(WAITING);
        let task = tokio::spawn(async move {
            if let Err(error) = work(sender.clone()).await {
                sender.send(Err(error)).await.unwrap_or_default();
            }
        });
        Working { received, task }
    };
    futures::stream::once(begun).flatten()
}

/// `batch` with the table's name and the rows' numbers in front.
fn with_places(
    batch: &RecordBatch,
    path: &str,
    first: u64,
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let paths = repeated(path, batch.num_rows())?;
    let places = UInt64Array::from_iter_values(first..first + batch.num_rows() as u64);
    let mut columns: Vec<ArrayRef> = vec![paths, Arc::new(places)];
    columns.extend(batch.columns().iter().cloned());
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
