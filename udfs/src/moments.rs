//! Dates and moments of every column type as a day and a time of day, so that masks compute alike.
//!
//! - Columns: dates, timestamps, text. A timestamp counts in UTC where its column has a zone; a text
//!   counts as it is written, and keeps its zone, its separator and its number of decimals.
//! - Text is `YYYY-MM-DD`, or that with a time after `T` or a blank (`2024-02-29T23:59:59.25+02:00`),
//!   or what `date_format` says.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, Int64Builder, StringViewArray, StringViewBuilder,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use chrono::format::{Item, Numeric, Parsed, StrftimeItems, parse};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};

use crate::calendar::{DAY, day_of, is_date, length_of, push_short_date, push_time};
use crate::canonical::plain_text;
use crate::mask::{BindError, Binder, MaskError, OnInvalid, TypeFamily};

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

/// How dates in text are written.
#[derive(Debug)]
pub(crate) enum DateForm {
    /// ISO 8601, with or without a time.
    Iso,
    /// In a format of the ruleset.
    Told(Format),
}

/// A format of the ruleset, taken apart.
#[derive(Debug)]
pub(crate) struct Format {
    items: Vec<Item<'static>>,
    /// Whether it has a time of day.
    timed: bool,
    /// Whether it writes the last two digits of a year only.
    short_year: bool,
}

impl DateForm {
    /// The form that an argument `date_format` asks for, in the specifiers of strftime.
    ///
    /// # Errors
    /// Where the column is no text, or what the format writes cannot be read back.
    pub(crate) fn bind(
        date_format: Option<String>,
        binder: &Binder<'_>,
    ) -> Result<Self, BindError> {
        let wrong = |what: &str| BindError::new("date_format", what);
        let Some(format) = date_format else {
            return Ok(Self::Iso);
        };
        if TypeFamily::of(binder.column()) != Some(TypeFamily::Text) {
            let column = binder.column();
            let message = format!("only text has a format; the column's type is {column}");
            return Err(BindError::new("date_format", message));
        }
        let items = StrftimeItems::new(&format)
            .parse_to_owned()
            .map_err(|_| wrong("a specifier is unknown"))?;
        let day = NaiveDate::from_ymd_opt(2001, 2, 3).expect("a day that exists");
        let sample = day.and_hms_opt(14, 15, 16).expect("a time that exists");
        let mut text = String::new();
        write!(text, "{}", sample.format_with_items(items.iter()))
            .map_err(|_| wrong("a specifier needs a zone; leave it out"))?;
        let has = |wanted: &[Numeric]| {
            items
                .iter()
                .any(|item| matches!(item, Item::Numeric(part, _) if wanted.contains(part)))
        };
        let short_year = has(&[Numeric::YearMod100, Numeric::IsoYearMod100])
            && !has(&[Numeric::Year, Numeric::IsoYear, Numeric::YearDiv100]);
        let told = |timed| Format {
            items: items.clone(),
            timed,
            short_year,
        };
        let reads_back = |format: &Format| {
            let mut again = String::new();
            let read = format.read(&text)?;
            format.write(read, &mut again)?;
            (read.day == i64::from(day.to_epoch_days()) && again == text).then_some(())
        };
        [true, false]
            .into_iter()
            .map(told)
            .find(|format| reads_back(format).is_some())
            .map(Self::Told)
            .ok_or_else(|| {
                wrong(
                    "a date written in this format cannot be read back: it needs year, month and \
                     day, and a time of day needs its hour and minute",
                )
            })
    }

