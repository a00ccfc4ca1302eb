//! Parquet files of one typed schema: a slice is a row group.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use futures::StreamExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc;

use super::columns::{Columns, Root};
use super::decode::{Column, Decode};
use super::encode::Encoder;
use super::error::{FormatError, catch};
use super::file::{Turn, UnitFile};
use super::pages::TemporaryFolder;
use super::rows::ParquetRows;
use super::shape::{ParquetShape, RowGroupShape};
use crate::format::{FileUnit, Group};
use crate::store::StagedOutput;
use crate::unit::{PATH_COLUMN, ROW_COLUMN, Receipt, Sink, Source};

/// Batches on their way between two threads.
pub(super) const BATCHES_IN_FLIGHT: usize = 2;
/// Size of the pages that encoders aim at, and of their dictionaries.
const PAGE_BYTES: u64 = 1024 * 1024;

/// How Parquet files are read and written.
#[derive(Debug, Clone)]
pub struct ParquetOptions {
    /// Rows of a batch; 8192 by default.
    pub batch_rows: usize,
    /// Bytes read ahead for each column that is decoded, and for the chunks that are copied; 2 MiB
    /// by default.
    pub read_ahead: u64,
    /// Bytes of a slice's masked columns, decompressed, above which their encoded pages wait in a
    /// temporary file rather than in memory; 64 MiB by default.
    pub spill_above: u64,
    /// Where temporary files are made; the system's folder by default.
    pub temporary_folder: Option<PathBuf>,
}

impl Default for ParquetOptions {
    fn default() -> Self {
        Self {
            batch_rows: 8192,
            read_ahead: 2 * 1024 * 1024,
            spill_above: 64 * 1024 * 1024,
            temporary_folder: None,
        }
    }
}

/// Parquet units with the same typed columns and the same masks.
#[derive(Debug)]
pub struct ParquetGroup {
    files: Vec<Arc<UnitFile>>,
    slices: Vec<Slice>,
    /// Number of the first slice of each unit, and the number of all slices.
    first_slices: Vec<usize>,
    /// The typed columns, without the place columns.
    roots: Vec<FieldRef>,
    schema: SchemaRef,
    sink_schema: SchemaRef,
    options: Arc<ParquetOptions>,
}

#[derive(Debug, Clone, Copy)]
struct Slice {
    unit: usize,
    row_group: usize,
    /// `None` in a file without row groups.
    rows: Option<u64>,
    first_row: u64,
    memory: u64,
    spill: bool,
}

impl ParquetGroup {
    /// Groups `units` that are read and written alike. `typed` names what is read, `masked` what is
    /// written anew: leaves by [`Leaf::name`](super::Leaf) or path, or groups for all leaves below
    /// them. What is masked is read as well. Root columns keep the order of their first
    /// mention in `typed`, then in `masked`; a nested one has only the leaves that are read.
    ///
    /// # Errors
    /// When a column is missing or cannot be masked in one of the units, or its type is not that of
    /// the first unit.
    pub fn new(
        units: Vec<(FileUnit, ParquetShape)>,
        typed: &[String],
        masked: &[String],
        options: ParquetOptions,
    ) -> Result<Self, FormatError> {
        let mut files: Vec<Arc<UnitFile>> = Vec::with_capacity(units.len());
        let (mut slices, mut first_slices) = (vec![], vec![0]);
        for (unit, mut shape) in units {
            let columns = match files.last().map(|last| &last.columns) {
                Some(columns) if shape.share(&columns.schema) => Arc::clone(columns),
                _ => {
                    let path = &unit.object.path;
                    Arc::new(Columns::try_new(path, &shape.schema, typed, masked)?)
                }
            };
            if let Some(first) = files.first() {
                same_columns(&unit.object.path, &first.columns, &columns)?;
            }
            slices.extend(slices_of(files.len(), &shape, &columns, &options));
            first_slices.push(slices.len());
            files.push(Arc::new(UnitFile::new(
                unit,
                columns,
                shape.row_groups.len(),
            )));
        }
        let none: &[Root] = &[];
        let all = files.first().map_or(none, |file| &file.columns.roots);
        let roots: Vec<_> = all.iter().map(|root| Arc::clone(&root.field)).collect();
        let masked_roots = all.iter().filter(|root| root.masked);
        let sink: Vec<_> = masked_roots.map(|root| Arc::clone(&root.field)).collect();
        let path = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let place = [
            Arc::new(Field::new(PATH_COLUMN, path, false)),
            Arc::new(Field::new(ROW_COLUMN, DataType::UInt64, false)),
        ];
        let schema = Schema::new(roots.iter().cloned().chain(place).collect::<Vec<_>>());
        Ok(Self {
            files,
            slices,
            first_slices,
            roots,
            schema: Arc::new(schema),
            sink_schema: Arc::new(Schema::new(sink)),
            options: Arc::new(options),
        })
    }

