//! The stream of a binary `COPY` becomes batches.

use std::mem;
use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BinaryViewBuilder, BooleanBuilder, Date32Builder, Decimal128Builder,
    Float32Builder, Float64Builder, Int8Array, Int16Builder, Int32Builder, Int64Builder,
    PrimitiveBuilder, RecordBatch, RecordBatchOptions, StringViewBuilder, Time64MicrosecondBuilder,
    TimestampMicrosecondBuilder, UInt32Builder, new_null_array,
};
use arrow::datatypes::{ArrowPrimitiveType, DataType, SchemaRef};
use bytes::Bytes;

use super::calendar::{self, Reading};
use super::copy::RowReader;
use super::copy_error::{CopyError, ValueProblem};
use super::numeric::Numeric;
use super::types::{Special, WireColumn, WireType, refuse_duplicates, wire_schema};
use super::uuid;

/// A batch is closed by the row that brings it to this many bytes on the wire.
const BATCH_BYTES: usize = 8 << 20;
/// The version of `jsonb` on the wire.
pub(super) const JSONB_VERSION: u8 = 1;

/// Reads the chunks of a binary `COPY`, cut anywhere, into batches of [`CopyDecoder::schema`].
///
/// ```
/// use bytes::Bytes;
/// use visard_connectors::postgres::{CopyDecoder, WireColumn, WireType};
///
/// let columns = vec![WireColumn { name: "ok".to_owned(), wire: WireType::Bool }];
/// let mut decoder = CopyDecoder::new(columns, 8192)?;
/// decoder.push(Bytes::from_static(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"));
/// decoder.push(Bytes::from_static(b"\0\x01\0\0\0\x01\x01\xff\xff"));
/// assert!(decoder.next_batch()?.is_none(), "a batch that is not full waits for more rows");
/// assert_eq!(decoder.finish()?.map(|batch| batch.num_rows()), Some(1));
/// # Ok::<(), visard_connectors::postgres::CopyError>(())
/// ```
#[derive(Debug)]
pub struct CopyDecoder {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: RowReader,
    batch_rows: usize,
    /// Rows of the batch being built.
    built: usize,
    /// What they take on the wire.
    built_bytes: usize,
}

impl CopyDecoder {
    /// Of a stream with `columns`, in batches of `batch_rows` rows, or of 8 MiB if that is less.
    ///
    /// # Errors
    /// When two columns, counting the hidden ones, have the same name.
    pub fn new(columns: Vec<WireColumn>, batch_rows: usize) -> Result<Self, CopyError> {
        refuse_duplicates(&columns)?;
        Ok(Self {
            schema: Arc::new(wire_schema(&columns)),
            rows: RowReader::new(columns.len()),
            columns: columns.into_iter().map(Column::new).collect(),
            batch_rows: batch_rows.max(1),
            built: 0,
            built_bytes: 0,
        })
    }

    /// The columns in order, then the hidden ones ([`wire_schema`]).
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Takes the next bytes of the stream. They are read by [`CopyDecoder::next_batch`], which is to be
    /// called until it has no more before the next ones are taken, or memory fills.
    pub fn push(&mut self, chunk: Bytes) {
        self.rows.push(chunk);
    }

    /// The next full batch; `None` if more of the stream is needed for it.
    ///
    /// # Errors
    /// When the stream is damaged or a value has no Arrow form. The decoder is of no use then.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, CopyError> {
        let full = self.build(self.batch_rows, BATCH_BYTES)?;
        full.then(|| self.batch()).transpose()
    }

    /// The rows since the last full batch, if any: asked once, when the stream has ended and
    /// [`CopyDecoder::next_batch`] has no more.
    ///
    /// # Errors
    /// As for `next_batch`, and when the stream has no trailer, so that rows may be missing.
    pub fn finish(mut self) -> Result<Option<RecordBatch>, CopyError> {
        self.build(usize::MAX, usize::MAX)?;
        self.rows.finish()?;
        (self.built > 0).then(|| self.batch()).transpose()
    }

    /// Builds rows until there are this many, or this many bytes of them; `false` if the stream has
    /// no more.
    fn build(&mut self, rows: usize, bytes: usize) -> Result<bool, CopyError> {
        while self.built < rows && self.built_bytes < bytes {
            let Some(row) = self.rows.next_row()? else {
                return Ok(false);
            };
            self.built += 1;
            self.built_bytes += row.size();
            for (column, field) in self.columns.iter_mut().zip(row.fields()) {
                column.append(field).map_err(|problem| CopyError::Value {
                    column: column.name.clone(),
                    row: row.number,
                    problem,
                })?;
            }
        }
        Ok(true)
    }

    /// The rows built.
    fn batch(&mut self) -> Result<RecordBatch, CopyError> {
        let rows = mem::take(&mut self.built);
        self.built_bytes = 0;
        let mut arrays: Vec<_> = self.columns.iter_mut().map(Column::values).collect();
        let marked = self
            .columns
            .iter_mut()
            .filter(|column| column.wire.has_specials());
        arrays.extend(marked.map(|column| column.marks(rows)));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema(), arrays, &options)
            .map_err(|source| CopyError::Batch { source })
    }
}

