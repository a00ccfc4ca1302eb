//! A table as files: `schema/table/part-00000.parquet`, one for each slice.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::csv_part::CsvPart;
use super::parquet_part::ParquetPart;
use super::text::unformed;
use super::{Destination, Mode, unformed_fields};
use crate::database::{Announce, DatabaseError};
use crate::store::{Output, Staged, StagedOutput, Store, StoreError, StoreErrorKind};
use crate::unit::{Receipt, Sink};

/// Bytes that a slice holds: a row group, and what is on its way.
const SLICE_BYTES: u64 = 64 << 20;
/// Bytes that a part is likely to have; more is fine.
const PART_BYTES: u64 = 256 << 20;
/// Batches that wait for the thread that writes them.
const WAITING: usize = 2;

/// What parts are written as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PartFormat {
    /// Apache Parquet, compressed by Zstandard.
    #[default]
    Parquet,
    /// Comma-separated values with a header, in UTF-8: null is nothing, an empty text is `""`.
    Csv,
}

impl PartFormat {
    /// What names of its files end with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
        }
    }
}

/// One part at work.
pub(super) trait Part: Send {
    /// Appends rows.
    fn write(&mut self, rows: &RecordBatch) -> Result<()>;
    /// Ends the file; what it was written to.
    fn finish(self: Box<Self>) -> Result<Output>;
}

/// Outputs and rows, by slice; slices without rows have no output.
type Written = BTreeMap<usize, (Option<StagedOutput>, u64)>;

/// The files of one table.
#[derive(Debug)]
pub struct PartFiles {
    store: Store,
    folder: String,
    format: PartFormat,
    mode: Mode,
    /// The columns of the table, then the marks of those that have them.
    schema: SchemaRef,
    /// How many of them are columns of the table.
    columns: usize,
    written: Arc<Mutex<Written>>,
}

impl PartFiles {
    /// The parts of the table whose columns `names` come with rows of the schema `rows`, in `folder` of
    /// `store`.
    ///
    /// # Errors
    /// When one of the columns is not among them.
    pub fn new(
        store: Store,
        folder: String,
        (format, mode): (PartFormat, Mode),
        rows: &Schema,
        names: &[String],
    ) -> Result<Self> {
        let mut fields: Vec<Field> = Vec::with_capacity(names.len());
        for name in names {
            let field = rows.field_with_name(name)?;
            fields.push(Field::new(name, field.data_type().clone(), true));
        }
        fields.extend(names.iter().flat_map(|name| unformed_fields(rows, name)));
        Ok(Self {
            store,
            folder,
            format,
            mode,
            schema: Arc::new(Schema::new(fields)),
            columns: names.len(),
            written: Arc::default(),
        })
    }

    /// Whether parts that were announced as `known_by` are all there, as they were written.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn are_committed(store: &Store, known_by: &str) -> Result<Option<bool>, StoreError> {
        let Ok(parts) = serde_json::from_str::<Vec<Staged>>(known_by) else {
            return Ok(None);
        };
        for part in &parts {
            let there = store.sha256(&part.path).await?;
            if there.is_none_or(|there| there != (part.bytes, part.sha256.clone())) {
                return Ok(Some(false));
            }
        }
        // Parts of before may be the same to the byte, and others beside them are to go.
        let folder = parts.first().and_then(|part| part.path.rsplit_once('/'));
        let there = match folder {
            Some((folder, _)) => Self::there(store, folder).await?,
            None => Vec::new(),
        };
        Ok(Some(there.len() == parts.len()))
    }

    /// Objects in `folder` of `store`, by path; none where there is no folder yet.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn there(store: &Store, folder: &str) -> Result<Vec<String>, StoreError> {
        let below = format!("{folder}/");
        let listed = match store.list().await {
            Ok(listed) => listed,
            Err(error) if error.kind() == StoreErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let objects = listed
            .into_iter()
            .filter(|object| object.path.starts_with(&below));
        Ok(objects.map(|object| object.path).collect())
    }
}

impl Sink for PartFiles {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn describe(&self) -> String {
        format!("{} parts in {}", self.format.extension(), self.folder)
    }

