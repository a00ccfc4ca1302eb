//! The values of a column in the order of their rows' draws, in memory as far as there is some.
//!
//! Values come in file order, each with 64 bits of its row's draw. What memory holds is sorted and, when
//! there is no more, written to disk as a run. A run is cut into the same buckets as every other, by
//! the first bits of the draws, so that any part of the whole order is merged from a few chunks.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, UInt32Array, UInt64Array, new_empty_array,
};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use datafusion::error::{DataFusionError, Result};

use super::spill::{Chunk, Spill};

/// Parts of the order: few enough for chunks of some size, enough for one to be held in memory.
const BUCKET_BITS: u32 = 10;
const BUCKETS: usize = 1 << BUCKET_BITS;

/// What shuffled values may hold in memory, all units of a run together.
#[derive(Debug, Clone)]
pub struct ShuffleMemory(Arc<Share>);

#[derive(Debug)]
struct Share {
    total: u64,
    used: AtomicU64,
}

impl ShuffleMemory {
    /// A budget of `bytes`. What does not fit waits on disk.
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(Share {
            total: bytes,
            used: AtomicU64::new(0),
        }))
    }
}

/// A part of the budget, given back when dropped.
#[derive(Debug)]
struct Held {
    memory: ShuffleMemory,
    bytes: u64,
}

impl Held {
    /// Takes more, if there is as much.
    fn grow(&mut self, bytes: u64) -> bool {
        let Share { total, used } = &*self.memory.0;
        let fits = |used: u64| used.checked_add(bytes).filter(|used| used <= total);
        let taken = used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        if taken.is_ok() {
            self.bytes += bytes;
        }
        taken.is_ok()
    }

    fn release(&mut self) {
        self.memory.0.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

/// Takes the values of one column.
pub(super) struct Sorter {
    data_type: DataType,
    draws: Vec<u64>,
    values: Vec<ArrayRef>,
    held: Held,
    runs: Vec<Vec<Option<Chunk>>>,
    spill: Option<Spill>,
    /// Values in each bucket.
    counts: Vec<u64>,
}

impl Sorter {
    pub(super) fn new(data_type: DataType, memory: &ShuffleMemory) -> Self {
        Self {
            data_type,
            draws: vec![],
            values: vec![],
            held: Held {
                memory: memory.clone(),
                bytes: 0,
            },
            runs: vec![],
            spill: None,
            counts: vec![0; BUCKETS],
        }
    }

    /// Takes `values` of rows with these draws, as many.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn push(&mut self, draws: Vec<u64>, values: &ArrayRef) -> Result<()> {
        let values = compact(values);
        let bytes = values.get_array_memory_size() + size_of_val(&draws[..]);
        let mut fits = self.held.grow(bytes as u64);
        if !fits {
            self.flush()?;
            fits = self.held.grow(bytes as u64);
        }
        for draw in &draws {
            self.counts[bucket_of(*draw)] += 1;
        }
        self.draws.extend(draws);
        self.values.push(values);
        match fits {
            true => Ok(()),
            // More than all there is: not held for longer than this takes.
            false => self.flush(),
        }
    }

    /// Writes what is in memory to disk.
    fn flush(&mut self) -> Result<()> {
        if self.draws.is_empty() {
            return Ok(());
        }
        let run = self.sorted()?;
        self.held.release();
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill::new().map_err(disk)?),
        };
        let schema = chunk_schema(&self.data_type);
        let mut chunks = Vec::with_capacity(BUCKETS);
        for bucket in 0..BUCKETS {
            let (draws, values) = run.bucket(bucket);
            let chunk = (!draws.is_empty()).then(|| {
                let plain = encode(&schema, draws, values)?;
                spill.write(&plain).map_err(disk)
            });
            chunks.push(chunk.transpose()?);
        }
        self.runs.push(chunks);
        Ok(())
    }

    /// What is in memory, sorted; of equal draws the first row comes first.
    fn sorted(&mut self) -> Result<Run> {
        let draws = std::mem::take(&mut self.draws);
        let values = std::mem::take(&mut self.values);
        sort(&self.data_type, &draws, &values)
    }

    /// The whole order.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn finish(mut self) -> Result<Sorted> {
        let last = self.sorted()?;
        let mut starts = vec![0];
        for count in &self.counts {
            starts.push(starts[starts.len() - 1] + count);
        }
        Ok(Sorted {
            data_type: self.data_type,
            starts,
            runs: self.runs,
            spill: self.spill,
            last,
            _held: self.held,
        })
    }
}

