//! Batches become the stream of a binary `COPY`.

use arrow::array::{
    Array, AsArray, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringViewArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Schema};
use bytes::{BufMut, BytesMut};

use super::calendar;
use super::copy::{self, MAX_FIELD_BYTES, NULL};
use super::copy_error::{CopyError, ValueProblem};
use super::decode::JSONB_VERSION;
use super::numeric;
use super::types::{Special, WireColumn, WireType, refuse_duplicates, special_column};
use super::uuid;

/// Writes batches as a binary `COPY`: what [`CopyDecoder`](super::CopyDecoder) reads, in the same form.
///
/// ```
/// use bytes::BytesMut;
/// use visard_connectors::postgres::{CopyEncoder, WireColumn, WireType, wire_schema};
///
/// let columns = vec![WireColumn { name: "ok".to_owned(), wire: WireType::Bool }];
/// let schema = wire_schema(&columns);
/// let mut encoder = CopyEncoder::new(columns, &schema)?;
/// let mut stream = BytesMut::new();
/// encoder.header(&mut stream);
/// // encoder.encode(&batch, &mut stream)?; for each batch, sending what is in `stream` between them
/// encoder.trailer(&mut stream);
/// # Ok::<(), visard_connectors::postgres::CopyError>(())
/// ```
#[derive(Debug)]
pub struct CopyEncoder {
    columns: Vec<Column>,
    /// Rows written.
    rows: u64,
}

/// Where a column is in the batches.
#[derive(Debug)]
struct Column {
    name: String,
    wire: WireType,
    index: usize,
    /// The hidden column of marks, if the batches have it.
    marks: Option<usize>,
}

impl CopyEncoder {
    /// Of a stream with `columns`, found by name in batches of `schema`, which may have others. Where
    /// the hidden column of marks is missing, a null is a null.
    ///
    /// # Errors
    /// When a column is missing, comes up twice or is not of its [`WireType::data_type`].
    pub fn new(columns: Vec<WireColumn>, schema: &Schema) -> Result<Self, CopyError> {
        refuse_duplicates(&columns)?;
        let columns = columns.into_iter().map(|WireColumn { name, wire }| {
            let no_column = || CopyError::NoColumn {
                column: name.clone(),
            };
            let index = find(schema, &name, &wire.data_type())?.ok_or_else(no_column)?;
            let marks = match wire.has_specials() {
                true => find(schema, &special_column(&name), &DataType::Int8)?,
                false => None,
            };
            Ok(Column {
                name,
                wire,
                index,
                marks,
            })
        });
        Ok(Self {
            columns: columns.collect::<Result<_, _>>()?,
            rows: 0,
        })
    }

    /// Appends what comes before the first row.
    pub fn header(&self, out: &mut BytesMut) {
        copy::put_header(out);
    }

    /// Appends the rows of `batch`, which has the schema that the encoder was made for.
    ///
    /// # Errors
    /// When a value has no form in PostgreSQL's type. Nothing of the batch is appended then.
    pub fn encode(&mut self, batch: &RecordBatch, out: &mut BytesMut) -> Result<(), CopyError> {
        let before = out.len();
        let written = self.rows_of(batch, out);
        if written.is_err() {
            out.truncate(before);
        }
        written
    }

    /// Appends what comes behind the last row.
    pub fn trailer(&self, out: &mut BytesMut) {
        copy::put_trailer(out);
    }

    fn rows_of(&mut self, batch: &RecordBatch, out: &mut BytesMut) -> Result<(), CopyError> {
        let columns: Vec<_> = self
            .columns
            .iter()
            .map(|column| Values::of(column, batch))
            .collect::<Result<_, _>>()?;
        let fields = columns.len() as u16;
        for row in 0..batch.num_rows() {
            out.put_u16(fields);
            for (values, column) in columns.iter().zip(&self.columns) {
                values.put(row, out).map_err(|problem| CopyError::Value {
                    column: column.name.clone(),
                    row: self.rows + 1,
                    problem,
                })?;
            }
            self.rows += 1;
        }
        Ok(())
    }
}

/// The place of the one column `name`, if there is one.
fn find(schema: &Schema, name: &str, expected: &DataType) -> Result<Option<usize>, CopyError> {
    let mut places = schema.fields().iter().enumerate();
    let mut places = places.by_ref().filter(|(_, field)| field.name() == name);
    let Some((index, field)) = places.next() else {
        return Ok(None);
    };
    if places.next().is_some() {
        return Err(CopyError::DuplicateColumn {
            column: name.to_owned(),
        });
    }
    match field.data_type() {
        found if found == expected => Ok(Some(index)),
        found => Err(mismatch(name, expected.clone(), found.clone())),
    }
}

