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
use super::memory::{BATCHES_IN_FLIGHT, PAGE_BYTES, Part, batch_rows, memory, parts, spills};
use super::pages::TemporaryFolder;
use super::rows::ParquetRows;
use super::shape::{ParquetShape, RowGroupShape};
use crate::format::{FileUnit, Group};
use crate::store::StagedOutput;
use crate::unit::{NUMBER_COLUMN, PATH_COLUMN, ROW_COLUMN, Receipt, Sink, Source};

/// How Parquet files are read and written.
#[derive(Debug, Clone)]
pub struct ParquetOptions {
    /// Rows of a batch; 8192 by default.
    pub batch_rows: usize,
    /// Bytes of a batch of all typed columns, decoded, above which it has fewer rows; 4 MiB by
    /// default. Pages of the output may end elsewhere with another number.
    pub batch_bytes: u64,
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
            batch_bytes: 4 * 1024 * 1024,
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
    /// The masked columns, all together or cut up.
    parts: Vec<Part>,
    options: Arc<ParquetOptions>,
}

#[derive(Debug, Clone)]
struct Slice {
    unit: usize,
    row_group: usize,
    /// `None` in a file without row groups.
    shape: Option<Arc<RowGroupShape>>,
    first_row: u64,
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
            same_rows(&unit, &shape)?;
            let row_groups = shape.row_groups.len();
            let footer_bytes = shape.footer_bytes;
            slices.extend(slices_of(files.len(), shape.row_groups));
            first_slices.push(slices.len());
            let file = UnitFile::new(unit, columns, row_groups, footer_bytes);
            files.push(Arc::new(file));
        }
        let none: &[Root] = &[];
        let all = files.first().map_or(none, |file| &file.columns.roots);
        let roots: Vec<_> = all.iter().map(|root| Arc::clone(&root.field)).collect();
        let whole = files.first().map(|file| Part::whole(&file.columns));
        let path = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let place = [
            Arc::new(Field::new(PATH_COLUMN, path, false)),
            Arc::new(Field::new(ROW_COLUMN, DataType::UInt64, false)),
        ];
        let numbered = files.iter().any(|file| file.unit.numbers.is_some());
        let number = numbered.then(|| Arc::new(Field::new(NUMBER_COLUMN, DataType::UInt64, false)));
        let schema = Schema::new(
            roots
                .iter()
                .cloned()
                .chain(place)
                .chain(number)
                .collect::<Vec<_>>(),
        );
        Ok(Self {
            files,
            slices,
            first_slices,
            roots,
            schema: Arc::new(schema),
            parts: whole.into_iter().collect(),
            options: Arc::new(options),
        })
    }

    /// The file of a slice, and how its rows are decoded with the columns at `projection`.
    pub(super) fn decode(
        &self,
        slice: usize,
        projection: &[usize],
    ) -> Result<(Arc<UnitFile>, Decode)> {
        let slice = &self.slices[slice];
        let file = Arc::clone(&self.files[slice.unit]);
        let columns = projection.iter().map(|index| self.column(&file, *index));
        let batch_rows = slice
            .shape
            .as_ref()
            .map_or(0, |shape| batch_rows(shape, &file.columns, &self.options));
        let decode = Decode {
            row_group: slice.row_group,
            first_row: slice.first_row,
            first_number: file
                .unit
                .numbers
                .as_ref()
                .map_or(0, |numbers| numbers.first),
            columns: columns.collect(),
            schema: Arc::new(self.schema.project(projection)?),
            batch_rows,
            read_ahead: self.options.read_ahead,
        };
        Ok((file, decode))
    }

    /// The same, with the masked columns in parts that are worked on one after the other, where a row
    /// group would hold more than `limit` bytes otherwise. `reads` gives the names of the root columns
    /// that the masks of one read.
    pub fn in_parts(mut self, limit: u64, reads: &dyn Fn(&str) -> Vec<String>) -> Self {
        if let Some(file) = self.files.first() {
            let number = |name: &String| self.roots.iter().position(|root| root.name() == name);
            let reads = |root: usize| -> Vec<usize> {
                let names = reads(self.roots[root].name());
                names.iter().filter_map(number).collect()
            };
            let groups = self
                .slices
                .iter()
                .filter_map(|slice| slice.shape.as_deref());
            self.parts = parts(groups, &file.columns, &self.options, limit, &reads);
        }
        self
    }

    /// Parts the masked columns are in.
    #[cfg(test)]
    pub(super) fn part_count(&self) -> usize {
        self.parts.len()
    }

    /// Rows of all units.
    #[cfg(test)]
    pub(super) fn rows(&self) -> u64 {
        let shapes = self.slices.iter().filter_map(|slice| slice.shape.as_ref());
        shapes.map(|shape| shape.rows).sum()
    }

    /// The column of unit `file` that the source's schema has at `index`.
    fn column(&self, file: &UnitFile, index: usize) -> Column {
        match index.checked_sub(self.roots.len()) {
            None => Column::Root(file.columns.roots[index].clone()),
            Some(0) => Column::Path,
            Some(1) => Column::Row,
            Some(_) => Column::Number,
        }
    }
}

fn slices_of(unit: usize, row_groups: Vec<RowGroupShape>) -> Vec<Slice> {
    let mut first_row = 0;
    let mut slices: Vec<Slice> = Vec::with_capacity(row_groups.len().max(1));
    for (row_group, shape) in row_groups.into_iter().enumerate() {
        let rows = shape.rows;
        slices.push(Slice {
            unit,
            row_group,
            shape: Some(Arc::new(shape)),
            first_row,
        });
        first_row += rows;
    }
    if slices.is_empty() {
        slices.push(Slice {
            unit,
            row_group: 0,
            shape: None,
            first_row,
        });
    }
    slices
}

