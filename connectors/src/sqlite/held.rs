//! What arrives from elsewhere becomes values that a column of SQLite holds.
//!
//! | Arrives | In a text column | In any other |
//! |---|---|---|
//! | whole numbers, booleans | their text | integers |
//! | binary fractions | their shortest text | reals |
//! | decimals | their text | numbers, where the column keeps all their digits; else text |
//! | dates and times | ISO 8601, with a space between both | the same |
//! | text | text | text, or the number it spells |
//! | bytes | blobs | blobs |
//!
//! SQLite makes numbers of texts where a column's type asks for them, and would round without a word: a number of
//! more digits than it keeps is refused.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, Float64Array, Int8Array, Int64Array, RecordBatch,
    StringViewArray,
};
use arrow::datatypes::{DataType, Float64Type, Int8Type, Int64Type};
use rusqlite::types::{Null, ToSqlOutput, Value, ValueRef};

use super::address;
use super::catalogue::Column;
use super::encode::classed;
use super::error::SqliteError;
use super::lane::{Affinity, Class, EXACT, class_column};
use crate::copy::convert::{convert, converts, loses};
use crate::copy::text::{as_text, has_text, unformed, with_unformed};
use crate::database::Arriving;

/// A column that is filled.
#[derive(Debug, Clone)]
pub(super) struct HeldColumn {
    name: String,
    affinity: Affinity,
    required: bool,
    carried: bool,
}

/// Its values in a batch.
pub(super) struct HeldValues<'a> {
    column: &'a HeldColumn,
    values: Values,
}

enum Values {
    Integer(Int64Array),
    Real(Float64Array),
    Text(StringViewArray, Option<Int8Array>),
    Blob(BinaryViewArray),
    Carried(BinaryViewArray),
}

const UNFIT: &str = "a value is none that the column holds, or would become another";
const MISSING: &str = "a value is null where the table takes none";

impl HeldColumn {
    /// The column of a table; `carried` values come with their classes.
    pub(super) fn new(column: &Column, carried: bool) -> Self {
        Self {
            name: column.name.clone(),
            affinity: column.affinity,
            required: column.required,
            carried,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn refused(&self, problem: &'static str) -> SqliteError {
        SqliteError::Value {
            column: self.name.clone(),
            problem,
        }
    }

    /// Its values in `batch`.
    ///
    /// # Errors
    /// When the batch has no such column, or one that no column holds.
    pub(super) fn values<'a>(&'a self, batch: &RecordBatch) -> Result<HeldValues<'a>, SqliteError> {
        let arriving = batch.column_by_name(&self.name);
        let arriving = arriving.ok_or(SqliteError::Altered)?;
        let converted = |to: &DataType| convert(arriving, to).map_err(|_| self.refused(UNFIT));
        let values = match arriving.data_type() {
            _ if self.carried => {
                Values::Carried(converted(&DataType::BinaryView)?.as_binary_view().clone())
            }
            DataType::Binary
            | DataType::LargeBinary
            | DataType::FixedSizeBinary(_)
            | DataType::BinaryView => {
                Values::Blob(converted(&DataType::BinaryView)?.as_binary_view().clone())
            }
            data_type if self.affinity == Affinity::Text => {
                self.texts(batch, arriving, data_type)?
            }
            data_type if data_type.is_integer() || *data_type == DataType::Boolean => {
                Values::Integer(
                    converted(&DataType::Int64)?
                        .as_primitive::<Int64Type>()
                        .clone(),
                )
            }
            data_type if data_type.is_floating() => Values::Real(
                converted(&DataType::Float64)?
                    .as_primitive::<Float64Type>()
                    .clone(),
            ),
            data_type => self.texts(batch, arriving, data_type)?,
        };
        Ok(HeldValues {
            column: self,
            values,
        })
    }

    fn texts(
        &self,
        batch: &RecordBatch,
        arriving: &ArrayRef,
        data_type: &DataType,
    ) -> Result<Values, SqliteError> {
        let texts = as_text(arriving).map_err(|_| self.refused(UNFIT))?;
        let texts = match data_type {
            DataType::Timestamp(..) => {
                let texts = texts.as_string_view().iter();
                let spaced: StringViewArray = texts
                    .map(|text| text.map(|text| text.replacen('T', " ", 1)))
                    .collect();
                std::sync::Arc::new(spaced)
            }
            _ => texts,
        };
        let texts = with_unformed(&texts, unformed(batch, &self.name).as_ref());
        let classes = batch.column_by_name(&class_column(&self.name));
        let classes = classes.and_then(|classes| classes.as_primitive_opt::<Int8Type>());
        Ok(Values::Text(
            texts.as_string_view().clone(),
            classes.cloned(),
        ))
    }
}

