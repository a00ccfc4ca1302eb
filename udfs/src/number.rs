//! Numbers as whole units of a power of ten, so that masks compute exactly and alike on every machine.
//!
//! - Text is digits with a minus before and a point within. A float is the shortest decimal that reads
//!   back as the same float, rounded down to 20 decimals.

use std::borrow::Cow;
use std::fmt::Write;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::draw::Draw;
use crate::fixed_point::push_units;

/// The most decimals taken from a float.
const FLOAT_DECIMALS: i32 = 20;

/// The most decimals of a number in text.
const MOST_DECIMALS: usize = 38;

/// `units / 10^scale`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) units: i128,
    pub(crate) scale: i32,
}

impl Number {
    /// A number as text writes it: digits, a minus before them, a point within.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (negative, digits) = match bytes {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let mut point = None;
        let mut units = 0_u64;
        // So many digits fit 64 bits, whose arithmetic is many times faster.
        let (near, far) = digits.split_at(digits.len().min(18));
        for (at, byte) in near.iter().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            match digit {
                0..=9 => units = units * 10 + u64::from(digit),
                _ if *byte == b'.' && point.is_none() => point = Some(at),
                _ => return None,
            }
        }
        let mut units = i128::from(units);
        for (at, byte) in far.iter().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            match digit {
                0..=9 => units = units.checked_mul(10)?.checked_add(digit.into())?,
                _ if *byte == b'.' && point.is_none() => point = Some(near.len() + at),
                _ => return None,
            }
        }
        let (whole, fraction) = match point {
            None => (digits.len(), 0),
            Some(at) => (at, digits.len() - at - 1),
        };
        if whole == 0 || point.is_some() && fraction == 0 || fraction > MOST_DECIMALS {
            return None;
        }
        Some(Self {
            units: if negative { -units } else { units },
            scale: fraction as i32,
        })
    }

    /// The same with an exponent behind: `1.5e-7`.
    fn parse_scientific(text: &str) -> Option<Self> {
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let number = Self::parse(digits)?;
        let scale = number.scale.checked_sub(exponent.parse().ok()?)?;
        let number = Self { scale, ..number };
        match scale < 0 {
            true => Some(Self {
                units: number.floor(0)?,
                scale: 0,
            }),
            false => Some(number),
        }
    }

    /// The shortest decimal of a finite float.
    pub(crate) fn of_f64(value: f64, text: &mut String) -> Option<Self> {
        /// Up to here the shortest decimal is the only one of its length that reads back.
        const SURE: f64 = 1e15;
        let mut power = 1.0;
        for scale in 0..=4 {
            let units = (value * power).round();
            if units.abs() < SURE && units / power == value {
                let units = units as i64;
                return Some(Self {
                    units: units.into(),
                    scale,
                });
            }
            power *= 10.0;
        }
        text.clear();
        write!(text, "{value:e}").ok()?;
        Self::parse_scientific(text)?.shortened()
    }

    pub(crate) fn of_f32(value: f32, text: &mut String) -> Option<Self> {
        if value.fract() == 0.0 && value.abs() < 16_777_216.0 {
            return Some(Self {
                units: (value as i32).into(),
                scale: 0,
            });
        }
        text.clear();
        write!(text, "{value:e}").ok()?;
        Self::parse_scientific(text)?.shortened()
    }

    /// With at most [`FLOAT_DECIMALS`].
    fn shortened(self) -> Option<Self> {
        let scale = self.scale.min(FLOAT_DECIMALS);
        Some(Self {
            units: self.floor(scale)?,
            scale,
        })
    }

    /// The units of the greatest number of `scale` decimals that is not greater.
    pub(crate) fn floor(self, scale: i32) -> Option<i128> {
        if scale == self.scale {
            return Some(self.units);
        }
        let (power, up) = between(self.scale, scale);
        match (up, power) {
            (true, power) => self.units.checked_mul(power?),
            (false, Some(power)) => Some(divided(self.units, power)),
            // Less than the least unit of that scale.
            (false, None) => Some(if self.units < 0 { -1 } else { 0 }),
        }
    }

    /// The units of the least number of `scale` decimals that is not less.
    pub(crate) fn ceil(self, scale: i32) -> Option<i128> {
        if scale == self.scale && self.units != i128::MIN {
            return Some(self.units);
        }
        let negated = Self {
            units: self.units.checked_neg()?,
            scale: self.scale,
        };
        negated.floor(scale)?.checked_neg()
    }

    /// The nearest number of `scale` decimals, a half away from zero, in its units.
    pub(crate) fn round(self, scale: i32) -> Option<i128> {
        let (power, up) = between(self.scale, scale);
        match (up, power) {
            (true, power) => self.units.checked_mul(power?),
            (false, Some(power)) => {
                let (whole, rest) = (self.units / power, self.units % power);
                // `rest` and `power - rest` do not overflow, their double may.
                let away = rest.abs() >= power - rest.abs() && rest != 0;
                Some(whole + if away { self.units.signum() } else { 0 })
            }
            (false, None) => Some(0),
        }
    }

    /// The nearest float, or one beside it for numbers of more than 15 digits.
    pub(crate) fn to_f64(self) -> f64 {
        self.to_f64_by(&mut String::new())
    }

    /// The same by way of a text that is used again.
    pub(crate) fn to_f64_by(self, text: &mut String) -> f64 {
        const EXACT: u128 = 1 << 53;
        if self.units.unsigned_abs() < EXACT && (0..=22).contains(&self.scale) {
            // Both are exact, so the quotient is the nearest float.
            return self.units as f64 / POWERS[self.scale as usize];
        }
        let mut digits = Vec::new();
        self.push(&mut digits);
        text.clear();
        text.extend(digits.into_iter().map(char::from));
        text.parse().unwrap_or(0.0)
    }

    /// Appends the number with as many decimals as its scale says; none where that is negative.
    pub(crate) fn push(self, text: &mut Vec<u8>) {
        push_units(text, self.units, usize::try_from(self.scale).unwrap_or(0));
        if self.units != 0 {
            text.extend((self.scale..0).map(|_| b'0'));
        }
    }

    /// Without needless zeros at the end.
    fn trimmed(mut self) -> Self {
        while self.scale > 0 && self.units % 10 == 0 {
            self.units /= 10;
            self.scale -= 1;
        }
        self
    }
}

