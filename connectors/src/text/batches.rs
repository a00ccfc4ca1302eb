//! Records become record batches: views into the bytes that were read.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewBuilder, DictionaryArray, FixedSizeListArray, Int32Array, RecordBatch,
    RecordBatchOptions, StringArray, StringViewBuilder, UInt32Array, UInt64Array,
};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, FieldRef, Int32Type, Schema, SchemaRef};
use bytes::Bytes;
use datafusion::common::Result;
use encoding_rs::UTF_8;

use super::TextError;
use super::dialect::Dialect;
use super::field::{Content, Undecodable};
use super::marks::has_any;
use super::record::MISSING;
use super::shape::TextShape;
use crate::unit::{NUMBER_COLUMN, PATH_COLUMN, RAW_COLUMN, ROW_COLUMN, SPAN_COLUMN};

/// Records to a batch.
pub(super) const BATCH_ROWS: usize = 8192;
/// Bytes of a streamed file that one batch may point into.
pub(super) const LEAST_HELD: usize = 16 << 20;

/// The columns of a text source: the typed ones, then a record's place, bytes and spans, and its number
/// where records are `numbered`.
pub(super) fn schema(typed: &[String], numbered: bool) -> SchemaRef {
    let text = typed
        .iter()
        .map(|name| Field::new(name, DataType::Utf8View, true));
    let path = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let number = numbered.then(|| Field::new(NUMBER_COLUMN, DataType::UInt64, false));
    Arc::new(Schema::new(
        text.chain([
            Field::new(PATH_COLUMN, path, false),
            Field::new(ROW_COLUMN, DataType::UInt64, false),
            Field::new(RAW_COLUMN, DataType::BinaryView, false),
            Field::new(SPAN_COLUMN, span_type(typed.len()), false),
        ])
        .chain(number)
        .collect::<Vec<_>>(),
    ))
}

/// Start and end of each typed field, relative to the record's bytes.
pub(super) fn span_type(typed: usize) -> DataType {
    DataType::FixedSizeList(span_item(), 2 * typed as i32)
}

fn span_item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::UInt32, false))
}

/// A part of the decompressed file.
pub(super) struct Block {
    pub(super) bytes: Bytes,
    /// Where in the file it begins.
    pub(super) base: u64,
    /// Whether the file ends with it.
    pub(super) last: bool,
    /// Bytes from its beginning on that were checked to be UTF-8.
    checked: usize,
}

impl Block {
    pub(super) fn new(bytes: Bytes, base: u64, last: bool, dialect: &Dialect) -> Self {
        let checked = match dialect.encoding == UTF_8 {
            true => simdutf8::compat::from_utf8(&bytes).map_or_else(|e| e.valid_up_to(), str::len),
            false => 0,
        };
        Self {
            bytes,
            base,
            last,
            checked,
        }
    }

    /// The beginning of the block, as far as it is text.
    fn text(&self) -> &str {
        #[expect(unsafe_code, reason = "asked for each field")]
        // SAFETY: `new` has checked these bytes, and nothing can change them.
        unsafe {
            std::str::from_utf8_unchecked(&self.bytes[..self.checked])
        }
    }
}

/// Records of one block that are not in a batch yet.
pub(super) struct Rows<'a> {
    shape: &'a TextShape,
    block: &'a Block,
    /// Bytes to a code unit.
    width: usize,
    slots: usize,
    records: Vec<Record>,
    /// Of each record its typed fields by slot, in code units of the block; then room for one more.
    spans: Vec<u32>,
}

/// Where a record lies in its block, in bytes.
struct Record {
    /// Its bytes, the blank lines in front of it included.
    raw: Range<usize>,
    start: usize,
}

