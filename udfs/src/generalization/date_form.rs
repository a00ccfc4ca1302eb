//! How dates are written in text, and how another date of the same year takes their place.

use std::fmt::Write;
use std::ops::Range;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};

use crate::calendar::{DAY, days_of, draw_from, push_date, push_time, year_of};
use crate::draw::Draw;
use crate::error::BindError;
use crate::moments::{IsoTime, iso_day};

/// How a date is written.
#[derive(Debug)]
pub(super) enum Form {
    /// ISO 8601, with or without a time.
    Iso,
    /// In this format, which has no time of day.
    Date(String),
    /// In this format, which has one.
    Instant(String),
}

impl Form {
    /// The form of a format, known by what a moment written in it reads back as.
    pub(super) fn told(format: String) -> Result<Self, BindError> {
        let wrong = |what| BindError::new("date_format", what);
        let moment = NaiveDate::from_ymd_opt(2001, 2, 3)
            .and_then(|date| date.and_hms_opt(14, 15, 16))
            .expect("a moment that exists");
        let mut text = String::new();
        write!(text, "{}", moment.format(&format))
            .map_err(|_| wrong("a specifier is unknown, or needs a zone"))?;
        if NaiveDateTime::parse_from_str(&text, &format).is_ok() {
            Ok(Self::Instant(format))
        } else if NaiveDate::parse_from_str(&text, &format) == Ok(moment.date()) {
            Ok(Self::Date(format))
        } else {
            Err(wrong(
                "a date written in this format cannot be read back: it needs year, month and day",
            ))
        }
    }

    pub(super) fn expected(&self) -> &'static str {
        match self {
            Self::Iso => "a date in ISO 8601, such as 2024-02-29 or 2024-02-29T23:59:59",
            Self::Date(_) | Self::Instant(_) => "a date in the format of `date_format`",
        }
    }

    /// Writes another moment of the value's year to `text`; `None` where the value is no date.
    pub(super) fn redraw(&self, value: &str, draw: Draw, text: &mut String) -> Option<()> {
        match self {
            Self::Iso => redraw_iso(value, draw, text),
            Self::Date(format) => {
                let date = NaiveDate::parse_from_str(value, format).ok()?;
                let day = draw_from(days_of(date.year().into()), &ALL, draw);
                write!(text, "{}", moment(day * DAY)?.format(format)).ok()
            }
            Self::Instant(format) => {
                let read = NaiveDateTime::parse_from_str(value, format).ok()?;
                write!(text, "{}", second_of(read.year(), draw)?.format(format)).ok()
            }
        }
    }
}

const ALL: Range<i64> = i64::MIN..i64::MAX;

fn moment(seconds: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(seconds, 0).map(|moment| moment.naive_utc())
}

fn second_of(year: i32, draw: Draw) -> Option<NaiveDateTime> {
    let days = days_of(year.into());
    moment(draw_from(days.start * DAY..days.end * DAY, &ALL, draw))
}

fn redraw_iso(value: &str, draw: Draw, text: &mut String) -> Option<()> {
    let (date, time) = value.as_bytes().split_first_chunk::<10>()?;
    let days = days_of(year_of(iso_day(date)?));
    let Some(separator) = time.first() else {
        push_date(text, draw_from(days, &ALL, draw));
        return Some(());
    };
    if !matches!(separator, b'T' | b' ') {
        return None;
    }
    let IsoTime { fraction, zone, .. } = IsoTime::read(&value[11..])?;
    let second = draw_from(days.start * DAY..days.end * DAY, &ALL, draw);
    push_date(text, second.div_euclid(DAY));
    text.push(char::from(*separator));
    push_time(text, second.rem_euclid(DAY) as u32);
    let zero = |char: char| if char.is_ascii_digit() { '0' } else { char };
    text.extend(fraction.chars().map(zero));
    text.push_str(zone);
    Some(())
}
