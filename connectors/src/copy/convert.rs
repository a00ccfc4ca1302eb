//! Values of one type become values of another as they are, or not at all.
//!
//! | Question | Answer |
//! |---|---|
//! | can any value of the one be a value of the other? | [`converts`] |
//! | would some values be rounded, cut off or made up? | [`loses`] |
//! | which are these values, then? | [`convert`], which fails where one would be another |

use arrow::array::{Array, ArrayRef, AsArray, BinaryViewBuilder, StringViewArray};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;

use super::text::{as_text, has_text};

/// What a type has in common with others that differ in width or unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    /// Whole numbers of so many bits, their sign left out.
    Int(u32),
    /// Binary fractions, with so many bits of digits.
    Float(u32),
    Decimal(u8, i8),
    Text,
    Bytes,
    Date,
    Time,
    Instant,
    Other,
}

impl Kind {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Bool,
            DataType::Int8 => Self::Int(7),
            DataType::UInt8 => Self::Int(8),
            DataType::Int16 => Self::Int(15),
            DataType::UInt16 => Self::Int(16),
            DataType::Int32 => Self::Int(31),
            DataType::UInt32 => Self::Int(32),
            DataType::Int64 => Self::Int(63),
            DataType::UInt64 => Self::Int(64),
            DataType::Float16 => Self::Float(11),
            DataType::Float32 => Self::Float(24),
            DataType::Float64 => Self::Float(53),
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale)
            | DataType::Decimal256(precision, scale) => Self::Decimal(*precision, *scale),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Self::Bytes,
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Time32(_) | DataType::Time64(_) => Self::Time,
            DataType::Timestamp(..) => Self::Instant,
            DataType::Dictionary(_, values) => Self::of(values),
            _ => Self::Other,
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Int(_) | Self::Float(_) | Self::Decimal(..))
    }

    /// Decimal digits that a binary fraction keeps of every number.
    fn digits(bits: u32) -> u8 {
        match bits {
            53 => 15,
            24 => 6,
            _ => 3,
        }
    }
}

/// Whether values of type `from` can be values of type `to`; of text, those that spell one.
pub fn converts(from: &DataType, to: &DataType) -> bool {
    match (Kind::of(from), Kind::of(to)) {
        (_, Kind::Text) => has_text(from),
        (Kind::Other, _) | (_, Kind::Other) => from == to,
        (Kind::Text, _) => true,
        (Kind::Bool, Kind::Int(_)) | (Kind::Int(_), Kind::Bool) => true,
        (Kind::Date, Kind::Instant) => true,
        (from, to) => from == to || (from.is_number() && to.is_number()),
    }
}

/// Whether some values of type `from` would become others as values of type `to`: rounded or made up. What
/// its range alone keeps out is told value by value.
pub fn loses(from: &DataType, to: &DataType) -> bool {
    if !converts(from, to) {
        return true;
    }
    match (Kind::of(from), Kind::of(to)) {
        (Kind::Text, Kind::Bytes) => true,
        (Kind::Int(bits), Kind::Float(kept)) => bits > kept,
        (Kind::Float(bits), Kind::Float(kept)) => bits > kept,
        (Kind::Float(_), Kind::Int(_) | Kind::Decimal(..)) => true,
        (Kind::Decimal(_, scale), Kind::Int(_)) => scale > 0,
        (Kind::Decimal(_, scale), Kind::Decimal(_, kept)) => scale > kept,
        (Kind::Decimal(digits, _), Kind::Float(kept)) => digits > Kind::digits(kept),
        _ => false,
    }
}

/// A value that cannot be one of another type as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value is none of the column's type, or would become another")]
pub struct Unfit;

