//! Canonical text: the one spelling of a value that draws are taken from.
//!
//! Text in Unicode NFC; numbers without plus sign or needless zeros; booleans `true` and `false`;
//! dates and times in ISO 8601, in UTC with `Z` where the type has a zone, fractions without trailing
//! zeros; binary in lower-case hexadecimal. There is no type tag, so the customer id `42` is the same
//! from an int64, a decimal(12, 2), a CSV field and a database.
//!
//! Text is never read as a number: a CSV field `042` or `42.00` is not `42`.

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Date64Type, Int64Type, TimeUnit};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::calendar::{DAY, push_date, push_time};
use crate::error::MaskError;
use crate::texts::Texts;

/// Each value of `array` in canonical text; null stays null.
///
/// # Errors
/// For a type that has no canonical text (nested types, intervals).
pub fn canonical_text(array: &ArrayRef) -> Result<StringViewArray, MaskError> {
    let text = plain_text(array)?;
    // Whole blocks are looked at many times faster than one value after the other, unless they hold much
    // that is not of this array.
    let blocks = text.data_buffers().iter();
    let held: usize = blocks.clone().map(|block| block.len()).sum();
    let long_is_ascii =
        held <= MOST_OF_A_ROW * text.len() && blocks.clone().all(|block| block.is_ascii());
    // A view holds a value of up to twelve bytes itself, in its upper three quarters.
    let short = |view: &u128| match *view as u32 <= 12 {
        true => *view >> 32,
        false => 0,
    };
    let bits = text.views().iter().fold(0, |bits, view| bits | short(view));
    let is_canonical = |value: Option<&str>| value.is_none_or(is_canonical);
    if (long_is_ascii && bits & HIGH_BITS == 0) || text.iter().all(is_canonical) {
        return Ok(text);
    }
    Ok(text
        .iter()
        .map(|value| value.map(|value| value.nfc().collect::<String>()))
        .collect())
}

/// Bytes of blocks that are worth looking at for each row.
const MOST_OF_A_ROW: usize = 256;

/// The bit of each byte that no ASCII character has.
const HIGH_BITS: u128 = u128::from_ne_bytes([0x80; 16]);

fn is_canonical(value: &str) -> bool {
    value.is_ascii() || is_nfc_quick(value.chars()) == IsNormalized::Yes
}

/// Each value of `array` as text a person would write, not normalised; null stays null.
///
/// # Errors
/// For nested types and intervals.
pub(crate) fn plain_text(array: &ArrayRef) -> Result<StringViewArray, MaskError> {
    use DataType::*;
    let unfit = || MaskError::Type {
        found: array.data_type().clone(),
    };
    match array.data_type() {
        Utf8View => Ok(array.as_string_view().clone()),
        Utf8 | LargeUtf8 | Boolean | Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32
        | UInt64 | Null => as_view(array),
        Date32 => {
            let days = array.as_primitive::<Date32Type>();
            spell(days.iter().map(|day| day.map(i64::from)), push_date)
        }
        Date64 => {
            let instants = array.as_primitive::<Date64Type>();
            let days = instants
                .iter()
                .map(|at| at.map(|at| at.div_euclid(1000 * DAY)));
            spell(days, push_date)
        }
        Dictionary(_, values) => plain_text(&cast(array, values).map_err(|_| unfit())?),
        Float16 | Float32 | Float64 => as_view_with(array, shortest_float),
        Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => {
            as_view_with(array, |text| trim_fraction(text).to_owned())
        }
        Time32(_) | Time64(_) => as_view_with(array, |text| trim_fraction(text).to_owned()),
        Timestamp(unit, zone) => timestamps(array, *unit, zone.is_some()),
        Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => {
            let bytes = cast(array, &BinaryView).map_err(|_| unfit())?;
            Ok(bytes
                .as_binary_view()
                .iter()
                .map(|value| value.map(|value| data_encoding::HEXLOWER.encode(value)))
                .collect())
        }
        _ => Err(unfit()),
    }
}

fn as_view(array: &ArrayRef) -> Result<StringViewArray, MaskError> {
    let text = cast(array, &DataType::Utf8View).map_err(|_| MaskError::Type {
        found: array.data_type().clone(),
    })?;
    Ok(text.as_string_view().clone())
}

fn as_view_with(
    array: &ArrayRef,
    spell: impl Fn(&str) -> String,
) -> Result<StringViewArray, MaskError> {
    Ok(as_view(array)?
        .iter()
        .map(|value| value.map(&spell))
        .collect())
}

/// `12.50` → `12.5`, `3.00` → `3`, `-0.0` → `0`; other text as it is.
fn trim_fraction(text: &str) -> &str {
    let trimmed = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    };
    if trimmed == "-0" { "0" } else { trimmed }
}

