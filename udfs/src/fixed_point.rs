//! Numbers with a fixed count of digits after the point as text: whole units of the last digit.
//!
//! - Here text is read as people and programs write it, with a plus sign, an exponent, or nothing on one
//!   side of the point. - [`crate::number`] has numbers that carry their own count of digits, which it
//!   reads strictly, and computes with them; [`crate::numbers`] has columns of them.

use crate::digits;

/// The number in `text` in units of the last of `places` digits after the point, cut downwards, and
/// whether nothing was cut; `None` where it is no number or has more than 38 digits.
pub(crate) fn units(text: &str, places: usize) -> Option<(i128, bool)> {
    if text.contains(['e', 'E']) {
        let number: f64 = text.parse().ok()?;
        let plain = number.is_finite().then(|| number.to_string())?;
        return units(&plain, places);
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let only_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !only_digits(whole) || !only_digits(fraction) {
        return None;
    }
    let (kept, cut) = fraction.split_at(fraction.len().min(places));
    let exact = cut.bytes().all(|digit| digit == b'0');
    let number = whole_number(whole, kept)?;
    let zeros = u32::try_from(places - kept.len()).ok()?;
    let number = match number {
        0 => 0,
        number => number.checked_mul(10_i128.checked_pow(zeros)?)?,
    };
    if number >= LIMIT {
        return None;
    }
    Some(match negative {
        true => (-number - i128::from(!exact), exact),
        false => (number, exact),
    })
}

/// The number written in the digits of both texts together; `None` beyond 128 bits.
fn whole_number(one: &str, other: &str) -> Option<i128> {
    // Up to 19 digits fit 64 bits, whose arithmetic is many times faster.
    if one.len() + other.len() < 20 {
        let digits = one.bytes().chain(other.bytes());
        let number = digits.fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
        return Some(number.into());
    }
    let mut digits = one.bytes().chain(other.bytes());
    digits.try_fold(0_i128, |number, digit| {
        number.checked_mul(10)?.checked_add((digit - b'0').into())
    })
}

/// One more than the greatest number of 38 digits.
const LIMIT: i128 = 10_i128.pow(38);

/// Appends a number of so many units, with `places` digits after the point, at most 76.
pub(crate) fn push_units(text: &mut Vec<u8>, units: i128, places: usize) {
    if units < 0 {
        text.push(b'-');
    }
    let number = units.unsigned_abs();
    if places == 0 && number < 100_000_000 {
        // Eight digits are written whatever their number: a length that is known costs less to copy.
        let ones = u64::from_le_bytes(digits::of_number(number as u64));
        let zeros = ((ones | 1 << 56).trailing_zeros() / 8) as usize;
        let digits = (ones | u64::from_le_bytes([b'0'; 8])) >> (8 * zeros);
        let end = text.len() + 8 - zeros;
        text.extend_from_slice(&digits.to_le_bytes());
        return text.truncate(end);
    }
    let digits = number.checked_ilog10().unwrap_or(0) as usize + 1;
    let start = text.len();
    let whole = digits.saturating_sub(places).max(1);
    let point = usize::from(places > 0);
    text.resize(start + whole + point + places, b'.');
    let (whole, fraction) = text[start..].split_at_mut(whole);
    let rest = fill(&mut fraction[point..], number);
    fill(whole, rest);
}

/// Writes the last digits of a number, as many as there are places, and gives back what is left of it.
fn fill(places: &mut [u8], mut number: u128) -> u128 {
    for place in places.iter_mut().rev() {
        // Division of 64 bits is many times faster.
        let digit = match u64::try_from(number) {
            Ok(small) => {
                number = (small / 10).into();
                small % 10
            }
            Err(_) => {
                let digit = number % 10;
                number /= 10;
                digit as u64
            }
        };
        *place = b'0' + digit as u8;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_texts() {
        for (text, places, expected) in [
            ("0", 0, Some((0, true))),
            ("12.50", 1, Some((125, true))),
            ("12.55", 1, Some((125, false))),
            ("-12.55", 1, Some((-126, false))),
            ("-12.50", 1, Some((-125, true))),
            ("+3", 2, Some((300, true))),
            (".5", 0, Some((0, false))),
            ("5.", 0, Some((5, true))),
            ("1e3", 0, Some((1000, true))),
            ("1E-2", 2, Some((1, true))),
            ("9".repeat(38).as_str(), 0, Some((LIMIT - 1, true))),
            ("9".repeat(38).as_str(), 1, None),
            ("9".repeat(39).as_str(), 0, None),
            ("1e38", 0, None),
            (
                "0000000000000000000000000000000000000000000012",
                1,
                Some((120, true)),
            ),
            (
                "9999999999999999999",
                0,
                Some((9_999_999_999_999_999_999, true)),
            ),
            (
                "99999999999999999999",
                0,
                Some((99_999_999_999_999_999_999, true)),
            ),
            ("0", 60, Some((0, true))),
            ("1", 60, None),
            ("1e999", 0, None),
            ("", 0, None),
            (".", 0, None),
            ("-", 0, None),
            ("1,5", 0, None),
            ("--1", 0, None),
            ("٣", 0, None),
            ("NaN", 0, None),
        ] {
            assert_eq!(units(text, places), expected, "{text} {places}");
        }
    }

    #[test]
    fn texts_of_units() {
        for (units, places, expected) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (5, 2, "0.05"),
            (-5, 2, "-0.05"),
            (12345, 2, "123.45"),
            (-7, 0, "-7"),
            (i128::MIN, 0, "-170141183460469231731687303715884105728"),
            (i128::MIN, 18, "-170141183460469231731.687303715884105728"),
            (u64::MAX.into(), 1, "1844674407370955161.5"),
        ] {
            let mut text = Vec::new();
            push_units(&mut text, units, places);
            let text = String::from_utf8(text).unwrap();
            assert_eq!(text, expected);
        }
    }
}
