//! Reads parts of a table, row by row by the binary protocol, as batches.

use std::pin::Pin;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
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
use super::job::{KeyColumn, key_column};
use super::session::{Pool, Pooled, quoted};
use super::snapshot::Snapshot;
use super::types::{ColumnType, ReadColumn, fields};
use crate::database::special::spelled_column;
use crate::database::with_places;
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
    sessions: Sessions,
    /// The table as SQL names it, for people.
    path: String,
    list: String,
    keys: Vec<(String, ColumnType)>,
    columns: Vec<ReadColumn>,
    /// Columns whose values have to have a form in Arrow.
    plain: Arc<[String]>,
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

/// Whose sessions read.
#[derive(Debug, Clone)]
enum Sessions {
    /// Those of a pool: each read sees its own moment.
    Any(Pool),
    /// Those that see one moment.
    Of(Arc<Snapshot>),
}

impl Sessions {
    async fn take(&self) -> Result<Pooled, MysqlError> {
        match self {
            Self::Any(pool) => pool.take().await,
            Self::Of(snapshot) => snapshot.session().await,
        }
    }

    fn give_back(&self, session: Pooled) {
        match self {
            Self::Any(_) => session.give_back(),
            Self::Of(snapshot) => snapshot.give_back(session),
        }
    }

    /// Says that a session is lost.
    fn lose(&self) {
        if let Self::Of(snapshot) = self {
            snapshot.lose();
        }
    }
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
        let names = names.chain(columns.iter().map(|column| match &column.sql {
            Some(sql) => sql.clone(),
            None => quoted(&column.name),
        }));
        let mut list = names.collect::<Vec<_>>().join(", ");
        if list.is_empty() {
            list = "NULL".to_owned();
        }
        let of_keys = keys
            .iter()
            .map(|(name, _)| Field::new(name, DataType::BinaryView, false));
        let read: Vec<Field> = of_keys.chain(fields(&columns)).collect();
        let places = [
            Field::new(PATH_COLUMN, DataType::Utf8View, false),
            Field::new(ROW_COLUMN, DataType::UInt64, false),
        ];
        let all: Vec<Field> = places.into_iter().chain(read.iter().cloned()).collect();
        Self {
            sessions: Sessions::Any(pool),
            plain: Arc::default(),
            path,
            list,
            keys,
            columns,
            read: Arc::new(Schema::new(read)),
            schema: Arc::new(Schema::new(all)),
        }
    }

    /// The same, which sees the moment of `snapshot`.
    pub(super) fn seeing(self, snapshot: Arc<Snapshot>) -> Self {
        Self {
            sessions: Sessions::Of(snapshot),
            ..self
        }
    }

    /// The same, which fails where one of `columns` holds a value that Arrow has no form for.
    pub(super) fn plain(self, columns: &[String]) -> Self {
        Self {
            plain: columns.into(),
            ..self
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
        let (sessions, setup) = (self.sessions.clone(), from.setup);
        let reading = move |sender| reading(sessions, setup, query, decoder, sender).boxed();
        let plain = Arc::clone(&self.plain);
        let (path, whole, projection) = (
            self.path.clone(),
            Arc::clone(&self.schema),
            projection.to_vec(),
        );
        let mut next = from.slice as u64 * SLICE_ROWS;
        let batches = spawned(reading).map(move |batch| {
            let batch = batch.map_err(DataFusionError::from)?;
            refuse_odd(&batch, &plain)?;
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
    sessions: Sessions,
    setup: Vec<String>,
    query: String,
    mut decoder: Decoder,
    sender: Batches,
) -> Result<(), MysqlError> {
    /// Tells of a session that is dropped before all is read.
    struct Taken(Sessions, Option<Pooled>);

    impl Drop for Taken {
        fn drop(&mut self) {
            if self.1.is_some() {
                self.0.lose();
            }
        }
    }

    let session = sessions.take().await?;
    let mut taken = Taken(sessions, Some(session));
    let Some(session) = &mut taken.1 else {
        return Err(MysqlError::GivenUp);
    };
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
    if let Some(session) = taken.1.take() {
        taken.0.give_back(session);
    }
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

/// Refuses a batch where one of `columns` holds a value that Arrow has no form for.
fn refuse_odd(batch: &RecordBatch, columns: &[String]) -> Result<(), MysqlError> {
    let is_odd = |name: &&String| {
        let spelled = batch.column_by_name(&spelled_column(name));
        spelled.is_some_and(|spelled| spelled.null_count() < spelled.len())
    };
    match columns.iter().find(is_odd) {
        None => Ok(()),
        Some(name) => Err(MysqlError::Odd(name.clone())),
    }
}