/// All values of a column in the order of their rows' draws.
pub(super) struct Sorted {
    data_type: DataType,
    /// The place of the first value of each bucket, and behind them how many values there are.
    starts: Vec<u64>,
    /// On disk, the chunk of each bucket.
    runs: Vec<Vec<Option<Chunk>>>,
    spill: Option<Spill>,
    /// In memory.
    last: Run,
    _held: Held,
}

impl Sorted {
    fn bucket(&self, bucket: usize) -> Result<ArrayRef> {
        let (mut draws, mut values) = (vec![], vec![]);
        for run in &self.runs {
            if let (Some(spill), Some(chunk)) = (&self.spill, run[bucket]) {
                let (more, array) = decode(&spill.read(chunk).map_err(disk)?)?;
                draws.extend(more);
                values.push(array);
            }
        }
        let (more, array) = self.last.bucket(bucket);
        if draws.is_empty() {
            return Ok(array);
        }
        draws.extend(more);
        values.push(array);
        Ok(sort(&self.data_type, &draws, &values)?.values)
    }
}

/// Reads an order from some place on.
pub(super) struct Cursor {
    sorted: Arc<Sorted>,
    place: u64,
    /// The bucket the place is in, once it is read.
    bucket: Option<(usize, ArrayRef)>,
}

impl Cursor {
    pub(super) fn new(sorted: Arc<Sorted>, place: u64) -> Self {
        Self {
            sorted,
            place,
            bucket: None,
        }
    }

    /// The place of the next value.
    pub(super) fn place(&self) -> u64 {
        self.place
    }

    /// The next `rows` values.
    ///
    /// # Errors
    /// When the disk fails, or there are not as many.
    pub(super) fn take(&mut self, rows: usize) -> Result<ArrayRef> {
        let starts = &self.sorted.starts;
        let end = self.place + rows as u64;
        if end > starts[BUCKETS] {
            return Err(changed());
        }
        let mut parts = vec![];
        while self.place < end {
            let bucket = starts.partition_point(|start| *start <= self.place) - 1;
            let values = match &self.bucket {
                Some((known, values)) if *known == bucket => Arc::clone(values),
                _ => {
                    let values = self.sorted.bucket(bucket)?;
                    self.bucket = Some((bucket, Arc::clone(&values)));
                    values
                }
            };
            let until = end.min(starts[bucket + 1]);
            let start = (self.place - starts[bucket]) as usize;
            parts.push(values.slice(start, (until - self.place) as usize));
            self.place = until;
        }
        joined(&self.sorted.data_type, &parts)
    }
}

/// Rows that are not those that were there when the values were gathered.
pub(super) fn changed() -> DataFusionError {
    let message = "a file changed while the values of a column were shuffled";
    DataFusionError::External(message.into())
}

/// Values and their draws in order.
struct Run {
    draws: Vec<u64>,
    values: ArrayRef,
}

impl Run {
    fn bucket(&self, bucket: usize) -> (&[u64], ArrayRef) {
        let at = |bucket| self.draws.partition_point(|draw| bucket_of(*draw) < bucket);
        let (start, end) = (at(bucket), at(bucket + 1));
        (
            &self.draws[start..end],
            self.values.slice(start, end - start),
        )
    }
}

fn bucket_of(draw: u64) -> usize {
    (draw >> (u64::BITS - BUCKET_BITS)) as usize
}

fn sort(data_type: &DataType, draws: &[u64], values: &[ArrayRef]) -> Result<Run> {
    let values = joined(data_type, values)?;
    let rows = u32::try_from(draws.len())
        .map_err(|_| DataFusionError::Internal("too many values are sorted at once".to_owned()))?;
    let mut order: Vec<u32> = (0..rows).collect();
    order.sort_by_key(|row| draws[*row as usize]);
    let draws = order.iter().map(|row| draws[*row as usize]).collect();
    let values = take(&values, &UInt32Array::from(order), None)?;
    Ok(Run { draws, values })
}

fn joined(data_type: &DataType, values: &[ArrayRef]) -> Result<ArrayRef> {
    match values {
        [] => Ok(new_empty_array(data_type)),
        [values] => Ok(Arc::clone(values)),
        many => {
            let many: Vec<&dyn Array> = many.iter().map(|values| values.as_ref()).collect();
            Ok(concat(&many)?)
        }
    }
}

/// The same values without the buffers of others: views point into all that was read.
fn compact(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Utf8View => Arc::new(values.as_string_view().gc()),
        DataType::BinaryView => Arc::new(values.as_binary_view().gc()),
        _ => Arc::clone(values),
    }
}

