//! Reads parts of a table: a connection of its own steps through a query, and its rows come as batches.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryViewBuilder, Int64Builder, RecordBatch, UInt64Builder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt;
use futures::stream::try_unfold;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

use super::address::{self, Address};
use super::decode::ColumnBuilder;
use super::error::SqliteError;
use super::file::DatabaseFile;
use super::job::{TableJob, TypedColumn};
use super::lane::class_column;
use super::snapshot::Snapshot;
use super::sql::quoted;
use crate::database::repeated;
use crate::unit::{PATH_COLUMN, ROW_COLUMN};

/// Rows of a batch, and bytes after which it is closed before.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 4 << 20;
/// Batches that wait for their masks.
const WAITING: usize = 2;

/// The column that holds what finds a row.
pub(super) const AT: &str = "__visard_at";
/// The column that holds a hash of what was read of a row.
pub(super) const VERSION: &str = "__visard_version";
/// The SQL function that makes it of the same columns.
pub(super) const VERSION_FUNCTION: &str = "visard_version";

/// What of each row is read.
#[derive(Debug)]
pub(super) struct Reader {
    file: DatabaseFile,
    /// The moment that is read; each read sees its own where there is none.
    snapshot: Option<Arc<Snapshot>>,
    /// The table as SQL names it, for people.
    path: String,
    /// Behind `SELECT`.
    list: String,
    /// Columns of the address in front of it, and whether it is the rowid.
    address: Address,
    columns: Vec<TypedColumn>,
    /// How many of the columns, the first ones, are the table's own.
    own: usize,
    /// Masked columns whose values change their rows, and so have to be of one class.
    shuffled: Vec<String>,
    versions: Versions,
    schema: SchemaRef,
}

/// Hashes of what was read of rows. They are compared within a process and mean nothing outside of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Versions(RandomState);

impl Versions {
    /// The hash of these values.
    fn of<'a>(&self, values: impl Iterator<Item = ValueRef<'a>>) -> i64 {
        let mut hasher = self.0.build_hasher();
        for value in values {
            match value {
                ValueRef::Null => 0_u8.hash(&mut hasher),
                ValueRef::Integer(number) => (1_u8, number).hash(&mut hasher),
                ValueRef::Real(number) => (2_u8, number.to_bits()).hash(&mut hasher),
                ValueRef::Text(text) => (3_u8, text).hash(&mut hasher),
                ValueRef::Blob(blob) => (4_u8, blob).hash(&mut hasher),
            }
        }
        hasher.finish().cast_signed()
    }

    /// Makes the function known to a connection.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(super) fn register(&self, connection: &Connection) -> Result<(), SqliteError> {
        let versions = self.clone();
        let flags = FunctionFlags::SQLITE_UTF8
            | FunctionFlags::SQLITE_DETERMINISTIC
            | FunctionFlags::SQLITE_DIRECTONLY;
        connection.create_scalar_function(VERSION_FUNCTION, -1, flags, move |context| {
            Ok(versions.of((0..context.len()).map(|argument| context.get_raw(argument))))
        })?;
        Ok(())
    }
}

impl Reader {
    /// Reads what `job` touches.
    ///
    /// # Errors
    /// When nothing finds a row of the table.
    pub(super) fn new(file: DatabaseFile, job: &TableJob) -> Result<Self, SqliteError> {
        Self::of(file, job, job.typed(), None)
    }

    /// Reads `columns` as `snapshot` sees them.
    ///
    /// # Errors
    /// When nothing finds a row of the table.
    pub(super) fn seeing(
        snapshot: Arc<Snapshot>,
        job: &TableJob,
        columns: Vec<TypedColumn>,
    ) -> Result<Self, SqliteError> {
        Self::of(snapshot.file().clone(), job, columns, Some(snapshot))
    }