    /// The file of a slice, and how its rows are decoded with the columns at `projection`.
    pub(super) fn decode(
        &self,
        slice: usize,
        projection: &[usize],
    ) -> Result<(Arc<UnitFile>, Decode)> {
        let slice = self.slices[slice];
        let file = Arc::clone(&self.files[slice.unit]);
        let columns = projection.iter().map(|index| self.column(&file, *index));
        let decode = Decode {
            row_group: slice.row_group,
            first_row: slice.first_row,
            columns: columns.collect(),
            schema: Arc::new(self.schema.project(projection)?),
            batch_rows: self.options.batch_rows,
            read_ahead: self.options.read_ahead,
        };
        Ok((file, decode))
    }

    /// The column of unit `file` that the source's schema has at `index`.
    fn column(&self, file: &UnitFile, index: usize) -> Column {
        match index.checked_sub(self.roots.len()) {
            None => Column::Root(file.columns.roots[index].clone()),
            Some(0) => Column::Path,
            Some(_) => Column::Row,
        }
    }
}

fn slices_of<'a>(
    unit: usize,
    shape: &'a ParquetShape,
    columns: &'a Columns,
    options: &'a ParquetOptions,
) -> impl Iterator<Item = Slice> + 'a {
    let empty = shape.row_groups.is_empty().then_some(Slice {
        unit,
        row_group: 0,
        rows: None,
        first_row: 0,
        memory: PAGE_BYTES,
        spill: false,
    });
    let groups = shape
        .row_groups
        .iter()
        .enumerate()
        .scan(0, move |row, (row_group, group)| {
            let first_row = *row;
            *row += group.rows;
            let (memory, spill) = memory(group, columns, options);
            Some(Slice {
                unit,
                row_group,
                rows: Some(group.rows),
                first_row,
                memory,
                spill,
            })
        });
    empty.into_iter().chain(groups)
}

/// Bytes a slice holds at most, and whether its encoded pages go to a file.
fn memory(group: &RowGroupShape, columns: &Columns, options: &ParquetOptions) -> (u64, bool) {
    let leaves = |root: &Root| root.leaves.clone();
    let typed: Vec<_> = columns.roots.iter().flat_map(leaves).collect();
    let decoded: u64 = typed
        .iter()
        .map(|leaf| group.columns[*leaf].uncompressed())
        .sum();
    // Read-ahead, a decompressed page and a dictionary for each column.
    let reading: u64 = typed
        .iter()
        .map(|leaf| {
            let size = group.columns[*leaf];
            size.compressed().min(options.read_ahead) + size.uncompressed().min(2 * PAGE_BYTES)
        })
        .sum();
    // Batches wait on both sides of the plan and are worked on in it.
    let batches = 2 * (BATCHES_IN_FLIGHT as u64 + 2);
    let share = (options.batch_rows as u64 * batches).min(group.rows);
    let in_flight = decoded.saturating_mul(share) / group.rows.max(1);
    let fresh = |leaf: &usize| group.columns[*leaf].uncompressed();
    let encoded: u64 = columns.masked.iter().map(fresh).sum();
    let spill = encoded > options.spill_above;
    let encoding = match spill {
        true => columns.masked.len() as u64 * 3 * PAGE_BYTES,
        false => {
            encoded
                + columns
                    .masked
                    .iter()
                    .map(|leaf| fresh(leaf).min(2 * PAGE_BYTES))
                    .sum::<u64>()
        }
    };
    (
        reading + in_flight + encoding + 2 * options.read_ahead,
        spill,
    )
}

fn same_columns(path: &str, first: &Columns, columns: &Columns) -> Result<(), FormatError> {
    for (first, root) in first.roots.iter().zip(&columns.roots) {
        if first.field != root.field || first.masked != root.masked {
            return Err(FormatError::Type {
                path: path.to_owned(),
                column: root.field.name().clone(),
            });
        }
    }
    Ok(())
}

impl Source for ParquetGroup {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn slices(&self) -> usize {
        self.slices.len()
    }

