//! Rows of the binary protocol become batches.

use std::mem;
use std::sync::Arc;

use arrow::array::RecordBatchOptions;
use arrow::array::{
    ArrayRef, BinaryViewBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float32Builder,
    Float64Builder, Int8Builder, Int16Builder, Int32Builder, Int64Builder, RecordBatch,
    StringViewBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt8Builder,
    UInt16Builder, UInt32Builder, UInt64Builder,
};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use mysql_async::Value;

use super::calendar;
use super::encode::hexadecimal;
use super::error::{MysqlError, ValueProblem};
use super::types::{ColumnType, Lane, ReadColumn};

/// A batch is closed by the row that brings it to this many bytes.
const BATCH_BYTES: usize = 8 << 20;

/// Builds batches of rows: values of keys first, as the text that finds them again, then the columns, then
/// their marks.
pub(super) struct Decoder {
    schema: SchemaRef,
    keys: Vec<(String, ColumnType, BinaryViewBuilder)>,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
    batch_rows: usize,
}

struct Column {
    name: String,
    kind: ColumnType,
    values: Values,
    odd: Odd,
}

/// What is told of values that Arrow does not have.
enum Odd {
    /// Nothing: there are none.
    None,
    /// That a value is one.
    Marked(BooleanBuilder),
    /// What it is.
    Spelled(StringViewBuilder),
}

impl Odd {
    fn of(column: &ReadColumn) -> Self {
        match column.lane {
            Lane::InPlace if column.kind.has_odd() => Self::Marked(BooleanBuilder::new()),
            Lane::Copied if column.kind.has_odd() => Self::Spelled(StringViewBuilder::new()),
            _ => Self::None,
        }
    }

    /// Tells of a value, where it is one that Arrow does not have.
    fn append(&mut self, odd: Option<(&Value, ColumnType)>) {
        match self {
            Self::None => {}
            Self::Marked(marks) => marks.append_value(odd.is_some()),
            Self::Spelled(texts) => {
                let text = odd.and_then(|(value, kind)| key_text(value, kind));
                let text = text.and_then(|text| String::from_utf8(text).ok());
                texts.append_option(text);
            }
        }
    }

    fn finish(&mut self) -> Option<ArrayRef> {
        match self {
            Self::None => None,
            Self::Marked(marks) => Some(Arc::new(marks.finish())),
            Self::Spelled(texts) => Some(Arc::new(texts.finish())),
        }
    }
}

/// Declares the builders, one for each type.
macro_rules! builders {
    ($($kind:ident($builder:ty)),* $(,)?) => {
        enum Values {
            $($kind($builder),)*
        }

        impl Values {
            fn append_null(&mut self) {
                match self {
                    $(Self::$kind(builder) => builder.append_null(),)*
                }
            }

            fn finish(&mut self) -> ArrayRef {
                match self {
                    $(Self::$kind(builder) => Arc::new(builder.finish()),)*
                }
            }
        }
    };
}

builders! {
    Int8(Int8Builder), UInt8(UInt8Builder), Int16(Int16Builder), UInt16(UInt16Builder),
    Int32(Int32Builder), UInt32(UInt32Builder), Int64(Int64Builder), UInt64(UInt64Builder),
    Bit(UInt64Builder), Float(Float32Builder), Double(Float64Builder), Decimal(DecimalBuilder),
    Text(StringViewBuilder), Bytes(BinaryViewBuilder), Date(Date32Builder),
    Time(Time64MicrosecondBuilder), Instant(TimestampMicrosecondBuilder),
    Carried(CarriedBuilder),
}

/// A builder that knows its precision and scale.
struct DecimalBuilder {
    builder: Decimal128Builder,
    precision: u8,
    scale: i8,
}

impl DecimalBuilder {
    fn append_null(&mut self) {
        self.builder.append_null();
    }

    fn finish(&mut self) -> arrow::array::Decimal128Array {
        self.builder.finish()
    }
}

/// A builder of the texts that are values again.
struct CarriedBuilder {
    builder: BinaryViewBuilder,
    kind: ColumnType,
}