    fn of(
        file: DatabaseFile,
        job: &TableJob,
        mut columns: Vec<TypedColumn>,
        snapshot: Option<Arc<Snapshot>>,
    ) -> Result<Self, SqliteError> {
        let address = job.address()?.clone();
        let own = columns.len();
        let table = quoted(&job.table.name);
        let mut list = address.list(&table);
        for column in &columns {
            list.push_str(&format!(", {table}.{}", quoted(&column.name)));
        }
        for (column, query) in &job.joined {
            columns.push(column.clone());
            list.push_str(&format!(", {query}"));
        }
        let mut fields = vec![
            Field::new(PATH_COLUMN, DataType::Utf8View, false),
            Field::new(ROW_COLUMN, DataType::UInt64, false),
            Field::new(AT, DataType::BinaryView, false),
            Field::new(VERSION, DataType::Int64, false),
        ];
        fields.extend(typed_fields(&columns));
        Ok(Self {
            path: job.table.name.clone(),
            schema: Arc::new(Schema::new(fields)),
            shuffled: job.shuffled.clone(),
            versions: Versions::default(),
            file,
            snapshot,
            list,
            address,
            columns,
            own,
        })
    }

    /// Places first, then what finds a row and what was read of it, then the columns, then marks.
    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    pub(super) fn versions(&self) -> &Versions {
        &self.versions
    }

    /// The rows of `from`: a table, and a `WHERE` where there is one, with parameters.
    pub(super) fn read(
        &self,
        from: &str,
        parameters: Vec<Value>,
        projection: &[usize],
    ) -> Result<SendableRecordBatchStream> {
        let schema = Arc::new(self.schema.project(projection)?);
        let query = Query {
            file: self.file.clone(),
            snapshot: self.snapshot.clone(),
            statement: format!("SELECT {} FROM {from}", self.list),
            parameters,
            path: self.path.clone(),
            address: self.address.clone(),
            columns: self.columns.clone(),
            own: self.own,
            shuffled: self.shuffled.clone(),
            versions: self.versions.clone(),
            schema: Arc::clone(&self.schema),
            projection: projection.to_vec(),
        };
        // Nothing is opened before somebody asks for a row.
        let opened = async move {
            let (sender, batches) = mpsc::channel(WAITING);
            let stepping = tokio::task::spawn_blocking(move || query.run(&sender));
            let reading = Reading {
                batches,
                stepping: Some(stepping),
            };
            Ok::<_, DataFusionError>(try_unfold(reading, |mut reading| async move {
                let batch = reading.next().await?;
                Ok::<_, DataFusionError>(batch.map(|batch| (batch, reading)))
            }))
        };
        let batches = futures::stream::once(opened).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// The columns as the batches have them, then the hidden ones.
pub(super) fn typed_fields(columns: &[TypedColumn]) -> Vec<Field> {
    let values = columns.iter().map(|column| {
        let data_type = match column.carried {
            true => DataType::BinaryView,
            false => column.lane.data_type(),
        };
        Field::new(&column.name, data_type, true)
    });
    let classes = columns
        .iter()
        .filter(|column| column.lane.has_classes() && !column.carried)
        .map(|column| Field::new(class_column(&column.name), DataType::Int8, true));
    values.chain(classes).collect()
}

struct Reading {
    batches: Receiver<RecordBatch>,
    stepping: Option<JoinHandle<Result<(), SqliteError>>>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(batch) = self.batches.recv().await {
            return Ok(Some(batch));
        }
        // The end of the batches is the end of the rows only if whoever read them says so.
        match self.stepping.take() {
            None => Ok(None),
            Some(stepping) => match stepping.await {
                Ok(ended) => Ok(ended.map(|()| None)?),
                Err(_) => {
                    Err(SqliteError::File("the reading of the file was stopped".to_owned()).into())
                }
            },
        }
    }
}

/// A query on its way through the rows.
struct Query {
    file: DatabaseFile,
    snapshot: Option<Arc<Snapshot>>,
    statement: String,
    parameters: Vec<Value>,
    path: String,
    address: Address,
    columns: Vec<TypedColumn>,
    own: usize,
    shuffled: Vec<String>,
    versions: Versions,
    schema: SchemaRef,
    projection: Vec<usize>,
}

impl Query {
    fn run(self, sender: &Sender<RecordBatch>) -> Result<(), SqliteError> {
        let (seeing, own);
        let connection: &Connection = match &self.snapshot {
            Some(snapshot) => {
                seeing = snapshot.connection();
                &seeing
            }
            None => {
                own = self.file.reader()?;
                &own
            }
        };
        let mut statement = connection.prepare(&self.statement)?;
        let mut rows = statement.query(rusqlite::params_from_iter(&self.parameters))?;
        let (first, all) = (
            self.address.columns.len(),
            self.address.columns.len() + self.columns.len(),
        );
        let mut building = Building::new(&self.columns);
        let mut number = 0;
        let mut at = Vec::new();
        // Whoever writes nothing back asks for no versions.
        let version_at = self.schema.index_of(VERSION).ok();
        let has_versions = version_at.is_some_and(|at| self.projection.contains(&at));
        while let Some(row) = rows.next()? {
            at.clear();
            for column in 0..first {
                address::push(&mut at, row.get_ref(column)?);
            }
            let place = match (self.address.is_rowid, row.get_ref(0)?) {
                (true, ValueRef::Integer(rowid)) => rowid.cast_unsigned(),
                _ => number,
            };
            building.at.append_value(&at);
            building.places.append_value(place);
            let mut bytes = at.len() + 32;
            let mut version = Vec::with_capacity(if has_versions { self.own } else { 0 });
            for (column, builder) in (first..all).zip(&mut building.columns) {
                let value = row.get_ref(column)?;
                bytes += builder.push(value)?;
                if has_versions && version.len() < self.own {
                    version.push(value);
                }
            }
            building
                .versions
                .append_value(self.versions.of(version.into_iter()));
            building.bytes += bytes;
            building.rows += 1;
            number += 1;
            if building.rows == BATCH_ROWS || building.bytes >= BATCH_BYTES {
                let batch = self.finished(&mut building)?;
                if sender.blocking_send(batch).is_err() {
                    // Nobody wants the rest.
                    return Ok(());
                }
            }
        }
        if building.rows > 0 {
            let batch = self.finished(&mut building)?;
            // Whoever does not want it has gone.
            let _ = sender.blocking_send(batch);
        }
        Ok(())
    }

