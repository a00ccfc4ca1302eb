//! Batches become rows for a stage: lines of a `LOAD DATA`, or lists of values of an `INSERT`.

use std::fmt::Write;
use std::ops::Range;

use arrow::array::{
    Array, AsArray, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringViewArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array,
    UInt64Array,
};
use arrow::datatypes::{DataType, Schema};

use super::calendar;
use super::error::{MysqlError, ValueProblem};
use super::types::{ColumnType, odd_column};
use crate::database::special::spelled_column;

/// How rows travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A file of lines, `\` before what is special.
    File,
    /// Lists of literals in brackets, with commas between them.
    Statement,
}

/// What a field of a stage's row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FieldKind {
    /// A key's value, as text or hexadecimal.
    Key(ColumnType),
    /// A masked value, and whether its column takes no null.
    Value(ColumnType, bool),
    /// Whether the row's value of this column stays as it is.
    Odd,
    /// A value that is copied, whether its column takes no null, and beside it what spells values that Arrow does
    /// not have.
    Copied(ColumnType, bool),
    /// A value that is carried as text or hexadecimal, and whether its column takes no null.
    Carried(ColumnType, bool),
}

impl FieldKind {
    /// How its values travel, where they are values.
    pub(super) fn column_type(&self) -> Option<ColumnType> {
        match self {
            Self::Key(kind)
            | Self::Value(kind, _)
            | Self::Copied(kind, _)
            | Self::Carried(kind, _) => Some(*kind),
            Self::Odd => None,
        }
    }

    fn is_required(&self) -> bool {
        matches!(
            self,
            Self::Value(_, true) | Self::Copied(_, true) | Self::Carried(_, true)
        )
    }
}

/// A field of a stage's row: the column of the batches it is of, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StageField {
    /// The column's name; that of the table's column for a mark.
    pub(super) name: String,
    /// What it is.
    pub(super) kind: FieldKind,
}

impl StageField {
    /// Its column in the batches, by name and type.
    pub(super) fn column(&self) -> (String, DataType) {
        match &self.kind {
            FieldKind::Key(_) | FieldKind::Carried(..) => (self.name.clone(), DataType::BinaryView),
            FieldKind::Value(kind, _) | FieldKind::Copied(kind, _) => {
                (self.name.clone(), kind.data_type())
            }
            FieldKind::Odd => (odd_column(&self.name), DataType::Boolean),
        }
    }
}

/// Writes batches as rows of a stage.
pub(super) struct Encoder {
    fields: Vec<Place>,
    form: Form,
    /// What is printed before it is written.
    text: String,
}

/// Where a field is in the batches.
struct Place {
    field: StageField,
    index: usize,
    /// The marks of a masked column, the masked column of marks, or what spells values of a copied one.
    odd: Option<usize>,
}

