//! `numeric` on the wire: groups of four decimal digits, to and from decimals and text.
//!
//! A field is four 16-bit numbers and the groups: how many groups, the weight of the first (its power
//! of 10,000), sign, digits shown behind the point. Neither the first nor the last group is zero.

use bytes::{BufMut, BytesMut};

use super::copy_error::ValueProblem;
use super::types::Special;

const NEGATIVE: u16 = 0x4000;
const NOT_A_NUMBER: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;
/// Decimal digits of a group.
const GROUP_DIGITS: usize = 4;
/// The base of the groups.
const BASE: u16 = 10_000;
/// Most digits shown behind the point.
const MAX_SCALE: usize = 0x3fff;
/// Most groups that PostgreSQL takes from the wire; it may send more.
const MAX_GROUPS: usize = 3000;
/// Bytes before the groups.
const HEADER_BYTES: usize = 8;

/// A field, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numeric<'a> {
    Special(Special),
    Finite(Finite<'a>),
}

/// The sum of group *i* times 10,000 to the power `weight - i`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finite<'a> {
    negative: bool,
    weight: i16,
    /// Digits shown behind the point.
    scale: u16,
    groups: &'a [[u8; 2]],
}

impl<'a> Numeric<'a> {
    /// The number of a field.
    pub(super) fn read(field: &'a [u8]) -> Result<Self, ValueProblem> {
        let Some((header, rest)) = field.split_first_chunk::<HEADER_BYTES>() else {
            return Err(ValueProblem::Short { found: field.len() });
        };
        let [count, weight, sign, scale] = halves(header);
        let (groups, odd) = rest.as_chunks();
        if groups.len() != usize::from(count) || !odd.is_empty() {
            return Err(ValueProblem::Numeric);
        }
        let negative = match sign {
            0 => false,
            NEGATIVE => true,
            NOT_A_NUMBER => return Ok(Self::Special(Special::NotANumber)),
            INFINITY => return Ok(Self::Special(Special::Infinity)),
            NEGATIVE_INFINITY => return Ok(Self::Special(Special::NegativeInfinity)),
            _ => return Err(ValueProblem::Numeric),
        };
        let outside = |group: &[u8; 2]| u16::from_be_bytes(*group) >= BASE;
        if usize::from(scale) > MAX_SCALE || groups.iter().any(outside) {
            return Err(ValueProblem::Numeric);
        }
        Ok(Self::Finite(Finite {
            negative,
            weight: weight.cast_signed(),
            scale,
            groups,
        }))
    }

    /// Appends it as PostgreSQL prints it.
    pub(super) fn print(self, out: &mut String) {
        match self {
            Self::Special(Special::NotANumber) => out.push_str("NaN"),
            Self::Special(Special::Infinity) => out.push_str("Infinity"),
            Self::Special(Special::NegativeInfinity) => out.push_str("-Infinity"),
            Self::Finite(finite) => finite.print(out),
        }
    }
}

fn halves(header: &[u8; HEADER_BYTES]) -> [u16; 4] {
    let [a, b, c, d, e, f, g, h] = *header;
    [[a, b], [c, d], [e, f], [g, h]].map(u16::from_be_bytes)
}

