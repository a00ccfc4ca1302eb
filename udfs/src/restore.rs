//! Back to the column's own type, at the end of a chain.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, TimeUnit};

use crate::canonical::plain_text;
use crate::error::MaskError;
use crate::mask::TypeFamily;

/// `values` as `wanted`; null stays null.
///
/// # Errors
/// [`MaskError::Unfit`] for the first value that is none of the type (`abc` in an integer column).
pub(crate) fn restore(values: ArrayRef, wanted: &DataType) -> Result<ArrayRef, MaskError> {
    if values.data_type() == wanted {
        return Ok(values);
    }
    let values = match (values.data_type(), wanted) {
        (DataType::Utf8View, _) => values,
        // A number of a text column is written as everywhere else.
        (_, wanted) if TypeFamily::of(wanted) == Some(TypeFamily::Text) => {
            Arc::new(plain_text(&values)?)
        }
        // A moment without a zone is one of UTC; arrow would take it for one of the column's zone.
        (DataType::Timestamp(unit, None), DataType::Timestamp(_, Some(_))) => {
            let zoned = DataType::Timestamp(*unit, Some("UTC".into()));
            let moved = cast(&values, &DataType::Int64).and_then(|units| cast(&units, &zoned));
            moved.map_err(|_| MaskError::Type {
                found: wanted.clone(),
            })?
        }
        // By way of milliseconds: from there arrow looks at the ends of the range, from dates it does not.
        (DataType::Date32 | DataType::Date64, DataType::Timestamp(..)) => {
            let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
            let moved = cast(&values, &DataType::Date64).and_then(|dates| cast(&dates, &millis));
            let moved = moved.map_err(|_| MaskError::Type {
                found: wanted.clone(),
            })?;
            return restore(moved, wanted);
        }
        // Not by way of days or microseconds since 1970.
        (found, wanted) if is_moment(found) != is_moment(wanted) => Arc::new(plain_text(&values)?),
        _ => values,
    };
    // A failed cast must become null here, not an error: arrow's error would quote the value.
    let options = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    let restored = cast_with_options(&values, wanted, &options).map_err(|_| MaskError::Type {
        found: wanted.clone(),
    })?;
    if restored.logical_null_count() > values.logical_null_count() {
        let row = (0..values.len()).find(|&row| restored.is_null(row) && values.is_valid(row));
        return Err(MaskError::Unfit {
            row: row.unwrap_or(0),
            wanted: wanted.clone(),
        });
    }
    Ok(restored)
}

fn is_moment(data_type: &DataType) -> bool {
    use TypeFamily::*;
    matches!(TypeFamily::of(data_type), Some(Date | Timestamp | Time))
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Date32Array, Date64Array, Float64Array, Int64Array, StringArray, StringViewArray,
        TimestampMicrosecondArray, TimestampMillisecondArray,
    };

    use super::*;

    #[test]
    fn a_date_is_no_number_of_days() {
        let dates: ArrayRef = Arc::new(Date32Array::from(vec![None, Some(7)]));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(7)]));
        for (values, wanted) in [(dates, DataType::Int64), (numbers, DataType::Date32)] {
            assert_eq!(
                restore(values, &wanted),
                Err(MaskError::Unfit { row: 1, wanted })
            );
        }
    }

    #[test]
    fn dates_beyond_a_timestamps_range() {
        let wanted = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let days: ArrayRef = Arc::new(Date32Array::from(vec![0, 2_932_896]));
        let millis: ArrayRef = Arc::new(Date64Array::from(vec![0, 253_402_214_400_000]));
        let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![0, i64::MAX]));
        for values in [days, millis, micros] {
            let error = Err(MaskError::Unfit {
                row: 1,
                wanted: wanted.clone(),
            });
            assert_eq!(restore(values, &wanted), error);
        }
    }

    #[test]
    fn other_types_become_text_and_zoned_times() {
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(12.0), None, Some(1e21)]));
        assert_eq!(
            *restore(numbers, &DataType::Utf8).unwrap(),
            StringArray::from(vec![Some("12"), None, Some("1000000000000000000000")])
        );
        let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![12.0]));
        let coded = restore(numbers, &coded).unwrap();
        assert_eq!(plain_text(&coded).unwrap().value(0), "12");
        let moments: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![5_000]));
        let zoned = DataType::Timestamp(TimeUnit::Millisecond, Some("Asia/Tokyo".into()));
        assert_eq!(
            *restore(moments, &zoned).unwrap(),
            TimestampMillisecondArray::from(vec![5]).with_timezone("Asia/Tokyo")
        );
    }

    #[test]
    fn text_becomes_the_columns_type_or_an_error_without_the_value() {
        use DataType::*;
        for (text, wanted, fits) in [
            ("42", Int64, true),
            ("-7", Int8, true),
            ("300", UInt8, false),
            ("secret", Int64, false),
            ("1.25", Decimal128(10, 2), true),
            ("2024-02-29", Date32, true),
            ("2024-02-30", Date32, false),
            ("true", Boolean, true),
            ("anything", LargeUtf8, true),
        ] {
            let values: ArrayRef = Arc::new(StringViewArray::from(vec![None, Some(text)]));
            match restore(values, &wanted) {
                Ok(restored) => assert!(fits && restored.data_type() == &wanted, "{text}"),
                Err(error) => {
                    assert!(!fits, "{text}: {error}");
                    assert!(!error.to_string().contains(text));
                    assert_eq!(error, MaskError::Unfit { row: 1, wanted });
                }
            }
        }
    }
}