impl CarriedBuilder {
    fn append_null(&mut self) {
        self.builder.append_null();
    }

    fn finish(&mut self) -> arrow::array::BinaryViewArray {
        self.builder.finish()
    }
}

impl Values {
    fn of(column: &ReadColumn) -> Self {
        let kind = column.kind;
        if column.lane == Lane::Carried {
            let builder = BinaryViewBuilder::new();
            return Self::Carried(CarriedBuilder { builder, kind });
        }
        match kind {
            ColumnType::Int { .. } | ColumnType::Year => match kind.data_type() {
                DataType::Int8 => Self::Int8(Int8Builder::new()),
                DataType::UInt8 => Self::UInt8(UInt8Builder::new()),
                DataType::Int16 => Self::Int16(Int16Builder::new()),
                DataType::UInt16 => Self::UInt16(UInt16Builder::new()),
                DataType::Int32 => Self::Int32(Int32Builder::new()),
                DataType::UInt32 => Self::UInt32(UInt32Builder::new()),
                DataType::UInt64 => Self::UInt64(UInt64Builder::new()),
                _ => Self::Int64(Int64Builder::new()),
            },
            ColumnType::Bit => Self::Bit(UInt64Builder::new()),
            ColumnType::Float => Self::Float(Float32Builder::new()),
            ColumnType::Double => Self::Double(Float64Builder::new()),
            ColumnType::Decimal { precision, scale } => Self::Decimal(DecimalBuilder {
                builder: Decimal128Builder::new().with_data_type(kind.data_type()),
                precision,
                scale,
            }),
            ColumnType::Number | ColumnType::Text => Self::Text(StringViewBuilder::new()),
            ColumnType::Bytes => Self::Bytes(BinaryViewBuilder::new()),
            ColumnType::Date => Self::Date(Date32Builder::new()),
            ColumnType::Time => Self::Time(Time64MicrosecondBuilder::new()),
            ColumnType::DateTime => Self::Instant(TimestampMicrosecondBuilder::new()),
            ColumnType::Timestamp => {
                Self::Instant(TimestampMicrosecondBuilder::new().with_timezone("UTC"))
            }
        }
    }

    /// Appends a value that is not null; `false` where Arrow has none such, and nothing is appended.
    fn append(&mut self, value: &Value) -> Result<bool, ValueProblem> {
        /// Appends a whole number of any width.
        macro_rules! int {
            ($builder:expr) => {
                $builder.append_value(match value {
                    Value::Int(number) => (*number).try_into().map_err(|_| ValueProblem::Kind)?,
                    Value::UInt(number) => (*number).try_into().map_err(|_| ValueProblem::Kind)?,
                    _ => return Err(ValueProblem::Kind),
                })
            };
        }
        match (self, value) {
            (Self::Carried(carried), _) => {
                let text = key_text(value, carried.kind).ok_or(ValueProblem::Kind)?;
                carried.builder.append_value(text);
            }
            (Self::Int8(builder), _) => int!(builder),
            (Self::UInt8(builder), _) => int!(builder),
            (Self::Int16(builder), _) => int!(builder),
            (Self::UInt16(builder), _) => int!(builder),
            (Self::Int32(builder), _) => int!(builder),
            (Self::UInt32(builder), _) => int!(builder),
            (Self::Int64(builder), _) => int!(builder),
            (Self::UInt64(builder), _) => int!(builder),
            (Self::Bit(builder), Value::Bytes(bytes)) => builder.append_value(bits(bytes)?),
            (Self::Float(builder), Value::Float(number)) => builder.append_value(*number),
            (Self::Double(builder), Value::Double(number)) => builder.append_value(*number),
            (Self::Decimal(builder), Value::Bytes(text)) => {
                let number = decimal(text, builder.precision, builder.scale);
                builder
                    .builder
                    .append_value(number.ok_or(ValueProblem::Digits)?);
            }
            (Self::Text(builder), Value::Bytes(text)) => {
                builder.append_value(str::from_utf8(text).map_err(|_| ValueProblem::NotUtf8)?);
            }
            (Self::Bytes(builder), Value::Bytes(bytes)) => builder.append_value(bytes),
            (Self::Date(builder), Value::Date(year, month, day, ..)) => {
                match calendar::days(*year, *month, *day) {
                    Some(days) => builder.append_value(days),
                    None => return Ok(false),
                }
            }
            (Self::Time(builder), Value::Time(negative, days, hours, minutes, seconds, us)) => {
                let hours = u64::from(*days) * 24 + u64::from(*hours);
                match calendar::time_of_day(hours, *minutes, *seconds, *us) {
                    Some(us) if !negative || us == 0 => builder.append_value(us),
                    _ => return Ok(false),
                }
            }
            (Self::Instant(builder), Value::Date(year, month, day, hour, minute, second, us)) => {
                let days = calendar::days(*year, *month, *day);
                let time = calendar::time_of_day(u64::from(*hour), *minute, *second, *us);
                match days.zip(time) {
                    Some((days, time)) => builder.append_value(calendar::instant(days, time)),
                    None => return Ok(false),
                }
            }
            _ => return Err(ValueProblem::Kind),
        }
        Ok(true)
    }
}