/// The values as values of type `to`; null stays null. Bytes are told by text as `\x` and hexadecimal digits.
///
/// # Errors
/// When a value would be rounded, cut off or out of range, or spells none.
pub fn convert(values: &ArrayRef, to: &DataType) -> Result<ArrayRef, Unfit> {
    let from = values.data_type();
    if from == to {
        return Ok(values.clone());
    }
    if !converts(from, to) {
        return Err(Unfit);
    }
    match (Kind::of(from), Kind::of(to)) {
        (_, Kind::Text) => cast(&as_text(values).map_err(|_| Unfit)?, to),
        (Kind::Text, kind) => {
            let texts = cast(values, &DataType::Utf8View)?;
            of_text(texts.as_string_view(), &texts, kind, to)
        }
        (from, to_kind) => {
            let converted = cast(values, to)?;
            // Of the same width and unit nothing is lost.
            if from == to_kind && from.is_number() && !matches!(from, Kind::Decimal(..)) {
                return Ok(converted);
            }
            is_same(values, &cast(&converted, values.data_type())?)?;
            Ok(converted)
        }
    }
}

fn is_same(values: &ArrayRef, back: &ArrayRef) -> Result<(), Unfit> {
    let same = not_distinct(values, back).map_err(|_| Unfit)?;
    match same.false_count() {
        0 => Ok(()),
        _ => Err(Unfit),
    }
}

fn of_text(
    texts: &StringViewArray,
    values: &ArrayRef,
    kind: Kind,
    to: &DataType,
) -> Result<ArrayRef, Unfit> {
    let all = |fits: &dyn Fn(&str) -> bool| match texts.iter().flatten().all(fits) {
        true => Ok(()),
        false => Err(Unfit),
    };
    match kind {
        Kind::Bytes => return cast(&of_hexadecimal(texts)?, to),
        Kind::Decimal(_, scale) => all(&|text| has_scale(text, scale))?,
        // Arrow's own parsers leave out what they have no room for.
        Kind::Time | Kind::Instant => all(&micros)?,
        Kind::Date => all(&|text| !text.contains(':'))?,
        Kind::Float(_) => all(&|text| !text.trim().is_empty())?,
        _ => {}
    }
    cast(values, to)
}

/// Whether a number has no more than so many digits behind its point, but for zeros.
fn has_scale(text: &str, scale: i8) -> bool {
    let (_, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.trim_end_matches('0').len();
    usize::try_from(scale).is_ok_and(|scale| digits <= scale)
}

/// Whether a time has no more than six digits behind its seconds, but for zeros.
fn micros(text: &str) -> bool {
    let Some((_, fraction)) = text.rsplit_once('.') else {
        return true;
    };
    let end = fraction.find(|c: char| !c.is_ascii_digit());
    let fraction = &fraction[..end.unwrap_or(fraction.len())];
    fraction.trim_end_matches('0').len() <= 6
}

fn of_hexadecimal(texts: &StringViewArray) -> Result<ArrayRef, Unfit> {
    let mut values = BinaryViewBuilder::with_capacity(texts.len());
    for text in texts {
        let Some(text) = text else {
            values.append_null();
            continue;
        };
        let digits = text.strip_prefix("\\x").ok_or(Unfit)?.as_bytes();
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits);
        values.append_value(bytes.map_err(|_| Unfit)?);
    }
    Ok(std::sync::Arc::new(values.finish()))
}

