//! Dates and moments of every column type as a day and a time of day, so that masks compute alike.
//!
//! - Columns: dates, timestamps, text. A timestamp counts in UTC where its column has a zone, a text
//!   as it is written, see [`crate::date_form`].

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveBuilder, StringViewArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimeUnit};

use crate::calendar::DAY;
use crate::canonical::plain_text;
use crate::date_form::{DateForm, Wrong};
use crate::mask::{MaskError, OnInvalid};
use crate::texts::Texts;

/// A day, and where it has one a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Counted from 1970-01-01.
    pub(crate) day: i64,
    /// Of the day; 0 without a time.
    pub(crate) second: u32,
    /// Of the second.
    pub(crate) nanos: u32,
    /// Whether there is a time of day.
    pub(crate) timed: bool,
}

/// A mask of moments with what it shares with the others.
#[derive(Debug)]
pub(crate) struct Moments {
    /// How text is written.
    pub(crate) form: DateForm,
    /// For a text that is no date, and for a date the mask cannot work on.
    pub(crate) on_invalid: OnInvalid,
    /// What a date has to be for the mask to work on it.
    pub(crate) expected: &'static str,
}

impl Moments {
    /// Each value of `values` as `mask` gives it back, in the same type and form; null stays null.
    /// What `mask` knows no answer to, or answers beyond what the type can say, is invalid.
    ///
    /// # Errors
    /// For an invalid value where `on_invalid` says so.
    pub(crate) fn each(
        &self,
        values: &ArrayRef,
        mask: &impl Fn(usize, Moment) -> Option<Moment>,
    ) -> Result<ArrayRef, MaskError> {
        match values.data_type() {
            DataType::Date32 | DataType::Date64 => self.dates(values, mask),
            DataType::Timestamp(unit, _) => self.timestamps(values, *unit, mask),
            _ => Ok(Arc::new(self.texts(&plain_text(values)?, mask)?)),
        }
    }

    fn dates(
        &self,
        values: &ArrayRef,
        mask: &impl Fn(usize, Moment) -> Option<Moment>,
    ) -> Result<ArrayRef, MaskError> {
        let unfit = |_| MaskError::Type {
            found: values.data_type().clone(),
        };
        let days = cast(values, &DataType::Date32).map_err(unfit)?;
        let masked = self.numbers::<Date32Type>(&days, |row, day| {
            let moment = Moment {
                day: day.into(),
                second: 0,
                nanos: 0,
                timed: false,
            };
            mask(row, moment)?.day.try_into().ok()
        })?;
        cast(&masked, values.data_type()).map_err(unfit)
    }

    fn timestamps(
        &self,
        values: &ArrayRef,
        unit: TimeUnit,
        mask: &impl Fn(usize, Moment) -> Option<Moment>,
    ) -> Result<ArrayRef, MaskError> {
        let unfit = |_| MaskError::Type {
            found: values.data_type().clone(),
        };
        let units = units_of(unit);
        let nanos_of_unit = 1_000_000_000 / units;
        let instants = cast(values, &DataType::Int64).map_err(unfit)?;
        let masked = self.numbers::<Int64Type>(&instants, |row, instant| {
            let second = instant.div_euclid(units);
            let moment = Moment {
                day: second.div_euclid(DAY),
                second: second.rem_euclid(DAY) as u32,
                nanos: (instant.rem_euclid(units) * nanos_of_unit) as u32,
                timed: true,
            };
            let moment = mask(row, moment)?;
            let second = i128::from(moment.day) * i128::from(DAY) + i128::from(moment.second);
            let fraction = i64::from(moment.nanos) / nanos_of_unit;
            i64::try_from(second * i128::from(units) + i128::from(fraction)).ok()
        })?;
        cast(&masked, values.data_type()).map_err(unfit)
    }