impl HeldValues<'_> {
    /// The value at `row`.
    ///
    /// # Errors
    /// When SQLite would store another one.
    pub(super) fn at(&self, row: usize) -> Result<ToSqlOutput<'_>, SqliteError> {
        let affinity = self.column.affinity;
        let array: &dyn Array = match &self.values {
            Values::Integer(values) => values,
            Values::Real(values) => values,
            Values::Text(values, _) => values,
            Values::Blob(values) | Values::Carried(values) => values,
        };
        if array.is_null(row) {
            return match self.column.required {
                true => Err(self.column.refused(MISSING)),
                false => Ok(ToSqlOutput::from(Null)),
            };
        }
        let unfit = || self.column.refused(UNFIT);
        Ok(match &self.values {
            Values::Integer(values) => {
                let number = values.value(row);
                if affinity == Affinity::Real && number.unsigned_abs() > EXACT {
                    return Err(unfit());
                }
                ToSqlOutput::Owned(Value::Integer(number))
            }
            Values::Real(values) => {
                let number = values.value(row);
                if number.is_nan() {
                    return Err(unfit());
                }
                ToSqlOutput::Owned(Value::Real(number))
            }
            Values::Blob(values) => ToSqlOutput::Borrowed(ValueRef::Blob(values.value(row))),
            Values::Carried(values) => {
                let value = address::one(values.value(row))?;
                if value == ValueRef::Null && self.column.required {
                    return Err(self.column.refused(MISSING));
                }
                ToSqlOutput::Borrowed(value)
            }
            Values::Text(values, classes) => {
                let text = values.value(row);
                let class = classes.as_ref().filter(|classes| classes.is_valid(row));
                let class = class.and_then(|classes| Class::of_code(classes.value(row)));
                let is_numeric = !matches!(affinity, Affinity::Text | Affinity::None);
                if is_numeric && class != Some(Class::Blob) && !keeps(text) {
                    return Err(unfit());
                }
                classed(text, class)
            }
        })
    }
}

/// Whether `column` takes what arrives as it is. Single numbers may still have too many digits for it.
pub(super) fn takes(column: &Column, arriving: &Arriving) -> bool {
    let from = &arriving.data_type;
    let is_bytes = matches!(
        from,
        DataType::Binary
            | DataType::LargeBinary
            | DataType::FixedSizeBinary(_)
            | DataType::BinaryView
    );
    let is_whole = converts(from, &DataType::Int64) && !loses(from, &DataType::Int64);
    let is_real = converts(from, &DataType::Float64) && !loses(from, &DataType::Float64);
    let declared = column.type_name.to_ascii_uppercase();
    match (column.strict, column.affinity) {
        _ if !has_text(from) => false,
        (true, _) if declared == "BLOB" => is_bytes,
        (true, Affinity::Text) => !is_bytes,
        (true, Affinity::Integer | Affinity::Real) if arriving.is_loose => true,
        (true, Affinity::Integer) => is_whole,
        (true, Affinity::Real) => is_real,
        _ if arriving.is_loose => true,
        (false, Affinity::Real) => is_real || !from.is_numeric(),
        (false, Affinity::Integer | Affinity::Numeric) => is_whole || !from.is_decimal() || is_real,
        _ => true,
    }
}

/// Whether a numeric column keeps all digits of a text, where it is a number.
fn keeps(text: &str) -> bool {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let is_part =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    if text.is_empty() || !text.bytes().all(is_part) || text.parse::<i64>().is_ok() {
        return true;
    }
    match text.parse::<f64>() {
        Ok(number) => digits(text) == digits(&number.to_string()),
        Err(_) => true,
    }
}

/// The digits of a number without the zeros at both ends, and the place of the point behind the first.
fn digits(text: &str) -> (String, i64) {
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let number = number.trim_start_matches(['+', '-']);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let all = format!("{whole}{fraction}");
    let zeros = all.len() - all.trim_start_matches('0').len();
    let place = whole.len() as i64 - zeros as i64 + exponent.parse::<i64>().unwrap_or(0);
    let all = all.trim_matches('0').to_owned();
    let place = if all.is_empty() { 0 } else { place };
    (all, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_a_column_keeps() {
        for (text, kept) in [
            ("12.50", true),
            ("-0.1", true),
            ("1e3", true),
            ("0.00", true),
            ("9223372036854775807", true),
            ("9223372036854775808", false),
            ("9223372036854775809", false),
            ("1234567890123456789012.5", false),
            ("0.12345678901234567", false),
            ("100000000000000000000", true),
            ("2020-01-01", true),
            ("1.2.3", true),
            ("a name", true),
            ("", true),
        ] {
            assert_eq!(keeps(text), kept, "{text}");
        }
    }
}
