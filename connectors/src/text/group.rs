//! The text files of one schema, as a plan sees them.

use std::fmt::{self, Debug};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use futures::StreamExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::spawn_blocking;

use super::TextError;
use super::batches::{Batches, LEAST_HELD, schema, span_type};
use super::compression::Compression;
use super::options::TextOptions;
use super::rows::TextRows;
use super::shape::TextShape;
use super::sink::{Masked, Out, Splicer, Turns};
use super::source::Reading;
use crate::format::{FileUnit, Group};
use crate::store::{Output, RangeReader, StagedOutput};
use crate::unit::{RAW_COLUMN, Receipt, SPAN_COLUMN, Sink, Source};

/// Batches that wait between two threads.
pub(super) const WAITING: usize = 2;

/// Delimited text files with the same typed and masked columns; they may stand in another order in
/// each file.
#[derive(Debug)]
pub struct TextGroup {
    units: Vec<Arc<Unit>>,
    /// The first slice of each unit, and behind them the number of slices.
    first_slices: Vec<usize>,
    typed: usize,
    schema: SchemaRef,
    sink_schema: SchemaRef,
    options: TextOptions,
}

/// One file on its way.
struct Unit {
    file: FileUnit,
    reading: Reading,
    /// The masked columns, sorted by their place in the file.
    masked: Vec<Masked>,
    /// Open while slices are read.
    reader: Mutex<Option<Arc<dyn RangeReader>>>,
    turns: Turns<Out<Output>>,
}

impl Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unit")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl TextGroup {
    /// The files in `units`, where rules read the `typed` columns and write those of them that are
    /// `masked`.
    ///
    /// # Errors
    /// When a file does not have a column, or more than one of its name.
    pub fn new(
        units: Vec<(FileUnit, TextShape)>,
        options: TextOptions,
        typed: Vec<String>,
        masked: Vec<String>,
    ) -> Result<Self, TextError> {
        options.check()?;
        let unit = |(file, shape)| Unit::new(file, shape, &options, &typed, &masked).map(Arc::new);
        let units = units.into_iter().map(unit).collect::<Result<Vec<_>, _>>()?;
        let mut first_slices = vec![0];
        for unit in &units {
            first_slices.push(first_slices[first_slices.len() - 1] + unit.reading.slices());
        }
        let text = masked
            .iter()
            .map(|name| Field::new(name, DataType::Utf8View, true));
        let sink_schema = text.chain([
            Field::new(RAW_COLUMN, DataType::BinaryView, false),
            Field::new(SPAN_COLUMN, span_type(typed.len()), false),
        ]);
        let numbered = units.iter().any(|unit| unit.file.numbers.is_some());
        Ok(Self {
            units,
            first_slices,
            typed: typed.len(),
            schema: schema(&typed, numbered),
            sink_schema: Arc::new(Schema::new(sink_schema.collect::<Vec<_>>())),
            options,
        })
    }

    /// The unit of a slice, and its number there.
    fn unit_of(&self, slice: usize) -> (&Arc<Unit>, usize) {
        let unit = self.first_slices.partition_point(|first| *first <= slice) - 1;
        (&self.units[unit], slice - self.first_slices[unit])
    }
}

impl Source for TextGroup {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn slices(&self) -> usize {
        self.first_slices[self.units.len()]
    }

    fn describe(&self) -> String {
        format!("delimited text, {} files", self.units.len())
    }

    fn open(&self, slice: usize, projection: &[usize]) -> Result<SendableRecordBatchStream> {
        let schema = Arc::new(self.schema.project(projection)?);
        let (unit, slice) = self.unit_of(slice);
        let (typed, projection) = (self.typed, projection.to_vec());
        let most_held = (2 * self.options.block_bytes).max(LEAST_HELD);
        let mut stream = RecordBatchReceiverStreamBuilder::new(Arc::clone(&schema), WAITING);
        let batches = stream.tx();
        // Also tells the slice behind when the thread never starts.
        let promise = Promise {
            unit: Arc::clone(unit),
            slice,
        };
        stream.spawn_blocking(move || {
            let Promise { unit, slice } = &promise;
            let path = &unit.file.object.path;
            let mut emit = |batch| batches.blocking_send(Ok(batch)).is_ok();
            let mut batches = Batches::new(path, typed, schema, &projection, most_held, &mut emit);
            let Some(numbers) = &unit.file.numbers else {
                return unit.reading.read(*slice, unit.reader()?, &mut batches);
            };
            let numbers = numbers.of_slice(*slice);
            batches = batches.numbered_from(numbers.start);
            unit.reading.read(*slice, unit.reader()?, &mut batches)?;
            match batches.wanted_still() && batches.next_number() != numbers.end {
                true => Err(unit.miscounted().into()),
                false => Ok(()),
            }
        });
        Ok(stream.build())
    }

