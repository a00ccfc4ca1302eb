//! Dates and times of the server, and Arrow's, which count from 1970.

use std::fmt::Write;

const DAY_US: i64 = 86_400_000_000;

/// Days from 1970 of a date; nothing where there is no such day.
pub(super) fn days(year: u16, month: u8, day: u8) -> Option<i32> {
    let lengths = [
        31,
        28 + u8::from(is_leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let length = *lengths.get(usize::from(month).checked_sub(1)?)?;
    if !(1..=length).contains(&day) || year > 9999 {
        return None;
    }
    // Years begin in March, so that the leap day is the last.
    let (year, month) = match month {
        1 | 2 => (i32::from(year) - 1, i32::from(month) + 9),
        _ => (i32::from(year), i32::from(month) - 3),
    };
    let of_year = (153 * month + 2) / 5 + i32::from(day) - 1;
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(365 * year + leaps + of_year - 719_468)
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Year, month and day of days from 1970; nothing before the year 0 and behind 9999.
fn date(days: i32) -> Option<(u16, u8, u8)> {
    let days = i64::from(days) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = match month {
        0..=9 => (month + 3, 0),
        _ => (month - 9, 1),
    };
    let year = u16::try_from(year + 400 * era + next).ok()?;
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    (year <= 9999).then_some((year, month, day))
}

/// Microseconds of a time of day.
pub(super) fn time_of_day(hour: u64, minute: u8, second: u8, us: u32) -> Option<i64> {
    let seconds = (i64::try_from(hour).ok()? * 60 + i64::from(minute)) * 60 + i64::from(second);
    let us = seconds * 1_000_000 + i64::from(us);
    (0..DAY_US).contains(&us).then_some(us)
}

/// Microseconds from 1970 of a day and a time of day.
pub(super) fn instant(days: i32, time: i64) -> i64 {
    i64::from(days) * DAY_US + time
}

/// Appends days from 1970 as `2020-02-29`; nothing where the server has no such date.
pub(super) fn print_date(days: i32, out: &mut String) -> Option<()> {
    let (year, month, day) = date(days)?;
    write!(out, "{year:04}-{month:02}-{day:02}").ok()
}

/// Appends microseconds of a day as `23:59:59.000001`; nothing where that is no time of day, or midnight
/// at its end.
pub(super) fn print_time(us: i64, out: &mut String) -> Option<()> {
    if !(0..=DAY_US).contains(&us) {
        return None;
    }
    let (seconds, us) = (us / 1_000_000, us % 1_000_000);
    let (minutes, second) = (seconds / 60, seconds % 60);
    write!(out, "{:02}:{:02}:{second:02}", minutes / 60, minutes % 60).ok()?;
    match us {
        0 => Some(()),
        us => write!(out, ".{us:06}").ok(),
    }
}

/// Appends microseconds from 1970 as `2020-02-29 23:59:59`; nothing where the server has no such date.
pub(super) fn print_instant(us: i64, out: &mut String) -> Option<()> {
    let days = i32::try_from(us.div_euclid(DAY_US)).ok()?;
    print_date(days, out)?;
    out.push(' ');
    print_time(us.rem_euclid(DAY_US), out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_all_dates_and_back() {
        let mut next = days(0, 1, 1).unwrap();
        for year in 0..=9999 {
            for month in 1..=12 {
                for day in 1..=31 {
                    let Some(found) = days(year, month, day) else {
                        assert!(day > 28, "{year}-{month}-{day}");
                        continue;
                    };
                    assert_eq!(found, next, "{year}-{month}-{day}");
                    assert_eq!(date(found), Some((year, month, day)));
                    next += 1;
                }
            }
        }
        assert_eq!(days(1970, 1, 1), Some(0));
        assert_eq!(date(next), None);
        assert_eq!(date(days(0, 1, 1).unwrap() - 1), None);
        for (year, month, day) in [
            (0, 0, 0),
            (2020, 0, 1),
            (2020, 1, 0),
            (2021, 2, 29),
            (2020, 13, 1),
        ] {
            assert_eq!(days(year, month, day), None);
        }
    }

    #[test]
    fn texts() {
        let print = |us| {
            let mut text = String::new();
            print_instant(us, &mut text).map(|()| text)
        };
        assert_eq!(print(-1).unwrap(), "1969-12-31 23:59:59.999999");
        assert_eq!(print(0).unwrap(), "1970-01-01 00:00:00");
        assert_eq!(print(i64::MIN), None);
        assert_eq!(time_of_day(24, 0, 0, 0), None);
        assert_eq!(time_of_day(23, 59, 59, 999_999), Some(DAY_US - 1));
    }
}