impl Decoder {
    /// Of rows with `keys` and then `columns`, in batches of `schema`, of so many rows or 8 MiB.
    pub(super) fn new(
        keys: &[(String, ColumnType)],
        columns: &[ReadColumn],
        schema: SchemaRef,
        batch_rows: usize,
    ) -> Self {
        let keys = keys
            .iter()
            .map(|(name, kind)| (name.clone(), *kind, BinaryViewBuilder::new()));
        let columns = columns.iter().map(|column| Column {
            name: column.name.clone(),
            kind: column.kind,
            values: Values::of(column),
            odd: Odd::of(column),
        });
        Self {
            schema,
            keys: keys.collect(),
            columns: columns.collect(),
            rows: 0,
            bytes: 0,
            batch_rows,
        }
    }

    /// Takes a row; the batch that it fills, if it does.
    pub(super) fn push(&mut self, row: Vec<Value>) -> Result<Option<RecordBatch>, MysqlError> {
        let mut values = row.into_iter();
        for (name, kind, builder) in &mut self.keys {
            let value = values.next().unwrap_or(Value::NULL);
            let text = key_text(&value, *kind).ok_or_else(|| MysqlError::Schema(name.clone()))?;
            self.bytes += text.len();
            builder.append_value(text);
        }
        for column in &mut self.columns {
            let value = values.next().unwrap_or(Value::NULL);
            self.bytes += match &value {
                Value::Bytes(bytes) => bytes.len() + 16,
                _ => 16,
            };
            let is_odd = match &value {
                Value::NULL => {
                    column.values.append_null();
                    false
                }
                value => {
                    let is_there = column.values.append(value);
                    let is_there = is_there.map_err(|problem| MysqlError::Value {
                        column: column.name.clone(),
                        problem,
                    })?;
                    if !is_there {
                        column.values.append_null();
                    }
                    !is_there
                }
            };
            column.odd.append(is_odd.then_some((&value, column.kind)));
        }
        self.rows += 1;
        match self.rows >= self.batch_rows || self.bytes >= BATCH_BYTES {
            true => self.finish(),
            false => Ok(None),
        }
    }

    /// The rows since the last batch, if any.
    pub(super) fn finish(&mut self) -> Result<Option<RecordBatch>, MysqlError> {
        let rows = mem::take(&mut self.rows);
        self.bytes = 0;
        if rows == 0 {
            return Ok(None);
        }
        let keys = self.keys.iter_mut();
        let mut arrays: Vec<ArrayRef> = keys.map(|(.., key)| Arc::new(key.finish()) as _).collect();
        arrays.extend(self.columns.iter_mut().map(|column| column.values.finish()));
        let odd = self.columns.iter_mut();
        arrays.extend(odd.filter_map(|column| column.odd.finish()));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options);
        batch
            .map(Some)
            .map_err(|_: ArrowError| MysqlError::Schema("key".to_owned()))
    }
}

