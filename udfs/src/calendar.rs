//! The proleptic Gregorian calendar, counted in days from 1970-01-01, and how ISO 8601 writes it.

use std::ops::Range;

use crate::draw::Draw;

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// One of `range` as far as it lies within `bounds`.
pub(crate) fn draw_from(range: Range<i64>, bounds: &Range<i64>, draw: Draw) -> i64 {
    let (start, end) = (range.start.max(bounds.start), range.end.min(bounds.end));
    start + draw.pick(end.abs_diff(start)) as i64
}

/// The first day of a year of the proleptic Gregorian calendar, counted from 1970-01-01.
fn first_day(year: i64) -> i64 {
    let leaps = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * (year - 1970) + leaps(year - 1) - leaps(1969)
}

/// The days of a year, counted from 1970-01-01.
pub(crate) fn days_of(year: i64) -> Range<i64> {
    first_day(year)..first_day(year + 1)
}

/// The year of a day, which is one that seconds in 64 bits reach: 400 years have 146,097 days, which
/// comes within a year of the truth.
pub(crate) fn year_of(day: i64) -> i64 {
    let about = 1970 + (day * 400).div_euclid(146_097);
    if day < first_day(about) {
        about - 1
    } else if day >= first_day(about + 1) {
        about + 1
    } else {
        about
    }
}

/// How many days of a common year are over when each month begins.
const BEFORE_MONTH: [u32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// Month and day of the day `of_year`, counted from 0, of a year with `days` days.
pub(crate) fn month_and_day(of_year: u32, days: u32) -> (u32, u32) {
    const END_OF_FEBRUARY: u32 = 59;
    if days == 366 && of_year == END_OF_FEBRUARY {
        return (2, 29);
    }
    let common = of_year - u32::from(days == 366 && of_year > END_OF_FEBRUARY);
    let month = BEFORE_MONTH.partition_point(|before| *before <= common);
    (month as u32, common - BEFORE_MONTH[month - 1] + 1)
}

/// Appends the date of `day` as `YYYY-MM-DD`; years before 0 and behind 9999 with their sign and as
/// many digits as they need (ISO 8601-1:2019, 5.2.2.3).
pub(crate) fn push_date(text: &mut String, day: i64) {
    let year = year_of(day);
    let days = days_of(year);
    let of_year = (day - days.start) as u32;
    let (month, day) = month_and_day(of_year, (days.end - days.start) as u32);
    if !(0..=9999).contains(&year) {
        return text.push_str(&format!("{year:+05}-{month:02}-{day:02}"));
    }
    let year = year as u32;
    let [y12, y34, month, day] = [year / 100, year % 100, month, day].map(two_digits);
    push_ascii(
        text,
        &[
            y12[0], y12[1], y34[0], y34[1], b'-', month[0], month[1], b'-', day[0], day[1],
        ],
    );
}

/// The same, for text that has room for four digits of a year only; `None` for any other year.
pub(crate) fn push_short_date(text: &mut String, day: i64) -> Option<()> {
    let is_short = (0..=9999).contains(&year_of(day));
    is_short.then(|| push_date(text, day))
}

/// Appends the second of a day as `HH:MM:SS`.
pub(crate) fn push_time(text: &mut String, of_day: u32) {
    let [hour, minute, second] = [of_day / 3600, of_day / 60 % 60, of_day % 60].map(two_digits);
    push_ascii(
        text,
        &[
            hour[0], hour[1], b':', minute[0], minute[1], b':', second[0], second[1],
        ],
    );
}

fn two_digits(number: u32) -> [u8; 2] {
    [number / 10, number % 10].map(|digit| b'0' + digit as u8)
}

fn push_ascii(text: &mut String, ascii: &[u8]) {
    text.push_str(std::str::from_utf8(ascii).expect("digits and signs are ASCII"));
}

/// Whether a month of a year with `days` days has such a day.
pub(crate) fn is_date(days: u32, month: u32, day: u32) -> bool {
    let long = match month {
        2 => days - 337,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=long).contains(&day)
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate};

    use super::*;

    #[test]
    fn years_and_their_days() {
        for (day, year) in [
            (0, 1970),
            (-1, 1969),
            (364, 1970),
            (365, 1971),
            (10_957, 2000),
            (11_322, 2000),
            (11_323, 2001),
        ] {
            assert_eq!(year_of(day), year, "{day}");
        }
        for year in (-10_000..10_000).chain([-5_000_000, 5_000_000, 292_000_000_000]) {
            let days = days_of(year);
            assert_eq!((year_of(days.start), year_of(days.end - 1)), (year, year));
            if let Some(date) = NaiveDate::from_ymd_opt(year as i32, 1, 1) {
                assert_eq!(i64::from(date.to_epoch_days()), days.start, "{year}");
            }
        }
    }

    #[test]
    fn months_and_their_days() {
        for year in [1900, 2000, 2023, 2024] {
            let days = days_of(year);
            let length = (days.end - days.start) as u32;
            for (of_year, day) in (0..).zip(days) {
                let date = NaiveDate::from_epoch_days(day as i32).unwrap();
                let (month, day) = (date.month(), date.day());
                assert_eq!(month_and_day(of_year, length), (month, day), "{date}");
            }
            for (month, day) in (0..14).flat_map(|month| (0..33).map(move |day| (month, day))) {
                let exists = NaiveDate::from_ymd_opt(year as i32, month, day).is_some();
                assert_eq!(is_date(length, month, day), exists, "{year}-{month}-{day}");
            }
        }
    }
}