fn mismatch(column: &str, expected: DataType, found: DataType) -> CopyError {
    CopyError::ColumnType {
        column: column.to_owned(),
        expected,
        found,
    }
}

/// The values of a column in one batch.
struct Values<'a> {
    array: TypedArray<'a>,
    nulls: Option<&'a NullBuffer>,
    /// What stands for special values, where the value is null.
    marks: Option<&'a Int8Array>,
}

/// The array of each type, told apart by what a field is.
enum TypedArray<'a> {
    Bool(&'a BooleanArray),
    Int2(&'a Int16Array),
    Int4(&'a Int32Array),
    Int8(&'a Int64Array),
    Oid(&'a UInt32Array),
    Float4(&'a Float32Array),
    Float8(&'a Float64Array),
    Decimal(&'a Decimal128Array, i8),
    Numeric(&'a StringViewArray),
    Text(&'a StringViewArray),
    Char(&'a StringViewArray),
    Jsonb(&'a StringViewArray),
    Uuid(&'a StringViewArray),
    Bytes(&'a BinaryViewArray),
    Date(&'a Date32Array),
    Time(&'a Time64MicrosecondArray),
    Timestamp(&'a TimestampMicrosecondArray),
}

impl<'a> Values<'a> {
    fn of(column: &Column, batch: &'a RecordBatch) -> Result<Self, CopyError> {
        let no_column = |name: String| CopyError::NoColumn { column: name };
        let array = batch
            .columns()
            .get(column.index)
            .ok_or_else(|| no_column(column.name.clone()))?;
        let expected = column.wire.data_type();
        let found = array.data_type();
        let marks = column.marks.map(|index| {
            let marks = batch.columns().get(index);
            marks
                .and_then(|marks| marks.as_primitive_opt())
                .ok_or_else(|| no_column(special_column(&column.name)))
        });
        let nulls = array.nulls();
        let array = match *found == expected {
            true => TypedArray::of(column.wire, array),
            false => None,
        };
        Ok(Self {
            array: array.ok_or_else(|| mismatch(&column.name, expected, found.clone()))?,
            nulls,
            marks: marks.transpose()?,
        })
    }

    /// Writes the field of a row.
    fn put(&self, row: usize, out: &mut BytesMut) -> Result<(), ValueProblem> {
        if self.nulls.is_none_or(|nulls| nulls.is_valid(row)) {
            return self.array.put(row, out);
        }
        match self.marks {
            Some(marks) if marks.is_valid(row) => {
                let code = marks.value(row);
                let special = Special::of_code(code).ok_or(ValueProblem::Mark(code))?;
                self.array.put_special(special, out)
            }
            _ => {
                out.put_i32(NULL);
                Ok(())
            }
        }
    }
}

impl<'a> TypedArray<'a> {
    /// `None` if the array is of another type.
    fn of(wire: WireType, array: &'a dyn Array) -> Option<Self> {
        Some(match wire {
            WireType::Bool => Self::Bool(array.as_boolean_opt()?),
            WireType::Int2 => Self::Int2(array.as_primitive_opt()?),
            WireType::Int4 => Self::Int4(array.as_primitive_opt()?),
            WireType::Int8 => Self::Int8(array.as_primitive_opt()?),
            WireType::Oid => Self::Oid(array.as_primitive_opt()?),
            WireType::Float4 => Self::Float4(array.as_primitive_opt()?),
            WireType::Float8 => Self::Float8(array.as_primitive_opt()?),
            WireType::Decimal { scale, .. } => Self::Decimal(array.as_primitive_opt()?, scale),
            WireType::Numeric => Self::Numeric(array.as_string_view_opt()?),
            WireType::Text => Self::Text(array.as_string_view_opt()?),
            WireType::Char => Self::Char(array.as_string_view_opt()?),
            WireType::Jsonb => Self::Jsonb(array.as_string_view_opt()?),
            WireType::Uuid => Self::Uuid(array.as_string_view_opt()?),
            WireType::Bytea | WireType::Opaque => Self::Bytes(array.as_binary_view_opt()?),
            WireType::Date => Self::Date(array.as_primitive_opt()?),
            WireType::Time => Self::Time(array.as_primitive_opt()?),
            WireType::Timestamp | WireType::TimestampTz => {
                Self::Timestamp(array.as_primitive_opt()?)
            }
        })
    }

    /// Writes the value of a row that is not null, its length before it.
    fn put(&self, row: usize, out: &mut BytesMut) -> Result<(), ValueProblem> {
        match self {
            Self::Bool(values) => put_fixed(out, [u8::from(values.value(row))]),
            Self::Int2(values) => put_fixed(out, values.value(row).to_be_bytes()),
            Self::Int4(values) => put_fixed(out, values.value(row).to_be_bytes()),
            Self::Int8(values) => put_fixed(out, values.value(row).to_be_bytes()),
            Self::Oid(values) => put_fixed(out, values.value(row).to_be_bytes()),
            Self::Float4(values) => put_fixed(out, values.value(row).to_be_bytes()),
            Self::Float8(values) => put_fixed(out, values.value(row).to_be_bytes()),
            Self::Decimal(values, scale) => numeric::put_decimal(out, values.value(row), *scale),
            Self::Numeric(values) => numeric::put_text(out, values.value(row))?,
            Self::Text(values) => put_text(out, &[], values.value(row))?,
            Self::Char(values) => put_fixed(out, [wire_of_char(values.value(row))?]),
            Self::Jsonb(values) => put_text(out, &[JSONB_VERSION], values.value(row))?,
            Self::Uuid(values) => put_fixed(out, uuid::parse(values.value(row))?),
            Self::Bytes(values) => put_bytes(out, &[], values.value(row))?,
            Self::Date(values) => {
                put_fixed(
                    out,
                    calendar::wire_of_date(values.value(row))?.to_be_bytes(),
                );
            }
            Self::Time(values) => {
                put_fixed(out, calendar::time(values.value(row))?.to_be_bytes());
            }
            Self::Timestamp(values) => {
                let us = calendar::wire_of_timestamp(values.value(row))?;
                put_fixed(out, us.to_be_bytes());
            }
        }
        Ok(())
    }

    /// Writes a special value, its length before it.
    fn put_special(&self, special: Special, out: &mut BytesMut) -> Result<(), ValueProblem> {
        let unknown = ValueProblem::Mark(special.code());
        match self {
            Self::Decimal(..) => numeric::put_special(out, special),
            Self::Date(_) => {
                let days = calendar::special_date(special).ok_or(unknown)?;
                put_fixed(out, days.to_be_bytes());
            }
            Self::Timestamp(_) => {
                let us = calendar::special_timestamp(special).ok_or(unknown)?;
                put_fixed(out, us.to_be_bytes());
            }
            Self::Bool(_)
            | Self::Int2(_)
            | Self::Int4(_)
            | Self::Int8(_)
            | Self::Oid(_)
            | Self::Float4(_)
            | Self::Float8(_)
            | Self::Numeric(_)
            | Self::Text(_)
            | Self::Char(_)
            | Self::Jsonb(_)
            | Self::Uuid(_)
            | Self::Bytes(_)
            | Self::Time(_) => return Err(unknown),
        }
        Ok(())
    }
}

fn put_fixed<const N: usize>(out: &mut BytesMut, field: [u8; N]) {
    out.put_i32(N as i32);
    out.put_slice(&field);
}

fn put_text(out: &mut BytesMut, before: &[u8], text: &str) -> Result<(), ValueProblem> {
    match memchr::memchr(0, text.as_bytes()) {
        None => put_bytes(out, before, text.as_bytes()),
        Some(_) => Err(ValueProblem::Nul),
    }
}

fn put_bytes(out: &mut BytesMut, before: &[u8], field: &[u8]) -> Result<(), ValueProblem> {
    let length = before.len() + field.len();
    if length > MAX_FIELD_BYTES {
        return Err(ValueProblem::TooLong(length));
    }
    out.put_u32(length as u32);
    out.put_slice(before);
    out.put_slice(field);
    Ok(())
}

/// The byte of a `"char"`: zero for no character, one of ASCII for itself, `\ooo` for any.
fn wire_of_char(text: &str) -> Result<u8, ValueProblem> {
    match *text.as_bytes() {
        [] => Ok(0),
        [byte @ 1..=127] => Ok(byte),
        [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7'] => {
            Ok((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
        }
        _ => Err(ValueProblem::NotChar),
    }
}