/// The value of `bit(n)`, which travels as bytes.
fn bits(bytes: &[u8]) -> Result<u64, ValueProblem> {
    if bytes.len() > 8 {
        return Err(ValueProblem::Kind);
    }
    let bits = bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    Ok(bits)
}

/// A decimal's digits, times ten to the power of its scale; nothing where it has more of them.
fn decimal(text: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let (whole, fraction) = match digits.iter().position(|byte| *byte == b'.') {
        Some(point) => (&digits[..point], &digits[point + 1..]),
        None => (digits, &[][..]),
    };
    let missing = usize::try_from(scale).ok()?.checked_sub(fraction.len())?;
    let zeros = std::iter::repeat_n(&b'0', missing);
    let mut sum = 0_i128;
    for digit in whole.iter().chain(fraction).chain(zeros) {
        if !digit.is_ascii_digit() {
            return None;
        }
        sum = sum.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let fits = sum < 10_i128.checked_pow(u32::from(precision))?;
    fits.then_some(if negative { -sum } else { sum })
}

/// The value of a key's column as text that the server reads as the same value; hexadecimal for bytes.
fn key_text(value: &Value, kind: ColumnType) -> Option<Vec<u8>> {
    let text = match (value, kind) {
        // Four digits: the text `0` is the year 2000.
        (Value::Int(number), ColumnType::Year) => format!("{number:04}"),
        (Value::UInt(number), ColumnType::Year) => format!("{number:04}"),
        (Value::Int(number), _) => number.to_string(),
        (Value::UInt(number), _) => number.to_string(),
        (Value::Float(number), _) => format!("{:e}", f64::from(*number)),
        (Value::Double(number), _) => format!("{number:e}"),
        (Value::Bytes(bytes), ColumnType::Bit) => bits(bytes).ok()?.to_string(),
        (Value::Bytes(bytes), ColumnType::Bytes) => return Some(hexadecimal(bytes)),
        (Value::Bytes(bytes), _) => return Some(bytes.clone()),
        (Value::Date(year, month, day, ..), ColumnType::Date) => {
            format!("{year:04}-{month:02}-{day:02}")
        }
        (Value::Date(year, month, day, hour, minute, second, us), _) => {
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{us:06}")
        }
        (Value::Time(negative, days, hours, minutes, seconds, us), _) => {
            let sign = if *negative { "-" } else { "" };
            let hours = u64::from(*days) * 24 + u64::from(*hours);
            format!("{sign}{hours:02}:{minutes:02}:{seconds:02}.{us:06}")
        }
        (Value::NULL, _) => return None,
    };
    Some(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        for (text, precision, scale, expected) in [
            ("0.00", 12, 2, Some(0)),
            ("-1.5", 12, 2, Some(-150)),
            (
                "99999999999999999999999999999999999999",
                38,
                0,
                Some(10_i128.pow(38) - 1),
            ),
            ("100", 2, 0, None),
            ("1.234", 12, 2, None),
            ("1e5", 12, 2, None),
        ] {
            assert_eq!(
                decimal(text.as_bytes(), precision, scale),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn texts_of_keys() {
        for (value, kind, expected) in [
            (Value::Int(-5), ColumnType::Double, "-5"),
            (Value::Int(0), ColumnType::Year, "0000"),
            (Value::Bytes(vec![0, 255]), ColumnType::Bytes, "00ff"),
            (Value::Bytes(vec![1, 0]), ColumnType::Bit, "256"),
            (
                Value::Float(0.1),
                ColumnType::Float,
                "1.0000000149011612e-1",
            ),
            (
                Value::Date(0, 0, 0, 0, 0, 0, 0),
                ColumnType::Date,
                "0000-00-00",
            ),
            (
                Value::Time(true, 34, 22, 59, 59, 0),
                ColumnType::Time,
                "-838:59:59.000000",
            ),
        ] {
            let text = key_text(&value, kind).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
        assert_eq!(key_text(&Value::NULL, ColumnType::Date), None);
    }
}
