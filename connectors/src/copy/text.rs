//! Values as text that databases read: what goes into CSV, and into columns of another type.
//!
//! Dates and times are ISO 8601, numbers have no grouping, booleans are `true` and `false`, and bytes
//! are hexadecimal behind `\x`, as PostgreSQL writes them.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int8Array, RecordBatch, StringArray, StringViewArray,
    StringViewBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int8Type};
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use crate::database::DatabaseError;
use crate::database::special::{Special, special_column, spelled_column};

/// Whether values of this type can be written as text.
pub fn has_text(data_type: &DataType) -> bool {
    !data_type.is_nested() && !matches!(data_type, DataType::Null | DataType::Interval(_))
}

/// The values as `Utf8View`; null stays null.
///
/// # Errors
/// For types without a text, and for times that no calendar has; no value is in the error.
pub fn as_text(values: &ArrayRef) -> Result<ArrayRef> {
    match values.data_type() {
        DataType::Utf8View => Ok(Arc::clone(values)),
        DataType::Null => Ok(arrow::array::new_null_array(
            &DataType::Utf8View,
            values.len(),
        )),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::FixedSizeBinary(_)
        | DataType::BinaryView => {
            let bytes = cast(values, &DataType::BinaryView).map_err(|_| no_text())?;
            Ok(hexadecimal(bytes.as_ref()))
        }
        data_type if has_text(data_type) => {
            // The cast's own error would quote the value.
            let texts = cast(values, &DataType::Utf8).map_err(|_| no_text())?;
            match data_type {
                DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
                    Ok(with_eras(texts.as_string::<i32>()))
                }
                _ => cast(&texts, &DataType::Utf8View).map_err(|_| no_text()),
            }
        }
        _ => Err(no_text()),
    }
}

/// What nulls of the column `name` of `batch` stand for that have no form in Arrow, as databases spell it; null
/// where they stand for nothing. None where there are no such values.
pub fn unformed(batch: &RecordBatch, name: &str) -> Option<StringViewArray> {
    let values = batch.column_by_name(name)?;
    let marks = batch.column_by_name(&special_column(name));
    let spelled = batch.column_by_name(&spelled_column(name));
    let marks = marks.and_then(|marks| marks.as_primitive_opt::<Int8Type>());
    let spelled = spelled.and_then(|spelled| spelled.as_string_view_opt());
    if marks.is_none() && spelled.is_none() {
        return None;
    }
    let texts = (0..values.len()).map(|row| {
        if values.is_valid(row) {
            return None;
        }
        let text = spelled.filter(|texts| texts.is_valid(row));
        let text = text.map(|texts| texts.value(row));
        text.or_else(|| special(marks?, row))
    });
    let texts: StringViewArray = texts.collect();
    (texts.null_count() < texts.len()).then_some(texts)
}

/// `texts`, where a null that `unformed` spells is that text.
pub fn with_unformed(texts: &ArrayRef, unformed: Option<&StringViewArray>) -> ArrayRef {
    let Some(unformed) = unformed else {
        return Arc::clone(texts);
    };
    let texts = texts.as_string_view().iter().zip(unformed);
    let filled: StringViewArray = texts.map(|(text, unformed)| text.or(unformed)).collect();
    Arc::new(filled)
}

/// The value without a form in Arrow that `marks` have at `row`, as databases spell it.
fn special(marks: &Int8Array, row: usize) -> Option<&'static str> {
    let mark = marks.is_valid(row).then(|| marks.value(row))?;
    Some(match Special::of_code(mark)? {
        Special::NegativeInfinity => "-infinity",
        Special::Infinity => "infinity",
        Special::NotANumber => "NaN",
    })
}

/// Dates whose years are no four digits, as SQL has them: `-0043-03-15` is 44 years before the era, and
/// `+10000-01-01` needs no sign.
fn with_eras(texts: &StringArray) -> ArrayRef {
    let mut written = StringViewBuilder::with_capacity(texts.len());
    for text in texts {
        let signed = text.filter(|text| text.starts_with(['-', '+']) || text.starts_with("0000-"));
        let Some(signed) = signed else {
            written.append_option(text);
            continue;
        };
        let number = signed.trim_start_matches(['-', '+']);
        let (year, rest) = number.split_once('-').unwrap_or((number, ""));
        match (signed.starts_with('+'), year.parse::<u32>()) {
            // There is no year zero: it is the first before the era.
            (false, Ok(year)) => written.append_value(format!("{:04}-{rest} BC", year + 1)),
            _ => written.append_value(number),
        }
    }
    Arc::new(written.finish())
}

fn hexadecimal(values: &dyn Array) -> ArrayRef {
    let mut texts = StringViewBuilder::with_capacity(values.len());
    let mut text = String::new();
    for value in values.as_binary_view() {
        let Some(bytes) = value else {
            texts.append_null();
            continue;
        };
        text.clear();
        text.push_str("\\x");
        for byte in bytes {
            let written = write!(text, "{byte:02x}");
            debug_assert!(written.is_ok(), "writing to memory does not fail");
        }
        texts.append_value(&text);
    }
    Arc::new(texts.finish())
}

fn no_text() -> DataFusionError {
    DatabaseError::new("a value cannot be written as text").into()
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, ListArray,
        TimestampMicrosecondArray,
    };
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn texts_of_values() {
        let of = |values: ArrayRef| -> Vec<Option<String>> {
            let texts = as_text(&values).unwrap();
            let texts = texts.as_string_view();
            texts.iter().map(|text| text.map(str::to_owned)).collect()
        };
        let some = |text: &str| vec![Some(text.to_owned()), None];
        assert_eq!(
            of(Arc::new(BooleanArray::from(vec![Some(true), None]))),
            some("true")
        );
        assert_eq!(
            of(Arc::new(Date32Array::from(vec![Some(-1), None]))),
            some("1969-12-31")
        );
        for (days, text) in [
            (-719_528, "0001-01-01 BC"),
            (-735_160, "0044-03-15 BC"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "10000-01-01"),
        ] {
            let dates = Date32Array::from(vec![Some(days), None]);
            assert_eq!(of(Arc::new(dates)), some(text));
        }
        let decimals = Decimal128Array::from(vec![Some(-1050), None]);
        let decimals = decimals.with_precision_and_scale(10, 2).unwrap();
        assert_eq!(of(Arc::new(decimals)), some("-10.50"));
        let times = TimestampMicrosecondArray::from(vec![Some(1), None]).with_timezone("UTC");
        assert_eq!(of(Arc::new(times)), some("1970-01-01T00:00:00.000001Z"));
        assert_eq!(
            of(Arc::new(BinaryArray::from(vec![
                Some(&b"\0\xff"[..]),
                None
            ]))),
            some("\\x00ff")
        );
        assert_eq!(
            of(Arc::new(Float64Array::from(vec![Some(0.1), None]))),
            some("0.1")
        );
    }

    #[test]
    fn what_has_no_text_is_refused_without_its_value() {
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(4711)])]);
        let far = TimestampMicrosecondArray::from(vec![i64::MAX]);
        for values in [Arc::new(lists) as ArrayRef, Arc::new(far)] {
            let error = as_text(&values).unwrap_err().to_string();
            assert!(error.contains("cannot be written as text"), "{error}");
            assert!(
                !error.contains("4711") && !error.contains("9223"),
                "{error}"
            );
        }
    }
}
