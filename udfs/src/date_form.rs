//! How a date is written in text, and how another one takes its place in the same form.
//!
//! - Text is `YYYY-MM-DD`, or that with a time after `T` or a blank (`2024-02-29T23:59:59.25+02:00`), or
//!   what `date_format` says.
//! - It counts as it is written, and keeps its zone, its separator and its number of decimals.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, NaiveTime, Timelike};

use crate::calendar::{DAY, day_of, is_date, length_of, push_short_date, push_time};
use crate::digits;
use crate::mask::{BindError, Binder, TypeFamily};
use crate::moments::Moment;
use crate::strftime::{Format, sample};

/// How dates in text are written.
#[derive(Debug)]
pub(crate) enum DateForm {
    /// ISO 8601, with or without a time.
    Iso,
    /// In a format of the ruleset.
    Told(Told),
}

/// A format of the ruleset that gives back what was written in it.
#[derive(Debug)]
pub(crate) struct Told {
    format: Format,
    /// Whether it has a time of day.
    timed: bool,
    /// Years that it can write and read back.
    years: RangeInclusive<i32>,
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
        let Some(format) = date_format else {
            return Ok(Self::Iso);
        };
        if TypeFamily::of(binder.column()) != Some(TypeFamily::Text) {
            let column = binder.column();
            let message = format!("only text has a format; the column's type is {column}");
            return Err(BindError::new("date_format", message));
        }
        let told = Told::new(&format).map_err(|what| BindError::new("date_format", what))?;
        Ok(Self::Told(told))
    }

    /// What a text has to be, for the error of one that is not.
    pub(crate) fn expected(&self) -> &'static str {
        match self {
            Self::Iso => "a date in ISO 8601, such as 2024-02-29 or 2024-02-29T23:59:59",
            Self::Told(_) => "a date in the format of `date_format`",
        }
    }

    /// Appends to `text` what `mask` makes of the date in `value`, in the same form.
    ///
    /// # Errors
    /// Where `value` is no date in this form, or there is no masked one.
    pub(crate) fn rewrite(
        &self,
        value: &str,
        text: &mut Vec<u8>,
        mask: impl Fn(Moment) -> Option<Moment>,
    ) -> Result<(), Wrong> {
        match self {
            Self::Iso => rewrite_iso(value, text, mask),
            Self::Told(told) => {
                let moment = told.read(value).ok_or(Wrong::Value)?;
                mask(moment)
                    .and_then(|moment| told.write(moment, text))
                    .ok_or(Wrong::Result)
            }
        }
    }
}

/// Why a text could not be masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is no date.
    Value,
    /// There is no masked date, or it cannot be written.
    Result,
}

impl Told {
    fn new(format: &str) -> Result<Self, &'static str> {
        let format = Format::as_told(format)?;
        let text = format
            .text(sample())
            .ok_or("a specifier needs a zone; leave it out")?;
        let read = format.read(&text);
        let told = Self {
            timed: read.is_some_and(|read| read.time() != NaiveTime::MIN),
            // Two digits are read as a year from 1970 to 2069.
            years: match format.has_short_year() {
                true => 1970..=2069,
                false => 0..=9999,
            },
            format,
        };
        let mut again = Vec::new();
        let reads_back = read.is_some_and(|read| read.date() == sample().date())
            && told
                .read(&text)
                .and_then(|read| told.write(read, &mut again))
                .is_some()
            && again == text.as_bytes();
        match reads_back {
            true => Ok(told),
            false => Err(
                "a date written in this format cannot be read back: it needs year, month and \
                 day, and a time of day needs its hour and minute",
            ),
        }
    }

    fn read(&self, text: &str) -> Option<Moment> {
        let read = self.format.read(text)?;
        Some(Moment {
            day: read.date().to_epoch_days().into(),
            second: read.num_seconds_from_midnight(),
            // A leap second is 1,000,000,000 nanoseconds and more in chrono.
            nanos: read.nanosecond().min(999_999_999),
            timed: self.timed,
        })
    }

    /// `None` for a date that the format would not give back.
    fn write(&self, moment: Moment, text: &mut Vec<u8>) -> Option<()> {
        let seconds = moment
            .day
            .checked_mul(DAY)?
            .checked_add(moment.second.into())?;
        let written = DateTime::from_timestamp(seconds, moment.nanos)?.naive_utc();
        self.years
            .contains(&written.year())
            .then(|| self.format.push(text, written))?
    }
}

/// Writes what `mask` makes of an ISO 8601 text to `text`, in the same form.
fn rewrite_iso(
    value: &str,
    text: &mut Vec<u8>,
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
    text.push(*separator);
    if (masked.second, masked.nanos) == (time.second, time.nanos) {
        // Also a leap second and decimals beyond the ninth stay as they are.
        text.extend_from_slice(&value.as_bytes()[11..]);
        return Ok(());
    }
    push_time(text, masked.second);
    if let Some(decimals) = time.fraction.len().checked_sub(1) {
        text.push(b'.');
        let mut left = masked.nanos;
        let mut place = 100_000_000;
        for _ in 0..decimals {
            let digit = left.checked_div(place).unwrap_or(0);
            left -= digit * place;
            place /= 10;
            text.push(b'0' + digit as u8);
        }
    }
    text.extend_from_slice(time.zone.as_bytes());
    Ok(())
}

/// The day of a text in ISO 8601, with or without a time, as it is written: a zone does not move it.
pub(crate) fn iso_text_day(text: &str) -> Option<i64> {
    let (date, rest) = text.as_bytes().split_first_chunk::<10>()?;
    let day = iso_day(date)?;
    match rest.first() {
        None => Some(day),
        Some(b'T' | b' ') => text.get(11..).and_then(IsoTime::read).map(|_| day),
        Some(_) => None,
    }
}

/// The day of `YYYY-MM-DD`, if there is such a day.
pub(crate) fn iso_day(date: &[u8; 10]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else {
        return None;
    };
    let twos = digits::twos([y1, y2, y3, y4, m1, m2, d1, d2])?;
    let [century, year, month, day] = [0, 16, 32, 48].map(|at| (twos >> at) as u32 & 0xff);
    let year = i64::from(century * 100 + year);
    is_date(length_of(year), month, day).then(|| day_of(year, month, day))
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
    use super::*;

    /// What a mask that moves everything by a day and a second makes of a text.
    fn next(text: &str) -> Result<String, Wrong> {
        let mut written = Vec::new();
        rewrite_iso(text, &mut written, |moment| {
            Some(Moment {
                day: moment.day + 1,
                second: moment.second + u32::from(moment.timed),
                ..moment
            })
        })?;
        Ok(String::from_utf8(written).unwrap())
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
        let mut same = Vec::new();
        rewrite_iso("2016-12-31T23:59:60.5Z", &mut same, Some).unwrap();
        assert_eq!(same, b"2016-12-31T23:59:60.5Z");
    }
}