impl Finite<'_> {
    /// Its value times 10^`scale`, if that is a whole number of at most `precision` digits.
    pub(super) fn decimal(self, precision: u8, scale: i8) -> Result<i128, ValueProblem> {
        let mut sum = 0_u128;
        // The power of ten that the last digit of the group is worth, in units of 10^-scale.
        let mut power = i64::from(scale) + GROUP_DIGITS as i64 * (i64::from(self.weight) + 1);
        for group in self.groups {
            let group = u16::from_be_bytes(*group);
            power -= GROUP_DIGITS as i64;
            // The last group may stick out behind the point: then its last digits are zeros.
            let behind = u32::try_from(-power.min(0)).unwrap_or(u32::MAX);
            let cut = 10_u16.checked_pow(behind).filter(|cut| *cut <= BASE);
            let (factor, group) = match cut {
                Some(cut) if group % cut == 0 => (BASE / cut, group / cut),
                None if group == 0 => (1, 0),
                _ => return Err(ValueProblem::Digits),
            };
            sum = sum
                .checked_mul(u128::from(factor))
                .and_then(|sum| sum.checked_add(u128::from(group)))
                .ok_or(ValueProblem::Digits)?;
        }
        if sum != 0 && power > 0 {
            sum = u32::try_from(power)
                .ok()
                .and_then(|power| 10_u128.checked_pow(power))
                .and_then(|factor| sum.checked_mul(factor))
                .ok_or(ValueProblem::Digits)?;
        }
        if sum >= 10_u128.pow(u32::from(precision.min(38))) {
            return Err(ValueProblem::Digits);
        }
        let value = sum.cast_signed();
        Ok(if self.negative { -value } else { value })
    }

    fn print(self, out: &mut String) {
        let group = |index: i32| {
            let group = usize::try_from(index)
                .ok()
                .and_then(|index| self.groups.get(index));
            group.map_or(0, |group| u16::from_be_bytes(*group))
        };
        let weight = i32::from(self.weight);
        if self.negative && self.groups.iter().any(|group| *group != [0; 2]) {
            out.push('-');
        }
        let first = (0..=weight).find(|index| group(*index) != 0);
        match first {
            None => out.push('0'),
            Some(first) => {
                let digits = digits_of(group(first));
                let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
                out.extend(digits[zeros..].iter().map(|digit| char::from(*digit)));
                for index in first + 1..=weight {
                    out.extend(digits_of(group(index)).map(char::from));
                }
            }
        }
        if self.scale > 0 {
            out.push('.');
            let end = out.len() + usize::from(self.scale);
            let mut index = weight + 1;
            while out.len() < end {
                out.extend(digits_of(group(index)).map(char::from));
                index += 1;
            }
            out.truncate(end);
        }
    }
}

fn digits_of(group: u16) -> [u8; GROUP_DIGITS] {
    [1000, 100, 10, 1].map(|unit| b'0' + (group / unit % 10) as u8)
}

/// Writes the field of `special`, its length before it.
pub(super) fn put_special(out: &mut BytesMut, special: Special) {
    // A scale of infinity means nothing; this is the one that the server sends.
    let (sign, scale) = match special {
        Special::NotANumber => (NOT_A_NUMBER, 0),
        Special::Infinity => (INFINITY, 32),
        Special::NegativeInfinity => (NEGATIVE_INFINITY, 32),
    };
    put_field(out, 0, sign, scale, &[]);
}

/// Writes the field of `value` times 10^-`scale`, its length before it.
pub(super) fn put_decimal(out: &mut BytesMut, value: i128, scale: i8) {
    /// Groups of 39 digits, where one more is begun on either side of the point.
    const MOST: usize = 11;
    let scale = usize::from(scale.unsigned_abs());
    let magnitude = value.unsigned_abs();
    let mut groups = [0_u16; MOST];
    // Digits of the last group that lie behind the last digit of the value.
    let padding = scale.next_multiple_of(GROUP_DIGITS) - scale;
    let mut first = MOST;
    let mut rest = Shrinking::new(magnitude);
    if padding > 0 && magnitude != 0 {
        first -= 1;
        let unit = 10_u16.pow(padding as u32);
        groups[first] = rest.take(BASE / unit) * unit;
    }
    while !rest.is_zero() {
        first -= 1;
        groups[first] = rest.take(BASE);
    }
    let behind = scale.div_ceil(GROUP_DIGITS);
    // The group at the end of the array is worth 10,000 to the power of -behind.
    let weight = (MOST - 1 - first.min(MOST - 1)) as i16 - behind as i16;
    let sign = if value < 0 { NEGATIVE } else { 0 };
    put_trimmed(out, weight, sign, scale as u16, &groups[first..]);
}

