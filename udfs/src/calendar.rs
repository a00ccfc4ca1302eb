//! The proleptic Gregorian calendar, counted in days from 1970-01-01, and how ISO 8601 writes it.

use std::ops::Range;

use crate::digits;
use crate::draw::Draw;

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// One of `range` as far as it lies within `bounds`.
pub(crate) fn draw_from(range: Range<i64>, bounds: &Range<i64>, draw: Draw) -> i64 {
    let (start, end) = (range.start.max(bounds.start), range.end.min(bounds.end));
    start + draw.pick(end.abs_diff(start)) as i64
}

/// Days from 0000-03-01 to 1970-01-01. Years that begin in March have their leap day at their end.
const EPOCH: i64 = 719_468;
/// Days of 400 years, after which the calendar repeats itself.
const CYCLE: i64 = 146_097;

/// The day of a date that exists, counted from 1970-01-01.
#[inline]
pub(crate) fn day_of(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    // Counted from March, the months before a day have the same days in every year.
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let century = year.div_euclid(100);
    365 * year + (year >> 2) - century + (century >> 2) + i64::from(of_year) - EPOCH
}

/// Year, month and day of the month of a day, which is one that seconds in 64 bits reach.
///
/// Divisions by what years and months take on average, as products with fractions of 2^32 and 2^16
/// (C. Neri, L. Schneider, Euclidean affine functions and their application to calendar algorithms,
/// Software: Practice and Experience 53, 2023, 937-970).
#[inline]
pub(crate) fn date_of(day: i64) -> (i64, u32, u32) {
    // Whole cycles that are left out, and the rest in 32 bits: all of it for years people have to do with.
    let from_march = day + EPOCH;
    let (cycle, days) = match u32::try_from(from_march) {
        Ok(days) if days < u32::MAX / 8 => (0, days),
        _ => {
            let cycle = from_march.div_euclid(CYCLE);
            (cycle, (from_march - cycle * CYCLE) as u32)
        }
    };
    let quarters = 4 * days + 3;
    let (century, of_century) = (quarters / CYCLE as u32, (quarters % CYCLE as u32) | 3);
    let years = 2_939_745 * u64::from(of_century);
    let of_year = years as u32 / 2_939_745 / 4;
    let months = 2_141 * of_year + 197_913;
    let (month, of_month) = (months >> 16, (months & 0xffff) / 2_141 + 1);
    // January and February are at the end of a year that begins in March.
    let next = u32::from(of_year >= 306);
    let year = cycle * 400 + i64::from(century * 100 + (years >> 32) as u32 + next);
    (year, month - 12 * next, of_month)
}

/// The year of a day, which is one that seconds in 64 bits reach.
#[inline]
pub(crate) fn year_of(day: i64) -> i64 {
    date_of(day).0
}

/// How many days a year has.
pub(crate) fn length_of(year: i64) -> u32 {
    // What divides a year by 100 and 4 divides it by 25 and 4, and so for 400 and 16.
    let leap = year & 3 == 0 && (year % 25 != 0 || year & 15 == 0);
    365 + u32::from(leap)
}

/// The days of a year, counted from 1970-01-01.
pub(crate) fn days_of(year: i64) -> Range<i64> {
    let start = day_of(year, 1, 1);
    start..start + i64::from(length_of(year))
}

/// Appends the date of `day` as `YYYY-MM-DD`; years before 0 and behind 9999 with their sign and as
/// many digits as they need (ISO 8601-1:2019, 5.2.2.3).
pub(crate) fn push_date(text: &mut Vec<u8>, day: i64) {
    if push_short_date(text, day).is_none() {
        let (year, month, day) = date_of(day);
        text.extend_from_slice(format!("{year:+05}-{month:02}-{day:02}").as_bytes());
    }
}

/// The same, for text that has room for four digits of a year only; `None` for any other year.
pub(crate) fn push_short_date(text: &mut Vec<u8>, day: i64) -> Option<()> {
    let (year, month, day) = date_of(day);
    let year = u32::try_from(year).ok().filter(|year| *year <= 9999)?;
    // In one word: bytes that are written one by one are slow to be read together.
    let [century, year, month, day] =
        [year / 100, year % 100, month, day].map(|two| u64::from(digits::PAIRS[two as usize]));
    let hyphens = u64::from_le_bytes(*b"\0\0\0\0-\0\0-");
    let front = century | year << 16 | month << 40 | hyphens;
    let mut date = [0; 10];
    date[..8].copy_from_slice(&front.to_le_bytes());
    date[8..].copy_from_slice(&(day as u16).to_le_bytes());
    text.extend_from_slice(&date);
    Some(())
}

/// Appends the second of a day as `HH:MM:SS`.
pub(crate) fn push_time(text: &mut Vec<u8>, of_day: u32) {
    let [hour, minute, second] = [of_day / 3600, of_day / 60 % 60, of_day % 60]
        .map(|two| u64::from(digits::PAIRS[two as usize]));
    let colons = u64::from_le_bytes(*b"\0\0:\0\0:\0\0");
    let time = hour | minute << 24 | second << 48 | colons;
    text.extend_from_slice(&time.to_le_bytes());
}

/// Whether a month of a year with `days` days has such a day.
pub(crate) fn is_date(days: u32, month: u32, day: u32) -> bool {
    /// Of the months of a common year; none is the 0th.
    const LENGTHS: [u32; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let common = LENGTHS.get(month as usize).copied().unwrap_or(0);
    let long = common + u32::from(month == 2 && days == 366);
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
        for year in (-401..2).chain(1600..2025).chain([9999]) {
            let days = days_of(year);
            let length = length_of(year);
            assert_eq!(i64::from(length), days.end - days.start);
            for day in days {
                let date = NaiveDate::from_epoch_days(day as i32).unwrap();
                let (month, of_month) = (date.month(), date.day());
                assert_eq!(date_of(day), (year, month, of_month), "{date}");
                assert_eq!(day_of(year, month, of_month), day, "{date}");
            }
            for (month, day) in (0..14).flat_map(|month| (0..33).map(move |day| (month, day))) {
                let exists = NaiveDate::from_ymd_opt(year as i32, month, day).is_some();
                assert_eq!(is_date(length, month, day), exists, "{year}-{month}-{day}");
            }
        }
    }
}