    fn write(
        &self,
        slice: usize,
        mut rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        let path = format!(
            "{}/part-{slice:05}.{}",
            self.folder,
            self.format.extension()
        );
        let (store, format, columns) = (self.store.clone(), self.format, self.columns);
        let (whole, written) = (Arc::clone(&self.schema), Arc::clone(&self.written));
        Box::pin(async move {
            let (batches, mut arriving) = mpsc::channel::<RecordBatch>(WAITING);
            // Ends with the channel; a part that is dropped leaves nothing.
            let writing = tokio::task::spawn_blocking(move || {
                let only: Vec<usize> = (0..columns).collect();
                let schema = Arc::new(whole.project(&only)?);
                let mut part: Option<Box<dyn Part>> = None;
                let mut count = 0;
                while let Some(batch) = arriving.blocking_recv() {
                    let part = match &mut part {
                        Some(part) => part,
                        None => part.insert(begin(&store, &path, format, &schema)?),
                    };
                    count += batch.num_rows() as u64;
                    let batch = match format {
                        PartFormat::Parquet => without_unformed(&batch, columns)?,
                        PartFormat::Csv => batch,
                    };
                    part.write(&batch)?;
                }
                // A table without rows still has columns.
                if part.is_none() && slice == 0 {
                    part = Some(begin(&store, &path, format, &schema)?);
                }
                let output = part.map(|part| part.finish()).transpose()?;
                let staged = output.map(Output::stage).transpose()?;
                Ok::<_, DataFusionError>((staged, count))
            });
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                if batch.num_rows() > 0 && batches.send(batch).await.is_err() {
                    break;
                }
            }
            drop(batches);
            let ended = writing.await;
            let (staged, count) =
                ended.map_err(|_| internal_datafusion_err!("a part's thread panicked"))??;
            written.lock().insert(slice, (staged, count));
            Ok(Receipt { slice, rows: count })
        })
    }
}

impl Destination for PartFiles {
    fn slice_memory(&self) -> u64 {
        SLICE_BYTES + self.store.output_memory_bytes(PART_BYTES)
    }

    fn commit(&self, announce: Announce) -> BoxFuture<'static, Result<u64>> {
        let written = std::mem::take(&mut *self.written.lock());
        let (store, folder, mode) = (self.store.clone(), self.folder.clone(), self.mode);
        Box::pin(async move {
            let rows = written.values().map(|(_, rows)| rows).sum();
            let staged = written.into_values().filter_map(|(staged, _)| staged);
            let staged: Vec<StagedOutput> = staged.collect();
            let parts: Vec<&Staged> = staged.iter().map(StagedOutput::staged).collect();
            let ours: Vec<String> = parts.iter().map(|part| part.path.clone()).collect();
            let known_by = serde_json::to_string(&parts).map_err(std::io::Error::other)?;
            announce(&known_by)?;
            if mode == Mode::Overwrite {
                // Before the new ones appear: a reader never sees rows of both.
                let there = Self::there(&store, &folder).await?;
                for path in there.iter().filter(|path| !ours.contains(path)) {
                    store.delete(path).await?;
                }
            }
            for (at, part) in staged.into_iter().enumerate() {
                if let Err(error) = part.commit().await {
                    // None of the rows is there rather than some of them.
                    for path in &ours[..at] {
                        store.delete(path).await?;
                    }
                    return Err(error.into());
                }
            }
            Ok(rows)
        })
    }

    fn abort(&self) -> BoxFuture<'static, ()> {
        let written = std::mem::take(&mut *self.written.lock());
        Box::pin(async move { drop(written) })
    }

    fn clean_up(&self) -> BoxFuture<'static, Result<()>> {
        let store = self.store.clone();
        Box::pin(async move {
            store.settle().await;
            Ok(())
        })
    }
}

fn begin(
    store: &Store,
    path: &str,
    format: PartFormat,
    schema: &SchemaRef,
) -> Result<Box<dyn Part>> {
    let output = store.create(path, PART_BYTES)?;
    Ok(match format {
        PartFormat::Parquet => Box::new(ParquetPart::new(output, schema)?),
        PartFormat::Csv => Box::new(CsvPart::new(output, schema)?),
    })
}

/// The columns of the table; refused where one holds a value that is null for want of a form.
fn without_unformed(batch: &RecordBatch, columns: usize) -> Result<RecordBatch> {
    let schema = batch.schema();
    for field in schema.fields().iter().take(columns) {
        if unformed(batch, field.name()).is_some() {
            let what = match field.data_type() {
                DataType::Decimal128(..) => "infinity or NaN, which Parquet has no decimal for",
                DataType::Time64(_) => {
                    "a time that is none of a day, which Parquet has no form for"
                }
                _ => "infinity, or a date of no calendar, which Parquet has no date for",
            };
            let message = format!(
                "`{}` holds {what}: leave such rows out by `where`, or write CSV",
                field.name(),
            );
            return Err(DatabaseError::new(message).into());
        }
    }
    let only: Vec<usize> = (0..columns).collect();
    Ok(batch.project(&only)?)
}