/// The shortest decimal digits that read back as the same number, without an exponent.
fn shortest_float(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(0.0) => "0".to_owned(),
        Ok(value) => trim_fraction(&value.to_string()).to_owned(),
        Err(_) => text.to_owned(),
    }
}

fn timestamps(array: &ArrayRef, unit: TimeUnit, zoned: bool) -> Result<StringViewArray, MaskError> {
    let (units, digits) = match unit {
        TimeUnit::Second => (1, 0),
        TimeUnit::Millisecond => (1_000, 3),
        TimeUnit::Microsecond => (1_000_000, 6),
        TimeUnit::Nanosecond => (1_000_000_000, 9),
    };
    let instants = cast(array, &DataType::Int64).map_err(|_| MaskError::Type {
        found: array.data_type().clone(),
    })?;
    let instants = instants.as_primitive::<Int64Type>();
    spell(instants.iter(), |text, instant| {
        let second = instant.div_euclid(units);
        push_date(text, second.div_euclid(DAY));
        text.push(b'T');
        push_time(text, second.rem_euclid(DAY) as u32);
        let fraction = instant.rem_euclid(units);
        if fraction != 0 {
            let fraction = format!(".{fraction:0digits$}");
            text.extend_from_slice(fraction.trim_end_matches('0').as_bytes());
        }
        if zoned {
            text.push(b'Z');
        }
    })
}

/// Each value as `push` writes it.
fn spell(
    values: impl ExactSizeIterator<Item = Option<i64>>,
    push: impl Fn(&mut Vec<u8>, i64),
) -> Result<StringViewArray, MaskError> {
    let mut spelled = Texts::with_capacity(values.len());
    for value in values {
        match value {
            Some(value) => {
                push(spelled.bytes(), value);
                spelled.end();
            }
            None => spelled.null(),
        }
    }
    spelled.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;

    use super::*;

    #[test]
    fn one_spelling_for_one_value() {
        let zoned = TimestampMillisecondArray::from(vec![1_500]).with_timezone("+02:00");
        let cases: Vec<(ArrayRef, &str)> = vec![
            (Arc::new(StringArray::from(vec!["42"])), "42"),
            (Arc::new(Int64Array::from(vec![42])), "42"),
            (Arc::new(UInt8Array::from(vec![42])), "42"),
            (Arc::new(Float64Array::from(vec![42.0])), "42"),
            (Arc::new(Float64Array::from(vec![-0.0])), "0"),
            (
                Arc::new(Float64Array::from(vec![1e21])),
                "1000000000000000000000",
            ),
            (Arc::new(Float32Array::from(vec![0.1])), "0.1"),
            (Arc::new(decimal(4200, 12, 2)), "42"),
            (Arc::new(decimal(4250, 12, 2)), "42.5"),
            (Arc::new(decimal(-5, 12, 2)), "-0.05"),
            (Arc::new(decimal(4200, 12, 0)), "4200"),
            (Arc::new(BooleanArray::from(vec![true])), "true"),
            (Arc::new(Date32Array::from(vec![0])), "1970-01-01"),
            (
                Arc::new(TimestampSecondArray::from(vec![-1])),
                "1969-12-31T23:59:59",
            ),
            (Arc::new(Date32Array::from(vec![-719_529])), "-0001-12-31"),
            (Arc::new(Date32Array::from(vec![2_932_896])), "9999-12-31"),
            (Arc::new(Date32Array::from(vec![2_932_897])), "+10000-01-01"),
            (Arc::new(Date64Array::from(vec![-1])), "1969-12-31"),
            (
                Arc::new(TimestampSecondArray::from(vec![i64::MAX])),
                "+292277026596-12-04T15:30:07",
            ),
            (
                Arc::new(TimestampNanosecondArray::from(vec![1_500_000_000])),
                "1970-01-01T00:00:01.5",
            ),
            (
                Arc::new(TimestampNanosecondArray::from(vec![-999_999_999])),
                "1969-12-31T23:59:59.000000001",
            ),
            (
                Arc::new(TimestampMillisecondArray::from(vec![253_402_300_800_100])),
                "+10000-01-01T00:00:00.1",
            ),
            (Arc::new(zoned), "1970-01-01T00:00:01.5Z"),
            (Arc::new(StringArray::from(vec!["Zoe\u{308}"])), "Zo\u{eb}"),
            (Arc::new(BinaryArray::from(vec![&[0u8, 255][..]])), "00ff"),
        ];
        for (array, expected) in cases {
            assert_eq!(
                canonical_text(&array).unwrap().value(0),
                expected,
                "{:?}",
                array.data_type()
            );
        }
    }

    #[test]
    fn null_stays_null() {
        let array: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(1)]));
        assert!(canonical_text(&array).unwrap().is_null(0));
    }

    fn decimal(value: i128, precision: u8, scale: i8) -> Decimal128Array {
        Decimal128Array::from(vec![value])
            .with_precision_and_scale(precision, scale)
            .unwrap()
    }
}