/// A number that is divided down to zero; cheap once it fits 64 bits.
enum Shrinking {
    Wide(u128),
    Narrow(u64),
}

impl Shrinking {
    fn new(number: u128) -> Self {
        match u64::try_from(number) {
            Ok(number) => Self::Narrow(number),
            Err(_) => Self::Wide(number),
        }
    }

    fn is_zero(&self) -> bool {
        matches!(self, Self::Narrow(0))
    }

    /// The remainder by `divisor`, which is 10 to 10,000; what is left is the quotient.
    fn take(&mut self, divisor: u16) -> u16 {
        match self {
            Self::Narrow(number) => {
                let remainder = *number % u64::from(divisor);
                *number /= u64::from(divisor);
                remainder as u16
            }
            Self::Wide(number) => {
                let remainder = *number % u128::from(divisor);
                *self = Self::new(*number / u128::from(divisor));
                remainder as u16
            }
        }
    }
}

/// Writes the field of a number as text, its length before it: digits with sign, point and exponent,
/// `NaN`, `Infinity` or `inf`, in any case, as PostgreSQL reads them but without spaces.
pub(super) fn put_text(out: &mut BytesMut, text: &str) -> Result<(), ValueProblem> {
    let (negative, unsigned) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let is = |word: &str| unsigned.eq_ignore_ascii_case(word.as_bytes());
    if is("infinity") || is("inf") {
        put_special(
            out,
            match negative {
                true => Special::NegativeInfinity,
                false => Special::Infinity,
            },
        );
        return Ok(());
    }
    if text.eq_ignore_ascii_case("nan") {
        put_special(out, Special::NotANumber);
        return Ok(());
    }
    let number = Spelled::parse(unsigned).ok_or(ValueProblem::NotNumber)?;
    number.put(out, negative)
}

/// A number as it is spelled: digits before and behind the point, and the exponent.
struct Spelled<'a> {
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Spelled<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let (whole, rest) = leading_digits(text);
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => leading_digits(rest),
            rest => (&[][..], rest),
        };
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', exponent @ ..] => exponent_of(exponent)?,
            _ => return None,
        };
        (!whole.is_empty() || !fraction.is_empty()).then_some(Self {
            whole,
            fraction,
            exponent,
        })
    }

    /// The digit at `index`, counted from the first one; 0 elsewhere.
    fn digit(&self, index: i64) -> u16 {
        let digit = usize::try_from(index).ok().and_then(|index| {
            let behind = index.checked_sub(self.whole.len());
            behind.map_or_else(|| self.whole.get(index), |index| self.fraction.get(index))
        });
        digit.map_or(0, |digit| u16::from(digit - b'0'))
    }

    fn put(&self, out: &mut BytesMut, negative: bool) -> Result<(), ValueProblem> {
        const GROUP: i64 = GROUP_DIGITS as i64;
        let scale = usize::try_from((self.fraction.len() as i64 - self.exponent).max(0))
            .ok()
            .filter(|scale| *scale <= MAX_SCALE)
            .ok_or(ValueProblem::TooManyDigits)? as u16;
        let digits = (self.whole.len() + self.fraction.len()) as i64;
        // The digit at `index` is worth 10 to the power `point - 1 - index`.
        let point = self.whole.len() as i64 + self.exponent;
        let mut significant = (0..digits).filter(|index| self.digit(*index) != 0);
        let Some(first) = significant.next() else {
            put_field(out, 0, 0, scale, &[]);
            return Ok(());
        };
        let last = significant.next_back().unwrap_or(first);
        let weight = (point - 1 - first).div_euclid(GROUP);
        let lowest = (point - 1 - last).div_euclid(GROUP);
        let narrow = i16::try_from(weight).ok();
        let count = usize::try_from(weight - lowest + 1).ok();
        let (Some(narrow), Some(_)) = (narrow, count.filter(|count| *count <= MAX_GROUPS)) else {
            return Err(ValueProblem::TooManyDigits);
        };
        let groups: Vec<u16> = (lowest..=weight)
            .rev()
            .map(|power| {
                let first = point - (power + 1) * GROUP;
                (first..first + GROUP).fold(0, |sum, index| sum * 10 + self.digit(index))
            })
            .collect();
        let sign = if negative { NEGATIVE } else { 0 };
        put_trimmed(out, narrow, sign, scale, &groups);
        Ok(())
    }
}