    fn for_queries(self: Arc<Self>) -> Arc<dyn Source> {
        let files = self.units.iter();
        let files = files.map(|unit| (unit.file.clone(), unit.reading.shape.clone()));
        let schema = Arc::clone(&self.schema);
        Arc::new(TextRows::new(files, schema, self.typed, &self.options))
    }
}

impl Sink for TextGroup {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.sink_schema)
    }

    fn describe(&self) -> String {
        Source::describe(self)
    }

    fn write(
        &self,
        slice: usize,
        mut rows: SendableRecordBatchStream,
    ) -> BoxFuture<'static, Result<Receipt>> {
        let (unit, in_unit) = self.unit_of(slice);
        let unit = Arc::clone(unit);
        Box::pin(async move {
            let (sender, receiver) = channel(WAITING);
            let written = spawn_blocking(move || {
                let written = unit.write(in_unit, receiver);
                if written.is_err() {
                    unit.turns.fail();
                }
                written
            });
            let mut failed = None;
            loop {
                let piece = match rows.next().await {
                    Some(Ok(batch)) => Piece::Rows(batch),
                    Some(Err(error)) => {
                        failed = Some(error);
                        break;
                    }
                    None => Piece::End,
                };
                let over = matches!(piece, Piece::End);
                if sender.send(piece).await.is_err() || over {
                    break;
                }
            }
            drop((sender, rows));
            let written = written
                .await
                .map_err(|error| DataFusionError::External(error.into()))?;
            match failed {
                Some(error) => Err(error),
                None => Ok(Receipt {
                    slice,
                    rows: written?,
                }),
            }
        })
    }
}

impl Group for TextGroup {
    fn units(&self) -> usize {
        self.units.len()
    }

    fn slices_of(&self, unit: usize) -> Range<usize> {
        self.first_slices[unit]..self.first_slices[unit + 1]
    }

    fn sinks(self: Arc<Self>) -> Vec<Arc<dyn Sink>> {
        vec![self]
    }

    fn memory_of_unit(&self, _: usize) -> u64 {
        0
    }

    fn memory_of(&self, slice: usize, _: usize) -> u64 {
        let shape = &self.unit_of(slice).0.reading.shape;
        let read = match shape.is_streamed() {
            true => LEAST_HELD,
            false => self.options.block_bytes.min(shape.size as usize),
        };
        // What was read, what waits to be written, and the values between them.
        3 * read as u64
    }

    fn finish(&self, unit: usize) -> BoxFuture<'static, Result<StagedOutput>> {
        let unit = Arc::clone(&self.units[unit]);
        Box::pin(async move {
            let staged = spawn_blocking(move || unit.finish()).await;
            let staged = staged.map_err(|error| DataFusionError::External(error.into()))?;
            Ok(staged?)
        })
    }

    /// A slice that is at work drops the output as soon as it notices: wait for it.
    fn abort(&self, unit: usize) {
        self.units[unit].abort();
    }
}

/// What the sink's thread is sent.
enum Piece {
    Rows(RecordBatch),
    /// Without it, a sender that is gone means that the slice was given up.
    End,
}

/// Keeps the slice behind from waiting for one that ended without a word.
struct Promise {
    unit: Arc<Unit>,
    slice: usize,
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.unit.reading.give_up(self.slice);
    }
}

impl Unit {
    fn new(
        file: FileUnit,
        shape: TextShape,
        options: &TextOptions,
        typed: &[String],
        masked: &[String],
    ) -> Result<Self, TextError> {
        let reading = Reading::new(shape, options, typed)?;
        let masked = reading.masked(typed, masked)?;
        let unit = Self {
            file,
            reading,
            masked,
            reader: Mutex::new(None),
            turns: Turns::new(),
        };
        let counted = unit.file.numbers.as_ref();
        match counted.is_some_and(|numbers| numbers.slices.len() != unit.reading.slices()) {
            true => Err(unit.miscounted()),
            false => Ok(unit),
        }
    }

    fn miscounted(&self) -> TextError {
        TextError::Miscounted {
            path: self.path().to_owned(),
        }
    }

    fn path(&self) -> &str {
        &self.file.object.path
    }

    fn reader(&self) -> Result<Arc<dyn RangeReader>, TextError> {
        let mut reader = self.reader.lock();
        if let Some(reader) = &*reader {
            return Ok(Arc::clone(reader));
        }
        let opened = self.file.source.reader(&self.file.object);
        let opened = opened.map_err(|source| self.store_error(source))?;
        Ok(Arc::clone(reader.insert(opened)))
    }

