//! How dates are written in text, and how another date of the same year takes their place.

use std::fmt::Write;
use std::ops::Range;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};

use crate::calendar::{DAY, days_of, draw_from, is_date, push_date, push_time};
use crate::draw::Draw;
use crate::error::BindError;

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
    let days = days_of(iso_year(date)?.into());
    let Some(separator) = time.first() else {
        push_date(text, draw_from(days, &ALL, draw));
        return Some(());
    };
    if !matches!(separator, b'T' | b' ') {
        return None;
    }
    let (fraction, zone) = after_seconds(&value[11..])?;
    let second = draw_from(days.start * DAY..days.end * DAY, &ALL, draw);
    push_date(text, second.div_euclid(DAY));
    text.push(char::from(*separator));
    push_time(text, second.rem_euclid(DAY) as u32);
    let zero = |char: char| if char.is_ascii_digit() { '0' } else { char };
    text.extend(fraction.chars().map(zero));
    text.push_str(zone);
    Some(())
}

/// The year of `YYYY-MM-DD`, if there is such a day.
fn iso_year(date: &[u8; 10]) -> Option<u32> {
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
    let year = number(y1, y2) * 100 + number(y3, y4);
    let days = days_of(year.into());
    is_date(
        (days.end - days.start) as u32,
        number(m1, m2),
        number(d1, d2),
    )
    .then_some(year)
}

/// What follows the seconds of `HH:MM:SS[.fraction][zone]`, checked: fraction and zone.
fn after_seconds(time: &str) -> Option<(&str, &str)> {
    let [hours, minutes, seconds] = [time.get(..2)?, time.get(3..5)?, time.get(6..8)?].map(number);
    let colons = time.get(2..3)? == ":" && time.get(5..6)? == ":";
    if !colons || hours? > 23 || minutes? > 59 || seconds? > 60 {
        return None;
    }
    let rest = time.get(8..)?;
    let fraction = match rest.strip_prefix('.') {
        None => 0,
        Some(digits) => 1 + digits.bytes().take_while(u8::is_ascii_digit).count(),
    };
    let (fraction, zone) = rest.split_at(fraction);
    let offset = |zone: &str| {
        let zone = zone.strip_prefix(['+', '-'])?.replacen(':', "", 1);
        (matches!(zone.len(), 2 | 4) && number(&zone)? <= 1800).then_some(())
    };
    let zoned = zone.is_empty() || zone == "Z" || offset(zone).is_some();
    (zoned && fraction != ".").then_some((fraction, zone))
}

fn number(digits: &str) -> Option<u32> {
    match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse().ok(),
        false => None,
    }
}