/// The values of a field.
enum Values<'a> {
    Key(&'a BinaryViewArray),
    Int8(&'a Int8Array),
    UInt8(&'a UInt8Array),
    Int16(&'a Int16Array),
    UInt16(&'a UInt16Array),
    Int32(&'a Int32Array),
    UInt32(&'a UInt32Array),
    Int64(&'a Int64Array),
    UInt64(&'a UInt64Array),
    Year(&'a UInt16Array),
    Float(&'a Float32Array),
    Double(&'a Float64Array),
    Decimal(&'a Decimal128Array, i8),
    Number(&'a StringViewArray),
    Text(&'a StringViewArray),
    Bytes(&'a BinaryViewArray),
    Date(&'a Date32Array),
    Time(&'a Time64MicrosecondArray),
    Instant(&'a TimestampMicrosecondArray),
    Odd(&'a BooleanArray),
}

impl Encoder {
    /// Of rows with these `fields`, found by name in batches of `schema`, which may have others.
    ///
    /// # Errors
    /// When a column is missing or is of another type.
    pub(super) fn new(
        fields: &[StageField],
        schema: &Schema,
        form: Form,
    ) -> Result<Self, MysqlError> {
        let find = |(name, data_type): (String, DataType)| {
            let found = schema.index_of(&name).ok();
            let fits = found.filter(|index| *schema.field(*index).data_type() == data_type);
            fits.ok_or(MysqlError::Schema(name))
        };
        let places = fields.iter().map(|field| {
            let odd = match field.kind {
                FieldKind::Value(kind, _) if kind.has_odd() => {
                    Some(find((odd_column(&field.name), DataType::Boolean))?)
                }
                // A mark says that a value stays, unless there is a new one.
                FieldKind::Odd => schema.index_of(&field.name).ok(),
                FieldKind::Copied(..) => schema.index_of(&spelled_column(&field.name)).ok(),
                _ => None,
            };
            Ok(Place {
                index: find(field.column())?,
                field: field.clone(),
                odd,
            })
        });
        Ok(Self {
            fields: places.collect::<Result<_, MysqlError>>()?,
            form,
            text: String::new(),
        })
    }

    /// Appends some rows of `batch`, which has the schema that the encoder was made for.
    ///
    /// # Errors
    /// When a value has no form in its column's type.
    pub(super) fn encode(
        &mut self,
        batch: &RecordBatch,
        rows: Range<usize>,
        out: &mut Vec<u8>,
    ) -> Result<(), MysqlError> {
        let fields = self.fields.iter();
        let values: Vec<Values<'_>> = fields.map(|place| place.values(batch)).collect();
        for row in rows {
            if self.form == Form::Statement {
                out.extend_from_slice(if out.is_empty() { b"(" } else { b",(" });
            }
            for (index, (place, values)) in self.fields.iter().zip(&values).enumerate() {
                match (index, self.form) {
                    (0, _) => {}
                    (_, Form::File) => out.push(b'\t'),
                    (_, Form::Statement) => out.push(b','),
                }
                self.text.clear();
                let written = place.write(values, batch, row, self.form, &mut self.text, out);
                written.map_err(|problem| MysqlError::Value {
                    column: place.field.name.clone(),
                    problem,
                })?;
            }
            out.push(match self.form {
                Form::File => b'\n',
                Form::Statement => b')',
            });
        }
        Ok(())
    }
}

impl Place {
    fn values<'a>(&self, batch: &'a RecordBatch) -> Values<'a> {
        let array = batch.column(self.index);
        let kind = match &self.field.kind {
            FieldKind::Key(_) | FieldKind::Carried(..) => {
                return Values::Key(array.as_binary_view());
            }
            FieldKind::Odd => return Values::Odd(array.as_boolean()),
            FieldKind::Value(kind, _) | FieldKind::Copied(kind, _) => *kind,
        };
        match (kind, array.data_type()) {
            (ColumnType::Year, _) => Values::Year(array.as_primitive()),
            (_, DataType::Int8) => Values::Int8(array.as_primitive()),
            (_, DataType::UInt8) => Values::UInt8(array.as_primitive()),
            (_, DataType::Int16) => Values::Int16(array.as_primitive()),
            (_, DataType::UInt16) => Values::UInt16(array.as_primitive()),
            (_, DataType::Int32) => Values::Int32(array.as_primitive()),
            (_, DataType::UInt32) => Values::UInt32(array.as_primitive()),
            (_, DataType::Int64) => Values::Int64(array.as_primitive()),
            (_, DataType::UInt64) => Values::UInt64(array.as_primitive()),
            (_, DataType::Float32) => Values::Float(array.as_primitive()),
            (_, DataType::Float64) => Values::Double(array.as_primitive()),
            (ColumnType::Decimal { scale, .. }, _) => Values::Decimal(array.as_primitive(), scale),
            (_, DataType::BinaryView) => Values::Bytes(array.as_binary_view()),
            (ColumnType::Date, _) => Values::Date(array.as_primitive()),
            (ColumnType::Time, _) => Values::Time(array.as_primitive()),
            (ColumnType::DateTime | ColumnType::Timestamp, _) => {
                Values::Instant(array.as_primitive())
            }
            (ColumnType::Number, _) => Values::Number(array.as_string_view()),
            _ => Values::Text(array.as_string_view()),
        }
    }

    /// Appends the field of a row; `text` is empty.
    fn write(
        &self,
        values: &Values<'_>,
        batch: &RecordBatch,
        row: usize,
        form: Form,
        text: &mut String,
        out: &mut Vec<u8>,
    ) -> Result<(), ValueProblem> {
        if batch.column(self.index).is_null(row) {
            let odd = self.odd.map(|odd| batch.column(odd));
            let odd = odd.filter(|odd| odd.is_valid(row));
            if let Some(spelled) = odd.and_then(|odd| odd.as_string_view_opt()) {
                quote(spelled.value(row), form, out);
                return Ok(());
            }
            let is_odd = || odd.is_some_and(|odd| odd.as_boolean().value(row));
            if self.field.kind.is_required() && !is_odd() {
                return Err(ValueProblem::Null);
            }
            out.extend_from_slice(match form {
                Form::File => b"\\N",
                Form::Statement => b"NULL",
            });
            return Ok(());
        }
        /// Writes what prints itself, without quotes.
        macro_rules! plain {
            ($value:expr) => {
                write!(text, "{}", $value).map_err(|_| ValueProblem::Range)?
            };
        }
        match values {
            Values::Int8(array) => plain!(array.value(row)),
            Values::UInt8(array) => plain!(array.value(row)),
            Values::Int16(array) => plain!(array.value(row)),
            Values::UInt16(array) => plain!(array.value(row)),
            Values::Int32(array) => plain!(array.value(row)),
            Values::UInt32(array) => plain!(array.value(row)),
            Values::Int64(array) => plain!(array.value(row)),
            Values::UInt64(array) => plain!(array.value(row)),
            // Others would be taken for years of two digits.
            Values::Year(array) => match array.value(row) {
                // Four digits: the text `0` is the year 2000.
                year @ (0 | 1901..=2155) => plain!(format_args!("{year:04}")),
                _ => return Err(ValueProblem::Range),
            },
            Values::Float(array) => float(f64::from(array.value(row)), text)?,
            Values::Double(array) => float(array.value(row), text)?,
            Values::Decimal(array, scale) => decimal(array.value(row), *scale, text)?,
            Values::Date(array) => {
                calendar::print_date(array.value(row), text).ok_or(ValueProblem::Range)?;
                quote(text, form, out);
                return Ok(());
            }
            Values::Time(array) => {
                calendar::print_time(array.value(row), text).ok_or(ValueProblem::Range)?;
                quote(text, form, out);
                return Ok(());
            }
            Values::Instant(array) => {
                calendar::print_instant(array.value(row), text).ok_or(ValueProblem::Range)?;
                quote(text, form, out);
                return Ok(());
            }
            Values::Number(array) | Values::Text(array) => {
                quote(array.value(row), form, out);
                return Ok(());
            }
            Values::Bytes(array) => {
                put_bytes(&hexadecimal(array.value(row)), form, out);
                return Ok(());
            }
            Values::Key(array) => {
                let value = array.value(row);
                match self.field.kind.column_type() {
                    Some(ColumnType::Bytes) => put_bytes(value, form, out),
                    // In quotes they would be bytes.
                    Some(ColumnType::Bit) => out.extend_from_slice(value),
                    // Of a text column, in UTF-8 as it came.
                    _ => put_text(value, form, out),
                }
                return Ok(());
            }
            Values::Odd(array) => {
                let stays =
                    array.value(row) && self.odd.is_none_or(|of| batch.column(of).is_null(row));
                out.push(if stays { b'1' } else { b'0' });
                return Ok(());
            }
        }
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Prints a float so that the server reads the same one.
fn float(number: f64, text: &mut String) -> Result<(), ValueProblem> {
    match number.is_finite() {
        true => write!(text, "{number:e}").map_err(|_| ValueProblem::Range),
        false => Err(ValueProblem::Range),
    }
}

/// Prints a decimal by its digits and its scale.
fn decimal(number: i128, scale: i8, text: &mut String) -> Result<(), ValueProblem> {
    let scale = usize::try_from(scale).map_err(|_| ValueProblem::Digits)?;
    let sign = if number < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    write!(text, "{sign}{whole}{point}{fraction}").map_err(|_| ValueProblem::Digits)
}

fn quote(text: &str, form: Form, out: &mut Vec<u8>) {
    put_text(text.as_bytes(), form, out);
}

/// Appends text, with `\` before what would end it.
fn put_text(text: &[u8], form: Form, out: &mut Vec<u8>) {
    if form == Form::Statement {
        out.push(b'\'');
    }
    let mut rest = text;
    let special = |byte: &u8| match form {
        Form::File => matches!(byte, b'\\' | b'\t' | b'\n' | 0),
        Form::Statement => matches!(byte, b'\\' | b'\'' | 0),
    };
    while let Some(at) = rest.iter().position(special) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(match rest[at] {
            0 => b'0',
            byte => byte,
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    if form == Form::Statement {
        out.push(b'\'');
    }
}

/// Appends bytes that are hexadecimal already.
fn put_bytes(digits: &[u8], form: Form, out: &mut Vec<u8>) {
    match form {
        Form::File => out.extend_from_slice(digits),
        Form::Statement => {
            out.extend_from_slice(b"X'");
            out.extend_from_slice(digits);
            out.push(b'\'');
        }
    }
}

/// Bytes in hexadecimal.
pub(super) fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let digits = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf].map(|digit| DIGITS[usize::from(digit)]));
    digits.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::ArrayRef;

    use super::*;

    fn value(name: &str, kind: ColumnType, required: bool) -> StageField {
        StageField {
            name: name.to_owned(),
            kind: FieldKind::Value(kind, required),
        }
    }

    fn encoded(
        fields: &[StageField],
        arrays: Vec<(String, ArrayRef)>,
        form: Form,
    ) -> Result<String, MysqlError> {
        let batch = RecordBatch::try_from_iter_with_nullable(
            arrays.into_iter().map(|(name, array)| (name, array, true)),
        )
        .unwrap();
        let mut encoder = Encoder::new(fields, &batch.schema(), form)?;
        let mut out = Vec::new();
        encoder.encode(&batch, 0..batch.num_rows(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn both_forms() {
        let key = StageField {
            name: "__k".to_owned(),
            kind: FieldKind::Key(ColumnType::Bytes),
        };
        let decimal = ColumnType::Decimal {
            precision: 5,
            scale: 2,
        };
        let fields = [
            key,
            value("t", ColumnType::Text, false),
            value("n", decimal, false),
            value("b", ColumnType::Bytes, false),
            value("f", ColumnType::Float, false),
        ];
        let arrays = || -> Vec<(String, ArrayRef)> {
            let decimals = Decimal128Array::from(vec![Some(-5), Some(12_345), None]);
            let decimals = decimals.with_precision_and_scale(5, 2).unwrap();
            let text = ["a\tb\nc\\", "it's\0", ""];
            vec![
                (
                    "__k".to_owned(),
                    Arc::new(BinaryViewArray::from_iter_values(["00", "ff", "0a"])),
                ),
                (
                    "t".to_owned(),
                    Arc::new(StringViewArray::from_iter_values(text)),
                ),
                ("n".to_owned(), Arc::new(decimals)),
                (
                    "b".to_owned(),
                    Arc::new(BinaryViewArray::from_iter([
                        Some(b"\0'".as_slice()),
                        Some(b""),
                        None,
                    ])),
                ),
                (
                    "f".to_owned(),
                    Arc::new(Float32Array::from(vec![Some(0.1), Some(1e30), None])),
                ),
            ]
        };
        assert_eq!(
            encoded(&fields, arrays(), Form::File).unwrap(),
            "00\ta\\\tb\\\nc\\\\\t-0.05\t0027\t1.0000000149011612e-1\n\
             ff\tit's\\0\t123.45\t\t1.0000000150474662e30\n\
             0a\t\t\\N\t\\N\t\\N\n"
        );
        assert_eq!(
            encoded(&fields, arrays(), Form::Statement).unwrap(),
            "(X'00','a\tb\nc\\\\',-0.05,X'0027',1.0000000149011612e-1),\
             (X'ff','it\\'s\\0',123.45,X'',1.0000000150474662e30),\
             (X'0a','',NULL,NULL,NULL)"
        );
    }

    #[test]
    fn what_no_column_takes() {
        let of = |kind, array: ArrayRef| {
            let arrays = vec![("c".to_owned(), array)];
            encoded(&[value("c", kind, true)], arrays, Form::File)
        };
        for (kind, array, problem) in [
            (
                ColumnType::Year,
                Arc::new(UInt16Array::from(vec![5])) as ArrayRef,
                ValueProblem::Range,
            ),
            (
                ColumnType::Double,
                Arc::new(Float64Array::from(vec![f64::NAN])),
                ValueProblem::Range,
            ),
            (
                ColumnType::Text,
                Arc::new(StringViewArray::from(vec![None::<&str>])),
                ValueProblem::Null,
            ),
        ] {
            match of(kind, array) {
                Err(MysqlError::Value {
                    column,
                    problem: found,
                }) => {
                    assert_eq!((column.as_str(), found), ("c", problem));
                }
                other => panic!("{other:?}"),
            }
        }
        let wrong = of(ColumnType::Double, Arc::new(Int8Array::from(vec![1])));
        assert!(matches!(wrong, Err(MysqlError::Schema(name)) if name == "c"));
    }

    #[test]
    fn a_mark_keeps_the_value_unless_there_is_a_new_one() {
        let fields = [
            value("d", ColumnType::Date, true),
            StageField {
                name: "d".to_owned(),
                kind: FieldKind::Odd,
            },
        ];
        let arrays: Vec<(String, ArrayRef)> = vec![
            (
                "d".to_owned(),
                Arc::new(Date32Array::from(vec![None, Some(0), Some(1)])),
            ),
            (
                odd_column("d"),
                Arc::new(BooleanArray::from(vec![true, true, false])),
            ),
        ];
        assert_eq!(
            encoded(&fields, arrays, Form::File).unwrap(),
            "\\N\t1\n1970-01-01\t0\n1970-01-02\t0\n"
        );
    }
}