/// A column being built.
#[derive(Debug)]
struct Column {
    name: String,
    wire: WireType,
    builder: Builder,
    /// Special values, by their row in the batch: few, if any.
    specials: Vec<(usize, Special)>,
    /// Where text is spelled before it is appended.
    spelling: String,
}

/// The builder of each Arrow type, told apart by what a field is.
#[derive(Debug)]
enum Builder {
    Bool(BooleanBuilder),
    Int2(Int16Builder),
    Int4(Int32Builder),
    Int8(Int64Builder),
    Oid(UInt32Builder),
    Float4(Float32Builder),
    Float8(Float64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Numeric(StringViewBuilder),
    Text(StringViewBuilder),
    Char(StringViewBuilder),
    Jsonb(StringViewBuilder),
    Uuid(StringViewBuilder),
    Bytes(BinaryViewBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Builder {
    fn new(wire: WireType) -> Self {
        match wire {
            WireType::Bool => Self::Bool(BooleanBuilder::new()),
            WireType::Int2 => Self::Int2(Int16Builder::new()),
            WireType::Int4 => Self::Int4(Int32Builder::new()),
            WireType::Int8 => Self::Int8(Int64Builder::new()),
            WireType::Oid => Self::Oid(UInt32Builder::new()),
            WireType::Float4 => Self::Float4(Float32Builder::new()),
            WireType::Float8 => Self::Float8(Float64Builder::new()),
            WireType::Decimal { precision, scale } => Self::Decimal(
                Decimal128Builder::new().with_data_type(wire.data_type()),
                precision,
                scale,
            ),
            WireType::Numeric => Self::Numeric(StringViewBuilder::new()),
            WireType::Text => Self::Text(StringViewBuilder::new()),
            WireType::Char => Self::Char(StringViewBuilder::new()),
            WireType::Jsonb => Self::Jsonb(StringViewBuilder::new()),
            WireType::Uuid => Self::Uuid(StringViewBuilder::new()),
            WireType::Bytea | WireType::Opaque => Self::Bytes(BinaryViewBuilder::new()),
            WireType::Date => Self::Date(Date32Builder::new()),
            WireType::Time => Self::Time(Time64MicrosecondBuilder::new()),
            WireType::Timestamp | WireType::TimestampTz => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(wire.data_type()))
            }
        }
    }
}

impl Column {
    fn new(column: WireColumn) -> Self {
        Self {
            builder: Builder::new(column.wire),
            name: column.name,
            wire: column.wire,
            specials: Vec::new(),
            spelling: String::new(),
        }
    }

    /// Appends the value of a field, null for none.
    fn append(&mut self, field: Option<&[u8]>) -> Result<(), ValueProblem> {
        let Some(field) = field else {
            self.append_null();
            return Ok(());
        };
        let Self {
            specials, spelling, ..
        } = self;
        spelling.clear();
        match &mut self.builder {
            Builder::Bool(values) => values.append_value(match field {
                [0] => false,
                [1] => true,
                [_] => return Err(ValueProblem::Bool),
                _ => return Err(width(1, field)),
            }),
            Builder::Int2(values) => values.append_value(i16::from_be_bytes(fixed(field)?)),
            Builder::Int4(values) => values.append_value(i32::from_be_bytes(fixed(field)?)),
            Builder::Int8(values) => values.append_value(i64::from_be_bytes(fixed(field)?)),
            Builder::Oid(values) => values.append_value(u32::from_be_bytes(fixed(field)?)),
            Builder::Float4(values) => values.append_value(f32::from_be_bytes(fixed(field)?)),
            Builder::Float8(values) => values.append_value(f64::from_be_bytes(fixed(field)?)),
            Builder::Decimal(values, precision, scale) => {
                let reading = match Numeric::read(field)? {
                    Numeric::Special(special) => Reading::Special(special),
                    Numeric::Finite(number) => Reading::Value(number.decimal(*precision, *scale)?),
                };
                append_reading(values, specials, reading);
            }
            Builder::Numeric(values) => {
                Numeric::read(field)?.print(spelling);
                values.append_value(spelling);
            }
            Builder::Text(values) => values.append_value(utf8(field)?),
            Builder::Char(values) => {
                char_of_wire(fixed(field)?, spelling);
                values.append_value(spelling);
            }
            Builder::Jsonb(values) => match field.split_first() {
                Some((&JSONB_VERSION, text)) => values.append_value(utf8(text)?),
                Some((version, _)) => return Err(ValueProblem::JsonbVersion(*version)),
                None => return Err(ValueProblem::Short { found: 0 }),
            },
            Builder::Uuid(values) => {
                uuid::print(fixed(field)?, spelling);
                values.append_value(spelling);
            }
            Builder::Bytes(values) => values.append_value(field),
            Builder::Date(values) => {
                let reading = calendar::date_of_wire(i32::from_be_bytes(fixed(field)?))?;
                append_reading(values, specials, reading);
            }
            Builder::Time(values) => {
                values.append_value(calendar::time(i64::from_be_bytes(fixed(field)?))?);
            }
            Builder::Timestamp(values) => {
                let reading = calendar::timestamp_of_wire(i64::from_be_bytes(fixed(field)?))?;
                append_reading(values, specials, reading);
            }
        }
        Ok(())
    }