    fn describe(&self) -> String {
        format!("parquet, units={}", self.files.len())
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        let (file, decode) = self.decode(slice, projection)?;
        let schema = Arc::clone(&decode.schema);
        let mut stream = RecordBatchReceiverStream::builder(schema, BATCHES_IN_FLIGHT);
        let sender = stream.tx();
        stream.spawn_blocking(move || {
            let work = || match file.row_groups {
                0 => Ok(()),
                _ => decode.run(&file.open()?.footer, &file.columns.schema, |batch| {
                    sender.blocking_send(Ok(batch)).is_ok()
                }),
            };
            Ok(catch(file.path(), work)?)
        });
        Ok(stream.build())
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        Arc::new(ParquetRows(self))
    }
}

impl Sink for ParquetGroup {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.sink_schema)
    }

    fn describe(&self) -> String {
        format!("parquet, units={}", self.files.len())
    }

    fn write(
        &self,
        slice: usize,
        mut rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        let place = self.slices[slice];
        let file = Arc::clone(&self.files[place.unit]);
        let options = Arc::clone(&self.options);
        // From here on later slices wait for this one, so it must not vanish without a word.
        let turn = Turn::new(&file);
        Box::pin(async move {
            let (sender, receiver) = mpsc::channel(BATCHES_IN_FLIGHT);
            let path = file.path().to_owned();
            let encoding = tokio::task::spawn_blocking(move || {
                let work = || write_slice(&file, place, &options, receiver);
                let rows = catch(file.path(), work)?;
                turn.done();
                Ok::<_, FormatError>(rows)
            });
            let mut failure = None;
            while let Some(batch) = rows.next().await {
                let sent = match batch {
                    Ok(batch) => sender.send(Message::Rows(batch)).await.is_ok(),
                    Err(error) => {
                        failure = Some(error);
                        false
                    }
                };
                if !sent {
                    break;
                }
            }
            if failure.is_none() {
                // Refused only by an encoder that failed, and then its error is what counts.
                let _ = sender.send(Message::End).await;
            }
            drop((sender, rows));
            let written = encoding.await.unwrap_or(Err(FormatError::Stopped { path }));
            match failure {
                Some(error) => Err(error),
                None => Ok(Receipt {
                    slice,
                    rows: written?,
                }),
            }
        })
    }
}

/// What reaches the encoder. Without an end, a stream that broke would look like a short one.
enum Message {
    Rows(RecordBatch),
    End,
}

fn write_slice(
    file: &UnitFile,
    slice: Slice,
    options: &ParquetOptions,
    mut receiver: mpsc::Receiver<Message>,
) -> Result<u64, FormatError> {
    let opened = file.open()?;
    let folder = TemporaryFolder(options.temporary_folder.clone());
    let mut encoder = match slice.rows {
        None => None,
        Some(_) => Some(Encoder::try_new(
            &opened.footer,
            &file.columns,
            slice.row_group,
            opened.page_version,
            &folder,
            slice.spill,
        )?),
    };
    let mut found = 0;
    loop {
        match receiver.blocking_recv() {
            None => return Err(file.given_up()),
            Some(Message::End) => break,
            Some(Message::Rows(batch)) => {
                found += batch.num_rows() as u64;
                if let Some(encoder) = &mut encoder {
                    encoder.write(&batch)?;
                }
            }
        }
    }
    let expected = slice.rows.unwrap_or(0);
    if found != expected {
        return Err(FormatError::Rows {
            path: file.path().to_owned(),
            row_group: slice.row_group,
            expected,
            found,
        });
    }
    if let Some(encoder) = encoder {
        let masked = encoder.close()?;
        file.append(&opened, slice.row_group, masked, options.read_ahead)?;
    }
    Ok(found)
}

impl Group for ParquetGroup {
    fn units(&self) -> usize {
        self.files.len()
    }

    fn slices_of(&self, unit: usize) -> Range<usize> {
        self.first_slices[unit]..self.first_slices[unit + 1]
    }

    fn memory_of(&self, slice: usize) -> u64 {
        self.slices[slice].memory
    }

    fn finish(&self, unit: usize) -> BoxFuture<'static, Result<StagedOutput>> {
        let file = Arc::clone(&self.files[unit]);
        Box::pin(async move {
            let path = file.path().to_owned();
            let work = move || {
                let staged = catch(file.path(), || file.finish());
                file.stop();
                staged
            };
            let staged = tokio::task::spawn_blocking(work).await;
            Ok(staged.unwrap_or(Err(FormatError::Stopped { path }))?)
        })
    }

    fn abort(&self, unit: usize) {
        self.files[unit].stop();
    }
}