    /// Writes a slice as its batches come, or holds it until the slices in front are written.
    fn write(&self, slice: usize, mut pieces: Receiver<Piece>) -> Result<u64> {
        let shape = &self.reading.shape;
        let splicer = Splicer {
            path: self.path(),
            dialect: &shape.dialect,
            masked: &self.masked,
        };
        let mut out: Option<Out<Output>> = None;
        let mut held = vec![];
        let (mut rows, mut offset) = (0, None);
        loop {
            match pieces.blocking_recv() {
                Some(Piece::Rows(batch)) => {
                    rows += batch.num_rows() as u64;
                    let offset = offset.get_or_insert_with(|| self.reading.start_of(slice));
                    splicer.splice(&batch, offset, &mut held)?;
                }
                Some(Piece::End) => break,
                None => return Err(self.other_slice().into()),
            }
            if out.is_none() && self.turns.is_up(slice).map_err(|_| self.other_slice())? {
                out = Some(self.take(slice)?);
            }
            if let Some(out) = &mut out {
                out.write_all(&held)
                    .map_err(|error| TextError::io(self.path(), error))?;
                held.clear();
            }
        }
        let mut out = match out {
            Some(out) => out,
            None => self.take(slice)?,
        };
        held.extend_from_slice(&self.reading.tail_of(slice));
        out.write_all(&held)
            .map_err(|error| TextError::io(self.path(), error))?;
        self.turns.give(out);
        Ok(rows)
    }

    /// The output, once it is the slice's turn; slice 0 begins it.
    fn take(&self, slice: usize) -> Result<Out<Output>, TextError> {
        match self.turns.take(slice) {
            Ok(Some(out)) => Ok(out),
            Ok(None) if slice == 0 => {
                let shape = &self.reading.shape;
                let output = self.file.target.create(self.path(), shape.size);
                let output = output.map_err(|source| self.store_error(source))?;
                let output = output.no_wider_than(&self.file.object);
                // An object without a byte is no compressed file, and stays one without a byte.
                let wrapped = if shape.size == 0 {
                    Compression::None
                } else {
                    shape.compression
                };
                let io = |error| TextError::io(self.path(), error);
                let mut out = Out::new(wrapped, output).map_err(io)?;
                out.write_all(&shape.prelude).map_err(io)?;
                Ok(out)
            }
            Ok(None) | Err(_) => Err(self.other_slice()),
        }
    }

    fn finish(&self) -> Result<StagedOutput, TextError> {
        let slices = self.reading.slices();
        if self.turns.is_up(slices) != Ok(true) {
            return Err(self.other_slice());
        }
        let out = self.take(slices)?;
        let output = out
            .finish()
            .map_err(|error| TextError::io(self.path(), error))?;
        let unchanged = self.reader()?.verify_unchanged();
        self.reader.lock().take();
        unchanged.map_err(|source| self.store_error(source))?;
        output.stage().map_err(|source| self.store_error(source))
    }

    fn abort(&self) {
        self.turns.fail();
        self.reader.lock().take();
        self.reading.give_up_all();
    }

    fn other_slice(&self) -> TextError {
        TextError::OtherSlice {
            path: self.path().to_owned(),
        }
    }