    fn append_null(&mut self) {
        match &mut self.builder {
            Builder::Bool(values) => values.append_null(),
            Builder::Int2(values) => values.append_null(),
            Builder::Int4(values) => values.append_null(),
            Builder::Int8(values) => values.append_null(),
            Builder::Oid(values) => values.append_null(),
            Builder::Float4(values) => values.append_null(),
            Builder::Float8(values) => values.append_null(),
            Builder::Decimal(values, ..) => values.append_null(),
            Builder::Numeric(values)
            | Builder::Text(values)
            | Builder::Char(values)
            | Builder::Jsonb(values)
            | Builder::Uuid(values) => values.append_null(),
            Builder::Bytes(values) => values.append_null(),
            Builder::Date(values) => values.append_null(),
            Builder::Time(values) => values.append_null(),
            Builder::Timestamp(values) => values.append_null(),
        }
    }

    /// The values built.
    fn values(&mut self) -> ArrayRef {
        match &mut self.builder {
            Builder::Bool(values) => Arc::new(values.finish()),
            Builder::Int2(values) => Arc::new(values.finish()),
            Builder::Int4(values) => Arc::new(values.finish()),
            Builder::Int8(values) => Arc::new(values.finish()),
            Builder::Oid(values) => Arc::new(values.finish()),
            Builder::Float4(values) => Arc::new(values.finish()),
            Builder::Float8(values) => Arc::new(values.finish()),
            Builder::Decimal(values, ..) => Arc::new(values.finish()),
            Builder::Numeric(values)
            | Builder::Text(values)
            | Builder::Char(values)
            | Builder::Jsonb(values)
            | Builder::Uuid(values) => Arc::new(values.finish()),
            Builder::Bytes(values) => Arc::new(values.finish()),
            Builder::Date(values) => Arc::new(values.finish()),
            Builder::Time(values) => Arc::new(values.finish()),
            Builder::Timestamp(values) => Arc::new(values.finish()),
        }
    }

    /// The marks of the rows built.
    fn marks(&mut self, rows: usize) -> ArrayRef {
        if self.specials.is_empty() {
            return new_null_array(&DataType::Int8, rows);
        }
        let mut marks = vec![None; rows];
        for (row, special) in self.specials.drain(..) {
            marks[row] = Some(special.code());
        }
        Arc::new(Int8Array::from(marks))
    }
}

fn append_reading<T: ArrowPrimitiveType>(
    values: &mut PrimitiveBuilder<T>,
    specials: &mut Vec<(usize, Special)>,
    reading: Reading<T::Native>,
) {
    match reading {
        Reading::Value(value) => values.append_value(value),
        Reading::Special(special) => {
            specials.push((values.len(), special));
            values.append_null();
        }
    }
}

fn fixed<const N: usize>(field: &[u8]) -> Result<[u8; N], ValueProblem> {
    field.try_into().map_err(|_| width(N, field))
}

fn width(expected: usize, field: &[u8]) -> ValueProblem {
    ValueProblem::Width {
        expected,
        found: field.len(),
    }
}

fn utf8(field: &[u8]) -> Result<&str, ValueProblem> {
    simdutf8::basic::from_utf8(field).map_err(|_| ValueProblem::NotUtf8)
}

/// Appends the byte of a `"char"` as PostgreSQL 16 prints it: nothing for zero, `\ooo` above ASCII.
fn char_of_wire([byte]: [u8; 1], out: &mut String) {
    match byte {
        0 => {}
        1..=127 => out.push(char::from(byte)),
        128.. => {
            out.push('\\');
            out.extend([byte >> 6, byte >> 3 & 7, byte & 7].map(|digit| char::from(b'0' + digit)));
        }
    }
}