fn chunk_schema(data_type: &DataType) -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("draw", DataType::UInt64, false),
        Field::new("value", data_type.clone(), true),
    ]))
}

fn encode(schema: &SchemaRef, draws: &[u64], values: ArrayRef) -> Result<Vec<u8>> {
    let draws = Arc::new(UInt64Array::from(draws.to_vec()));
    let batch = RecordBatch::try_new(Arc::clone(schema), vec![draws, compact(&values)])?;
    let mut writer = StreamWriter::try_new(vec![], schema)?;
    writer.write(&batch)?;
    Ok(writer.into_inner()?)
}

fn decode(plain: &[u8]) -> Result<(Vec<u64>, ArrayRef)> {
    let mut batches = StreamReader::try_new(plain, None)?;
    let batch = batches.next().transpose()?;
    match batch.as_ref().map(RecordBatch::columns) {
        Some([draws, values]) => {
            let draws = draws.as_primitive::<UInt64Type>().values().to_vec();
            Ok((draws, Arc::clone(values)))
        }
        _ => Err(disk(io::Error::from(io::ErrorKind::InvalidData))),
    }
}

fn disk(error: io::Error) -> DataFusionError {
    let message = format!("the temporary file of shuffled values cannot be used: {error}");
    DataFusionError::External(message.into())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringViewArray};

    use super::*;

    /// Values of which every third is null, with draws that have nothing to do with them.
    fn batch(from: u64, rows: u64) -> (Vec<u64>, ArrayRef) {
        let draw = |row: u64| (row ^ 0x5555).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let text = |row: u64| (!row.is_multiple_of(3)).then(|| format!("a plain value {row}"));
        let values: StringViewArray = (from..from + rows).map(text).collect();
        ((from..from + rows).map(draw).collect(), Arc::new(values))
    }

    fn sorted(batches: u64, memory: &ShuffleMemory) -> Arc<Sorted> {
        let mut sorter = Sorter::new(DataType::Utf8View, memory);
        for number in 0..batches {
            let (draws, values) = batch(number * 500, 500);
            sorter.push(draws, &values).unwrap();
        }
        Arc::new(sorter.finish().unwrap())
    }

    fn read(sorted: &Arc<Sorted>, place: u64, rows: usize, step: usize) -> Vec<Option<String>> {
        let mut cursor = Cursor::new(Arc::clone(sorted), place);
        let mut found = vec![];
        while found.len() < rows {
            let part = cursor.take(step.min(rows - found.len())).unwrap();
            let part = part.as_string_view();
            found.extend(part.iter().map(|value| value.map(str::to_owned)));
        }
        assert_eq!(cursor.place(), place + rows as u64);
        found
    }

    #[test]
    fn the_order_is_the_same_in_memory_and_on_disk() {
        let all: Vec<Option<String>> = {
            let (draws, values) = batch(0, 10_000);
            let mut rows: Vec<usize> = (0..10_000).collect();
            rows.sort_by_key(|row| draws[*row]);
            let values = values.as_string_view();
            let value = |row: usize| values.is_valid(row).then(|| values.value(row).to_owned());
            rows.into_iter().map(value).collect()
        };
        for (bytes, spilled) in [(1 << 30, 0), (100_000, 3), (30_000, 19), (0, 20)] {
            let memory = ShuffleMemory::new(bytes);
            let sorted = sorted(20, &memory);
            assert!(sorted.runs.len() >= spilled, "{} runs", sorted.runs.len());
            assert_eq!(sorted.spill.is_some(), spilled > 0);
            assert!(read(&sorted, 0, 10_000, 333) == all, "{bytes}");
            assert!(read(&sorted, 4321, 1234, 8192) == all[4321..][..1234]);
            let mut beyond = Cursor::new(Arc::clone(&sorted), 9_999);
            assert!(beyond.take(2).is_err());
            if let Some(spill) = &sorted.spill {
                let bytes = spill.bytes();
                assert!(!bytes.windows(7).any(|window| window == b"a plain"));
            }
            drop((beyond, sorted));
            assert_eq!(memory.0.used.load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn nothing_and_numbers() {
        let memory = ShuffleMemory::new(0);
        assert!(read(&sorted(0, &memory), 0, 0, 1).is_empty());
        let mut sorter = Sorter::new(DataType::Int64, &memory);
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
        sorter.push(vec![u64::MAX, 0, 1 << 63], &numbers).unwrap();
        let mut cursor = Cursor::new(Arc::new(sorter.finish().unwrap()), 0);
        let expected = Int64Array::from(vec![None, Some(3), Some(1)]);
        assert_eq!(*cursor.take(3).unwrap(), expected);
    }
}
