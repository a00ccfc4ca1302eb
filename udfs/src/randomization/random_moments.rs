//! Random dates and times: their bounds as a ruleset writes them, and how they become a column's values.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use crate::calendar::{DAY, push_short_date, push_time};
use crate::error::{BindError, MaskError};
use crate::length::Lengths;
use crate::mask::TypeFamily;
use crate::strftime::Format;
use crate::texts::Texts;

/// How seconds since 1970 become values of a column.
#[derive(Debug)]
pub(super) struct Moments {
    column: DataType,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// ISO 8601, a date only.
    Date,
    /// ISO 8601.
    DateTime,
    Format(Format),
}

impl Moments {
    /// For a column of dates, timestamps or text; `timed` says whether text without a format of its
    /// own gets a time.
    ///
    /// # Errors
    /// When the format is wrong, or the column holds no text.
    pub(super) fn of(
        column: &DataType,
        date_format: Option<&str>,
        timed: bool,
    ) -> Result<Self, BindError> {
        let wrong = |message: String| BindError::new("date_format", message);
        let form = match date_format {
            Some(_) if TypeFamily::of(column) != Some(TypeFamily::Text) => {
                let message = format!("only text has a format; the column's type is {column}");
                return Err(wrong(message));
            }
            Some(format) => {
                Form::Format(Format::to_write(format).map_err(|what| wrong(what.to_owned()))?)
            }
            None if timed => Form::DateTime,
            None => Form::Date,
        };
        Ok(Self {
            column: column.clone(),
            form,
        })
    }

    /// The moment a ruleset writes as `argument`, in seconds since 1970. Where the column has a zone,
    /// in UTC, and a moment without a zone is one of UTC; else as it is written, without its zone. A
    /// fraction of a second is rounded up.
    ///
    /// # Errors
    /// When it is no moment, or none the column can hold.
    pub(super) fn bound(&self, argument: &str, text: &str) -> Result<i64, BindError> {
        let wrong = |message: String| Err(BindError::new(argument, message));
        match text {
            "" => return wrong(format!("`{argument}` is required")),
            "now" | "current_date_time" => {
                return wrong(format!(
                    "`{text}` would give other results in every run: write a date, such as 2024-12-31"
                ));
            }
            _ => {}
        }
        let Some((moment, offset)) = iso_moment(text) else {
            let message =
                "a date is written in ISO 8601, such as 2024-12-31 or 2024-12-31T23:59:59";
            return wrong(message.to_owned());
        };
        let zoned = matches!(self.column, DataType::Timestamp(_, Some(_)));
        let second = moment.and_utc().timestamp() - if zoned { offset } else { 0 }
            + i64::from(moment.nanosecond() > 0);
        match self.units().and_then(|units| second.checked_mul(units)) {
            Some(_) => Ok(second),
            None => wrong(format!(
                "a column of type {} does not reach as far",
                self.column
            )),
        }
    }

    /// Units of the column in a second, for timestamps.
    fn units(&self) -> Option<i64> {
        Some(match &self.column {
            DataType::Timestamp(TimeUnit::Millisecond, _) | DataType::Date64 => 1_000,
            DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000_000,
            DataType::Timestamp(TimeUnit::Nanosecond, _) => 1_000_000_000,
            _ => 1,
        })
    }

    /// Moments as values of the column.
    ///
    /// # Errors
    /// When one lies beyond what the type holds; [`Moments::bound`] lets none.
    pub(super) fn array(&self, seconds: impl Iterator<Item = i64>) -> Result<ArrayRef, MaskError> {
        let unfit = |_| MaskError::Type {
            found: self.column.clone(),
        };
        let units = self.units().unwrap_or(1);
        match &self.column {
            DataType::Date32 => {
                let days = seconds.map(|second| second.div_euclid(DAY) as i32);
                Ok(Arc::new(arrow::array::Date32Array::from_iter_values(days)))
            }
            DataType::Date64 => {
                let days = seconds.map(|second| second.div_euclid(DAY) * DAY * units);
                Ok(Arc::new(arrow::array::Date64Array::from_iter_values(days)))
            }
            DataType::Timestamp(..) => {
                let instants = Int64Array::from_iter_values(seconds.map(|second| second * units));
                cast(&instants, &self.column).map_err(unfit)
            }
            _ => self.texts(seconds),
        }
    }

