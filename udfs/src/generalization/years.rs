//! Years as ranges of days, and a draw from a range.

use std::ops::Range;

use crate::draw::Draw;

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// One of `range` as far as it lies within `bounds`.
pub(super) fn draw_from(range: Range<i64>, bounds: &Range<i64>, draw: Draw) -> i64 {
    let (start, end) = (range.start.max(bounds.start), range.end.min(bounds.end));
    start + draw.pick(end.abs_diff(start)) as i64
}

/// The first day of a year of the proleptic Gregorian calendar, counted from 1970-01-01.
fn first_day(year: i64) -> i64 {
    let leaps = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * (year - 1970) + leaps(year - 1) - leaps(1969)
}

/// The days of a year, counted from 1970-01-01.
pub(super) fn days_of(year: i64) -> Range<i64> {
    first_day(year)..first_day(year + 1)
}

/// The year of a day: 400 years have 146,097 days, which comes within a year of the truth.
pub(super) fn year_of(day: i64) -> i64 {
    let about = 1970 + (i128::from(day) * 400).div_euclid(146_097) as i64;
    if day < first_day(about) {
        about - 1
    } else if day >= first_day(about + 1) {
        about + 1
    } else {
        about
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

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
        for year in (-10_000..10_000).chain([-5_000_000, 5_000_000]) {
            let days = days_of(year);
            assert_eq!((year_of(days.start), year_of(days.end - 1)), (year, year));
            if let Some(date) = NaiveDate::from_ymd_opt(year as i32, 1, 1) {
                assert_eq!(i64::from(date.to_epoch_days()), days.start, "{year}");
            }
        }
    }
}
