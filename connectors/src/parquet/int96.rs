//! Writes INT96 timestamps, which the Arrow encoder does not know.
//!
//! Encoded pages go to an unlinked temporary file, so that a large row group does not fill memory.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, TimestampMicrosecondType};
use parking_lot::Mutex;
use parquet::column::page::{CompressedPage, PageWriteSpec, PageWriter};
use parquet::column::writer::{
    ColumnCloseResult, ColumnWriterImpl, get_column_writer, get_typed_column_writer,
};
use parquet::data_type::{Int96, Int96Type};
use parquet::errors::Result;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

const MICROS_OF_DAY: i64 = 86_400_000_000;
const JULIAN_DAY_OF_1970: i64 = 2_440_588;

/// Encodes one INT96 leaf that lies in no list.
pub(super) struct Int96Writer {
    column: ColumnWriterImpl<'static, Int96Type>,
    pages: Arc<Mutex<TrackedWrite<File>>>,
}

/// Values and definition levels of a batch.
pub(super) struct Int96Leaf {
    values: Vec<Int96>,
    levels: Vec<i16>,
}

impl Int96Writer {
    pub(super) fn new(column: ColumnDescPtr, properties: WriterPropertiesPtr, file: File) -> Self {
        let pages = Arc::new(Mutex::new(TrackedWrite::new(file)));
        let page_writer = Box::new(SharedPages(Arc::clone(&pages)));
        let column = get_typed_column_writer(get_column_writer(column, properties, page_writer));
        Self { column, pages }
    }

    pub(super) fn write(&mut self, leaf: &Int96Leaf) -> Result<()> {
        self.column
            .write_batch(&leaf.values, Some(&leaf.levels), None)
            .map(drop)
    }

    /// The file that holds the chunk from its first byte on, and what to note about the chunk.
    pub(super) fn close(self) -> Result<(File, ColumnCloseResult)> {
        let closed = self.column.close()?;
        let pages = Arc::into_inner(self.pages).expect("the column writer dropped its pages");
        Ok((pages.into_inner().into_inner()?, closed))
    }
}

/// Lets pages be written while the writer is held elsewhere.
struct SharedPages(Arc<Mutex<TrackedWrite<File>>>);

impl PageWriter for SharedPages {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec> {
        SerializedPageWriter::new(&mut *self.0.lock()).write_page(page)
    }

    fn close(&mut self) -> Result<()> {
        SerializedPageWriter::new(&mut *self.0.lock()).close()
    }
}

/// The leaf number `index` below `field`, whose ancestors are structs only.
pub(super) fn int96_leaf(field: &Field, array: &ArrayRef, mut index: usize) -> Int96Leaf {
    let (mut field, mut array) = (field, array);
    let mut levels = vec![0; array.len()];
    let mut present: Option<NullBuffer> = None;
    loop {
        if field.is_nullable() {
            present = NullBuffer::union(present.as_ref(), array.nulls());
            for (row, level) in levels.iter_mut().enumerate() {
                *level += i16::from(present.as_ref().is_none_or(|present| present.is_valid(row)));
            }
        }
        let DataType::Struct(fields) = field.data_type() else {
            break;
        };
        let mut children = fields.iter().zip(array.as_struct().columns());
        let child = children.find(|(child, _)| {
            let count = leaf_count(child.data_type());
            let here = index < count;
            index -= if here { 0 } else { count };
            here
        });
        (field, array) = child.expect("the leaf lies in this struct");
    }
    let times = array.as_primitive::<TimestampMicrosecondType>();
    let valid = |row: &usize| {
        present
            .as_ref()
            .is_none_or(|present| present.is_valid(*row))
    };
    let values = (0..times.len())
        .filter(valid)
        .map(|row| int96(times.value(row)))
        .collect();
    Int96Leaf { values, levels }
}

fn leaf_count(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => fields
            .iter()
            .map(|field| leaf_count(field.data_type()))
            .sum(),
        DataType::List(item) | DataType::Map(item, _) => leaf_count(item.data_type()),
        _ => 1,
    }
}

/// Nanoseconds of the day, then the Julian day.
fn int96(micros: i64) -> Int96 {
    let nanos = micros.rem_euclid(MICROS_OF_DAY) as u64 * 1000;
    let day = micros.div_euclid(MICROS_OF_DAY) + JULIAN_DAY_OF_1970;
    let mut value = Int96::new();
    value.set_data(nanos as u32, (nanos >> 32) as u32, day as u32);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for micros in [
            0,
            -1,
            1,
            MICROS_OF_DAY,
            -62_135_596_800_000_000,
            253_402_300_799_999_999,
        ] {
            assert_eq!(int96(micros).to_micros(), micros);
        }
    }
}