/// Arrow's cast, which fails rather than give null. Its own errors would quote the value.
fn cast(values: &ArrayRef, to: &DataType) -> Result<ArrayRef, Unfit> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(values, to, &options).map_err(|_| Unfit)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
        TimestampNanosecondArray, UInt64Array,
    };
    use arrow::datatypes::TimeUnit;

    use super::*;

    const MICROS: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

    #[test]
    fn types_that_lose() {
        use DataType::*;
        for (from, to, lossy) in [
            (Int64, Int16, false),
            (Int64, Float64, true),
            (Int32, Float64, false),
            (Float32, Float64, false),
            (Float64, Float32, true),
            (Float64, Decimal128(10, 2), true),
            (Decimal128(10, 2), Decimal128(12, 2), false),
            (Decimal128(10, 2), Decimal128(12, 1), true),
            (Decimal128(15, 2), Float64, false),
            (Decimal128(16, 2), Float64, true),
            (Decimal128(10, 0), Int64, false),
            (Date32, MICROS, false),
            (MICROS, Date32, true),
            (MICROS, Utf8View, false),
            (Int32, Date32, true),
            (Boolean, Int8, false),
            (Boolean, Float64, true),
            (Utf8View, BinaryView, true),
            (BinaryView, Utf8View, false),
            (Utf8View, Int32, false),
        ] {
            assert_eq!(loses(&from, &to), lossy, "{from} to {to}");
        }
    }

    #[test]
    fn values_stay_what_they_are() {
        let decimals = |values: Vec<i128>| {
            let array = Decimal128Array::from(values);
            Arc::new(array.with_precision_and_scale(10, 2).unwrap()) as ArrayRef
        };
        let text = |text: &str| Arc::new(StringViewArray::from(vec![Some(text), None])) as ArrayRef;
        for (values, to, fits) in [
            (
                Arc::new(Int64Array::from(vec![Some(127), None])) as ArrayRef,
                DataType::Int8,
                true,
            ),
            (Arc::new(Int64Array::from(vec![128])), DataType::Int8, false),
            (
                Arc::new(UInt64Array::from(vec![u64::MAX])),
                DataType::Int64,
                false,
            ),
            (
                Arc::new(Float64Array::from(vec![0.1, 12.25])),
                DataType::Decimal128(10, 2),
                true,
            ),
            (
                Arc::new(Float64Array::from(vec![0.125])),
                DataType::Decimal128(10, 2),
                false,
            ),
            (
                Arc::new(Float64Array::from(vec![f64::NAN])),
                DataType::Decimal128(10, 2),
                false,
            ),
            (
                Arc::new(Int64Array::from(vec![(1 << 53) + 1])),
                DataType::Float64,
                false,
            ),
            (decimals(vec![150]), DataType::Decimal128(5, 1), true),
            (decimals(vec![155]), DataType::Decimal128(5, 1), false),
            (decimals(vec![100]), DataType::Int32, true),
            (decimals(vec![101]), DataType::Int32, false),
            (
                Arc::new(Int64Array::from(vec![1, 0])),
                DataType::Boolean,
                true,
            ),
            (
                Arc::new(Int64Array::from(vec![2])),
                DataType::Boolean,
                false,
            ),
            (
                Arc::new(BooleanArray::from(vec![true])),
                DataType::Int8,
                true,
            ),
            (
                Arc::new(TimestampNanosecondArray::from(vec![1_000])),
                MICROS,
                true,
            ),
            (
                Arc::new(TimestampNanosecondArray::from(vec![1_001])),
                MICROS,
                false,
            ),
            (Arc::new(Date32Array::from(vec![-1])), MICROS, true),
            (text("007"), DataType::Int32, true),
            (text("1.5"), DataType::Int32, false),
            (text("1.50"), DataType::Decimal128(5, 1), true),
            (text("1.55"), DataType::Decimal128(5, 1), false),
            (text("1e1"), DataType::Decimal128(5, 1), false),
            (text("2020-02-30"), DataType::Date32, false),
            (text("2020-02-29"), DataType::Date32, true),
            (text("2020-02-29T12:00:00"), DataType::Date32, false),
            (text("2020-02-29T12:00:00.000001"), MICROS, true),
            (text("2020-02-29T12:00:00.0000001"), MICROS, false),
            (text("9999-12-31 23:59:59"), MICROS, true),
            (text("\\x00ff"), DataType::BinaryView, true),
            (text("00ff"), DataType::BinaryView, false),
            (text("hunter2"), DataType::Float64, false),
        ] {
            let converted = convert(&values, &to);
            assert_eq!(converted.is_ok(), fits, "{values:?} to {to}");
            if let Ok(converted) = converted {
                assert_eq!(converted.data_type(), &to);
                assert_eq!(converted.null_count(), values.null_count());
            }
        }
    }
}