    fn store_error(&self, source: crate::store::StoreError) -> TextError {
        TextError::Store {
            path: self.path().to_owned(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use arrow::array::{AsArray, StringViewArray};
    use datafusion::common::exec_err;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use futures::future::join_all;

    use super::super::inspect;
    use super::*;
    use crate::store::{ConnectionConfig, MountedShare, Store};

    /// A group of `files` in a folder, to be written to another.
    async fn group(
        files: &[(&str, &[u8])],
        options: &TextOptions,
    ) -> (tempfile::TempDir, TextGroup) {
        let dir = tempfile::tempdir().unwrap();
        let mut stores = vec![];
        for name in ["in", "out"] {
            let base_directory = dir.path().join(name);
            std::fs::create_dir(&base_directory).unwrap();
            let config = ConnectionConfig::MountedShare(MountedShare { base_directory });
            stores.push(Store::open(name, &config).await.unwrap());
        }
        for (path, bytes) in files {
            std::fs::write(dir.path().join("in").join(path), bytes).unwrap();
        }
        let mut units = vec![];
        for object in stores[0].list().await.unwrap() {
            let shape = inspect(&stores[0], &object, options).await.unwrap();
            let (source, target) = (stores[0].clone(), stores[1].clone());
            units.push((
                FileUnit {
                    object,
                    source,
                    target,
                    numbers: None,
                },
                shape,
            ));
        }
        let typed = ["name", "id"].map(str::to_owned).to_vec();
        let masked = vec!["name".to_owned()];
        (
            dir,
            TextGroup::new(units, options.clone(), typed, masked).unwrap(),
        )
    }

    /// The rows of a slice with names in capitals; fails in a record whose id is `fail`.
    fn masked(group: &TextGroup, slice: usize) -> SendableRecordBatchStream {
        let rows = group.open(slice, &[5, 0, 1, 4]).unwrap();
        let schema = Sink::schema(group);
        let sink_schema = Arc::clone(&schema);
        let rows = rows.map(move |batch| {
            let batch = batch?;
            if batch
                .column(2)
                .as_string_view()
                .iter()
                .any(|id| id == Some("fail"))
            {
                return exec_err!("a mask failed");
            }
            let names = batch.column(1).as_string_view();
            let names: StringViewArray = names
                .iter()
                .map(|name| name.map(str::to_uppercase))
                .collect();
            let columns = vec![
                Arc::new(names) as _,
                Arc::clone(batch.column(3)),
                Arc::clone(batch.column(0)),
            ];
            Ok(RecordBatch::try_new(Arc::clone(&sink_schema), columns)?)
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, rows))
    }

    async fn write_all(group: &TextGroup, unit: usize) -> Result<u64> {
        let slices = group.slices_of(unit);
        let written = slices.map(|slice| tokio::spawn(group.write(slice, masked(group, slice))));
        let receipts = join_all(written)
            .await
            .into_iter()
            .map(|receipt| receipt.unwrap());
        receipts.map(|receipt| Ok(receipt?.rows)).sum()
    }

    fn read(dir: &Path, path: &str) -> Option<Vec<u8>> {
        std::fs::read(dir.join("out").join(path)).ok()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn files_through_a_plan() {
        let csv = "id,name\r\n1,\"a\nb\"\r\n\r\n2,é\r\n";
        let new = csv.replace("\"a\nb\"", "\"A\nB\"").replace('é', "É");
        let tsv = "name\tid\nx\ty\n";
        let packed = zstd::encode_all(csv.as_bytes(), 1).unwrap();
        let files: [(&str, &[u8]); 4] = [
            ("1.csv", csv.as_bytes()),
            ("2.tsv", tsv.as_bytes()),
            ("3.csv.zst", &packed),
            ("4.csv", b""),
        ];
        for block_bytes in [1, 2, 3, 7, 100] {
            let options = TextOptions {
                block_bytes,
                ..TextOptions::default()
            };
            let (dir, group) = group(&files, &options).await;
            let rows = [2, 1, 2, 0];
            for (unit, rows) in rows.into_iter().enumerate() {
                assert_eq!(write_all(&group, unit).await.unwrap(), rows);
                assert_eq!(
                    read(dir.path(), files[unit].0),
                    None,
                    "visible before commit"
                );
                group.finish(unit).await.unwrap().commit().await.unwrap();
                assert!(group.finish(unit).await.is_err(), "finished twice");
            }
            let read = |path| read(dir.path(), path).unwrap();
            assert_eq!(read("1.csv"), new.as_bytes());
            assert_eq!(read("2.tsv"), b"name\tid\nX\ty\n");
            assert_eq!(
                zstd::decode_all(&read("3.csv.zst")[..]).unwrap(),
                new.as_bytes()
            );
            assert_eq!(read("4.csv"), b"");
            assert_eq!(group.units(), 4);
            assert_eq!(group.slices_of(2).len() + group.slices_of(3).len(), 2);
            assert!(group.memory_of(0, 0) > 0);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_failed_slice_fails_its_unit() {
        let file = b"id,name\n1,a\n2,b\nfail,c\n4,d\n";
        let options = TextOptions {
            block_bytes: 3,
            ..TextOptions::default()
        };
        let (dir, group) = group(&[("1.csv", file)], &options).await;
        assert!(write_all(&group, 0).await.is_err());
        assert!(group.finish(0).await.is_err());
        group.abort(0);
        assert_eq!(
            std::fs::read_dir(dir.path().join("out")).unwrap().count(),
            0
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_that_changes_is_not_finished() {
        let (dir, group) = group(&[("1.csv", b"id,name\n1,a\n")], &TextOptions::default()).await;
        write_all(&group, 0).await.unwrap();
        std::fs::write(dir.path().join("in/1.csv"), "id,name\n1,abc\n").unwrap();
        let error = group.finish(0).await.unwrap_err();
        assert!(error.to_string().contains("1.csv"), "{error}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_given_up_slice_wakes_the_others() {
        let options = TextOptions {
            block_bytes: 4,
            ..TextOptions::default()
        };
        let (_dir, group) = group(&[("1.csv", b"id,name\n1,a\n2,b\n")], &options).await;
        let late = tokio::spawn(group.write(1, masked(&group, 0)));
        group.abort(0);
        assert!(late.await.unwrap().is_err());
    }
}