impl<'a> Rows<'a> {
    /// No records yet, of `slots` typed fields each.
    pub(super) fn new(shape: &'a TextShape, block: &'a Block, slots: usize) -> Self {
        let width = shape.dialect.width();
        Self {
            shape,
            block,
            width,
            slots,
            records: vec![],
            spans: vec![],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Room for the spans of the next record.
    pub(super) fn next_spans(&mut self) -> &mut [u32] {
        let start = self.records.len() * 2 * self.slots;
        self.spans.truncate(start);
        self.spans.resize(start + 2 * self.slots, MISSING);
        &mut self.spans[start..]
    }

    /// Adds a record whose spans are in place; `raw` and `start` are in code units.
    pub(super) fn push(&mut self, raw: Range<usize>, start: usize) {
        let raw = raw.start * self.width..raw.end * self.width;
        self.records.push(Record {
            raw,
            start: start * self.width,
        });
    }

    /// The field of `record` at `slot`, as a range of the block; `None` where a record lacks it.
    fn field(&self, record: usize, slot: usize) -> Option<Range<usize>> {
        let at = 2 * (record * self.slots + slot);
        let (start, end) = (self.spans[at], self.spans[at + 1]);
        (start != MISSING).then(|| start as usize * self.width..end as usize * self.width)
    }
}

/// A column of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Typed(usize),
    Path,
    Row,
    Raw,
    Span,
    Number,
}

/// Takes each batch; `false` when nobody wants another.
pub(super) type Emit<'a> = dyn FnMut(RecordBatch) -> bool + 'a;

/// Makes record batches of records.
pub(super) struct Batches<'a> {
    schema: SchemaRef,
    columns: Vec<Column>,
    path: ArrayRef,
    typed: usize,
    text: Vec<StringViewBuilder>,
    raw: BinaryViewBuilder,
    places: Vec<u64>,
    spans: Vec<u32>,
    rows: usize,
    /// The number of the next batch's first record.
    number: u64,
    /// Bytes of the blocks the rows point into.
    held: usize,
    most_held: usize,
    emit: &'a mut Emit<'a>,
    wanted: bool,
}

impl<'a> Batches<'a> {
    /// Batches of the columns `projection` chooses from [`schema`] of `typed` columns, for the file
    /// at `path`. A batch ends early when it points into more than `most_held` bytes.
    pub(super) fn new(
        path: &str,
        typed: usize,
        schema: SchemaRef,
        projection: &[usize],
        most_held: usize,
        emit: &'a mut Emit<'a>,
    ) -> Self {
        let column = |index: &usize| match index.checked_sub(typed) {
            None => Column::Typed(*index),
            Some(0) => Column::Path,
            Some(1) => Column::Row,
            Some(2) => Column::Raw,
            Some(3) => Column::Span,
            Some(_) => Column::Number,
        };
        let columns: Vec<Column> = projection.iter().map(column).collect();
        Self {
            schema,
            text: columns
                .iter()
                .map(|_| StringViewBuilder::with_capacity(0))
                .collect(),
            columns,
            path: Arc::new(StringArray::from(vec![path])),
            typed,
            raw: BinaryViewBuilder::with_capacity(0),
            places: vec![],
            spans: vec![],
            rows: 0,
            number: 0,
            held: 0,
            most_held,
            emit,
            wanted: true,
        }
    }