fn leading_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// The number behind an `e`, of few digits: a longer one is out of every range.
fn exponent_of(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    if digits.is_empty() || digits.len() > 6 {
        return None;
    }
    let number = digits.iter().try_fold(0, |sum, digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + i64::from(digit - b'0'))
    })?;
    Some(sign * number)
}

/// Writes a field from groups whose last ones may be zero.
fn put_trimmed(out: &mut BytesMut, weight: i16, sign: u16, scale: u16, groups: &[u16]) {
    let end = groups.iter().rposition(|group| *group != 0);
    match end {
        Some(end) => put_field(out, weight, sign, scale, &groups[..=end]),
        None => put_field(out, 0, 0, scale, &[]),
    }
}

fn put_field(out: &mut BytesMut, weight: i16, sign: u16, scale: u16, groups: &[u16]) {
    let length = HEADER_BYTES + 2 * groups.len();
    out.reserve(size_of::<i32>() + length);
    out.put_u32(length as u32);
    out.put_u16(groups.len() as u16);
    out.put_i16(weight);
    out.put_u16(sign);
    out.put_u16(scale);
    for group in groups {
        out.put_u16(*group);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Buf;

    use super::*;

    /// A field of these halves.
    fn field(halves: &[u16]) -> Vec<u8> {
        halves.iter().flat_map(|half| half.to_be_bytes()).collect()
    }

    fn printed(field: &[u8]) -> String {
        let mut text = String::new();
        Numeric::read(field).unwrap().print(&mut text);
        text
    }

    fn written(text: &str) -> Result<Vec<u8>, ValueProblem> {
        let mut out = BytesMut::new();
        put_text(&mut out, text)?;
        assert_eq!(out.get_u32() as usize, out.len());
        Ok(out.to_vec())
    }

    fn decimal(text: &str, precision: u8, scale: i8) -> Result<i128, ValueProblem> {
        match Numeric::read(&written(text)?)? {
            Numeric::Finite(finite) => finite.decimal(precision, scale),
            Numeric::Special(_) => panic!("{text} is special"),
        }
    }

    /// As `COPY (SELECT number) TO STDOUT (FORMAT binary)` of PostgreSQL 15 sends them.
    #[test]
    fn fields_of_the_server() {
        for (text, halves) in [
            ("0", &[0, 0, 0, 0][..]),
            ("0.000", &[0, 0, 0, 3]),
            ("1", &[1, 0, 0, 0, 1]),
            ("-1.10", &[2, 0, NEGATIVE, 2, 1, 1000]),
            ("10000", &[1, 1, 0, 0, 1]),
            ("12345.678", &[3, 1, 0, 3, 1, 2345, 6780]),
            ("0.00001", &[1, 0xfffe, 0, 5, 1000]),
            ("0.0001", &[1, 0xffff, 0, 4, 1]),
            ("100000000.00010", &[4, 2, 0, 5, 1, 0, 0, 1]),
            ("NaN", &[0, 0, NOT_A_NUMBER, 0]),
            ("Infinity", &[0, 0, INFINITY, 32]),
            ("-Infinity", &[0, 0, NEGATIVE_INFINITY, 32]),
        ] {
            assert_eq!(printed(&field(halves)), text);
            assert_eq!(written(text).unwrap(), field(halves), "{text}");
        }
    }

    #[test]
    fn spellings() {
        for (text, plain) in [
            ("+1.5", "1.5"),
            ("007", "7"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0.00", "0.00"),
            ("1e3", "1000"),
            ("1.234E1", "12.34"),
            ("12e-3", "0.012"),
            ("1.5e-2", "0.015"),
            ("0e5", "0"),
            ("0.10e-1", "0.010"),
            ("nan", "NaN"),
            ("+inf", "Infinity"),
            ("-INFINITY", "-Infinity"),
        ] {
            assert_eq!(printed(&written(text).unwrap()), plain, "{text}");
        }
    }

    #[test]
    fn other_text() {
        for text in [
            "",
            "-",
            "+",
            ".",
            "e1",
            "1e",
            "1e+",
            "1e1234567",
            " 1",
            "1 ",
            "1,5",
            "1.2.3",
            "--1",
            "-nan",
            "0x10",
            "1_000",
            "१",
            "1e1.5",
        ] {
            assert_eq!(written(text), Err(ValueProblem::NotNumber), "{text:?}");
        }
        let long = format!("1{}1", "0".repeat(4 * MAX_GROUPS));
        for text in ["1e-16384", "1e131072", &long] {
            assert_eq!(written(text), Err(ValueProblem::TooManyDigits));
        }
        let zeros = format!("1{}", "0".repeat(131_071));
        assert_eq!(printed(&written(&zeros).unwrap()), zeros);
    }

    #[test]
    fn damaged_fields() {
        for halves in [
            &[1, 0, 0, 0][..],
            &[0, 0, 0, 0, 1],
            &[1, 0, 0, 0, 10_000],
            &[0, 0, 0x8000, 0],
            &[0, 0, 0, 0x4000],
        ] {
            let field = field(halves);
            let read = Numeric::read(&field);
            assert_eq!(read.unwrap_err(), ValueProblem::Numeric, "{halves:?}");
        }
        assert_eq!(
            Numeric::read(&[0; 7]).unwrap_err(),
            ValueProblem::Short { found: 7 }
        );
        let odd = [0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Numeric::read(&odd).unwrap_err(), ValueProblem::Numeric);
    }

    #[test]
    fn decimals() {
        let nines = "9".repeat(38);
        let behind = format!("0.{nines}");
        let both = format!("{}.{}", "9".repeat(36), "9".repeat(2));
        let most = 10_i128.pow(38) - 1;
        for (text, precision, scale, value) in [
            ("0", 5, 2, 0),
            ("1", 5, 2, 100),
            ("-1.25", 5, 2, -125),
            ("123.45", 5, 2, 12_345),
            ("10000", 5, 0, 10_000),
            ("0.00001", 10, 5, 1),
            ("0.00001", 10, 8, 1000),
            (&nines, 38, 0, most),
            (&behind, 38, 38, most),
            (&both, 38, 2, most),
        ] {
            assert_eq!(decimal(text, precision, scale), Ok(value), "{text}");
        }
        for (text, precision, scale) in [
            ("1000", 5, 2),
            ("0.001", 5, 2),
            ("0.00001", 5, 2),
            ("1e30000", 38, 0),
            ("1e38", 38, 0),
            ("12345678901234567890123456789012345678901", 38, 0),
        ] {
            assert_eq!(
                decimal(text, precision, scale),
                Err(ValueProblem::Digits),
                "{text}"
            );
        }
    }

    #[test]
    fn decimals_are_written_as_their_text() {
        let most = 10_i128.pow(38) - 1;
        for value in [
            0,
            1,
            9,
            10_000,
            10_001,
            123_456_789,
            u64::MAX.into(),
            i128::MAX,
            most,
        ] {
            for scale in 0..=38 {
                for value in [value, -value] {
                    let mut digits = format!("{:0>39}", value.unsigned_abs());
                    if scale > 0 {
                        digits.insert(digits.len() - usize::try_from(scale).unwrap(), '.');
                    }
                    let text = format!("{}{digits}", if value < 0 { "-" } else { "" });
                    let mut out = BytesMut::new();
                    put_decimal(&mut out, value, scale);
                    assert_eq!(out[4..], written(&text).unwrap(), "{text}");
                }
            }
        }
    }
}