    fn expected(&self) -> &'static str {
        match self {
            Self::Iso => "a date in ISO 8601, such as 2024-02-29 or 2024-02-29T23:59:59",
            Self::Told(_) => "a date in the format of `date_format`",
        }
    }
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
        mask: &dyn Fn(usize, Moment) -> Option<Moment>,
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
        mask: &dyn Fn(usize, Moment) -> Option<Moment>,
    ) -> Result<ArrayRef, MaskError> {
        let unfit = |_| MaskError::Type {
            found: values.data_type().clone(),
        };
        let days = cast(values, &DataType::Date32)
            .and_then(|days| cast(&days, &DataType::Int32))
            .and_then(|days| cast(&days, &DataType::Int64))
            .map_err(unfit)?;
        let masked = self.numbers(days.as_primitive(), |row, day| {
            let moment = Moment {
                day,
                second: 0,
                nanos: 0,
                timed: false,
            };
            let day = mask(row, moment)?.day;
            i32::try_from(day).is_ok().then_some(day)
        })?;
        cast(&masked, &DataType::Int32)
            .and_then(|days| cast(&days, &DataType::Date32))
            .and_then(|days| cast(&days, values.data_type()))
            .map_err(unfit)
    }

    fn timestamps(
        &self,
        values: &ArrayRef,
        unit: TimeUnit,
        mask: &dyn Fn(usize, Moment) -> Option<Moment>,
    ) -> Result<ArrayRef, MaskError> {
        let unfit = |_| MaskError::Type {
            found: values.data_type().clone(),
        };
        let units: i64 = match unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        };
        let nanos_of_unit = 1_000_000_000 / units;
        let instants = cast(values, &DataType::Int64).map_err(unfit)?;
        let instants = instants.as_primitive::<Int64Type>();
        let masked = self.numbers(instants, |row, instant| {
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

    fn numbers(
        &self,
        values: &Int64Array,
        mask: impl Fn(usize, i64) -> Option<i64>,
    ) -> Result<ArrayRef, MaskError> {
        let mut masked = Int64Builder::with_capacity(values.len());
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
        mask: &dyn Fn(usize, Moment) -> Option<Moment>,
    ) -> Result<StringViewArray, MaskError> {
        let mut masked = StringViewBuilder::with_capacity(values.len());
        let mut text = String::new();
        for (row, value) in values.iter().enumerate() {
            let Some(value) = value else {
                masked.append_null();
                continue;
            };
            text.clear();
            let written = match &self.form {
                DateForm::Iso => rewrite_iso(value, &mut text, |moment| mask(row, moment)),
                DateForm::Told(format) => match format.read(value) {
                    None => Err(Wrong::Value),
                    Some(moment) => mask(row, moment)
                        .and_then(|moment| format.write(moment, &mut text))
                        .ok_or(Wrong::Result),
                },
            };
            let expected = match written {
                Ok(()) => {
                    masked.append_value(&text);
                    continue;
                }
                Err(Wrong::Value) => self.form.expected(),
                Err(Wrong::Result) => self.expected,
            };
            masked.append_option(self.on_invalid.at::<&str>(row, expected)?);
        }
        Ok(masked.finish())
    }
}

/// Why a text could not be masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// It is no date.
    Value,
    /// There is no masked date, or it cannot be written.
    Result,
}

impl Format {
    fn read(&self, text: &str) -> Option<Moment> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.items.iter()).ok()?;
        let (date, second, nanos) = match self.timed {
            true => {
                let read = parsed.to_naive_datetime_with_offset(0).ok()?;
                // A leap second is 1,000,000,000 nanoseconds and more in chrono.
                let nanos = read.nanosecond().min(999_999_999);
                (read.date(), read.num_seconds_from_midnight(), nanos)
            }
            false => (parsed.to_naive_date().ok()?, 0, 0),
        };
        Some(Moment {
            day: date.to_epoch_days().into(),
            second,
            nanos,
            timed: self.timed,
        })
    }

    /// `None` for a date that the format would not give back.
    fn write(&self, moment: Moment, text: &mut String) -> Option<()> {
        let seconds = moment
            .day
            .checked_mul(DAY)?
            .checked_add(moment.second.into())?;
        let written: NaiveDateTime = DateTime::from_timestamp(seconds, moment.nanos)?.naive_utc();
        // Two digits are read as a year from 1970 to 2069.
        let years = if self.short_year {
            1970..=2069
        } else {
            0..=9999
        };
        if !years.contains(&written.year()) {
            return None;
        }
        write!(text, "{}", written.format_with_items(self.items.iter())).ok()
    }
}

/// Writes what `mask` makes of an ISO 8601 text to `text`, in the same form.
fn rewrite_iso(
    value: &str,
    text: &mut String,
    mask: impl Fn(Moment) -> Option<Moment>,
) -> Result<(), Wrong> {
    let (date, rest) = value
        .as_bytes()
        .split_first_chunk::<10>()
        .ok_or(Wrong::Value)?;
    let day = iso_day(date).ok_or(Wrong::Value)?;
    let untimed = Moment {
        day,
        second: 0,
        nanos: 0,
        timed: false,
    };
    let Some(separator) = rest.first() else {
        let masked = mask(untimed).ok_or(Wrong::Result)?;
        return push_short_date(text, masked.day).ok_or(Wrong::Result);
    };
    if !matches!(separator, b'T' | b' ') {
        return Err(Wrong::Value);
    }
    let time = value
        .get(11..)
        .and_then(IsoTime::read)
        .ok_or(Wrong::Value)?;
    let moment = Moment {
        day,
        second: time.second,
        nanos: time.nanos,
        timed: true,
    };
    let masked = mask(moment).ok_or(Wrong::Result)?;
    push_short_date(text, masked.day).ok_or(Wrong::Result)?;
    text.push(char::from(*separator));
    if (masked.second, masked.nanos) == (time.second, time.nanos) {
        // Also a leap second and decimals beyond the ninth stay as they are.
        text.push_str(&value[11..]);
        return Ok(());
    }
    push_time(text, masked.second);
    if let Some(decimals) = time.fraction.len().checked_sub(1) {
        text.push('.');
        let mut left = masked.nanos;
        let mut place = 100_000_000;
        for _ in 0..decimals {
            let digit = left.checked_div(place).unwrap_or(0);
            left -= digit * place;
            place /= 10;
            text.push(char::from(b'0' + digit as u8));
        }
    }
    text.push_str(time.zone);
    Ok(())
}