    fn numbers<T: ArrowPrimitiveType>(
        &self,
        values: &ArrayRef,
        mask: impl Fn(usize, T::Native) -> Option<T::Native>,
    ) -> Result<ArrayRef, MaskError> {
        let values = values.as_primitive::<T>();
        let mut masked = PrimitiveBuilder::<T>::with_capacity(values.len());
        for row in 0..values.len() {
            if values.is_null(row) {
                masked.append_null();
                continue;
            }
            match mask(row, values.value(row)) {
                Some(value) => masked.append_value(value),
                None => masked.append_option(self.on_invalid.at(row, self.expected)?),
            }
        }
        Ok(Arc::new(masked.finish()))
    }

    fn texts(
        &self,
        values: &StringViewArray,
        mask: &impl Fn(usize, Moment) -> Option<Moment>,
    ) -> Result<StringViewArray, MaskError> {
        let mut masked = Texts::with_capacity(values.len());
        for (row, value) in values.iter().enumerate() {
            let Some(value) = value else {
                masked.null();
                continue;
            };
            let written = self
                .form
                .rewrite(value, masked.bytes(), |moment| mask(row, moment));
            let expected = match written {
                Ok(()) => {
                    masked.end();
                    continue;
                }
                Err(Wrong::Value) => self.form.expected(),
                Err(Wrong::Result) => self.expected,
            };
            self.on_invalid.at::<()>(row, expected)?;
            masked.null();
        }
        masked.finish()
    }
}

/// How many units a second has.
pub(crate) fn units_of(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// The day of the week, from 0 for Monday.
pub(crate) fn weekday_of(day: i64) -> u32 {
    // 1970-01-01 was a Thursday.
    (day + 3).rem_euclid(7) as u32
}

#[cfg(test)]
mod tests {
    use arrow::array::*;
    use chrono::{Datelike, NaiveDate};

    use super::*;

    /// What cannot be said becomes null, at the ends of every type.
    #[test]
    fn a_day_more_and_a_day_less() {
        let columns: [(ArrayRef, ArrayRef, ArrayRef); 4] = [
            (
                Arc::new(Date32Array::from(vec![i32::MIN, i32::MAX])),
                Arc::new(Date32Array::from(vec![Some(i32::MIN + 1), None])),
                Arc::new(Date32Array::from(vec![None, Some(i32::MAX - 1)])),
            ),
            (
                Arc::new(Date64Array::from(vec![Some(0), None])),
                Arc::new(Date64Array::from(vec![Some(86_400_000), None])),
                Arc::new(Date64Array::from(vec![Some(-86_400_000), None])),
            ),
            (
                Arc::new(TimestampSecondArray::from(vec![i64::MIN, i64::MAX])),
                Arc::new(TimestampSecondArray::from(vec![Some(i64::MIN + DAY), None])),
                Arc::new(TimestampSecondArray::from(vec![None, Some(i64::MAX - DAY)])),
            ),
            (
                Arc::new(TimestampMicrosecondArray::from(vec![-1, i64::MAX])),
                Arc::new(TimestampMicrosecondArray::from(vec![
                    Some(DAY * 1_000_000 - 1),
                    None,
                ])),
                Arc::new(TimestampMicrosecondArray::from(vec![
                    -DAY * 1_000_000 - 1,
                    i64::MAX - DAY * 1_000_000,
                ])),
            ),
        ];
        let moments = Moments {
            form: DateForm::Iso,
            on_invalid: OnInvalid::Suppress,
            expected: "",
        };
        for (values, more, less) in columns {
            for (days, expected) in [(1, more), (-1, less)] {
                let moved = moments.each(&values, &|_, moment| {
                    let day = moment.day + days;
                    Some(Moment { day, ..moment })
                });
                assert_eq!(&moved.unwrap(), &expected, "{values:?} {days}");
            }
        }
    }

    #[test]
    fn weekdays() {
        for day in (-800_000..800_000).step_by(7).chain(-800..800) {
            let date = NaiveDate::from_epoch_days(day as i32).unwrap();
            assert_eq!(weekday_of(day), date.weekday().num_days_from_monday());
        }
    }
}