    /// See [`crate::mask::Mask::lengths`].
    pub(super) fn lengths(&self) -> Option<Lengths> {
        match (TypeFamily::of(&self.column), &self.form) {
            (Some(TypeFamily::Text), Form::Date) => Some(10..=10),
            (Some(TypeFamily::Text), Form::DateTime) => Some(19..=19),
            _ => None,
        }
    }

    fn texts(&self, seconds: impl Iterator<Item = i64>) -> Result<ArrayRef, MaskError> {
        const FAR: MaskError = MaskError::Internal("a random date lies beyond the calendar");
        let mut texts = Texts::with_capacity(seconds.size_hint().0);
        for second in seconds {
            let text = texts.bytes();
            match &self.form {
                Form::Date => push_short_date(text, second.div_euclid(DAY)),
                Form::DateTime => push_short_date(text, second.div_euclid(DAY)).map(|()| {
                    text.push(b'T');
                    push_time(text, second.rem_euclid(DAY) as u32);
                }),
                Form::Format(format) => DateTime::from_timestamp(second, 0)
                    .and_then(|moment| format.push(text, moment.naive_utc())),
            }
            .ok_or(FAR)?;
            texts.end();
        }
        Ok(Arc::new(texts.finish()?))
    }
}

/// `YYYY-MM-DD`, or that with a time after `T` or a blank and perhaps a zone: the moment as written
/// and its offset from UTC in seconds.
fn iso_moment(text: &str) -> Option<(NaiveDateTime, i64)> {
    let year = text.get(..5)?.as_bytes();
    if !year[..4].iter().all(u8::is_ascii_digit) || year[4] != b'-' {
        return None;
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some((date.and_time(NaiveTime::MIN), 0));
    }
    let text = text.replacen(' ', "T", 1);
    let zoned = DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f%#z")
        .or_else(|_| DateTime::parse_from_rfc3339(&text));
    if let Ok(moment) = zoned {
        return Some((
            moment.naive_local(),
            moment.offset().local_minus_utc().into(),
        ));
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok())
        .map(|moment| (moment, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        let zoned = DataType::Timestamp(TimeUnit::Second, Some("Europe/Berlin".into()));
        let plain = DataType::Timestamp(TimeUnit::Second, None);
        for (text, in_utc, as_written) in [
            ("1970-01-02", 86_400, 86_400),
            ("1970-01-01T00:00:01", 1, 1),
            ("1970-01-01 00:00:01", 1, 1),
            ("1970-01-01T00:01", 60, 60),
            ("1970-01-01T00:00:01.25", 2, 2),
            ("1970-01-01T00:00:01Z", 1, 1),
            ("1970-01-01T02:00:00+02:00", 0, 7_200),
            ("1970-01-01 02:00:00+02", 0, 7_200),
            ("1969-12-31T23:59:59", -1, -1),
        ] {
            for (column, expected) in [(&zoned, in_utc), (&plain, as_written)] {
                let moments = Moments::of(column, None, true).unwrap();
                assert_eq!(moments.bound("min", text), Ok(expected), "{text} {column}");
            }
        }
        for text in [
            "",
            "now",
            "current_date_time",
            "2024",
            "2024-02-30",
            "24-02-01",
            "+2024-02-01",
            "01/02/2024",
            "2024-02-01T25:00:00",
            "2024-02-01x",
            "20２4-01-01",
        ] {
            let moments = Moments::of(&plain, None, true).unwrap();
            assert!(moments.bound("min", text).is_err(), "{text}");
        }
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let moments = Moments::of(&nanos, None, true).unwrap();
        assert!(moments.bound("max", "2263-01-01").is_err());
        assert!(moments.bound("max", "2262-01-01").is_ok());
    }
}