/// `units` by `power`, which is above zero, rounded down, in 64 bits where both fit.
fn divided(units: i128, power: i128) -> i128 {
    match (i64::try_from(units), i64::try_from(power)) {
        (Ok(units), Ok(power)) if power > 0 => units.div_euclid(power).into(),
        _ => units.div_euclid(power),
    }
}

/// `units` modulo `size`, which is above zero, in 64 bits where both fit.
pub(crate) fn modulo(units: i128, size: i128) -> i128 {
    match (i64::try_from(units), i64::try_from(size)) {
        (Ok(units), Ok(size)) if size > 0 => units.rem_euclid(size).into(),
        _ => units.rem_euclid(size),
    }
}

/// The power of ten between two scales, and whether a number's units grow by it.
fn between(from: i32, to: i32) -> (Option<i128>, bool) {
    (power_of_ten(to.abs_diff(from)), to >= from)
}

pub(crate) fn power_of_ten(exponent: u32) -> Option<i128> {
    match exponent {
        0 => Some(1),
        1..=18 => Some(10_i64.pow(exponent).into()),
        _ => 10_i128.checked_pow(exponent),
    }
}

/// Powers of ten that a float holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// `10^exponent` as a float, the same on every machine.
pub(crate) fn power_f64(exponent: i32) -> f64 {
    let most = POWERS.len() as u32 - 1;
    let mut left = exponent.unsigned_abs();
    let mut power = 1.0;
    // Beyond the range of floats more factors change nothing.
    left = left.min(20 * most);
    while left > 0 {
        power *= POWERS[left.min(most) as usize];
        left -= left.min(most);
    }
    if exponent < 0 { 1.0 / power } else { power }
}

/// One of `0..n`, each as likely as the others within `n / 2^64`, for `n` from 2^64 on within
/// `n / 2^128`; 0 for `n` of zero.
pub(crate) fn pick_wide(draw: Draw, n: u128) -> u128 {
    if let Ok(n) = u64::try_from(n) {
        return draw.pick(n).into();
    }
    high_half(draw.bits(), n)
}

/// The upper half of the product, 256 bits long, in parts of 64 bits.
pub(crate) fn high_half(bits: u128, n: u128) -> u128 {
    let low = u128::from(u64::MAX);
    let (a, b) = (bits >> 64, bits & low);
    let (c, d) = (n >> 64, n & low);
    let middle = ((b * d) >> 64) + ((a * d) & low) + ((b * c) & low);
    a * c + ((a * d) >> 64) + ((b * c) >> 64) + (middle >> 64)
}

/// A number among the arguments of a mask, written as a number or as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "String")]
pub(crate) struct Amount(pub(crate) Number);

impl TryFrom<Value> for Amount {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let number = match &value {
            Value::Number(number) => Number::parse_scientific(&number.to_string()),
            Value::String(text) => Number::parse_scientific(text),
            _ => None,
        };
        number
            .map(|number| Self(number.trimmed()))
            .filter(|Self(number)| number.scale <= FLOAT_DECIMALS && number.units != i128::MIN)
            .ok_or("expected a number of at most 38 digits, 20 of them after the point")
    }
}

