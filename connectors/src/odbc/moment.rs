//! Decimals, dates and times as drivers write them, to the last digit or not at all.

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Days from 1970 to the first of March of the year 0, from which leap days are easily counted.
const EPOCH: i64 = 719_468;

/// A number of at most `precision` digits, `scale` of them behind the point; no digit may be lost.
pub(super) fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = usize::try_from(scale).ok()?;
    // Zeros at the end are no digits.
    let fraction = match fraction.len() > scale {
        true => fraction.trim_end_matches('0'),
        false => fraction,
    };
    if fraction.len() > scale || (whole.is_empty() && fraction.is_empty() && digits != ".0") {
        return None;
    }
    let mut number: i128 = 0;
    let zeros = std::iter::repeat_n(b'0', scale - fraction.len());
    for digit in whole.bytes().chain(fraction.bytes()).chain(zeros) {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number
            .checked_mul(10)?
            .checked_add(i128::from(digit - b'0'))?;
    }
    let limit = 10_i128.checked_pow(precision.into())?;
    let number = if is_negative { -number } else { number };
    (number.abs() < limit).then_some(number)
}

/// A number of exactly so many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// `YYYY-MM-DD` of the calendar, from year 1 on, as days since 1970.
pub(super) fn date(text: &str) -> Option<i32> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    if year == 0 || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let days = days_of(year, month, day);
    // One that the calendar does not have comes out as another.
    (civil(days) == (year, month, day)).then(|| i32::try_from(days).ok())?
}

/// `HH:MM:SS` and a fraction, below 24 hours, in microseconds.
pub(super) fn time(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.splitn(3, ':');
    let (hours, minutes) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let seconds = digits(parts.next()?, 2)?;
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let fraction = match fraction.len() > 6 {
        true => fraction.trim_end_matches('0'),
        false => fraction,
    };
    if fraction.len() > 6 {
        return None;
    }
    let micros = digits(&format!("{fraction:0<6}"), 6)?;
    Some(((hours * 60 + minutes) * 60 + seconds) * SECOND + micros)
}

/// A date and a time, with a blank between, in microseconds since 1970; a zone can only be UTC.
pub(super) fn timestamp(text: &str) -> Option<i64> {
    let (day, clock) = text.split_once([' ', 'T'])?;
    let clock = clock.strip_suffix("+00").unwrap_or(clock);
    Some(i64::from(date(day)?) * DAY + time(clock)?)
}

/// The inverse of [`date`].
pub(super) fn date_text(days: i32) -> String {
    let (year, month, day) = civil(days.into());
    format!("{year:04}-{month:02}-{day:02}")
}

/// The inverse of [`time`], without zeros at the end.
pub(super) fn time_text(micros: i64) -> String {
    let (seconds, micros) = (micros / SECOND, micros % SECOND);
    let clock = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    match micros {
        0 => clock,
        _ => format!("{clock}.{micros:06}")
            .trim_end_matches('0')
            .to_owned(),
    }
}

/// The inverse of [`timestamp`].
pub(super) fn timestamp_text(micros: i64) -> String {
    let (year, month, day) = civil(micros.div_euclid(DAY));
    let clock = time_text(micros.rem_euclid(DAY));
    format!("{year:04}-{month:02}-{day:02} {clock}")
}

/// Days since 1970; a year begins in March, so that its leap day is its last.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH
}

/// The inverse of [`days_of`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("text takes text");
    }
    text
}

/// The inverse of [`hex`].
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let pair = str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    };
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_lose_no_digit() {
        for (text, expected) in [
            ("12.3", Some(1230)),
            ("-0.05", Some(-5)),
            (".5", Some(50)),
            ("7", Some(700)),
            ("1.2300", Some(123)),
            ("99999.99", Some(9_999_999)),
            ("100000.00", None),
            ("1.005", None),
            ("1e3", None),
            ("NaN", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(decimal(text, 7, 2), expected, "{text}");
        }
        let most = "9".repeat(38);
        assert_eq!(decimal(&most, 38, 0), Some(10_i128.pow(38) - 1));
    }

    #[test]
    fn moments_there_and_back() {
        for text in [
            "1970-01-01",
            "0001-01-01",
            "1969-12-31",
            "2000-02-29",
            "9999-12-31",
            "1900-03-01",
        ] {
            assert_eq!(date_text(date(text).unwrap()), text);
        }
        assert_eq!(date("1970-01-02"), Some(1));
        for text in [
            "0000-00-00",
            "2001-02-29",
            "infinity",
            "0044-03-15 BC",
            "2001-13-01",
            "10000-01-01",
            "99-01-01",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
        for text in ["00:00:00", "23:59:59.999999", "12:00:00.5"] {
            assert_eq!(time_text(time(text).unwrap()), text);
        }
        for text in [
            "24:00:00",
            "838:59:59",
            "-01:00:00",
            "12:00",
            "12:00:00.1234567",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
        for text in [
            "1969-12-31 23:59:59.999999",
            "2024-02-29 12:00:00",
            "0001-01-01 00:00:00",
        ] {
            assert_eq!(timestamp_text(timestamp(text).unwrap()), text);
        }
        assert_eq!(timestamp("1970-01-01 00:00:01+00"), Some(1_000_000));
        assert_eq!(timestamp("1970-01-01 00:00:01+01"), None);
    }

    #[test]
    fn every_day_of_two_thousand_years() {
        for days in -750_000..250_000 {
            let (year, month, day) = civil(days);
            assert_eq!(days_of(year, month, day), days);
        }
    }

    #[test]
    fn bytes_there_and_back() {
        assert_eq!(unhex(&hex(&[0, 15, 255])), Some(vec![0, 15, 255]));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
    }
}