    fn finished(&self, building: &mut Building) -> Result<RecordBatch, SqliteError> {
        let unfit = |_| SqliteError::File("the rows that were read do not fit together".to_owned());
        let batch = building.finish(&self.path, &self.schema).map_err(unfit)?;
        let of_classes = |name: &&String| {
            let classes = batch.column_by_name(&class_column(name));
            classes.is_some_and(|classes| classes.null_count() < classes.len())
        };
        if let Some(column) = self.shuffled.iter().find(of_classes) {
            return Err(SqliteError::Value {
                column: column.clone(),
                problem: "values of several classes cannot change their rows",
            });
        }
        batch
            .project(&self.projection)
            .map_err(|error| unfit(error.into()))
    }
}

struct Building {
    places: UInt64Builder,
    at: BinaryViewBuilder,
    versions: Int64Builder,
    columns: Vec<ColumnBuilder>,
    rows: usize,
    bytes: usize,
}

impl Building {
    fn new(columns: &[TypedColumn]) -> Self {
        Self {
            places: UInt64Builder::new(),
            at: BinaryViewBuilder::new(),
            versions: Int64Builder::new(),
            columns: columns.iter().map(ColumnBuilder::new).collect(),
            rows: 0,
            bytes: 0,
        }
    }

    fn finish(&mut self, path: &str, schema: &SchemaRef) -> Result<RecordBatch> {
        let mut arrays: Vec<ArrayRef> = vec![
            repeated(path, self.rows)?,
            Arc::new(self.places.finish()),
            Arc::new(self.at.finish()),
            Arc::new(self.versions.finish()),
        ];
        let (values, classes): (Vec<_>, Vec<_>) =
            self.columns.iter_mut().map(ColumnBuilder::finish).unzip();
        arrays.extend(values);
        arrays.extend(classes.into_iter().flatten());
        (self.rows, self.bytes) = (0, 0);
        Ok(RecordBatch::try_new(Arc::clone(schema), arrays)?)
    }
}