impl From<Amount> for String {
    fn from(Amount(number): Amount) -> Self {
        let mut digits = Vec::new();
        number.push(&mut digits);
        digits.into_iter().map(char::from).collect()
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["number", "string"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(units: i128, scale: i32) -> Number {
        Number { units, scale }
    }

    #[test]
    fn text_and_back() {
        for (text, expected) in [
            ("0", Some(number(0, 0))),
            ("-12", Some(number(-12, 0))),
            ("12.50", Some(number(1250, 2))),
            ("-0.05", Some(number(-5, 2))),
            ("0.00", Some(number(0, 2))),
            ("00000000000000000000.5", Some(number(5, 1))),
            (
                "170141183460469231731687303715884105727",
                Some(number(i128::MAX, 0)),
            ),
            ("170141183460469231731687303715884105728", None),
            (
                "-0.00000000000000000000000000000000000001",
                Some(number(-1, 38)),
            ),
            ("0.000000000000000000000000000000000000001", None),
            ("", None),
            ("-", None),
            (".5", None),
            ("5.", None),
            ("1.2.3", None),
            ("+5", None),
            ("1e5", None),
            ("１", None),
            (" 1", None),
            ("--1", None),
        ] {
            assert_eq!(Number::parse(text), expected, "{text}");
            if let Some(number) = expected.filter(|_| !text.starts_with("00")) {
                let mut back = Vec::new();
                number.push(&mut back);
                assert_eq!(back, text.as_bytes());
            }
        }
        let mut text = Vec::new();
        number(12, -3).push(&mut text);
        number(0, -3).push(&mut text);
        assert_eq!(text, b"120000");
    }

    #[test]
    fn floats_are_their_shortest_decimal() {
        for (value, expected) in [
            (0.0, Some(number(0, 0))),
            (-0.0, Some(number(0, 0))),
            (0.1, Some(number(1, 1))),
            (0.1 + 0.2, Some(number(30_000_000_000_000_004, 17))),
            (19.99, Some(number(1999, 2))),
            (1e15, Some(number(1_000_000_000_000_000, 0))),
            (1e-25, Some(number(0, 20))),
            (-1e-25, Some(number(-1, 20))),
            (1e30, Some(number(10_i128.pow(30), 0))),
            (1e39, None),
            (f64::MAX, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(
                Number::of_f64(value, &mut String::new()),
                expected,
                "{value}"
            );
        }
        assert_eq!(Number::of_f32(0.1, &mut String::new()), Some(number(1, 1)));
        let mut state = 1_u64;
        for _ in 0..20_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let value = (state >> 20) as f64 / 1e7;
            let number = Number::of_f64(value, &mut String::new()).unwrap();
            assert_eq!(number.to_f64(), value);
            let mut text = Vec::new();
            number.push(&mut text);
            assert_eq!(text, value.to_string().as_bytes());
        }
    }

    #[test]
    fn other_scales() {
        for (from, scale, floor, ceil, round) in [
            (number(27, 0), -1, 2, 3, 3),
            (number(25, 0), -1, 2, 3, 3),
            (number(-25, 0), -1, -3, -2, -3),
            (number(-24, 0), -1, -3, -2, -2),
            (number(20, 0), -1, 2, 2, 2),
            (number(20, 0), 2, 2000, 2000, 2000),
            (number(-1, 20), -30, -1, 0, 0),
            (number(i128::MAX, 0), -38, 1, 2, 2),
            (number(1, 0), -50, 0, 1, 0),
        ] {
            assert_eq!(from.floor(scale), Some(floor), "{from:?} {scale}");
            assert_eq!(from.ceil(scale), Some(ceil), "{from:?} {scale}");
            assert_eq!(from.round(scale), Some(round), "{from:?} {scale}");
        }
        for scale in [1, 40] {
            assert_eq!(number(i128::MAX, 0).floor(scale), None);
            assert_eq!(number(i128::MAX, 0).round(scale), None);
        }
        assert_eq!(number(i128::MIN, 0).ceil(0), None);
    }

    /// The third and fourth from Python's integers.
    #[test]
    fn wide_picks() {
        const BITS: u128 = 0x7416842bb52696e16ff09ab7433aea89;
        for (bits, n, picked) in [
            (u128::MAX, 1 << 100, (1 << 100) - 1),
            (1 << 127, 1 << 100, 1 << 99),
            (BITS, 10_u128.pow(30), 453468571348958666708738273244),
            (BITS, (1 << 127) - 3, 77153679391440058035448272447547995459),
            (BITS, 10, 4),
            (u128::MAX, u128::MAX, u128::MAX - 1),
            (BITS, 0, 0),
        ] {
            assert_eq!(high_half(bits, n), picked, "{n}");
        }
    }

    #[test]
    fn amounts() {
        for (json, text) in [
            ("5", Some("5")),
            ("0.50", Some("0.5")),
            ("1e3", Some("1000")),
            ("1e-7", Some("0.0000001")),
            (r#""12.5""#, Some("12.5")),
            ("-3", Some("-3")),
            ("1e-30", None),
            ("1e300", None),
            (r#""x""#, None),
            ("true", None),
            ("[1]", None),
        ] {
            let amount = serde_json::from_str::<Amount>(json).ok();
            assert_eq!(amount.map(String::from).as_deref(), text, "{json}");
        }
    }
}