    /// The same with records numbered from `first`.
    pub(super) fn numbered_from(mut self, first: u64) -> Self {
        self.number = first;
        self
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The number behind that of the last record emitted.
    pub(super) fn next_number(&self) -> u64 {
        self.number
    }

    pub(super) fn wanted_still(&self) -> bool {
        self.wanted
    }

    /// Adds `rows`, which are all of one block; emits a batch that is full.
    pub(super) fn append(&mut self, rows: &mut Rows<'_>) -> Result<()> {
        if rows.records.is_empty() {
            return Ok(());
        }
        let block = &rows.block.bytes;
        let buffer = Buffer::from(block.clone());
        for (index, column) in self.columns.iter().enumerate() {
            match column {
                Column::Typed(slot) => append_text(&mut self.text[index], *slot, rows, &buffer)?,
                Column::Path | Column::Number => {}
                Column::Row => {
                    let place = |record: &Record| rows.block.base + record.start as u64;
                    self.places.extend(rows.records.iter().map(place));
                }
                Column::Raw => {
                    let block = self.raw.append_block(buffer.clone());
                    for Record { raw, .. } in &rows.records {
                        self.raw
                            .try_append_view(block, raw.start as u32, raw.len() as u32)?;
                    }
                }
                Column::Span => {
                    let slots = 2 * rows.slots;
                    for (record, Record { raw, .. }) in rows.records.iter().enumerate() {
                        let spans = &rows.spans[record * slots..(record + 1) * slots];
                        self.spans.extend(spans.iter().map(|span| match *span {
                            MISSING => MISSING,
                            span => span * rows.width as u32 - raw.start as u32,
                        }));
                    }
                }
            }
        }
        self.rows += rows.records.len();
        self.held += block.len();
        rows.records.clear();
        if self.rows >= BATCH_ROWS || self.held >= self.most_held {
            self.finish()?;
        }
        Ok(())
    }

    /// Emits what is left.
    pub(super) fn finish(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let first = self.number;
        self.number += rows as u64;
        self.held = 0;
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (index, column) in self.columns.iter().enumerate() {
            arrays.push(match column {
                Column::Typed(_) => Arc::new(self.text[index].finish()),
                Column::Path => {
                    let keys = Int32Array::from(vec![0; rows]);
                    Arc::new(DictionaryArray::<Int32Type>::try_new(
                        keys,
                        Arc::clone(&self.path),
                    )?)
                }
                Column::Row => Arc::new(UInt64Array::from(std::mem::take(&mut self.places))),
                Column::Number => Arc::new(UInt64Array::from_iter_values(first..self.number)),
                Column::Raw => Arc::new(self.raw.finish()),
                Column::Span => {
                    let values = Arc::new(UInt32Array::from(std::mem::take(&mut self.spans)));
                    let (item, size) = (span_item(), 2 * self.typed as i32);
                    let list = FixedSizeListArray::try_new_with_length;
                    Arc::new(list(item, size, values, None, rows)?)
                }
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.schema);
        let batch = RecordBatch::try_new_with_options(schema, arrays, &options)?;
        self.wanted = self.wanted && (self.emit)(batch);
        Ok(())
    }
}

/// Adds the fields at `slot`: views into `buffer`, the bytes of the block, wherever the field holds
/// its value as it is.
fn append_text(
    text: &mut StringViewBuilder,
    slot: usize,
    rows: &Rows<'_>,
    buffer: &Buffer,
) -> Result<()> {
    let Rows { shape, .. } = *rows;
    let dialect = &shape.dialect;
    let block = text.append_block(buffer.clone());
    // The common field needs no second look: text known as UTF-8, without a quote or escape in it.
    let quote = dialect.quote.filter(|_| dialect.escape.is_none());
    let simple = dialect.escape.is_none();
    for record in 0..rows.records.len() {
        let Some(field) = rows.field(record, slot) else {
            text.append_null();
            continue;
        };
        let undecodable = || TextError::Undecodable {
            path: shape.path.clone(),
            offset: rows.block.base + field.start as u64,
            encoding: dialect.encoding.name(),
        };
        let bytes = &buffer[field.clone()];
        let inner = match quote {
            _ if !simple => None,
            Some(quote) if bytes.first() == Some(&quote) => {
                let closed = bytes.len() > 1 && bytes.last() == Some(&quote);
                let inner = closed.then(|| field.start + 1..field.end - 1);
                inner.filter(|inner| !has_any(&buffer[inner.clone()], [quote]))
            }
            _ => (bytes != dialect.null_bytes).then_some(field.clone()),
        };
        if let Some(Range { start, end }) = inner
            && rows.block.text().get(start..end).is_some()
        {
            let (start, len) = (start as u32, (end - start) as u32);
            #[expect(
                unsafe_code,
                reason = "a second look at text that was checked costs more"
            )]
            // SAFETY: `block` is the number of `buffer`, which holds the bytes of `rows.block`;
            // `start..end` lies within the part of them that was checked to be UTF-8 and begins
            // and ends between two of its characters, which is what `str::get` answers.
            unsafe {
                text.append_view_unchecked(block, start, len);
            }
            continue;
        }
        append_any(text, block, field.start, bytes, dialect)
            .map_err(|Undecodable| undecodable())?;
    }
    Ok(())
}

/// Adds the field whose `bytes` begin at `start` of the block, whatever it holds.
fn append_any(
    text: &mut StringViewBuilder,
    block: u32,
    start: usize,
    bytes: &[u8],
    dialect: &Dialect,
) -> Result<(), Undecodable> {
    let utf8 = dialect.encoding == UTF_8;
    let content = (!dialect.is_wide()).then(|| dialect.content(bytes));
    match content {
        Some(Content::Null) => text.append_null(),
        Some(Content::Slice(at)) if utf8 || bytes[at.clone()].is_ascii() => {
            let (start, len) = (start + at.start, at.len());
            text.try_append_view(block, start as u32, len as u32)
                .map_err(|_| Undecodable)?;
        }
        Some(Content::Slice(_) | Content::Owned(_)) | None => {
            text.append_option(dialect.value(bytes)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use proptest::prelude::*;

    use super::super::corpus::Memory;
    use super::super::options::{Header, TextOptions};
    use super::super::record::{Scan, Scanner, Wanted};
    use super::*;

    proptest! {
        /// What is not looked at twice is valid all the same, and the value that a look at the
        /// field alone finds.
        #[test]
        fn views_hold_the_fields_values(
            bytes in prop::collection::vec(
                prop::sample::select(vec![&b"a"[..], b"long enough for a buffer", b",", b"\"", b"\n", "\u{e9}".as_bytes(), b"\xC3", b"\x80", b"NA"]),
                0..40,
            ),
        ) {
            let bytes = Bytes::from(bytes.concat());
            let options = TextOptions {
                header: Header::Columns(vec!["a".to_owned()]),
                null_string: Some("NA".to_owned()),
                ..TextOptions::default()
            };
            let shape = TextShape::read("a.csv", Memory::reader(&bytes), &options).unwrap();
            let wanted = [Wanted { column: 1, slot: 0 }];
            let block = Block::new(bytes.clone(), 0, true, &shape.dialect);
            let mut rows = Rows::new(&shape, &block, 1);
            let mut scanner = Scanner::new(&shape.dialect, &bytes, true);
            let mut at = 0;
            while at < bytes.len()
                && let Scan::Record { end, .. } = scanner.record(at, &wanted, rows.next_spans())
            {
                rows.push(at..end, at);
                at = end;
            }
            let buffer = Buffer::from(bytes.clone());
            let mut text = StringViewBuilder::new();
            let appended = append_text(&mut text, 0, &rows, &buffer);
            let field = |record| rows.field(record, 0).map(|field| shape.dialect.value(&bytes[field]));
            let expected: Result<Vec<_>, _> =
                (0..rows.len()).map(|record| field(record).unwrap_or(Ok(None))).collect();
            let Ok(expected) = expected else {
                prop_assert!(appended.is_err());
                return Ok(());
            };
            prop_assert!(appended.is_ok());
            let array = text.finish();
            prop_assert!(array.to_data().validate_full().is_ok());
            let array: ArrayRef = Arc::new(array);
            let found: Vec<_> = array.as_string_view().iter().collect();
            prop_assert_eq!(found, expected.iter().map(Option::as_deref).collect::<Vec<_>>());
        }
    }
}