/// The day of `YYYY-MM-DD`, if there is such a day.
pub(crate) fn iso_day(date: &[u8; 10]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else {
        return None;
    };
    if ![y1, y2, y3, y4, m1, m2, d1, d2]
        .iter()
        .all(u8::is_ascii_digit)
    {
        return None;
    }
    let number = |tens: u8, ones: u8| u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
    let year = i64::from(number(y1, y2) * 100 + number(y3, y4));
    let (month, day) = (number(m1, m2), number(d1, d2));
    is_date(length_of(year), month, day).then(|| day_of(year, month, day))
}

/// The day of the week, from 0 for Monday.
pub(crate) fn weekday_of(day: i64) -> u32 {
    // 1970-01-01 was a Thursday.
    (day + 3).rem_euclid(7) as u32
}

/// `HH:MM:SS[.fraction][zone]`, taken apart.
pub(crate) struct IsoTime<'t> {
    second: u32,
    nanos: u32,
    /// With its point.
    pub(crate) fraction: &'t str,
    pub(crate) zone: &'t str,
}

impl<'t> IsoTime<'t> {
    /// `None` where `time` is written in another way.
    pub(crate) fn read(time: &'t str) -> Option<Self> {
        let bytes = time.as_bytes();
        let &[h1, h2, b':', m1, m2, b':', s1, s2, ..] = bytes else {
            return None;
        };
        let two = |tens: u8, ones: u8| {
            (tens.is_ascii_digit() && ones.is_ascii_digit())
                .then(|| u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
        };
        let (hour, minute, second) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let rest = &bytes[8..];
        let decimals = match rest.first() {
            Some(b'.') => rest[1..].iter().take_while(|b| b.is_ascii_digit()).count(),
            _ => 0,
        };
        let point = if rest.first() == Some(&b'.') { 1 } else { 0 };
        if point > decimals {
            return None;
        }
        let (fraction, zone) = time[8..].split_at(point + decimals);
        let mut nanos = 0;
        let mut place = 100_000_000;
        for digit in fraction.bytes().skip(1).take(9) {
            nanos += u32::from(digit - b'0') * place;
            place /= 10;
        }
        is_zone(zone.as_bytes()).then_some(Self {
            second: hour * 3600 + minute * 60 + second.min(59),
            nanos,
            fraction,
            zone,
        })
    }
}

/// Nothing, `Z`, `+HH`, `+HHMM` or `+HH:MM`, at most 18 hours.
fn is_zone(zone: &[u8]) -> bool {
    let (h1, h2, m1, m2) = match *zone {
        [] | [b'Z'] => return true,
        [b'+' | b'-', h1, h2] => (h1, h2, b'0', b'0'),
        [b'+' | b'-', h1, h2, m1, m2] | [b'+' | b'-', h1, h2, b':', m1, m2] => (h1, h2, m1, m2),
        _ => return false,
    };
    [h1, h2, m1, m2].iter().all(u8::is_ascii_digit)
        && m1 < b'6'
        && [h1, h2, m1, m2] <= [b'1', b'8', b'0', b'0']
}

#[cfg(test)]
mod tests {
    use arrow::array::*;
    use chrono::Datelike;

    use super::*;

    /// What a mask that moves everything by a day and a second makes of a text.
    fn next(text: &str) -> Result<String, Wrong> {
        let mut written = String::new();
        rewrite_iso(text, &mut written, |moment| {
            Some(Moment {
                day: moment.day + 1,
                second: moment.second + u32::from(moment.timed),
                ..moment
            })
        })?;
        Ok(written)
    }

    #[test]
    fn a_text_keeps_its_form() {
        for (text, expected) in [
            ("2024-02-28", "2024-02-29"),
            ("1999-12-31T00:00:00", "2000-01-01T00:00:01"),
            ("1999-12-31 23:59:58.25Z", "2000-01-01 23:59:59.25Z"),
            ("0000-01-01 00:00:00+05:30", "0000-01-02 00:00:01+05:30"),
            (
                "2024-02-28T00:00:00.123456789123-03",
                "2024-02-29T00:00:01.123456789000-03",
            ),
        ] {
            assert_eq!(next(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "",
            "2024-2-28",
            "2023-02-29",
            "2024-02-28T",
            "2024-02-28T24:00:00",
            "2024-02-28T23:60:00",
            "2024-02-28T23:00:00.",
            "2024-02-28T23:00:00+19",
            "2024-02-28T23:00:00+02:60",
            "2024-02-28T23:00",
            "2024-02-28é",
            "2024-02-28Té3:00:00",
            "２024-02-28",
        ] {
            assert_eq!(next(text), Err(Wrong::Value), "{text}");
        }
        assert_eq!(next("9999-12-31"), Err(Wrong::Result));
        let mut same = String::new();
        rewrite_iso("2016-12-31T23:59:60.5Z", &mut same, Some).unwrap();
        assert_eq!(same, "2016-12-31T23:59:60.5Z");
    }

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