/// Rows that were numbered are those the footer tells of.
fn same_rows(unit: &FileUnit, shape: &ParquetShape) -> Result<(), FormatError> {
    let Some(numbers) = &unit.numbers else {
        return Ok(());
    };
    let found: Vec<u64> = shape.row_groups.iter().map(|group| group.rows).collect();
    if numbers.slices == found {
        return Ok(());
    }
    let at = |rows: &[u64], group: usize| rows.get(group).copied().unwrap_or(0);
    let groups = 0..found.len().max(numbers.slices.len());
    let differs = |group: &usize| at(&numbers.slices, *group) != at(&found, *group);
    let row_group = groups.into_iter().find(differs).unwrap_or(found.len());
    Err(FormatError::Rows {
        path: unit.object.path.clone(),
        row_group,
        expected: at(&numbers.slices, row_group),
        found: at(&found, row_group),
    })
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

/// Writes one part of the masked columns. The part that comes last completes a row group: its rows
/// are counted then, and all of its chunks written.
#[derive(Debug)]
struct PartSink {
    group: Arc<ParquetGroup>,
    part: usize,
}

impl Sink for PartSink {
    fn schema(&self) -> SchemaRef {
        self.group.schema_of(self.part)
    }

    fn describe(&self) -> String {
        let parts = self.group.parts.len();
        match parts {
            0 | 1 => Source::describe(&*self.group),
            _ => format!(
                "{}, columns {} of {parts} parts",
                Source::describe(&*self.group),
                self.part + 1
            ),
        }
    }

    fn write(
        &self,
        slice: usize,
        rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        self.group.write(slice, self.part, rows)
    }
}

impl ParquetGroup {
    /// The masked columns of a part.
    pub(super) fn schema_of(&self, part: usize) -> SchemaRef {
        let masked = self.parts.get(part).map_or(&[][..], |part| &part.masked);
        let fields = masked.iter().map(|root| Arc::clone(&self.roots[*root]));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// Takes all rows of a part of `slice`.
    pub(super) fn write(
        &self,
        slice: usize,
        part: usize,
        mut rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        let work = PartOfSlice {
            slice: self.slices[slice].clone(),
            masked: self
                .parts
                .get(part)
                .map_or_else(Vec::new, |part| part.masked.clone()),
            parts: self.parts.len(),
        };
        let file = Arc::clone(&self.files[work.slice.unit]);
        let options = Arc::clone(&self.options);
        // From here on later slices wait for this one, so it must not vanish without a word.
        let turn = Turn::new(&file);
        Box::pin(async move {
            let (sender, receiver) = mpsc::channel(BATCHES_IN_FLIGHT);
            let path = file.path().to_owned();
            let encoding = tokio::task::spawn_blocking(move || {
                let written = || work.write(&file, &options, receiver);
                let rows = catch(file.path(), written)?;
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

/// Some masked columns of a slice.
struct PartOfSlice {
    slice: Slice,
    /// Numbers of the root columns.
    masked: Vec<usize>,
    /// How many parts the slice has.
    parts: usize,
}

impl PartOfSlice {
    /// Encodes what is received; the rows of the slice where this is the last of its parts.
    fn write(
        &self,
        file: &UnitFile,
        options: &ParquetOptions,
        mut receiver: mpsc::Receiver<Message>,
    ) -> Result<u64, FormatError> {
        let opened = file.open()?;
        let Slice {
            row_group, shape, ..
        } = &self.slice;
        let folder = TemporaryFolder(options.temporary_folder.clone());
        let columns = file.columns.only(&self.masked);
        let mut encoder = match shape {
            None => None,
            Some(shape) => {
                let sizes = columns.masked.iter().map(|leaf| shape.columns[*leaf]);
                // Parts wait for one another, and not in memory.
                let spill = self.parts > 1 || spills(&sizes.collect::<Vec<_>>(), options);
                let version = opened.page_version;
                Some(Encoder::try_new(
                    &opened.footer,
                    &columns,
                    *row_group,
                    version,
                    &folder,
                    spill,
                )?)
            }
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
        let expected = shape.as_ref().map_or(0, |shape| shape.rows);
        if found != expected {
            return Err(FormatError::Rows {
                path: file.path().to_owned(),
                row_group: *row_group,
                expected,
                found,
            });
        }
        if let Some(encoder) = encoder {
            let Some(masked) = file.join(*row_group, self.parts, encoder.close()?) else {
                return Ok(0);
            };
            file.append(&opened, *row_group, masked, options.read_ahead)?;
        }
        Ok(found)
    }
}

impl Group for ParquetGroup {
    fn units(&self) -> usize {
        self.files.len()
    }

    fn slices_of(&self, unit: usize) -> Range<usize> {
        self.first_slices[unit]..self.first_slices[unit + 1]
    }

    fn sinks(self: Arc<Self>) -> Vec<Arc<dyn Sink>> {
        let sink = |part| -> Arc<dyn Sink> {
            let group = Arc::clone(&self);
            Arc::new(PartSink { group, part })
        };
        (0..self.parts.len().max(1)).map(sink).collect()
    }

    fn memory_of(&self, slice: usize, part: usize) -> u64 {
        let Slice { unit, shape, .. } = &self.slices[slice];
        match (shape, self.parts.get(part)) {
            (Some(shape), Some(part)) => {
                let columns = &self.files[*unit].columns;
                memory(shape, columns, part, &self.options, self.parts.len() > 1)
            }
            _ => PAGE_BYTES,
        }
    }

    fn memory_of_unit(&self, unit: usize) -> u64 {
        // The source's footer, and what becomes the new one.
        2 * self.files[unit].footer_bytes
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
